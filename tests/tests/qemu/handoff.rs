//! Bulkhead's own core goes to a last Linux; partitions start, restart and end without it.

use bulkhead_tests::control::{ask, complaint, read, unlock};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running, has_kvm};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::last::{expect_listed, wait_for_last};
use crate::neighbour::Neighbour;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("handoff::last_linux_6_1", || {
            last_linux(Kernel::Debian61Cloud, "handoff_61")
        }),
        story("handoff::last_linux_6_12", || {
            last_linux(Kernel::Debian612Cloud, "handoff_612")
        }),
        story("handoff::control", control),
    ]
}

/// How many cores run with five levels of page tables.
const LEVELS: &str = "grep -cw la57 /proc/cpuinfo";

/// Linux shows the flag only if it runs with five levels of page tables, as it does wherever the
/// processor can: so what it calls here is called from them. Real processors may have four.
fn has_five_levels(machine: &mut Running, com: usize) {
    if !has_kvm() {
        assert_ne!(
            machine.linux(com, LEVELS),
            "0",
            "four levels of page tables"
        );
    }
}

fn last_linux(kernel: Kernel, name: &str) {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("steady", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=steady initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet\"\n\
             define two cores=2 memory=256M kernel=steady initrd=demo console=com3 control=yes cmdline=\"bulkhead.name=two quiet\"\n\
             define last cores=0,3 memory=320M kernel=linux initrd=demo console=com4 control=yes cmdline=\"bulkhead.name=last quiet\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    let mut one = Neighbour::watch(&mut machine, 2);
    machine.expect("start last", &["error:", "core 0", "handoff"]);
    machine.expect("handoff one", &["error:"]);

    machine.com(1).send("handoff last\r");
    wait_for_last(&mut machine, 1);
    has_five_levels(&mut machine, 2);
    has_five_levels(&mut machine, 4);
    one.runs_on(&mut machine, "handoff");

    // No core is Bulkhead's now. The last Linux sees the partitions, starts one, restarts another.
    unlock(&mut machine, 4, "Control");
    expect_listed(&mut machine, 4, &["one running 1 1", "two defined 0 2"]);
    assert_eq!(ask(&mut machine, 4, "start two"), "ok");
    machine.wait_for_demo(3);
    one.runs_on(&mut machine, "start two");
    machine.com(2).skip();
    assert_eq!(ask(&mut machine, 4, "restart one"), "ok");
    machine.wait_for_demo(2);
    let mut one = Neighbour::watch(&mut machine, 2);
    // A partition restarts itself.
    machine.com(3).skip();
    machine.com(3).send("reboot -f\r");
    machine.wait_for_demo(3);
    assert_eq!(ask(&mut machine, 4, "kill two"), "ok");
    expect_listed(&mut machine, 4, &["one running 2 1", "two stopped 2 2"]);
    one.runs_on(&mut machine, "kill two");

    // The last Linux restarts itself on the machine's boot processor.
    machine.com(4).skip();
    machine.com(4).send("reboot -f\r");
    wait_for_last(&mut machine, 2);
    one.runs_on(&mut machine, "reboot of the last");
    // Its power-off brings the shell back, which knows what happened meanwhile.
    machine.com(1).skip();
    machine.com(4).send("poweroff -f\r");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    machine.expect_states(&[("one", "running"), ("two", "stopped"), ("last", "stopped")]);
    machine.expect("cores", &["bulkhead"]);
    one.runs_on(&mut machine, "power-off of the last");
    one.noticed_nothing(&mut machine);
    nobody_was_held_up(&mut machine);
    // And again.
    machine.com(4).skip();
    machine.com(1).send("handoff last\r");
    wait_for_last(&mut machine, 3);
    one.runs_on(&mut machine, "the second handoff");
    // By force: the boot processor can't get an INIT, so it gets an NMI, which leads to Bulkhead.
    machine.com(3).skip();
    unlock(&mut machine, 4, "Control");
    assert_eq!(ask(&mut machine, 4, "start two"), "ok");
    machine.wait_for_demo(3);
    unlock(&mut machine, 3, "Control");
    machine.com(1).skip();
    machine.com(4).skip();
    assert_eq!(ask(&mut machine, 3, "restart last"), "ok");
    wait_for_last(&mut machine, 4);
    assert_eq!(machine.com(1).unseen(), "", "the shell did not come back");
    expect_listed(&mut machine, 3, &["last running 4 0", "two running 3 2"]);
    one.runs_on(&mut machine, "the restart of the last");
    assert_eq!(ask(&mut machine, 3, "kill last"), "ok");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    machine.expect_states(&[("one", "running"), ("two", "running"), ("last", "stopped")]);
    one.runs_on(&mut machine, "the kill of the last");
}

/// A Linux whose core asks for the end of another one has its interrupts off meanwhile. That was for
/// as long as the end took: seconds, if a device or a core does not come back. Now it is for one step
/// and a few interprocessor interrupts, and a hundred times as long where it is all emulated.
fn nobody_was_held_up(machine: &mut Running) {
    const MOST_US: u64 = 50_000;
    let log = machine.expect("log", &["services: the longest call took"]);
    let line = log.lines().find_map(|line| {
        let us = line
            .trim()
            .strip_prefix("services: the longest call took ")?;
        us.strip_suffix(" us")?.parse::<u64>().ok()
    });
    let us = line.expect("the line has a number");
    println!("the longest call of a service: {us} us");
    assert!(us <= MOST_US, "a service held its caller for {us} us");
}

/// Who may ask, what may be asked, and the shell waking from `halt`.
fn control() {
    const INVALID: &str = "Invalid argument";
    const MALFORMED: &str = "error: not a request (accepted: start, stop, kill, restart, hold, attach NAME; keep, dumped, release NAME ID; shell)";
    let iso = Iso::new("control")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define boss cores=1 memory=256M kernel=linux612 initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define clerk cores=2 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=clerk quiet\"\n\
             define spare cores=3 memory=256M kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=spare quiet\"\n\
             start boss clerk\n",
        )
        .make();
    // Here with four levels of page tables.
    let mut machine = Machine::new(&iso, "run");
    if !has_kvm() {
        machine = machine.arguments(&["-cpu", "max,la57=off"]);
    }
    let mut machine = machine.start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    if !has_kvm() {
        assert_eq!(machine.linux(2, LEVELS), "0", "five levels of page tables");
    }
    unlock(&mut machine, 2, "Control");
    unlock(&mut machine, 3, "Control");

    // Without the right: refused, nothing happens.
    let answer = ask(&mut machine, 3, "kill boss");
    assert_eq!(answer, "error: this partition has not control=yes");
    let errno = complaint(&mut machine, 3, "Control", "kill boss");
    assert!(errno.contains(INVALID), "{errno:?}");
    machine.expect_states(&[
        ("boss", "running"),
        ("clerk", "running"),
        ("spare", "defined"),
    ]);
    // With it, malformed or impossible: refused.
    for (request, wanted, errno) in [
        ("fly spare", MALFORMED, INVALID),
        ("start", MALFORMED, INVALID),
        ("start spare now", MALFORMED, INVALID),
        (
            "start nobody",
            "error: there is no such partition",
            "Input/output error",
        ),
        (
            "kill boss",
            "error: a partition can't do this to itself",
            INVALID,
        ),
        ("start clerk", "error: its state does not allow it", INVALID),
        ("shell", "error: its state does not allow it", INVALID),
    ] {
        let complaint = complaint(&mut machine, 2, "Control", request);
        let answer = read(&mut machine, 2, "Control");
        assert_eq!(answer, wanted, "{request:?}");
        assert!(complaint.contains(errno), "{request:?}: {complaint:?}");
    }
    // Who may ask may not write what can only be read.
    unlock(&mut machine, 2, "Partitions");
    let list = read(&mut machine, 2, "Partitions");
    let errno = complaint(&mut machine, 2, "Partitions", "boss stopped 1 1");
    assert!(errno.contains("Read-only file system"), "{errno:?}");
    assert_eq!(read(&mut machine, 2, "Partitions"), list);
    // While the shell runs it does what is asked.
    machine.com(1).skip();
    assert_eq!(ask(&mut machine, 2, "restart clerk"), "ok");
    machine.wait_for(1, "* clerk: asked to restart");
    machine.wait_for(1, "* clerk: launched run=2");
    machine.com(3).skip();

    // Halted: the doorbell wakes parked cores all the same, and the shell's own.
    machine.com(1).send("halt\r");
    machine.wait_for(1, "\n");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(ask(&mut machine, 2, "start spare"), "ok");
    machine.wait_for_demo(4);
    machine.com(1).skip();
    assert_eq!(ask(&mut machine, 2, "shell"), "ok");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    machine.expect_states(&[
        ("boss", "running"),
        ("clerk", "running"),
        ("spare", "running"),
    ]);
}
