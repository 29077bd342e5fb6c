//! Bulkhead's own core goes to a last Linux; partitions start, restart and end without it.

use std::time::Instant;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, PATIENCE, Running, has_kvm};
use bulkhead_tests::{Kernel, demo_initrd, faulty};
use libtest_mimic::Trial;

use crate::neighbour::Neighbour;
use crate::story;
use crate::variables::{ask, complaint, path, read, unlock};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("handoff::last_linux_6_1", || {
            last_linux(Kernel::Debian61Cloud, "handoff_61")
        }),
        story("handoff::last_linux_6_12", || {
            last_linux(Kernel::Debian612Cloud, "handoff_612")
        }),
        story("handoff::ends_of_the_last_6_1", || {
            ends_of_the_last(Kernel::Debian61Cloud, "ends_of_the_last_61")
        }),
        story("handoff::ends_of_the_last_6_12", || {
            ends_of_the_last(Kernel::Debian612Cloud, "ends_of_the_last_612")
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

/// Waits for the demo of the last Linux, which has both its cores; its run must be that one.
fn wait_for_last(machine: &mut Running, run: u32) {
    let report = machine.wait_for_demo(4);
    assert_eq!(report.apic_ids, [0, 3]);
    expect_listed(machine, 4, &[&format!("last running {run} 0")]);
}

/// What a Linux reads of the partitions must have these lines.
fn expect_listed(machine: &mut Running, com: usize, lines: &[&str]) {
    let list = read(machine, com, "Partitions");
    for line in lines {
        if !list.lines().any(|listed| listed == *line) {
            machine.fail(&format!("{line:?} is not in:\n{list}"));
        }
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
    expect_listed(&mut machine, 4, &["one running 1 1", "two stopped 0 2"]);
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
    machine.expect("list", &["one", "running", "stopped"]);
    machine.expect("cores", &["bulkhead"]);
    one.runs_on(&mut machine, "power-off of the last");
    one.noticed_nothing(&mut machine);
    // And again.
    machine.com(4).skip();
    machine.com(1).send("handoff last\r");
    wait_for_last(&mut machine, 3);
    one.runs_on(&mut machine, "the second handoff");
    // By force: the boot processor can't get an INIT, so its Linux gets an NMI and panics.
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
    machine.expect("list", &["last", "stopped"]);
    one.runs_on(&mut machine, "the kill of the last");
}

/// However the last Linux ends, the machine's boot processor comes back from it, which can't get an
/// INIT: also when another one of its cores has stopped it for ever.
fn ends_of_the_last(kernel: Kernel, name: &str) {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("steady", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .image("faulty", faulty::initrd(name, &[kernel]))
        .script(
            "define boss cores=2 memory=256M kernel=steady initrd=demo console=com3 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define last cores=0,3 memory=320M kernel=linux initrd=faulty console=com4 cmdline=\"bulkhead.name=last quiet\"\n\
             start boss\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let mut boss = Neighbour::watch(&mut machine, 3);
    unlock(&mut machine, 3, "Control");
    machine.com(1).send("handoff last\r");
    wait_for_last(&mut machine, 1);
    machine.com(1).skip();

    // By itself, on the core that is not the boot processor: that one is stopped, or runs on.
    let panic = "echo c > /proc/sysrq-trigger";
    let reboot = "echo b > /proc/sysrq-trigger";
    // Where there may be guests, 6.1 stops its other cores by NMI before a reboot by force.
    let stops_by_nmi = kernel == Kernel::Debian61Cloud
        && machine.linux(4, "grep -cwE 'svm|vmx' /proc/cpuinfo") != "0";
    let mut run = 1;
    for command in [panic, reboot] {
        if command == reboot && stops_by_nmi {
            continue;
        }
        machine.com(4).skip();
        machine.com(4).send(&on_core(2, command));
        run += 1;
        wait_for_last(&mut machine, run);
        boss.runs_on(&mut machine, command);
    }
    // By force, from ends that say nothing; each with the number of cores that have interrupts off.
    for (command, deaf) in [
        ("halt -f\r", 2),
        // One spins with interrupts on, the other one is halted: first one of them, then the other.
        (
            &format!("sysctl -w kernel.panic=0; {}", on_core(1, panic)),
            1,
        ),
        (
            &format!("sysctl -w kernel.panic=0; {}", on_core(2, panic)),
            1,
        ),
        (&format!("{}\r", faulty::HANG), 2),
    ] {
        machine.com(4).send(command);
        machine.wait_for_deaf_cores(&[0, 3], deaf);
        boss.runs_on(&mut machine, command);
        machine.com(4).skip();
        assert_eq!(ask(&mut machine, 3, "restart last"), "ok", "{command}");
        run += 1;
        wait_for_last(&mut machine, run);
        boss.runs_on(&mut machine, "restart last");
    }
    // While it boots it is left alone, until it has called a service once.
    machine.com(4).skip();
    assert_eq!(ask(&mut machine, 3, "restart last"), "ok");
    let answer = ask(&mut machine, 3, "restart last");
    // A processor that runs guests itself may be through with that already.
    if answer == "ok" && has_kvm() {
        run += 2;
    } else {
        assert_eq!(answer, "error: it has only begun to boot; try again");
        run += 1;
    }
    wait_for_last(&mut machine, run);
    // While it does nothing but call services.
    let call = format!("cat {} > /tmp/list", path("Partitions"));
    let calls =
        format!("for core in 1 2; do taskset $core sh -c 'while {call}; do :; done' & done");
    machine.linux(4, &calls);
    machine.com(4).skip();
    assert_eq!(ask(&mut machine, 3, "restart last"), "ok");
    run += 1;
    wait_for_last(&mut machine, run);
    boss.runs_on(&mut machine, "restarts of the last");
    assert_eq!(machine.com(1).unseen(), "", "the shell did not come back");

    if stops_by_nmi {
        // A core in the middle of an NMI can't be reached: it is given up, and nothing follows.
        machine.com(4).send(&on_core(2, reboot));
        let stopped = format!("last stopped {run} 0");
        let end = Instant::now() + PATIENCE;
        while !read(&mut machine, 3, "Partitions").contains(&stopped) {
            assert!(Instant::now() < end, "the last has not ended");
        }
        let answer = ask(&mut machine, 3, "start last");
        assert_eq!(answer, "error: its state does not allow it");
    } else {
        assert_eq!(ask(&mut machine, 3, "kill last"), "ok");
        machine.wait_for(1, "the shell is back");
        machine.wait_for(1, "bulkhead> ");
        let log = machine.expect("log", &[&format!("last: launched run={run}")]);
        assert!(!log.contains("did not come back"), "{log}");
        machine.expect("list", &["last", "stopped"]);
    }
    boss.runs_on(&mut machine, "the end of the last");
    boss.noticed_nothing(&mut machine);
}

/// A line that runs a command on the first or second core of a Linux.
fn on_core(number: u32, command: &str) -> String {
    format!("taskset {number} sh -c '{command}'\r")
}

/// Who may ask, what may be asked, and the shell waking from `halt`.
fn control() {
    const INVALID: &str = "Invalid argument";
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
    assert!(
        answer.contains("error: this partition has not control=yes"),
        "{answer}"
    );
    let errno = complaint(&mut machine, 3, "Control", "kill boss");
    assert!(errno.contains(INVALID), "{errno:?}");
    machine.expect("list", &["running"]);
    // With it, malformed or impossible: refused.
    for (request, wanted, errno) in [
        ("fly spare", "error: not a request", INVALID),
        ("start", "error: not a request", INVALID),
        ("start spare now", "error: not a request", INVALID),
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
        assert!(answer.contains(wanted), "{request:?}: {answer:?}");
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
    let answer = ask(&mut machine, 2, "restart clerk");
    assert!(answer.contains("ok: passed"), "{answer}");
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
    machine.expect("list", &["spare", "running"]);
}
