//! The shell dies, by a machine check on its core that nobody can go on from: partitions go on, and
//! who has the right still starts, restarts and kills others.

use std::time::Duration;

use bulkhead_tests::control;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::neighbour::Neighbour;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use super::{WRONG_STATE, asks, is_whole};
use crate::{long_story, story};

pub(super) fn stories() -> Vec<Trial> {
    vec![
        long_story("contention::shell_panics", || panics("panic", &[])),
        story("contention::shell_panics_on_a_screen", || {
            panics("panic_screen", &["-vga", "std"]);
        }),
    ]
}

/// Uncorrected, enabled, and the processor's context is corrupt; one is in progress, and there is no
/// address from which the interrupted code could go on (Intel SDM Vol. 3B, "`IA32_MCi_STATUS`" and
/// "`IA32_MCG_STATUS`").
const FATAL: &str = "mce 0 1 0xb200000000000000 0x4 0 0";

fn panics(name: &str, devices: &[&str]) {
    let iso = Iso::new(&format!("contention_{name}"))
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define boss cores=1 memory=256M kernel=linux initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define one cores=2 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=one quiet\"\n\
             define two cores=3 memory=256M kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=two quiet\"\n\
             start boss one two\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").arguments(devices).start();
    machine.wait_for_prompt();
    for com in 2..=4 {
        machine.wait_for_demo(com);
    }
    control::teach(&mut machine, 2);
    let mut boss = Neighbour::watch(&mut machine, 2);
    machine.expect("kill two", &[]);
    machine.expect_states(&[("boss", "running"), ("one", "running"), ("two", "stopped")]);

    machine.com(1).skip();
    let said = machine.monitor().command(FATAL);
    assert_eq!(said, "", "QEMU's monitor");
    machine.wait_for(1, "Bulkhead: ");
    std::thread::sleep(Duration::from_secs(1));
    // It is no reset of the machine, and the shell is gone.
    machine.com(1).skip();
    machine.com(1).send("version\r");
    boss.runs_on(&mut machine, "a panic of the shell");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(machine.com(1).unseen(), "", "the shell still answers");
    assert_eq!(machine.linux(3, "echo $((3*3))"), "9", "one runs on");

    asks(&mut machine, 2, "kill two", WRONG_STATE);
    is_whole(&mut machine, 2, ("one", 3));
    is_whole(&mut machine, 2, ("two", 4));
    machine.com(3).skip();
    asks(&mut machine, 2, "restart one", "ok");
    machine.wait_for_demo(3);
    // Its policy needs no shell either.
    machine.com(4).skip();
    machine.com(4).send("reboot -f\r");
    machine.wait_for_demo(4);
    boss.runs_on(&mut machine, "what followed");
    boss.noticed_nothing(&mut machine);
}
