//! What comes to a core that runs Bulkhead's code although nobody there waits for it: machine
//! checks, stray interrupts, non-maskable ones, also in the middle of a runtime service.
//!
//! The interrupts are sent by root of a stock Linux, who writes to the local APIC of the core that
//! he is on. Linux keeps `/dev/mem` off it, unless it was booted with `iomem=relaxed`.

use std::time::{Duration, Instant};

use bulkhead_tests::answers;
use bulkhead_tests::bochs::{self, Bochs};
use bulkhead_tests::control;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::neighbour::Neighbour;
use bulkhead_tests::qemu::{Machine, PATIENCE, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::{long_story, pair, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("faults::machine_checks", machine_checks),
        story("faults::stray_interrupts", stray_interrupts),
        long_story("faults::nmis_in_services_of_6_1", || {
            nmis_in_services(Kernel::Debian61Cloud, "nmis_61")
        }),
        story("faults::nmis_in_services_of_6_12", || {
            nmis_in_services(Kernel::Debian612Cloud, "nmis_612")
        }),
        long_story("faults::branch_tracking_in_bochs", branch_tracking),
        long_story("faults::forced_resets_in_services_of_6_1", || {
            forced_resets_in_services(Kernel::Debian61Cloud, "forced_61")
        }),
        story("faults::forced_resets_in_services_of_6_12", || {
            forced_resets_in_services(Kernel::Debian612Cloud, "forced_612")
        }),
    ]
}

/// A machine check on a parked core and on Bulkhead's own is counted, shown and survived.
fn machine_checks() {
    // Valid, uncorrected, enabled; the interrupted code can go on, and one is in progress.
    const CHECK: &str = "0xb000000000000000 0x5 0 0";
    let iso = Iso::new("machine_checks")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 cmdline=quiet\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let mut qemu = machine.monitor();
    for (core, count) in [(1, 1), (0, 2)] {
        let said = qemu.command(&format!("mce {core} 1 {CHECK}"));
        assert_eq!(said, "", "QEMU's monitor");
        let end = Instant::now() + PATIENCE;
        loop {
            let log = machine.command("log");
            if answers::traps(&log).contains(&(0x12, count)) {
                break;
            }
            assert!(
                Instant::now() < end,
                "a machine check on core {core}:\n{log}"
            );
        }
    }
    let cores = machine.command("cores");
    assert!(!cores.contains("lost"), "{cores}");
    machine.expect("start one", &[]);
    machine.wait_for_demo(2);
}

/// `one` may send interrupts from its core 1; `two` has core 2.
fn sender_and_other(name: &str, kernel: Kernel) -> Running {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one iomem=relaxed quiet\"\n\
             define two cores=2 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=two quiet\"\n\
             define three cores=3 memory=256M kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=three quiet\"\n\
             start one two\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    machine
}

/// Halves of the local APIC's command register (Intel SDM Vol. 3A, "Interrupt Command Register").
const COMMAND_HIGH: &str = "0xfee00310";
const COMMAND_LOW: &str = "0xfee00300";
const ASSERT: u32 = 0x4000;
const NMI: u32 = 0x400;
const INIT: u32 = 0x500;

/// Sends an interrupt from partition `one` to a core.
fn send(machine: &mut Running, command: u32, core: u32) {
    let (high, low) = (core << 24, ASSERT | command);
    machine.linux(
        2,
        &format!("devmem {COMMAND_HIGH} 32 {high}; devmem {COMMAND_LOW} 32 {low}"),
    );
}

/// Any vector that nobody uses; three that are exceptions as well, two of them with an error code
/// that an interrupt does not have; and an NMI: each sent to a parked core and to Bulkhead's own.
fn stray_interrupts() {
    let mut machine = sender_and_other("stray_interrupts", Kernel::Debian61Cloud);
    let mut two = Neighbour::watch(&mut machine, 3);
    for (command, vector) in [
        (0x55, 0x55),
        (0x11, 0x11),
        (0x12, 0x12),
        (0x1e, 0x1e),
        (NMI, 2),
    ] {
        for core in [3, 0] {
            send(&mut machine, command, core);
        }
        let log = machine.command("log");
        let traps = answers::traps(&log);
        assert!(traps.contains(&(vector, 2)), "vector {vector:#x}:\n{log}");
        assert!(!log.contains("lost"), "{log}");
    }
    // Bulkhead's own two: a doorbell with nothing in the mailbox is no launch.
    for command in [0xe0, 0xf1] {
        for core in [3, 0] {
            send(&mut machine, command, core);
        }
    }
    let cores = machine.command("cores");
    assert_eq!(cores.matches("parked").count(), 1, "{cores}");
    machine.expect("start three", &[]);
    machine.wait_for_demo(4);
    machine.expect("kill three", &[]);

    // A parked core that is sent INIT hears nothing any more, until it is fetched.
    send(&mut machine, INIT, 3);
    machine.com(4).skip();
    machine.expect("start three", &[]);
    std::thread::sleep(Duration::from_secs(1));
    machine.expect_states(&[("three", "launching"), ("two", "running")]);
    machine.expect("restart three", &[]);
    machine.wait_for_demo(4);
    two.runs_on(&mut machine, "stray interrupts");
    two.noticed_nothing(&mut machine);
}

/// A Linux calls a runtime service over and over, and its core gets hundreds of NMIs meanwhile.
/// Wherever they come, in Linux, in the service or on the way between, they reach Linux.
fn nmis_in_services(kernel: Kernel, name: &str) {
    const ENOUGH: u32 = 300;
    let mut machine = sender_and_other(name, kernel);
    // An NMI that it knows nothing of is worth two lines to Linux.
    machine.linux(3, "echo 0 > /proc/sys/kernel/printk");
    control::unlock(&mut machine, 3, "Control");
    let counting = "i=$((i+1)); echo $i > /tmp/n.new; mv /tmp/n.new /tmp/n";
    machine.linux(
        3,
        &format!(
            "(i=0; while :; do {}; {counting}; done) 2>/dev/null & true",
            control::request("x")
        ),
    );
    machine.linux(2, &format!("devmem {COMMAND_HIGH} 32 {}", 2 << 24));
    let low = ASSERT | NMI;
    machine.linux(
        2,
        &format!("(i=0; while :; do devmem {COMMAND_LOW} 32 {low}; {counting}; done) & true"),
    );
    let count = |machine: &mut Running, com: usize, command: &str| -> u32 {
        let text = machine.linux(com, command);
        let last = text.lines().last().unwrap_or_default();
        last.trim()
            .parse()
            .unwrap_or_else(|_| machine.fail(&format!("{text:?} is no count")))
    };
    let end = Instant::now() + 4 * PATIENCE;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let sent = count(&mut machine, 2, "cat /tmp/n");
        if sent >= ENOUGH {
            break;
        }
        if Instant::now() > end {
            machine.fail(&format!("only {sent} NMIs were sent"));
        }
    }
    let calls = count(&mut machine, 3, "cat /tmp/n");
    let received = count(
        &mut machine,
        3,
        "sed -n 's/^ *NMI: *\\([0-9]*\\).*/\\1/p' /proc/interrupts",
    );
    // Two that come while one is handled are one.
    assert!(
        received > ENOUGH / 2 && calls > ENOUGH,
        "{received} NMIs in {calls} calls"
    );
    let log = machine.command("log");
    assert!(!log.contains("lost"), "{log}");
    // No more of them: an early kernel has no handler for an NMI. The one whose sender was just
    // started when its shell was killed may still come.
    machine.linux(
        2,
        "kill $!; wait; while pidof devmem >/dev/null; do usleep 10000; done; sleep 1",
    );
    // Nor calls: a Linux that is in one when it reboots by force goes another way, which is the next
    // story.
    machine.linux(3, "kill $!; wait");
    machine.com(3).skip();
    machine.com(3).send("reboot -f\r");
    machine.wait_for(1, "* two: rebooted");
    machine.wait_for_demo(3);
}

/// A Linux reboots by force, and panics, while its tasks are in runtime services: it can't call
/// EFI's ResetSystem then, and goes to the BIOS, which is Bulkhead's.
fn forced_resets_in_services(kernel: Kernel, name: &str) {
    /// What Linux says then.
    const MARK: &str = "exclusive access to the firmware";
    const TRIES: u32 = 6;
    /// Of tasks on the second core that want the services.
    const WRITERS: usize = 3;
    let mut machine = pair::boot(name, kernel, pair::VICTIM_NEVER_RESTARTED);
    machine.expect("log", &["a reset by the BIOS's entry comes to Bulkhead"]);
    machine.wait_for_demo(2);
    let mut next = Neighbour::watch(&mut machine, 3);
    for (command, event) in [
        ("echo b > /proc/sysrq-trigger", "* victim: rebooted"),
        (
            "echo c > /proc/sysrq-trigger",
            "* victim: failed reason=\"panic",
        ),
    ] {
        let mut tries = 0;
        loop {
            tries += 1;
            // What it says then is a warning, and the machine was booted to be quiet.
            machine.linux(2, "echo 7 > /proc/sys/kernel/printk");
            control::unlock(&mut machine, 2, "Control");
            let write = format!("while :; do {}; done 2>/dev/null", control::request("x"));
            machine.linux(2, &format!("echo \"{write}\" > /tmp/write"));
            // The lock on the services is held from when a writer queues its call until a kernel
            // thread has made it. Everything but that thread has the highest priority that is not
            // real-time, and no core is ever idle: so it waits long, and the lock is hardly ever free.
            machine.linux(
                2,
                "echo 0 > /proc/sys/kernel/sched_autogroup_enabled; renice -n -20 -p $$",
            );
            let spins = "for core in 1 2; do taskset $core sh -c 'while :; do :; done' & done;";
            let writers = ["taskset 2 sh /tmp/write &"; WRITERS].join(" ");
            machine.linux(2, &format!("{spins} {writers} sleep 1"));
            let marks = machine.com(2).text().matches(MARK).count();
            machine
                .com(2)
                .send(&format!("taskset 1 sh -c '{command}'\r"));
            machine.wait_for(1, event);
            next.runs_on(&mut machine, command);
            let went_to_the_bios = machine.com(2).text().matches(MARK).count() > marks;
            machine.com(2).skip();
            machine.expect("start victim", &[]);
            let report = machine.wait_for_demo(2);
            assert_eq!(report.apic_ids, [1, 2], "{command}");
            if went_to_the_bios {
                println!("{command}: the BIOS's entry in try {tries}");
                break;
            }
            if tries == TRIES {
                machine.fail(&format!("{command}: never {MARK:?}"));
            }
        }
    }
    next.noticed_nothing(&mut machine);
    let log = machine.command("log");
    assert!(!log.contains("lost"), "{log}");
}

/// A Linux with indirect branch tracking and PCIDs calls the services, panics, is launched again and
/// reboots. QEMU's emulation has no such processor; Bochs has.
fn branch_tracking() {
    const PATIENCE: Duration = Duration::from_secs(900);
    assert!(bochs::is_available(), "bochs is installed");
    // What to do once it is up, as `bulkhead.run=` takes it: the first run has no other before it. Not
    // all of its report is sent by then. Linux drops the flag where it does not use PCIDs.
    let run = format!(
        "grep%20-qw%20pcid%20/proc/cpuinfo%20&&%20cat%20{}|grep%20-a%20'one%20running%201%201'%20&&%20echo%20c%20>/proc/sysrq-trigger;reboot%20-f",
        control::path("Partitions")
    );
    let iso = Iso::new("branch_tracking")
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(&format!(
            "define one cores=1 memory=384M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one bulkhead.run={run}\"\n\
             start one\n"
        ))
        .make();
    let mut machine = Bochs::boot(&iso);
    for event in ["* one: failed reason=\"panic", "* one: rebooted"] {
        let tracks = "CET detected: Indirect Branch Tracking enabled";
        machine.wait_for(2, tracks, PATIENCE);
        machine.wait_for(1, event, PATIENCE);
    }
    machine.wait_for(1, "* one: launched run=3", PATIENCE);
}
