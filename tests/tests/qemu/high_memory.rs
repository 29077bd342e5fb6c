//! A Linux all of whose memory lies above 4 GiB: kernel, tables and initial RAM disk, too.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::every_way::comes_back;
use crate::{is_long, story};

pub(crate) fn stories() -> Vec<Trial> {
    let ends = |name, kernel, firmware| {
        story(&format!("high_memory::{name}"), move || {
            every_end(name, kernel, firmware);
        })
    };
    let bios = |name, kernel| ends(name, kernel, Firmware::Bios);
    vec![
        bios("ends_of_5_10", Kernel::Debian510Cloud),
        bios("ends_of_6_1", Kernel::Debian61Cloud).with_ignored_flag(!is_long()),
        bios("ends_of_7", Kernel::DebianSidCloud).with_ignored_flag(!is_long()),
        ends("ends_by_uefi", Kernel::Debian612Cloud, Firmware::Uefi),
    ]
}

const START: u64 = 5 << 30;

/// Whole again: both cores, a shell that answers, its firmware's services, and nothing of it below 4 GiB but the code that
/// starts its cores.
fn is_back(machine: &mut Running, run: u32) {
    machine.wait_for(1, &format!("* high: launched run={run} core=1"));
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [1, 2], "run {run}");
    let (low, high): (Vec<_>, Vec<_>) = report.ram.iter().partition(|(start, _)| *start < START);
    assert!(
        low.iter().all(|(_, end)| *end < 640 << 10) && !high.is_empty(),
        "run {run}: {low:x?}, {high:x?}"
    );
    let services = machine.linux(2, "dmesg | grep -c 'Registered efivars operations'");
    assert_eq!(services, "1", "run {run}");
}

/// Every way by which it ends, and comes back.
fn every_end(name: &str, kernel: Kernel, firmware: Firmware) {
    let iso = Iso::new(&format!("high_memory_{name}"))
        .image("linux", kernel.image())
        .image("demo", demo_initrd())
        .script(
            "define high cores=1,2 memory=320M@0x140000000 kernel=linux initrd=demo console=com2 restart=always cmdline=\"bulkhead.name=high quiet\"\n\
             start high\n",
        )
        .make();
    let machine = Machine::new(&iso, "run").firmware(firmware).memory("6G");
    let mut machine = machine.start();
    comes_back(&mut machine, is_back);
    let shown = machine.command("show high");
    assert!(shown.contains("0x140000000-0x153ffffff"), "{shown}");
}
