//! Cores whose local APIC IDs have more than eight bits, and a boot processor whose ID is not what
//! CPUID says.
//!
//! QEMU's firmwares switch every core to x2APIC where one needs it, as a server's does.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    let bios = |name, kernel| {
        story(&format!("large_ids::{name}"), move || {
            every_end(name, kernel, Firmware::Bios);
        })
    };
    vec![
        bios("ends_of_6_1", Kernel::Debian61Cloud),
        bios("ends_of_6_12", Kernel::Debian612Cloud),
        bios("ends_of_7", Kernel::DebianSidCloud),
        bios("ends_of_5_10", Kernel::Debian510Cloud),
        story("large_ids::ends_by_uefi", || {
            every_end("ends_by_uefi", Kernel::Debian61Cloud, Firmware::Uefi);
        }),
    ]
}

/// Two cores of the first package, and two whose IDs are 256 and 257, of 288 that there could be.
pub(crate) fn with_large_ids(machine: Machine) -> Machine {
    let core = |number| format!("max-x86_64-cpu,socket-id=1,core-id={number},thread-id=0");
    machine
        .cores("2,maxcpus=288,sockets=2,cores=144")
        // Linux up to 6.6 reads the whole ID of an AMD only where it has topology extensions.
        .arguments(&["-cpu", "max,vendor=GenuineIntel"])
        .arguments(&["-device", &core(0), "-device", &core(1)])
}

/// Whole again: both cores, a shell that answers, and still in x2APIC mode.
fn is_back(machine: &mut Running, run: u32) {
    machine.wait_for(1, &format!("* high: launched run={run} core=256"));
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [256, 257], "run {run}");
    let mode = machine.linux(2, "dmesg | grep -c 'x2apic: enabled by BIOS'");
    assert_eq!(mode, "1", "run {run}");
}

/// A Linux on two cores above 255, and every way by which it ends and comes back.
fn every_end(name: &str, kernel: Kernel, firmware: Firmware) {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("demo", demo_initrd())
        .script(
            "define high cores=256,257 memory=320M kernel=linux initrd=demo console=com2 restart=always cmdline=\"bulkhead.name=high quiet\"\n\
             start high\n",
        )
        .make();
    let mut machine = with_large_ids(Machine::new(&iso, "run"))
        .firmware(firmware)
        .start();
    machine.wait_for_prompt();
    is_back(&mut machine, 1);
    let again = [
        ("reboot -f", "* high: rebooted"),
        (
            "echo c > /proc/sysrq-trigger",
            "* high: failed reason=\"panic\"",
        ),
        // On the second core: ResetSystem is called there.
        (
            "taskset 2 sh -c 'echo c > /proc/sysrq-trigger'",
            "* high: failed reason=\"panic\"",
        ),
    ];
    for ((command, event), run) in again.into_iter().zip(2..) {
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        is_back(&mut machine, run);
    }
    machine.com(2).skip();
    machine.expect("restart high", &[]);
    is_back(&mut machine, 5);
    machine.expect("kill high", &[]);
    machine.wait_for(1, "* high: killed");
    machine.expect_states(&[("high", "stopped")]);
    machine.com(2).skip();
    machine.expect("start high", &[]);
    is_back(&mut machine, 6);
    let log = machine.command("log");
    assert!(!log.contains("lost"), "{log}");
}
