//! Every way in which a Linux can end comes back to Bulkhead, and its neighbour runs on.

use std::time::Duration;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::oops;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, demo_initrd, guest_tool, initrd_with};
use libtest_mimic::Trial;

use crate::neighbour::Neighbour;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("lifecycle::every_end_of_6_1", || {
            every_end(Kernel::Debian61Cloud, "every_end_61")
        }),
        story("lifecycle::every_end_of_6_12", || {
            every_end(Kernel::Debian612Cloud, "every_end_612")
        }),
        story("lifecycle::early_failures", early_failures),
        story("lifecycle::halted_and_hung", halted_and_hung),
        story("lifecycle::policies", policies),
        story("lifecycle::kexec_inside", kexec_inside),
    ]
}

/// The victim has two cores on COM2, its neighbour one on COM3.
fn pair(name: &str, kernel: Kernel, victim: &str) -> Running {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("steady", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .image("victim", oops::initrd(name, &[kernel]))
        .script(&format!(
            "define next cores=3 memory=256M kernel=steady initrd=demo console=com3 cmdline=\"bulkhead.name=next quiet\"\n\
             define victim cores=1,2 memory=320M kernel=linux initrd=victim console=com2 {victim}\n\
             start next victim\n"
        ))
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    machine
}

const VICTIM: &str = "cmdline=\"bulkhead.name=victim quiet\"";

/// The launch after `run`, whole again: both cores, a shell that answers.
fn is_back(machine: &mut Running, run: u32) {
    machine.wait_for(1, &format!("* victim: launched run={run} core=1"));
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [1, 2], "run {run}");
    assert_eq!(machine.linux(2, "echo $((3*3))"), "9", "run {run}");
}

fn every_end(kernel: Kernel, name: &str) {
    let mut machine = pair(name, kernel, VICTIM);
    machine.wait_for_demo(2);
    let mut next = Neighbour::watch(&mut machine, 3);

    // No end: an oops that is not to be a panic costs the process.
    let oops = machine.linux(2, &format!("{}; dmesg | grep -c Oops", oops::HARMLESS));
    assert!(oops.ends_with('1'), "{oops}");
    machine.expect("list", &["running"]);
    next.runs_on(&mut machine, "an oops");
    // Ends that lead to another run by themselves (restart=on-failure, the default).
    let again = [
        ("reboot", "* victim: rebooted"),
        ("reboot -f", "* victim: rebooted"),
        ("echo b > /proc/sysrq-trigger", "* victim: rebooted"),
        (
            "echo c > /proc/sysrq-trigger",
            "* victim: failed reason=\"panic\"",
        ),
        // A panic on the second core: ResetSystem is called there.
        (
            "taskset 2 sh -c 'echo c > /proc/sysrq-trigger'",
            "* victim: failed reason=\"panic\"",
        ),
        (oops::COMMAND, "* victim: failed reason=\"panic\""),
    ];
    let mut run = 1;
    for (command, event) in again {
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        run += 1;
        is_back(&mut machine, run);
        next.runs_on(&mut machine, command);
    }
    // Ends that stay.
    for command in ["poweroff", "poweroff -f", "echo o > /proc/sysrq-trigger"] {
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, "* victim: powered-off");
        machine.wait_for(1, "* victim: parked core=1");
        machine.expect("list", &["stopped"]);
        next.runs_on(&mut machine, command);
        machine.com(2).skip();
        machine.expect("start victim", &[]);
        run += 1;
        is_back(&mut machine, run);
    }
    // By force, from the shell.
    machine.com(2).skip();
    machine.expect("restart victim", &[]);
    is_back(&mut machine, run + 1);
    next.runs_on(&mut machine, "restart");
    machine.expect("kill victim", &[]);
    machine.expect("list", &["stopped"]);
    next.runs_on(&mut machine, "kill");
    next.noticed_nothing(&mut machine);
    let log = machine.command("log");
    assert!(!log.contains("lost"), "{log}");
}

/// Kernels that die before they have a console or an init.
fn early_failures() {
    let garbage = build_folder().join("tests").join("garbage");
    std::fs::create_dir_all(garbage.parent().expect("it has one")).expect("can be made");
    std::fs::write(&garbage, [0x5a; 100_000]).expect("can be written");
    let iso = Iso::new("early_failures")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .image("garbage", garbage)
        .script(
            "define next cores=3 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=next quiet\"\n\
             define bad cores=1 memory=256M kernel=linux initrd=garbage console=com2 restart=never\n\
             start next\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let mut next = Neighbour::watch(&mut machine, 3);
    let cases = [
        ("initrd=garbage kernel=linux", "a bad initrd"),
        ("initrd=garbage kernel=linux612", "a bad initrd on 6.12"),
        ("initrd= kernel=linux", "no initrd"),
        (
            "initrd=demo cmdline=\"rdinit=/bin/true\"",
            "an init that exits",
        ),
        ("initrd=demo cmdline=\"\" memory=80M", "too little RAM"),
    ];
    for (change, what) in cases {
        machine.expect(&format!("set bad {change}"), &[]);
        machine.expect("start bad", &[]);
        machine.wait_for(1, "* bad: launched");
        if what == "too little RAM" {
            // It may come up, panic, or hang: the operator ends it in any case.
            std::thread::sleep(Duration::from_secs(15));
            machine.command("kill bad");
        } else {
            machine.wait_for(1, "* bad: failed reason=\"panic\"");
            machine.expect("list", &["failed"]);
        }
        next.runs_on(&mut machine, what);
    }
    next.noticed_nothing(&mut machine);
}

/// What never comes back by itself: the operator takes the cores.
fn halted_and_hung() {
    let mut machine = pair(
        "halted_and_hung",
        Kernel::Debian61Cloud,
        "cmdline=\"bulkhead.name=victim quiet panic=0\"",
    );
    machine.wait_for_demo(2);
    let mut next = Neighbour::watch(&mut machine, 3);
    // `halt`: stock Linux leaves its cores halted with interrupts off, and tells nobody.
    // A panic with panic=0: one core spins, the other is halted with interrupts off.
    for (run, command) in [(2, "halt -f"), (3, "echo c > /proc/sysrq-trigger")] {
        machine.com(2).send(&format!("{command}\r"));
        std::thread::sleep(Duration::from_secs(3));
        machine.expect("list", &["running"]);
        next.runs_on(&mut machine, command);
        machine.com(2).skip();
        machine.expect("restart victim", &[]);
        is_back(&mut machine, run);
        next.runs_on(&mut machine, "restart");
    }
    next.noticed_nothing(&mut machine);
}

/// never, always, and the limit of on-failure.
fn policies() {
    let mut machine = pair(
        "policies",
        Kernel::Debian61Cloud,
        "restart=never cmdline=\"bulkhead.name=victim quiet\"",
    );
    machine.wait_for_demo(2);
    machine.expect("list", &["RESTART", "never", "on-failure"]);
    machine.com(2).send("reboot -f\r");
    machine.wait_for(1, "* victim: rebooted");
    machine.wait_for(1, "* victim: parked core=1");
    machine.expect("list", &["stopped"]);

    machine.com(2).skip();
    machine.expect("set victim restart=always", &[]);
    machine.expect("start victim", &[]);
    machine.wait_for_demo(2);
    machine.com(2).skip();
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* victim: powered-off");
    machine.wait_for(1, "* victim: launched run=3");
    machine.wait_for_demo(2);

    // Failures in a row: growing delays, then no more. An init that exits fails at once.
    machine.expect("kill victim", &[]);
    machine.expect(
        "set victim restart=on-failure cmdline=\"rdinit=/bin/false quiet\"",
        &[],
    );
    machine.expect("start victim", &[]);
    for delay in ["1000", "2000", "4000", "8000", "16000"] {
        machine.wait_for(1, "* victim: failed reason=\"panic\"");
        machine.wait_for(1, &format!("* victim: launches again in {delay} ms"));
    }
    machine.wait_for(1, "* victim: not launched again: 6 failures in a row");
    machine.wait_for(1, "* victim: parked core=1");
    machine.expect("list", &["failed"]);
}

/// A Linux enters another kernel by kexec: it stays inside its claim, and its power-off still
/// reaches Bulkhead.
fn kexec_inside() {
    let carrier = initrd_with(
        "carrier.img",
        &[
            ("/bin/kexec", guest_tool("kexec")),
            ("/boot/vmlinuz", Kernel::Debian612Cloud.image()),
            ("/boot/demo.img", demo_initrd()),
        ],
    );
    let iso = Iso::new("kexec")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .image("carrier", carrier)
        .script(
            "define next cores=3 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=next quiet\"\n\
             define victim cores=1,2 memory=640M@0x20000000 kernel=linux initrd=carrier console=com2 cmdline=\"bulkhead.name=victim quiet\"\n\
             start next victim\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let first = machine.wait_for_demo(2);
    assert_eq!(first.release, Kernel::Debian61Cloud.release());
    let mut next = Neighbour::watch(&mut machine, 3);

    machine.com(2).skip();
    machine
        .com(2)
        .send("kexec /boot/vmlinuz /boot/demo.img \"$(cat /proc/cmdline)\"\r");
    let second = machine.wait_for_demo(2);
    assert_eq!(second.release, Kernel::Debian612Cloud.release());
    assert_eq!(second.apic_ids, [1, 2]);
    for (start, end) in &second.ram {
        let is_low = *start >= 0x1_0000 && *end < 0xa_0000;
        let is_own = *start >= 0x2000_0000 && *end < 0x4800_0000;
        assert!(
            is_low || is_own,
            "{start:#x}-{end:#x} is not the partition's"
        );
    }
    next.runs_on(&mut machine, "kexec");
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* victim: powered-off");
    next.runs_on(&mut machine, "power-off after kexec");
    next.noticed_nothing(&mut machine);
}
