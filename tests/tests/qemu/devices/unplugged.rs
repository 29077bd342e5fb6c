//! Cards that are taken out: asked for and unanswered, by surprise while their Linux runs and while
//! it is stopped, and in good order where a Linux has the port.
//!
//! QEMU takes a card out as soon as its slot is switched off. A witness does that by the port's
//! registers: that is the nearest to a hand that pulls.

use std::time::{Duration, Instant};

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Card, Device, empty_disk};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, folder, machine};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::unplugged", unplugged),
        story("devices::hotplug_of_own_ports", own_ports),
    ]
}

/// Ports whose hot-plug is their own registers', not ACPI's.
const NATIVE: [&str; 2] = [
    "-global",
    "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
];
/// QEMU presses the button, and would wait for an answer.
const BUTTON: Duration = Duration::from_secs(6);
/// The longest that devices are waited for at an end, and what the emulator adds.
const LONGEST_END: Duration = Duration::from_secs(15);
const GONE: &str = "does not answer: taken out";
const WANTED_OUT: &str = "wanted out (attention button)";

/// Switches the slot of root port `number` off: power controller and indicators.
fn pull(machine: &mut Running, number: u32) {
    let place = 0xb000_0000_u32 + ((number + 1) << 15) + 0x6c;
    machine.linux(3, &format!("devmem {place:#x} 16 0x7c0; sleep 1"));
}

fn unplugged() {
    let folder = folder("unplugged");
    let disk = empty_disk(&folder, "disk.img", 16);
    let board = Board::new()
        .device(Device::nvme(&disk).with("id=disk"))
        .device(Device::card_to_host(Card::Igb).with("id=card"));
    let partitions = [
        Partition::new("one", 2, Kernel::Debian612, "1").devices("01:00.0,02:00.0"),
        Partition::new("witness", 3, Kernel::Debian612, "2"),
    ];
    let mut machine = machine("unplugged", &partitions, &board)
        .arguments(&NATIVE)
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    let said = machine.command("devices");
    assert!(!said.contains(GONE) && !said.contains(WANTED_OUT), "{said}");

    // Asked for, and nobody has the port: the card stays, its Linux goes on, `devices` tells.
    machine.monitor().command("device_del disk");
    std::thread::sleep(BUTTON);
    machine.linux_expect(2, "ls /sys/bus/pci/devices", "0001:01:00.0");
    machine.expect("devices", &[WANTED_OUT]);

    // Pulled while its Linux runs.
    pull(&mut machine, 1);
    machine.expect("devices", &[GONE]);
    machine.linux_expect(2, "echo ALI''VE", "ALIVE");
    machine.expect(
        "check one",
        &["warning: one: 0000:01:00.0 does not answer", "one: ok"],
    );
    // Its end has a bound, and so has the launch; the others of its devices work.
    let start = Instant::now();
    machine.expect("kill one", &[]);
    assert!(start.elapsed() < LONGEST_END, "{:?}", start.elapsed());
    println!("an end without a card that is gone: {:?}", start.elapsed());
    machine.com(2).skip();
    machine.expect("start one", &["warning: one: 0000:01:00.0 does not answer"]);
    machine.wait_for_demo(2);
    machine.linux_expect(
        2,
        "ls /sys/bus/pci/devices; ls /sys/class/net",
        "0001:02:00.0",
    );
    machine.com(2).skip();
    machine.expect(
        "restart one",
        &["warning: one: 0000:01:00.0 does not answer"],
    );
    machine.wait_for_demo(2);

    // And while it is stopped: both are gone, and it is launched all the same.
    machine.expect("kill one", &[]);
    pull(&mut machine, 2);
    machine.expect(
        "check one",
        &[
            "warning: one: 0000:01:00.0 does not answer",
            "warning: one: 0000:02:00.0 does not answer",
        ],
    );
    machine.com(2).skip();
    machine.expect("start one", &["warning: one: 0000:02:00.0 does not answer"]);
    let report = machine.wait_for_demo(2);
    assert_eq!(report.pci, 0, "it has none left");
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* one: powered-off");
    machine.linux_expect(3, "echo ALI''VE", "ALIVE");
    machine.expect("undefine one", &[]);
}

/// A switch below root port 1 with a disk on its first port; all of it is one partition's.
fn own_ports() {
    let folder = folder("own_ports");
    let disk = empty_disk(&folder, "disk.img", 16);
    let drive = format!("if=none,id=drive,format=raw,file={}", disk.display());
    let mut partition = Partition::new("one", 2, Kernel::Debian612, "1").devices("pci:01");
    partition.cmdline = "pcie_ports=native".to_string();
    let mut machine = machine("own_ports", &[partition], &Board::new())
        .arguments(&NATIVE)
        .arguments(&["-drive", &drive])
        .arguments(&[
            "-device",
            "pcie-root-port,id=port1,chassis=1,slot=1,addr=2.0",
        ])
        .arguments(&["-device", "x3130-upstream,id=up,bus=port1"])
        .arguments(&[
            "-device",
            "xio3130-downstream,id=down1,bus=up,chassis=11,slot=1",
        ])
        .arguments(&["-device", "nvme,drive=drive,serial=one,bus=down1,id=disk"])
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.linux_expect(2, "ls /sys/bus/pci/devices", "0001:03:00.0");
    // Its Linux has the port, and lets go of the disk.
    machine.monitor().command("device_del disk");
    let end = Instant::now() + Duration::from_secs(60);
    while machine
        .linux(2, "ls /sys/bus/pci/devices")
        .contains("0001:03:00.0")
    {
        if Instant::now() > end {
            let noise = machine.linux(2, "dmesg | grep -iE 'pcie|hotplug|OSC'");
            machine.fail(&format!("its Linux does not let go of the disk: {noise}"));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    let said = machine.expect("devices", &[GONE]);
    assert!(!said.contains(WANTED_OUT), "{said}");
    // Put in again: QEMU's drive goes with its device, so it is another kind.
    // Linux takes the device away before it switches the slot off, and only then is it QEMU's no more.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let said = machine
            .monitor()
            .command("device_add qemu-xhci,id=usb,bus=down1");
        if !said.contains("Error") {
            break;
        }
        assert!(Instant::now() < end, "{said}");
        std::thread::sleep(Duration::from_secs(1));
    }
    let end = Instant::now() + Duration::from_secs(60);
    while !machine
        .linux(2, "cat /sys/bus/pci/devices/0001:03:00.0/device; true")
        .contains("0x000d")
    {
        if Instant::now() > end {
            let noise = machine.linux(2, "dmesg | tail -20; ls /sys/bus/pci/devices");
            machine.fail(&format!("its Linux does not take the new card: {noise}"));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    machine.expect("devices", &["is gone: 1b36:000d answers in its place"]);
}
