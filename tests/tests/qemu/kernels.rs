//! Kernels beside those that all other stories boot: with `PREEMPT_RT`, the oldest, the newest; and
//! as many parameters as a kernel bears.

use std::fmt::Write as _;

use bulkhead_tests::control::reading;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::neighbour::{Neighbour, beside_a_witness};
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::{long_story, story};

mod brought;

pub(crate) fn stories() -> Vec<Trial> {
    let ends = |name: &str, kernel| story(name, move || every_end(kernel));
    vec![
        ends("kernels::rt", Kernel::Debian612Rt),
        ends("kernels::newest", Kernel::DebianSidCloud),
        ends("kernels::oldest", Kernel::Debian510Cloud),
        story("kernels::many_parameters", many_parameters),
        long_story("kernels::brought_to_6_12", || {
            brought::parameters(Kernel::Debian612Cloud);
        }),
        long_story("kernels::brought_to_rt", || {
            brought::parameters(Kernel::Debian612Rt);
        }),
    ]
}

/// On two cores, beside a witness, on the board whose BIOS entry can't be Bulkhead's: only EFI leads
/// back there.
fn every_end(kernel: Kernel) {
    let name = format!("kernels_{}", kernel.name());
    let iso = beside_a_witness(&name, kernel, Vec::new(), "512M").make();
    let mut machine = Machine::new(&iso, "run").without_ecam().start();
    machine.wait_for_prompt();
    machine.expect("log", &["BIOS's entry resets the machine"]);
    is_up(&mut machine, kernel);
    machine.wait_for_demo(3);
    let mut witness = Neighbour::watch(&mut machine, 3);
    // Nothing that looks like a crash, least of all for want of memory below 16 MiB.
    let complaints = "dmesg | grep -cE 'page allocation failure|Call Trace|BUG:|WARNING:'";
    assert_eq!(machine.linux(2, complaints), "0");
    let control = machine.linux(2, &reading("Partitions"));
    assert!(control.contains("witness"), "{control}");
    for (command, event) in [
        ("reboot", "* it: rebooted"),
        (
            "echo c > /proc/sysrq-trigger",
            "* it: failed reason=\"panic",
        ),
        ("taskset 2 reboot -f", "* it: rebooted"),
    ] {
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        is_up(&mut machine, kernel);
        witness.runs_on(&mut machine, command);
    }
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* it: powered-off");
    machine.wait_for(1, "* it: parked");
    machine.expect_states(&[("it", "stopped"), ("witness", "running")]);
    witness.runs_on(&mut machine, "power-off");
    witness.noticed_nothing(&mut machine);
}

fn is_up(machine: &mut Running, kernel: Kernel) {
    let report = machine.wait_for_demo(2);
    assert_eq!(report.release, kernel.release());
    assert_eq!((report.cpus, report.apic_ids.as_slice()), (2, &[1, 2][..]));
}

/// 31 parameters that no kernel knows, and one more is refused by name: Linux would panic before it
/// could tell anybody.
fn many_parameters() {
    let parameters = (1..=31).fold(String::new(), |mut text, n| {
        let _ = write!(text, "my{n}=1 ");
        text
    });
    let iso = Iso::new("many_parameters")
        .image("linux", Kernel::Debian612Cloud.image())
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(&format!(
            "define many cores=1,2 memory=256M kernel=linux initrd=demo console=com2 \
             cmdline=\"bulkhead.name=many {parameters}\"\nstart many\n"
        ))
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    assert_eq!(machine.wait_for_demo(2).cpus, 2);
    let ours = machine.linux(2, "grep -c 'my31=1.*efi=runtime' /proc/cmdline");
    assert_eq!(ours, "1");
    machine.expect(
        &format!("define more cores=3 memory=256M kernel=linux cmdline=\"{parameters} my32=1\""),
        &["error:", "my32", "panics with more than 31"],
    );
    // An older kernel is told one more, of Bulkhead's own, and might not know it either.
    machine.expect(
        &format!("define more cores=3 memory=256M kernel=linux61 cmdline=\"{parameters}\""),
        &["error:", "my31, disable_cpu_apicid"],
    );
    machine.expect_states(&[("many", "running")]);
}
