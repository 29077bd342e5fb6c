//! One attack each, on machines that differ: firmware, memory, ports; and in the states of an owner that is at rest, in which
//! QEMU's debugger drives the card. Small kernels: the card needs no driver.

use std::time::{Duration, Instant};

use bulkhead_tests::debugger::Debugger;
use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use super::isolation::{
    AMD_TOLD, COPY, INTEL_TOLD, MARK, OTHER_PLACE, at, copied_to, start_and_teach,
};
use super::walls::HIGH_PLACE;
use super::{Partition, boot, teach};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::walls_uefi_intel", || {
            let iommu = "intel-iommu,intremap=off";
            one_attack("walls_uefi_intel", iommu, Firmware::Uefi, INTEL_TOLD);
        }),
        story("devices::walls_uefi_amd", || {
            let iommu = "amd-iommu,dma-remap=on";
            one_attack("walls_uefi_amd", iommu, Firmware::Uefi, AMD_TOLD);
        }),
        story("devices::walls_high_amd", high_amd),
        story("devices::walls_at_rest", at_rest),
        story("devices::walls_virtio_card", virtio_card),
        story("devices::walls_ports", ports),
        story("devices::walls_conventional", conventional),
    ]
}

/// Two partitions, of which the one with the card runs and the other one has RAM.
pub(super) fn thin(name: &str, board: &Board, more: [&str; 2]) -> Machine {
    thin_with(name, board, "01:00.0", more)
}

fn thin_with(name: &str, board: &Board, devices: &str, more: [&str; 2]) -> Machine {
    let [own, other] = more;
    let script = format!(
        "define web cores=1 memory=256M@0x40000000{own} kernel=linux initrd=demo console=com2 devices={devices} dump=yes \
         cmdline=\"bulkhead.name=web quiet\"\n\
         define db cores=2 memory=256M@0x60000000{other} kernel=linux initrd=demo console=mem\n\
         start web\n"
    );
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(&script)
        .make();
    Machine::new(&iso, "run").memory("3G").board(board)
}

/// Up to the point at which the card can be told to copy.
fn ready(mut machine: Running) -> Running {
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.expect("show web", &["its RAM alone (isolation=dma)"]);
    machine.expect("list", &["ISOLATION", "  dma  "]);
    COPY.iter().for_each(|line| drop(machine.linux(2, line)));
    machine.com(1).skip();
    machine
}

fn one_attack(name: &str, iommu: &'static str, firmware: Firmware, told: &str) {
    let board = Board::new().iommu(iommu).device(Device::edu());
    let machine = thin(name, &board, ["", ""]).firmware(firmware);
    let mut machine = ready(machine.start());
    assert!(copied_to(&mut machine, OWN_PLACES[0]), "its own RAM");
    assert!(!copied_to(&mut machine, OTHER_PLACE), "the neighbour's RAM");
    machine.wait_for(1, told);
    // Without the wall it lands.
    machine.expect("kill web", &[]);
    machine.expect("set web isolation=bare", &[]);
    start_and_teach(&mut machine);
    assert!(copied_to(&mut machine, OTHER_PLACE), "bare: it lands");
}

/// Where Bulkhead keeps what the last runs have printed: the owner's RAM, which its Linux does not miss. A page for each
/// try, since what was written stays.
const OWN_PLACES: [u64; 2] = [0x4ffd_8000, 0x4ffd_9000];
/// In the owner's RAM above 4 GiB.
const OWN_HIGH: u64 = 0x1_4800_0000;

/// 8 GiB behind AMD-Vi: what is above 4 GiB is reached and kept as what is below.
fn high_amd() {
    let board = Board::new()
        .iommu("amd-iommu,dma-remap=on")
        .device(Device::edu());
    let more = [",256M@0x140000000", ",512M@0x180000000"];
    let machine = thin("walls_high_amd", &board, more).memory("8G");
    let mut machine = ready(machine.start());
    assert!(copied_to(&mut machine, OWN_HIGH), "its own RAM");
    for place in [HIGH_PLACE, OTHER_PLACE, 0x2_0000_0000] {
        machine.com(1).skip();
        assert!(!copied_to(&mut machine, place), "{place:#x}");
    }
    machine.expect("log", &["(blocked)"]);
}

/// The card, by its registers, from outside of all partitions.
pub(super) struct Hand {
    /// The registers of its function, of the bridge above it, and its own.
    config: u64,
    bridge: u64,
    bar: u64,
}

/// A function's registers, on a q35 with a BIOS.
const fn config(bus: u64, device: u64) -> u64 {
    0xb000_0000 + (bus << 20) + (device << 15)
}

impl Hand {
    /// Of bus 1 on a q35 with a BIOS.
    pub(super) fn of(machine: &Running) -> Self {
        Self::of_card(machine, config(1, 0), config(0, 2))
    }

    fn of_card(machine: &Running, config: u64, bridge: u64) -> Self {
        let bar = machine.monitor().dword(config + 0x10) & !0xf;
        assert_ne!(bar, 0, "it has an address");
        Self {
            config,
            bridge,
            bar: bar.into(),
        }
    }

    /// Masters the bus, and copies 64 bytes from an address, or to it what was copied before.
    fn copy(&self, machine: &Running, address: u64, is_from: bool) {
        const BUFFER: u32 = 0x4_0000;
        let address = u32::try_from(address).expect("below 4 GiB");
        let [from, to, order] = match is_from {
            true => [address, BUFFER, 1],
            false => [BUFFER, address, 3],
        };
        let mut debugger = Debugger::stop(machine);
        // What an end takes away: the way through its bridge, its address, the bus.
        debugger.write(self.bridge + 4, 6);
        debugger.write(
            self.config + 0x10,
            u32::try_from(self.bar).expect("below 4 GiB"),
        );
        debugger.write(self.config + 4, 6);
        for (register, value) in [(0x80, from), (0x88, to), (0x90, 64), (0x98, order)] {
            debugger.write(self.bar + register, value);
        }
        debugger.go_on();
        // A tenth of a second of the machine's is what it takes for it.
        let end = Instant::now() + Duration::from_secs(20);
        let is_busy = || machine.monitor().dword(self.bar + 0x98) & 1 != 0;
        while is_busy() {
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether what it copies to an address is there then.
    pub(super) fn lands(&self, machine: &mut Running, mark: &[u32], place: u64) -> bool {
        assert_ne!(at(machine, place), mark, "it is not there yet");
        self.copy(machine, place, false);
        at(machine, place) == mark
    }
}

/// Whoever drives the card: it reaches what its owner has while that runs, and nothing when it has ended, waits for
/// its restart, or is undefined.
fn at_rest() {
    let board = Board::new()
        .iommu("intel-iommu,intremap=off,device-iotlb=on")
        .device(Device::edu());
    let mut machine = ready(thin("walls_at_rest", &board, ["", ""]).start());
    let hand = Hand::of(&machine);
    let mark = at(&machine, MARK);
    hand.copy(&machine, MARK, true);
    assert!(hand.lands(&mut machine, &mark, OWN_PLACES[0]), "it runs");
    assert!(!hand.lands(&mut machine, &mark, OTHER_PLACE));
    machine.wait_for(1, INTEL_TOLD);
    // It waits for a dump before it is launched again.
    machine.com(1).skip();
    machine.com(2).send("echo c >/proc/sysrq-trigger\r");
    machine.wait_for(1, "* web: launches again when its memory was dumped");
    machine.expect("show web", &["launches again when its memory was dumped"]);
    is_kept(&mut machine, &hand, &mark);
    machine.expect("kill web", &[]);
    assert_ne!(machine.listed("web").state, "running");
    is_kept(&mut machine, &hand, &mark);
    machine.expect("undefine web", &[]);
    is_kept(&mut machine, &hand, &mark);
    // Nor does it reach its next owner's RAM with what it knew of the last one's.
    machine.expect(
        "define other cores=1 memory=256M@0x50000000 kernel=linux initrd=demo console=com2 devices=01:00.0",
        &[],
    );
    machine.com(2).skip();
    machine.expect("start other", &[]);
    machine.wait_for_demo(2);
    is_kept(&mut machine, &hand, &mark);
}

/// Nothing comes of what the card is told to do.
fn is_kept(machine: &mut Running, hand: &Hand, mark: &[u32]) {
    for place in [OWN_PLACES[1], OTHER_PLACE] {
        assert!(!hand.lands(machine, mark, place), "{place:#x}");
    }
}

/// A virtio network card that goes by the IOMMU and may cache what it says: it works, over a restart too.
fn virtio_card() {
    let card =
        Device::card_to_host(Card::Virtio).with("iommu_platform=on,disable-legacy=on,ats=on");
    let board = Board::new()
        .iommu("intel-iommu,intremap=off,device-iotlb=on")
        .device(card);
    let one = Partition::new("one", 2, Kernel::Debian61, "1").devices("01:00.0");
    let mut machine = boot("walls_virtio_card", &[one], &board);
    machine.expect("show one", &["its RAM alone (isolation=dma)"]);
    for round in 0..2 {
        teach(&mut machine, 2);
        let line = "modprobe virtio_net; n=$(card 01); ip addr add 10.0.1.15/24 dev $n; ip link set $n up; \
                    for i in 1 2 3 4 5 6 7 8; do arping -c 1 -w 2 -I $n 10.0.1.2 && break; sleep 1; done";
        machine.linux_expect(2, line, "Received 1 response");
        if round == 0 {
            machine.com(2).skip();
            machine.expect("restart one", &[]);
            machine.wait_for_demo(2);
        }
    }
    let log = machine.command("log");
    assert!(!log.contains("(blocked)"), "{log}");
}

/// Cards of conventional PCI. A bridge that sends its own name, on bus 0, is not to be told from that bus: bare, and why. One of
/// PCI Express sends a name of the card's bus, which is given with it.
fn conventional() {
    let name = "walls_conventional";
    let board = Board::new().iommu("intel-iommu,intremap=off");
    let machine = thin_with(name, &board, "01:01.0", ["", ""]).arguments(&[
        "-device",
        "pci-bridge,id=old,chassis_nr=9,addr=7.0,shpc=off",
        "-device",
        "edu,bus=old,addr=1.0,dma_mask=0xffffffffffffffff",
        "-device",
        "pcie-root-port,id=express,chassis=1,slot=1,addr=8.0",
        "-device",
        "pcie-pci-bridge,id=new,bus=express",
        "-device",
        "edu,bus=new,addr=1.0,dma_mask=0xffffffffffffffff",
    ]);
    let mut machine = machine.start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    let why = "the requests of 0000:01:01.0 come under the name of 0000:00:07.0";
    machine.expect("show web", &[&format!("(isolation=bare): {why}")]);
    machine.expect("devices", &["come under the name of 0000:00:07.0"]);
    let learn = |machine: &mut Running, place: &str| {
        for line in COPY {
            machine.linux(2, &line.replace("0001:01:00.0", place));
        }
        machine.com(1).skip();
    };
    learn(&mut machine, "0001:01:01.0");
    assert!(copied_to(&mut machine, OWN_PLACES[0]), "its own RAM");
    // That name passes no longer than its run.
    let hand = Hand::of_card(&machine, config(1, 1), config(0, 7));
    let mark = at(&machine, MARK);
    hand.copy(&machine, MARK, true);
    assert!(
        hand.lands(&mut machine, &mark, OWN_PLACES[0] + 0x800),
        "it runs"
    );
    machine.expect("kill web", &[]);
    is_kept(&mut machine, &hand, &mark);
    machine.expect("set web isolation=dma", &["error: ", why]);
    // The other one, by its root port's bus.
    machine.expect("set web devices=pci:02 isolation=dma", &[]);
    machine.com(2).skip();
    machine.expect("start web", &[]);
    machine.wait_for_demo(2);
    learn(&mut machine, "0001:03:01.0");
    assert!(copied_to(&mut machine, OWN_PLACES[1]), "its own RAM");
    assert!(!copied_to(&mut machine, OTHER_PLACE), "the neighbour's RAM");
    machine.wait_for(
        1,
        "* web: device 0000:03:00.0 tried to write 0x68000000 (blocked)",
    );
}

/// ACS is on at each port that has it: a root port with the card, and one with a switch, whose ports have none in QEMU.
fn ports() {
    let board = Board::new()
        .iommu("intel-iommu,intremap=off")
        .device(Device::edu());
    let machine = thin("walls_ports", &board, ["", ""]);
    let devices = [
        "pcie-root-port,id=switch,chassis=20,slot=20,addr=8.0",
        "x3130-upstream,id=up,bus=switch",
        "xio3130-downstream,id=left,bus=up,chassis=21,slot=1",
        "xio3130-downstream,id=right,bus=up,chassis=22,slot=2",
    ];
    let arguments: Vec<&str> = devices.iter().flat_map(|one| ["-device", one]).collect();
    let mut machine = machine.arguments(&arguments).start();
    machine.wait_for_prompt();
    machine.expect("log", &["iommu: 1 unit in use; ACS on at 2 ports"]);
    // As the ports themselves have it: requests and completions go up, and so does what was translated.
    const UP: u32 = 0b1_1100;
    for port in [config(0, 2), config(0, 8)] {
        let control = acs(&machine, port).expect("it has ACS") >> 16;
        assert_eq!(control & UP, UP, "{control:#x}");
    }
    assert_eq!(acs(&machine, config(3, 0)), None);
}

/// Capability and control of a function's ACS.
fn acs(machine: &Running, config: u64) -> Option<u32> {
    const ACS: u32 = 0xd;
    let mut monitor = machine.monitor();
    assert_ne!(monitor.dword(config), u32::MAX, "it is there");
    let mut at = 0x100;
    for _ in 0..48 {
        let head = monitor.dword(config + at);
        if head & 0xffff == ACS {
            return Some(monitor.dword(config + at + 4));
        }
        at = u64::from(head >> 20);
        if at == 0 {
            return None;
        }
    }
    None
}
