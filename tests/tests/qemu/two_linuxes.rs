//! Two different stock kernels at once, and what each may see and feel of the other.

use std::time::Duration;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::monitor::found_in;
use bulkhead_tests::neighbour::Neighbour;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::report::Report;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

const MIB: u64 = 1 << 20;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("two_linuxes::side_by_side", side_by_side),
        story("two_linuxes::memory_of_another", memory_of_another),
    ]
}

const SCRIPT: &str = "\
# Two kernels, two consoles.
define web cores=1 memory=384M@0x10000000 kernel=linux612 initrd=demo console=com2 cmdline=\"bulkhead.name=web quiet\"
define rt cores=2,3 memory=320M@0x30000000 kernel=linux61 initrd=demo console=com3 cmdline=\"bulkhead.name=rt quiet\"
start web rt
";

fn side_by_side() {
    let iso = Iso::new("two_linuxes")
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(SCRIPT)
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let web = machine.wait_for_demo(2);
    let rt = machine.wait_for_demo(3);

    sees_its_own(&mut machine, &web, &rt);
    consoles_are_interactive_at_once(&mut machine);
    let mut web = Neighbour::watch(&mut machine, 2);
    power_off_is_not_felt(&mut machine, &mut web);
    starts_again(&mut machine);
    starts_on_changed_claims(&mut machine, &mut web);
    kill_takes_the_cores_back(&mut machine, &mut web);
}

/// Each sees its cores, its RAM and nothing else.
fn sees_its_own(machine: &mut Running, web: &Report, rt: &Report) {
    assert_eq!(web.name, "web");
    assert_eq!(web.release, Kernel::Debian612Cloud.release());
    assert_eq!((web.cpus, web.apic_ids.as_slice()), (1, &[1][..]));
    ram_lies_within(web, 0x1000_0000, 384 * MIB);
    assert_eq!(web.pci, 0);

    assert_eq!(rt.name, "rt");
    assert_eq!(rt.release, Kernel::Debian61Cloud.release());
    assert_eq!((rt.cpus, rt.apic_ids.as_slice()), (2, &[2, 3][..]));
    ram_lies_within(rt, 0x3000_0000, 320 * MIB);
    assert_eq!(rt.pci, 0);

    // No byte is in both.
    for (start, end) in &web.ram {
        assert!(
            rt.ram.iter().all(|(s, e)| e < start || end < s),
            "{web:?} and {rt:?} overlap"
        );
    }
    for com in [2, 3] {
        let ports = machine.linux(com, "cat /proc/ioports | grep -c serial");
        assert_eq!(ports, "1", "one serial port on com{com}");
        let interrupts = machine.linux(com, "grep -c IO-APIC /proc/interrupts");
        assert_eq!(interrupts, "0", "no I/O APIC is in use");
    }
    // Nor are there cores that might still come: with one only, a Linux needs no locks.
    for (com, cores) in [(2, "0"), (3, "0-1")] {
        let possible = machine.linux(com, "cat /sys/devices/system/cpu/possible");
        assert_eq!(possible, cores, "cores that Linux on com{com} allows for");
    }
    machine.expect_states(&[("web", "running"), ("rt", "running")]);
    machine.expect("cores", &["bulkhead", "running"]);
}

/// All RAM lies in the claim or in the private chunk below 640 KiB, and little of it is missing.
fn ram_lies_within(report: &Report, start: u64, size: u64) {
    for (from, to) in &report.ram {
        let is_low = *from >= 0x1_0000 && *to < 0xa_0000;
        let is_own = *from >= start && *to < start + size;
        assert!(
            is_low || is_own,
            "{from:#x}-{to:#x} is not the partition's: {report:?}"
        );
    }
    assert!(
        report.ram_bytes() > size - 2 * MIB,
        "RAM is missing: {report:?}"
    );
    assert!(report.memory_total_kib * 1024 > size * 8 / 10, "{report:?}");
}

fn consoles_are_interactive_at_once(machine: &mut Running) {
    // Both are busy before either is waited for.
    machine.com(2).skip();
    machine.com(3).skip();
    machine.com(2).send("echo $((6*7))-from-$(hostname)\r");
    machine.com(3).send("echo $((5*5))-from-$(hostname)\r");
    machine.wait_for(2, "42-from-web");
    machine.wait_for(3, "25-from-rt");
    machine.expect("version", &["Bulkhead"]);
}

/// The two-core partition powers off; the other's counter runs on.
fn power_off_is_not_felt(machine: &mut Running, web: &mut Neighbour) {
    machine.com(3).send("poweroff\r");
    machine.wait_for(1, "* rt: powered-off");
    machine.expect_states(&[("rt", "stopped"), ("web", "running")]);
    std::thread::sleep(Duration::from_secs(3));
    web.runs_on(machine, "the power-off of rt");
    web.noticed_nothing(machine);
    let cores = machine.command("cores");
    assert_eq!(cores.matches("parked").count(), 2, "{cores}");
}

fn starts_again(machine: &mut Running) {
    machine.com(3).skip();
    machine.expect("start rt", &[]);
    machine.wait_for(1, "* rt: launched run=2 core=2");
    let report = machine.wait_for_demo(3);
    assert_eq!(report.apic_ids, [2, 3]);
    assert_eq!(machine.linux(3, "echo $((2+2))"), "4");
}

fn starts_on_changed_claims(machine: &mut Running, web: &mut Neighbour) {
    machine.expect("set rt cores=3", &["error:", "running"]);
    machine.com(3).send("poweroff\r");
    machine.wait_for(1, "* rt: powered-off");
    machine.expect("set rt cores=3 memory=256M@0x50000000 kernel=linux612", &[]);
    machine.com(3).skip();
    machine.expect("start rt", &[]);
    let report = machine.wait_for_demo(3);
    assert_eq!(report.apic_ids, [3]);
    assert_eq!(report.release, Kernel::Debian612Cloud.release());
    ram_lies_within(&report, 0x5000_0000, 256 * MIB);
    web.runs_on(machine, "a start on changed claims");
}

fn kill_takes_the_cores_back(machine: &mut Running, web: &mut Neighbour) {
    machine.expect("kill rt", &[]);
    machine.expect_states(&[("rt", "stopped"), ("web", "running")]);
    web.runs_on(machine, "a kill");
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* web: powered-off");
    machine.expect("undefine web", &[]);
    machine.com(1).send("poweroff\r");
    if !machine.wait_for_end(Duration::from_secs(20)) {
        machine.fail("the machine did not power off");
    }
}

/// What one Linux leaves in its RAM is there for its own next run, and gone for another partition's.
fn memory_of_another() {
    const START: u64 = 0x2000_0000;
    const SIZE: u64 = 256 * MIB;
    const SECRETS: usize = 1_000_000;
    let iso = Iso::new("memory_of_another")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define old cores=1 memory=256M@0x20000000 kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=old quiet\"\n\
             start old\n",
        )
        .make();
    let file = iso.with_file_name("ram");
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    // The file is in RAM. Its words are put together there, so that they are nowhere else.
    machine.linux(
        2,
        &format!("yes se''cret-of-''old | head -n {SECRETS} > /tmp/secrets"),
    );
    let secrets = |machine: &Running| {
        machine.monitor().save_ram(START, START + SIZE, &file);
        let count = found_in(&file, "secret-of-old").lines().count();
        std::fs::remove_file(&file).expect("it can be removed");
        count
    };
    machine.expect("kill old", &[]);
    let before = secrets(&machine);
    assert!(before >= SECRETS, "only {before} of {SECRETS} are found");

    machine.expect("undefine old", &[]);
    machine.expect(
        "define new cores=2 memory=256M@0x20000000 kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=new quiet\"",
        &["0x20000000"],
    );
    machine.expect("start new", &[]);
    machine.wait_for_demo(3);
    assert_eq!(secrets(&machine), 0);
}
