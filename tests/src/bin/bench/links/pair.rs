//! Two Linuxes and what is between them.

use std::path::{Path, PathBuf};

use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::host_network::ip;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running, has_kvm};
use bulkhead_tests::{Kernel, build_folder, device_initrd, initrd_with, root, tool};

use super::Way;

/// Console ports of the two in one machine, and of one by itself.
const COMS: [usize; 2] = [2, 3];
const NAMES: [&str; 2] = ["one", "two"];

/// Two ends: each a machine, and its Linux's port.
pub(super) struct Pair {
    pub(super) way: Way,
    ends: [(usize, usize); 2],
}

/// The machines that are up, and the pairs in them.
pub(super) struct Pairs {
    machines: Vec<Running>,
    pub(super) pairs: Vec<Pair>,
    _bridge: Option<Bridge>,
}

impl Pairs {
    /// The machine and the port of an end.
    pub(super) fn end(&mut self, pair: usize, end: usize) -> (&mut Running, usize) {
        let (machine, com) = self.pairs[pair].ends[end];
        (&mut self.machines[machine], com)
    }

    /// The address of an end.
    pub(super) fn address(pair: usize, end: usize) -> String {
        format!("10.9.{pair}.{}", end + 1)
    }

    /// A line in both, that has to say `UP`.
    fn up(&mut self, pair: usize, line: impl Fn(usize, &str) -> String) {
        for end in 0..2 {
            let address = Self::address(pair, end);
            let (machine, com) = self.end(pair, end);
            let line = format!("{} && echo U''P", line(end, &address));
            machine.linux_expect(com, &line, "UP");
        }
    }

    fn link(&mut self, pair: usize) {
        self.up(pair, |end, address| {
            let peer = NAMES[1 - end];
            format!(
                "modprobe tun; mount -t tracefs tracefs /sys/kernel/tracing; \
                 bulkheadctl net {peer} link >/tmp/net 2>&1 & sleep 2; cat /tmp/net; \
                 ip addr add {address}/24 dev link; ip link set link up"
            )
        });
    }

    fn card(&mut self, pair: usize, buses: [u8; 2]) {
        self.up(pair, |end, address| {
            let bus = buses[end];
            format!(
                "n=$(work card {bus:02x}); n=${{n##* }}; ip addr add {address}/24 dev $n; ip link set $n up"
            )
        });
    }
}

/// A machine with two partitions and a link beside pairs of machines.
pub(super) fn side_by_side(kernel: Kernel) -> Pairs {
    let mut machines = vec![linked(kernel, false)];
    let mut pairs = vec![Pair {
        way: Way::Link,
        ends: COMS.map(|com| (0, com)),
    }];
    let bridge = Bridge::new();
    if bridge.is_none() {
        println!("no bridge between TAPs: it needs root, ip, /dev/net/tun");
    }
    let socket = folder(kernel).join("wire.sock");
    let sockets = [true, false].map(|listens| Device::card_on_stream(&socket, listens));
    let taps = bridge.as_ref().map(|bridge| (bridge, TAPS));
    let ways = [
        Some((Way::Socket, None, sockets)),
        taps.map(|(bridge, taps)| {
            let name = Some(bridge.name.as_str());
            (Way::Bridge, name, taps.map(Device::card_on_tap))
        }),
    ];
    for (way, namespace, cards) in ways.into_iter().flatten() {
        let mut ends = [(0, COMS[0]); 2];
        for ((end, card), name) in ends.iter_mut().zip(cards).zip(NAMES) {
            end.0 = machines.len();
            // Of its own on that wire: a bridge would take both for one.
            let card = card.with(&format!("mac=52:54:00:00:01:{:02x}", end.0));
            machines.push(alone(kernel, way, name, card, namespace));
            tool::watch_all(&machines);
        }
        pairs.push(Pair { way, ends });
    }
    for machine in &mut machines[1..] {
        machine.wait_for_demo(COMS[0]);
    }
    let mut pairs = Pairs {
        machines,
        pairs,
        _bridge: bridge,
    };
    pairs.link(0);
    for pair in 1..pairs.pairs.len() {
        pairs.card(pair, [1, 1]);
    }
    pairs
}

/// In virtual time: one machine whose partitions have both.
pub(super) fn in_one(kernel: Kernel) -> Pairs {
    let ends = COMS.map(|com| (0, com));
    let ways = [Way::Link, Way::Wire];
    let mut pairs = Pairs {
        machines: vec![linked(kernel, true)],
        pairs: ways.map(|way| Pair { way, ends }).into(),
        _bridge: None,
    };
    pairs.link(0);
    pairs.card(1, [1, 2]);
    pairs
}

fn folder(kernel: Kernel) -> PathBuf {
    build_folder().join(format!("tests/bench_links_{}", kernel.name()))
}

/// The two, linked; where time is virtual each with a card, too, on one wire.
fn linked(kernel: Kernel, is_virtual: bool) -> Running {
    let name = format!("bench_links_{}", kernel.name());
    let program = root().join("build/bulkheadctl");
    let tools = initrd_with(&format!("{name}.img"), &[("/bin/bulkheadctl", program)]);
    let mut script = String::new();
    for ((name, com), core) in NAMES.into_iter().zip(COMS).zip(1..) {
        let devices = match is_virtual {
            true => format!("devices=0000:{core:02}:00.0"),
            false => String::new(),
        };
        script += &format!(
            "define {name} cores={core} memory=512M kernel=linux initrd=drivers,tools console=com{com} \
             {devices} cmdline=\"bulkhead.name={name} quiet\"\n"
        );
    }
    script += "link one two\nstart one two\n";
    let iso = Iso::new(&name)
        .image("linux", kernel.image())
        .image("drivers", device_initrd(kernel))
        .image("tools", tools)
        .script(&script)
        .make();
    let mut machine = Machine::new(&iso, "run").cores("3").memory("2G");
    if is_virtual {
        let card = || Device::card(Card::Virtio, 0);
        let board = Board::new().device(card()).device(card());
        machine = machine.board(&board).virtual_time();
    }
    let mut machine = machine.start();
    tool::watch(&machine);
    machine.wait_for_prompt();
    for com in COMS {
        machine.wait_for_demo(com);
    }
    machine
}

/// A Linux by itself, as it is in the partition: one core that it takes for one of several.
fn alone(kernel: Kernel, way: Way, name: &str, card: Device, namespace: Option<&str>) -> Running {
    let cores = match has_kvm() {
        true => "1",
        false => "1,maxcpus=2",
    };
    let machine = Machine::without_bulkhead(
        &folder(kernel).join(format!("{way:?}-{name}")),
        &kernel.image(),
        &device_initrd(kernel),
        &format!("console=ttyS1,115200 tsc=reliable bulkhead.name={name} quiet possible_cpus=1"),
    );
    let machine = machine.cores(cores).memory("512M");
    let machine = machine.board(&Board::new().device(card));
    match namespace {
        Some(namespace) => machine.in_namespace(namespace),
        None => machine,
    }
    .start()
}

const TAPS: [&str; 2] = ["tap0", "tap1"];

/// A network namespace with a bridge, and a TAP for each machine. It goes with the program.
struct Bridge {
    name: String,
}

impl Bridge {
    /// `None` where this host does not let us.
    fn new() -> Option<Self> {
        let name = format!("bulkhead-bench-{}", std::process::id());
        let is_there = Path::new("/dev/net/tun").exists() && ip(&["netns", "add", &name]);
        let bridge = is_there.then_some(Self { name })?;
        let inside = |arguments: &[&str]| ip(&[&["-n", &bridge.name], arguments].concat());
        let mut is_made = inside(&["link", "add", "br0", "type", "bridge"]);
        for tap in TAPS {
            is_made &= inside(&["tuntap", "add", tap, "mode", "tap", "vnet_hdr"])
                && inside(&["link", "set", tap, "master", "br0", "up"]);
        }
        (is_made && inside(&["link", "set", "br0", "up"])).then_some(bridge)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.name]);
    }
}
