//! Cores whose local APIC IDs have more than eight bits, and a boot processor whose ID is not what
//! CPUID says.
//!
//! QEMU's firmwares switch every core to x2APIC where one needs it, as a server's does.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::every_way::comes_back;
use crate::{is_long, long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    let bios = |name, kernel| {
        story(&format!("large_ids::{name}"), move || {
            every_end(name, kernel, Firmware::Bios);
        })
    };
    vec![
        story(
            "large_ids::boot_processor_by_its_apic",
            boot_processor_by_its_apic,
        ),
        story("large_ids::two_tebibytes", two_tebibytes),
        long_story("large_ids::cores_255", cores_255),
        bios("ends_of_6_1", Kernel::Debian61Cloud).with_ignored_flag(!is_long()),
        bios("ends_of_6_12", Kernel::Debian612Cloud),
        bios("ends_of_7", Kernel::DebianSidCloud).with_ignored_flag(!is_long()),
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
    comes_back(&mut machine, is_back);
}

/// What `cores` says of the core with that ID.
fn state(cores: &str, id: &str) -> Option<String> {
    let mut lines = cores.lines().map(str::split_whitespace);
    let found = lines.find_map(|mut words| (words.next() == Some(id)).then(|| words.nth(3))?);
    found.map(String::from)
}

/// Firmware moves the boot processor's ID, as AMD's before Zen does: CPUID still says 0. The loader
/// does it here, since the emulator lets the register be written; its MADT goes on naming 0.
fn boot_processor_by_its_apic() {
    let iso = Iso::new("boot_processor_by_its_apic")
        .setting("BEFORE", "write_dword 0xfee00020 0x10000000")
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1,2 memory=320M kernel=linux initrd=demo console=com2 restart=always cmdline=\"bulkhead.name=one quiet\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let cores = machine.command("cores");
    for (id, wanted) in [("16", "bulkhead"), ("3", "parked")] {
        assert_eq!(state(&cores, id).as_deref(), Some(wanted), "{cores}");
    }
    assert_ne!(state(&cores, "0").as_deref(), Some("bulkhead"), "{cores}");
    machine.wait_for_demo(2);
    machine.com(2).skip();
    machine.com(2).send("reboot -f\r");
    machine.wait_for(1, "* one: rebooted");
    machine.wait_for_demo(2);
    machine.expect("kill one", &[]);
    machine.expect_states(&[("one", "stopped")]);
}

/// RAM above 512 GiB is a partition's like any other, and is cleared between its runs.
fn two_tebibytes() {
    let iso = Iso::new("two_tebibytes")
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define far cores=1 memory=256M,256M@0x18000000000 kernel=linux initrd=demo console=com2 restart=always cmdline=\"bulkhead.name=far quiet\"\n\
             start far\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .memory("2T")
        .arguments(&["-cpu", "max,phys-bits=46"])
        .arguments(&["-object", "memory-backend-ram,id=ram,size=2T,reserve=off"])
        .arguments(&["-machine", "memory-backend=ram"])
        .start();
    machine.wait_for_prompt();
    machine.expect("memory", &["0x18000000000-0x1800fffffff"]);
    for run in 1..3 {
        machine.wait_for(1, &format!("* far: launched run={run}"));
        let report = machine.wait_for_demo(2);
        assert!(report.memory_total_kib > 384 << 10, "run {run}: {report:?}");
        machine.linux_expect(2, "cat /proc/iomem", "18000000000-1800fffffff : System RAM");
        machine.com(2).skip();
        machine.com(2).send("reboot -f\r");
        machine.wait_for(1, "* far: rebooted");
    }
}

/// As many cores as xAPIC mode can address: no ID is left for the absent processor that a partition's MADT
/// names first: that is Bulkhead's own core, which the Linux leaves alone.
fn cores_255() {
    let iso = Iso::new("cores_255")
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=253,254 memory=320M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet\"\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .cores("255,maxcpus=255,sockets=1,cores=255")
        .start();
    machine.wait_for_prompt();
    let cores = machine.command("cores");
    let parked = cores.matches("parked").count();
    assert_eq!(parked, 254, "{cores}");
    println!("{}", machine.command("log"));
    machine.expect("start one", &[]);
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [253, 254]);
    let cores = machine.command("cores");
    assert_eq!(state(&cores, "0").as_deref(), Some("bulkhead"), "{cores}");
}
