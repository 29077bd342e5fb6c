//! A network over a link (`bulkheadctl net`) beside virtio-net between two machines: how much goes through,
//! and how long a frame takes there and back while both sides are awake.
//!
//! All are up at the same time, of the same kernel with one core for each Linux, and take turns. In virtual time
//! there is one machine, whose partitions have a link and a wire between two virtio cards.

mod pair;

use std::time::Duration;

use bulkhead_tests::Kernel;
use bulkhead_tests::inside::average_round_trip;

use crate::links::pair::Pairs;
use crate::work::{Clock, Size, megabits};

/// Pings of a run: each is sent as soon as the last one was answered.
const PINGS: u32 = 500;
/// Beyond a stream's own time.
const PATIENCE: Duration = Duration::from_secs(300);

/// What passes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `bulkheadctl net`.
    Link,
    /// virtio-net in two partitions, on a wire that QEMU makes.
    Wire,
    /// virtio-net in two machines, by a socket between both QEMUs.
    Socket,
    /// virtio-net in two machines, each with a TAP of the host, on a bridge.
    Bridge,
}

impl Way {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Wire => "virtio-net, wire in QEMU",
            Self::Socket => "virtio-net, socket",
            Self::Bridge => "virtio-net, TAPs on a bridge",
        }
    }
}

/// The runs of one way.
pub(crate) struct Taken {
    pub(crate) way: Way,
    pub(crate) mbits: Vec<f64>,
    pub(crate) round_trip_us: Vec<f64>,
}

impl Taken {
    fn new(way: Way) -> Self {
        Self {
            way,
            mbits: Vec::new(),
            round_trip_us: Vec::new(),
        }
    }
}

/// The ways with one kernel, the link first.
pub(crate) struct Links {
    pub(crate) release: String,
    pub(crate) ways: Vec<Taken>,
}

/// They take turns.
pub(crate) fn measure(kernel: Kernel, size: &Size) -> Links {
    let mut pairs = match size.clock {
        Clock::Host => pair::side_by_side(kernel),
        Clock::Virtual => pair::in_one(kernel),
    };
    let ways: Vec<Way> = pairs.pairs.iter().map(|pair| pair.way).collect();
    let mut all: Vec<Taken> = ways.into_iter().map(Taken::new).collect();
    for _ in 0..size.runs {
        for (number, taken) in all.iter_mut().enumerate() {
            let rate = stream(&mut pairs, number, size.seconds);
            let trip = round_trip(&mut pairs, number);
            println!(
                "{}, {}: {rate:.0} Mbit/s, {trip:.0} us there and back",
                kernel.name(),
                taken.way.name()
            );
            taken.mbits.push(rate);
            taken.round_trip_us.push(trip);
        }
    }
    Links {
        release: kernel.release(),
        ways: all,
    }
}

/// Mbit/s from the first to the second.
fn stream(pairs: &mut Pairs, number: usize, seconds: usize) -> f64 {
    let (machine, com) = pairs.end(number, 1);
    machine.start_job(com, "server", "iperf3 -s -1");
    // The server may not listen yet.
    let to = Pairs::address(number, 1);
    let line = format!(
        "for i in 1 2 3 4 5 6 7 8 9; do iperf3 -c {to} -t {seconds} -f k && break; sleep 1; done"
    );
    let (machine, com) = pairs.end(number, 0);
    let output = machine.linux_within(com, &line, PATIENCE);
    let Some(rate) = megabits(&output) else {
        machine.fail(&format!("no rate:\n{output}"));
    };
    let (machine, com) = pairs.end(number, 1);
    machine.job(com, "server", PATIENCE);
    rate
}

/// The average in microseconds.
fn round_trip(pairs: &mut Pairs, number: usize) -> f64 {
    let to = Pairs::address(number, 1);
    let (machine, com) = pairs.end(number, 0);
    let line = format!("ping -A -q -c {PINGS} {to} | tail -2");
    let said = machine.linux_within(com, &line, PATIENCE);
    match average_round_trip(&said) {
        Some(ms) if said.contains(" 0% packet loss") => ms * 1000.0,
        _ => machine.fail(&format!("pings were lost:\n{said}")),
    }
}
