//! A core that comes to grief in Bulkhead's own code: it says so with the little stack that it has
//! then, and everybody else goes on.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::neighbour::Neighbour;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::screen::expected;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;
use bulkhead_tests::control::{ask, unlock};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("stacks::fatal_machine_check", fatal_machine_check),
        story("stacks::fatal_on_a_parked_core", fatal_on_a_parked_core),
    ]
}

/// Valid, uncorrected, enabled, one in progress; the interrupted code can't go on.
const FATAL: &str = "0xb000000000000000 0x4 0 0";

/// A machine check that ends the shell's core while there is a frame buffer to draw on.
fn fatal_machine_check() {
    let iso = Iso::new("fatal_machine_check")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define boss cores=1 memory=256M kernel=linux initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define next cores=2 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=next quiet\"\n\
             define other cores=3 memory=256M kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=other quiet\"\n\
             start boss next other\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .arguments(&["-vga", "std"])
        .start();
    machine.wait_for_prompt();
    for com in [2, 3, 4] {
        machine.wait_for_demo(com);
    }
    machine.expect("log", &["screen: ", " bits, at "]);
    let mut boss = Neighbour::watch(&mut machine, 2);
    let mut next = Neighbour::watch(&mut machine, 3);
    unlock(&mut machine, 2, "Control");

    let said = machine.monitor().command(&format!("mce 0 1 {FATAL}"));
    assert_eq!(said, "", "QEMU's monitor");
    machine.wait_for(1, "running partitions go on");
    boss.runs_on(&mut machine, "a fatal machine check");
    next.runs_on(&mut machine, "a fatal machine check");
    let said = machine.com(1).text();
    for wanted in ["core 0 has stopped: machine check", "the shell has stopped"] {
        if !said.contains(wanted) {
            machine.fail(&format!("{wanted:?} is not said"));
        }
    }
    // It is on the screen, too.
    let file = machine.folder().join("screen.ppm");
    let picture = machine.monitor().picture(&file);
    let (expected, lines) = expected(&said, picture.width, picture.height);
    assert_eq!(
        picture.differences(&expected, lines, 8),
        0,
        "{}",
        file.display()
    );

    // A partition with the right goes on without the shell, and so does a restart by policy.
    machine.com(4).skip();
    assert_eq!(ask(&mut machine, 2, "restart other"), "ok");
    machine.wait_for_demo(4);
    machine.com(4).skip();
    machine.com(4).send("reboot -f\r");
    machine.wait_for_demo(4);
    next.runs_on(&mut machine, "a restart without the shell");
    next.noticed_nothing(&mut machine);
    boss.noticed_nothing(&mut machine);
}

/// The same on a core that waits for work: the shell says which one, and goes on without it.
fn fatal_on_a_parked_core() {
    let iso = Iso::new("fatal_on_a_parked_core")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 cmdline=quiet\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let said = machine.monitor().command(&format!("mce 3 1 {FATAL}"));
    assert_eq!(said, "", "QEMU's monitor");
    machine.wait_for(1, "core 3 has stopped: machine check");
    machine.wait_for(1, "the shell and all other cores go on");
    machine.expect("cores", &["lost"]);
    machine.expect("start one", &[]);
    machine.wait_for_demo(2);
}
