//! Network cards of three partitions on wires between them: each reboots in turn, and the stream
//! between the other two runs on.

use std::time::Duration;

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, boot, boot_alone, long_story, teach};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::network", || three("network", &STABLE, "16M", 3)),
        long_story("devices::network_256_mib", || {
            three("network_long", &STABLE, "256M", 3)
        }),
        long_story("devices::network_of_7_x", || {
            three("network_newest", &NEWEST, "16M", 3)
        }),
        long_story("devices::control_network", control),
    ]
}

/// A stream under emulation may be slow.
const PATIENCE: Duration = Duration::from_secs(300);

/// So much of a stream says that it runs on.
const ENOUGH_BYTES: u64 = 1 << 18;

/// A wire: its number, and the two ends as index into the partitions and bus of the card.
struct Wire {
    number: u32,
    ends: [(usize, &'static str); 2],
}

/// Wire n is between the two that partition n is not one of.
const WIRES: [Wire; 3] = [
    Wire {
        number: 0,
        ends: [(1, "03"), (2, "04")],
    },
    Wire {
        number: 1,
        ends: [(2, "05"), (0, "06")],
    },
    Wire {
        number: 2,
        ends: [(0, "01"), (1, "02")],
    },
];
const STABLE: [Kernel; 3] = [Kernel::Debian61, Kernel::Debian612, Kernel::Debian61];
/// With this, 7.x drives each model of card.
const NEWEST: [Kernel; 3] = [Kernel::DebianSid, Kernel::DebianSid, Kernel::Debian612];
const NAMES: [&str; 3] = ["a", "b", "c"];

fn board() -> Board {
    Board::new()
        .device(Device::card(Card::E1000e, 2))
        .device(Device::card(Card::Igb, 2))
        .device(Device::card(Card::Virtio, 0))
        .device(Device::card(Card::Virtio, 0))
        .device(Device::card(Card::Igb, 1))
        .device(Device::card(Card::Virtio, 1))
}

const fn com(partition: usize) -> usize {
    partition + 2
}

/// The address on a wire.
fn address(wire: &Wire, partition: usize) -> String {
    format!("10.0.{}.{}", wire.number, partition + 1)
}

fn three(name: &str, kernels: &[Kernel; 3], size: &str, reboots: usize) {
    let [a, b, c] = *kernels;
    let partitions = [
        Partition::new("a", 2, a, "1").devices("01:00.0,06:00.0"),
        Partition::new("b", 3, b, "2").devices("02:00.0,03:00.0"),
        Partition::new("c", 4, c, "3").devices("04:00.0,05:00.0"),
    ];
    let mut machine = boot(name, &partitions, &board());
    for partition in 0..3 {
        set_up(&mut machine, partition);
    }
    for wire in &WIRES {
        iperf(&mut machine, wire);
    }
    for victim in 0..reboots {
        let wire = &WIRES[victim];
        // While an earlier one was away, the card on the wire to it may have complained.
        for (partition, _) in wire.ends {
            machine.linux(com(partition), "dmesg -c >/dev/null");
        }
        let mut stream = Stream::start(&mut machine, wire, size, victim as u64 + 1);
        stream.grows(&mut machine, "before");

        machine.com(com(victim)).skip();
        machine.com(com(victim)).send("reboot -f\r");
        machine.wait_for(1, &format!("* {}: rebooted", NAMES[victim]));
        stream.grows(&mut machine, "when the third went down");
        machine.wait_for_demo(com(victim));
        stream.grows(&mut machine, "when the third was up again");
        set_up(&mut machine, victim);
        stream.end(&mut machine);
        // The cards of this wire: those on the wires to the third had nobody to take their frames,
        // and may say so.
        for (partition, bus) in wire.ends {
            let noise =
                format!("dmesg | grep -iE 'tx timeout|hang|reset' | grep -c $(card {bus}); true");
            machine.linux_expect(com(partition), &noise, "0");
        }
        // It is back on both of its own wires.
        for other in WIRES.iter().filter(|other| other.number != wire.number) {
            transfer(&mut machine, other, "4M", 77);
        }
    }
}

/// Names and starts both cards of a partition.
fn set_up(machine: &mut Running, partition: usize) {
    teach(machine, com(partition));
    for wire in &WIRES {
        for (owner, bus) in wire.ends {
            if owner == partition {
                let address = address(wire, partition);
                machine.linux(
                    com(partition),
                    &format!("n=$(card {bus}); ip addr add {address}/24 dev $n; ip link set $n up"),
                );
            }
        }
    }
    // The loopback is where iperf3's own control may go.
    machine.linux(com(partition), "ip link set lo up");
}

/// Three seconds of `iperf3`.
fn iperf(machine: &mut Running, wire: &Wire) {
    let [(from, _), (to, _)] = wire.ends;
    machine.start_job(com(to), "server", "iperf3 -s -1");
    let address = address(wire, to);
    // The server may not listen yet, and a card not have its link.
    machine.start_job(
        com(from),
        "client",
        &format!("for i in 1 2 3 4 5 6 7 8 9; do iperf3 -c {address} -t 3 -f m && break; sleep 2; done | grep -E 'receiver|rror'"),
    );
    let output = machine.job(com(from), "client", PATIENCE);
    let rate = output
        .lines()
        .find(|line| line.contains("receiver"))
        .and_then(|line| line.split_once(" Mbits/sec"))
        .and_then(|(before, _)| {
            before
                .split_ascii_whitespace()
                .next_back()?
                .parse::<f64>()
                .ok()
        });
    match rate {
        Some(rate) if rate > 1.0 => println!("wire {}: {rate} Mbit/s", wire.number),
        _ => machine.fail(&format!("no rate on wire {}:\n{output}", wire.number)),
    }
    machine.job(com(to), "server", PATIENCE);
}

/// The commands of a checked transfer from a wire's first end to its second.
fn send(wire: &Wire, size: &str, seed: u64) -> String {
    let address = address(wire, wire.ends[1].0);
    format!("pattern send {address}:9000 {size} {seed}")
}

fn receive(size: &str, seed: u64) -> String {
    format!("pattern receive 9000 {size} {seed}")
}

/// Such a transfer.
fn transfer(machine: &mut Running, wire: &Wire, size: &str, seed: u64) {
    let [(from, _), (to, _)] = wire.ends;
    machine.start_job(com(to), "receive", &receive(size, seed));
    machine.start_job(com(from), "send", &send(wire, size, seed));
    let output = machine.job(com(to), "receive", PATIENCE);
    machine.job(com(from), "send", PATIENCE);
    println!("wire {}: {}", wire.number, output.replace('\n', " "));
}

/// One checked transfer after another, until its end is asked for.
struct Stream<'a> {
    wire: &'a Wire,
    size: &'a str,
    seed: u64,
    received: u64,
}

impl<'a> Stream<'a> {
    fn start(machine: &mut Running, wire: &'a Wire, size: &'a str, seed: u64) -> Self {
        let [(from, _), (to, _)] = wire.ends;
        machine.start_job(
            com(to),
            "receive",
            &format!("while {}; do :; done", receive(size, seed)),
        );
        machine.start_job(
            com(from),
            "send",
            &format!(
                "rm -f /tmp/enough; while [ ! -e /tmp/enough ]; do {} || exit 1; done",
                send(wire, size, seed)
            ),
        );
        Self {
            wire,
            size,
            seed,
            received: 0,
        }
    }

    /// More has arrived than at the last look.
    fn grows(&mut self, machine: &mut Running, when: &str) {
        let (to, bus) = self.wire.ends[1];
        let line = format!("cat /sys/class/net/$(card {bus})/statistics/rx_bytes");
        for _ in 0..20 {
            let text = machine.linux(com(to), &line);
            let Ok(received) = text.trim().parse() else {
                machine.fail(&format!("{text:?} is no count"));
            };
            // More than its keep-alive and the like would bring.
            if received > self.received + ENOUGH_BYTES {
                self.received = received;
                return;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        // Which side waits for what.
        let mut evidence = String::new();
        for (partition, bus) in self.wire.ends {
            for _ in 0..2 {
                evidence += &machine.linux(
                    com(partition),
                    &format!("grep -E 'virtio|eth|igb' /proc/interrupts; ip -s link show $(card {bus}); netstat -tn"),
                );
                evidence.push('\n');
            }
        }
        let received = self.received;
        machine.fail(&format!(
            "{when} the stream stood still at {received} bytes:\n{evidence}"
        ));
    }

    /// All of its transfers were right.
    fn end(self, machine: &mut Running) {
        let [(from, _), (to, _)] = self.wire.ends;
        machine.linux(com(from), "touch /tmp/enough");
        machine.job(com(from), "send", PATIENCE);
        // Other bytes end the receiver, and show that it would have noticed some before.
        let other = send(self.wire, self.size, self.seed + 100);
        machine.linux(com(from), &format!("{other}; true"));
        let output = machine.job(com(to), "receive", PATIENCE);
        let lines: Vec<&str> = output.lines().map(str::trim).collect();
        let [transfers @ .., last, _] = &lines[..] else {
            machine.fail(&format!("{output:?} is no transfer"));
        };
        let are_right = transfers.iter().all(|line| line.starts_with("PATTERN ok"));
        if transfers.is_empty() || !are_right || !last.contains("is wrong") {
            machine.fail(&format!("a stream:\n{output}"));
        }
        println!(
            "wire {}, at last: {}",
            self.wire.number,
            transfers[transfers.len() - 1]
        );
    }
}

/// Without Bulkhead: one Linux with all cards, and a name space for the far ends of the wires.
fn control() {
    let mut machine = boot_alone("network_control", Kernel::Debian612, "2", &board(), "");
    teach(&mut machine, 2);
    for wire in &WIRES {
        let [(from, near), (to, far)] = wire.ends;
        let (from, to) = (address(wire, from), address(wire, to));
        machine.linux(
            2,
            &format!(
                "n=$(card {near}); f=$(card {far}); unshare -n sleep 900 & p=$!; sleep 1; \
                 ip addr add {from}/24 dev $n; ip link set $n up; ip link set $f netns $p"
            ),
        );
        machine.linux(
            2,
            &format!(
                "nsenter -t $p -n ip addr add {to}/24 dev $f; nsenter -t $p -n ip link set $f up"
            ),
        );
        machine.start_job(2, "receive", "nsenter -t $p -n pattern receive 9000 64M 5");
        machine.start_job(2, "send", &format!("pattern send {to}:9000 64M 5"));
        let output = machine.job(2, "receive", PATIENCE);
        machine.job(2, "send", PATIENCE);
        println!("wire {}: {}", wire.number, output.replace('\n', " "));
    }
}
