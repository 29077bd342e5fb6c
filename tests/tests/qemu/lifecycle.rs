//! Every way in which a Linux can end comes back to Bulkhead, and its neighbour runs on.

use std::time::Duration;

use bulkhead_tests::control;
use bulkhead_tests::faulty;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running, has_kvm};
use bulkhead_tests::soak::{self, PARTITIONS, Way};
use bulkhead_tests::ticks;
use bulkhead_tests::{Kernel, build_folder, demo_initrd, guest_tool, initrd_with, kexec};
use libtest_mimic::Trial;

use crate::firmware::{self, FILE};
use crate::neighbour::Neighbour;
use crate::{long_story, pair, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        long_story("lifecycle::every_end_of_6_1", || {
            every_end(Kernel::Debian61Cloud, "every_end_61")
        }),
        story("lifecycle::every_end_of_6_12", || {
            every_end(Kernel::Debian612Cloud, "every_end_612")
        }),
        story("lifecycle::early_failures", early_failures),
        long_story("lifecycle::halted_and_hung_6_1", || {
            halted_and_hung(Kernel::Debian61Cloud, "hung_61")
        }),
        story("lifecycle::halted_and_hung_6_12", || {
            halted_and_hung(Kernel::Debian612Cloud, "hung_612")
        }),
        long_story("lifecycle::neighbours_timer", neighbours_timer),
        story("lifecycle::policies", policies),
        long_story("lifecycle::reboots_without_end", reboots_without_end),
        story("lifecycle::kexec_inside", kexec_inside),
    ]
}

/// The launch after `run`, whole again: both cores, a shell that answers.
fn is_back(machine: &mut Running, run: u32) {
    machine.wait_for(1, &format!("* victim: launched run={run} core=1"));
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [1, 2], "run {run}");
    assert_eq!(machine.linux(2, "echo $((3*3))"), "9", "run {run}");
}

/// `show` has its state, and its end in the words of that event.
fn last_ended(machine: &mut Running, state: &str, event: &str) {
    let state = format!("victim: {state}, ");
    let end = event.trim_start_matches("* victim: ");
    machine.expect("show victim", &[&state, &format!("last end:\n  {end}")]);
}

fn every_end(kernel: Kernel, name: &str) {
    let mut machine = pair::boot(name, kernel, pair::VICTIM);
    machine.wait_for_demo(2);
    let mut next = Neighbour::watch(&mut machine, 3);

    // No end: an oops that is not to be a panic costs the process.
    let oops = machine.linux(2, &format!("{}; dmesg | grep -c Oops", faulty::OOPS));
    assert!(oops.ends_with('1'), "{oops}");
    machine.expect_states(&[("victim", "running")]);
    next.runs_on(&mut machine, "an oops");
    // Ends that lead to another run by themselves (restart=on-failure, the default).
    let again = [
        ("reboot", "* victim: rebooted"),
        ("reboot -f", "* victim: rebooted"),
        ("echo b > /proc/sysrq-trigger", "* victim: rebooted"),
        (
            "echo c > /proc/sysrq-trigger",
            "* victim: failed reason=\"panic",
        ),
        // A panic on the second core: ResetSystem is called there.
        (
            "taskset 2 sh -c 'echo c > /proc/sysrq-trigger'",
            "* victim: failed reason=\"panic",
        ),
        (faulty::PANIC, "* victim: failed reason=\"panic"),
    ];
    let mut run = 1;
    for (nth, (command, event)) in again.into_iter().enumerate() {
        if nth == 3 {
            // Six within a minute each would be too many: an operator's restart ends the row.
            machine.com(2).skip();
            machine.expect("restart victim", &[]);
            run += 1;
            is_back(&mut machine, run);
        }
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        run += 1;
        is_back(&mut machine, run);
        last_ended(&mut machine, "running", event);
        next.runs_on(&mut machine, command);
    }
    // Ends that stay.
    for command in ["poweroff", "poweroff -f", "echo o > /proc/sysrq-trigger"] {
        let event = "* victim: powered-off";
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        machine.wait_for(1, "* victim: parked core=1");
        last_ended(&mut machine, "stopped", event);
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
    last_ended(&mut machine, "running", "* victim: killed");
    machine.expect("kill victim", &[]);
    last_ended(&mut machine, "stopped", "* victim: killed");
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
    // A warning before EFI's services are there, which is to be a panic. Linux calls a ResetSystem
    // that it does not have, at address 0, panics of that, and so on for ever.
    let before_efi = "cmdline=\"rcutree.rcu_fanout_leaf=1 panic_on_warn=1 earlyprintk=ttyS1\"";
    for (change, what) in cases {
        machine.expect(&format!("set bad {change}"), &[]);
        machine.expect("start bad", &[]);
        machine.wait_for(1, "* bad: launched");
        if what == "too little RAM" {
            // It may come up, panic, or hang: the operator ends it in any case.
            std::thread::sleep(Duration::from_secs(15));
            machine.command("kill bad");
        } else {
            machine.wait_for(1, "* bad: failed reason=\"panic");
            machine.expect_states(&[("bad", "failed")]);
        }
        next.runs_on(&mut machine, what);
    }
    for kernel in ["linux", "linux612"] {
        machine.expect(
            &format!("set bad initrd=demo memory=256M kernel={kernel} {before_efi}"),
            &[],
        );
        machine.expect("start bad", &[]);
        machine.wait_for(2, "RIP: 0010:0x0");
        for _ in 0..2 {
            machine.wait_for(2, "Attempted to kill the idle task!");
        }
        machine.expect_states(&[("bad", "running")]);
        next.runs_on(&mut machine, "a panic before EFI's services are there");
        machine.expect("kill bad", &[]);
        machine.wait_for(1, "* bad: killed");
        machine.expect_states(&[("bad", "stopped")]);
    }
    next.noticed_nothing(&mut machine);
}

/// What never comes back by itself: the operator takes the cores.
fn halted_and_hung(kernel: Kernel, name: &str) {
    let victim = "cmdline=\"bulkhead.name=victim quiet panic=0\"";
    let mut machine = pair::boot(name, kernel, victim);
    machine.wait_for_demo(2);
    let mut next = Neighbour::watch(&mut machine, 3);
    // Each with the number of cores that have interrupts off from then on.
    let ways = [
        // Stock Linux leaves its cores halted, and tells nobody.
        ("halt -f", 2, "restart"),
        // With panic=0 one core spins with interrupts on, the other is halted.
        ("echo c > /proc/sysrq-trigger", 1, "kill"),
        // Both cores spin.
        (faulty::HANG, 2, "restart"),
        (faulty::HANG, 2, "kill"),
    ];
    for ((command, count, verb), run) in ways.into_iter().zip(2..) {
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for_deaf_cores(&[1, 2], count);
        machine.expect_states(&[("victim", "running")]);
        next.runs_on(&mut machine, command);
        machine.com(2).skip();
        machine.expect(&format!("{verb} victim"), &[]);
        machine.wait_for(1, "* victim: killed");
        if verb == "kill" {
            machine.expect_states(&[("victim", "stopped")]);
            machine.expect("start victim", &[]);
        }
        is_back(&mut machine, run);
        next.runs_on(&mut machine, verb);
    }
    next.noticed_nothing(&mut machine);
}

/// A Linux that wakes every millisecond is never late while the other one ends and boots; both are
/// each other's neighbour. All ways, with controls, are the bench's.
fn neighbours_timer() {
    /// Twice what the bench's controls are late by.
    const LATEST_US: u64 = 1000;
    let kernels = PARTITIONS.map(|partition| partition.kernel);
    let initrd = faulty::initrd("neighbours_timer", &kernels);
    let mut machine = soak::machine("neighbours_timer", initrd)
        .virtual_time()
        .start();
    soak::wait_for_both(&mut machine);
    let [one, two] = &PARTITIONS;
    // Each way once, since it takes minutes: which kernel is whose neighbour was never seen to matter.
    let [reboot, panic] = [
        Way::Again("reboot -f"),
        Way::Panic("echo c > /proc/sysrq-trigger"),
    ];
    for (other, neighbour, ways) in [(one, two, vec![reboot, Way::Kill]), (two, one, vec![panic])] {
        for way in ways {
            let (ticks, ()) = ticks::watch(&mut machine, neighbour.com, other.com, |machine| {
                soak::end_and_wait(machine, other, way);
            });
            println!("{} beside {}: {ticks:?}", neighbour.name, way.name());
            // With KVM it is the host's time, and also what the host does is in it.
            let is_late = ticks.lost > 0 || ticks.max_us > LATEST_US;
            if is_late && !has_kvm() {
                machine.fail(&format!("{}: {ticks:?}", way.name()));
            }
        }
    }
}

/// never, always, and the limit of on-failure.
fn policies() {
    let mut machine = pair::boot(
        "policies",
        Kernel::Debian61Cloud,
        pair::VICTIM_NEVER_RESTARTED,
    );
    machine.wait_for_demo(2);
    machine.expect("list", &["RESTART", "never", "on-failure"]);
    machine.com(2).send("reboot -f\r");
    machine.wait_for(1, "* victim: rebooted");
    machine.wait_for(1, "* victim: parked core=1");
    machine.expect_states(&[("victim", "stopped")]);

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
        machine.wait_for(1, "* victim: failed reason=\"panic");
        machine.wait_for(1, &format!("* victim: launches again in {delay} ms"));
    }
    machine.wait_for(1, "* victim: not launched again: 6 failures in a row");
    machine.wait_for(1, "* victim: parked core=1");
    machine.expect_states(&[("victim", "failed")]);

    own_reboot_parameters(&mut machine);
}

/// A `reboot=` of one's own takes the place of the one by which a panic is told from a reboot.
fn own_reboot_parameters(machine: &mut Running) {
    let start = |machine: &mut Running, parameter: &str| {
        machine.expect(&format!("set victim cmdline=\"{parameter} quiet\""), &[]);
        machine.expect("start victim", &[]);
    };
    let end = |machine: &mut Running, command: &str, event: &str| {
        machine.wait_for_demo(2);
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, &format!("* victim: {event}"));
    };
    start(machine, "reboot=warm,efi");
    end(machine, "echo c > /proc/sysrq-trigger", "rebooted");
    let cold = "echo cold > /sys/kernel/reboot/mode; reboot -f";
    end(machine, cold, "failed reason=\"panic");
    // The second in a row: what was told as a reboot came too soon.
    machine.wait_for(1, "* victim: launches again in 2000 ms");
    machine.expect("kill victim", &[]);
    start(machine, "reboot=efi");
    end(machine, "reboot -f", "failed reason=\"panic");
}

/// What reboots at once, for ever, is not launched for ever: an init that does so, and a panic that
/// looks like a reboot, as that of a kernel before `panic_cold` does.
fn reboots_without_end() {
    let victim = "cmdline=\"rdinit=/bin/busybox quiet -- reboot -f\"";
    let mut machine = pair::boot("reboots_without_end", Kernel::Debian61Cloud, victim);
    let mut next = Neighbour::watch(&mut machine, 3);
    let mut run = 0;
    for change in ["", "cmdline=\"rdinit=/bin/false reboot=warm,efi quiet\""] {
        if !change.is_empty() {
            machine.expect(&format!("set victim {change}"), &[]);
            machine.expect("start victim", &[]);
        }
        for _ in 0..6 {
            run += 1;
            machine.wait_for(1, &format!("* victim: launched run={run} core=1"));
            machine.wait_for(1, "* victim: rebooted");
        }
        machine.wait_for(
            1,
            "* victim: not launched again: 6 failures in a row; a reboot within 60 s counts as one",
        );
        machine.wait_for(1, "* victim: parked core=1");
        machine.expect_states(&[("victim", "failed"), ("next", "running")]);
        last_ended(&mut machine, "failed", "* victim: rebooted");
        machine.expect("show victim", &["failures 6 in a row"]);
        next.runs_on(&mut machine, "six reboots");
    }
    // Its operator's start begins anew.
    machine.com(2).skip();
    machine.expect("set victim cmdline=\"bulkhead.name=victim quiet\"", &[]);
    machine.expect("start victim", &[]);
    is_back(&mut machine, run + 1);
    machine.expect("show victim", &["failures 0 in a row"]);
    machine.com(2).skip();
    machine.com(2).send("reboot\r");
    is_back(&mut machine, run + 2);
    next.noticed_nothing(&mut machine);
}

/// A Linux enters another kernel by kexec: it stays inside its claim, has the variables that the first
/// one wrote, is answered by Bulkhead's own, and its power-off still reaches Bulkhead.
fn kexec_inside() {
    let entered = Kernel::Debian612Cloud;
    // Each with what its EFI variables need.
    let module = |kernel: Kernel| {
        let path = format!("/lib/modules/{}/efivarfs.ko", kernel.release());
        (path, kernel.module())
    };
    let unlock = || ("/bin/unlock".to_string(), guest_tool("unlock"));
    let mut files = kexec::files(&[entered]);
    files.retain(|(path, _)| path != "/boot/demo.img");
    files.push((
        "/boot/demo.img".to_string(),
        initrd_with("entered.img", &[module(entered), unlock()]),
    ));
    files.extend([module(Kernel::Debian61Cloud), unlock()]);
    let carrier = initrd_with("carrier.img", &files);
    let iso = Iso::new("kexec")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .image("carrier", carrier)
        .script(
            "define next cores=3 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=next quiet\"\n\
             define victim cores=1,2 memory=640M@0x20000000 kernel=linux initrd=carrier console=com2 control=yes cmdline=\"bulkhead.name=victim quiet\"\n\
             start next victim\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let first = machine.wait_for_demo(2);
    assert_eq!(first.release, Kernel::Debian61Cloud.release());
    let mut next = Neighbour::watch(&mut machine, 3);
    assert_eq!(firmware::write(&mut machine, 2, FILE, 7, "before"), "");
    control::unlock(&mut machine, 2, "Control");
    let refused = control::ask(&mut machine, 2, "kill nobody");
    assert!(refused.starts_with("error:"), "{refused}");

    machine.com(2).skip();
    machine
        .com(2)
        .send(&format!("{}\r", kexec::command(entered)));
    let second = machine.wait_for_demo(2);
    assert_eq!(second.release, entered.release());
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
    variables_after_kexec(&mut machine, &refused);
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* victim: powered-off");
    next.runs_on(&mut machine, "power-off after kexec");
    next.noticed_nothing(&mut machine);
}

/// What the first kernel wrote, and how its last request stands; both can be written again.
fn variables_after_kexec(machine: &mut Running, refused: &str) {
    assert_eq!(firmware::read(machine, 2, FILE), "before");
    assert_eq!(control::read(machine, 2, "Control"), refused);
    let row = control::partition(machine, 2, "victim");
    assert_eq!((row.state.as_str(), row.runs), ("running", 1));
    assert_eq!(firmware::write(machine, 2, FILE, 7, "after"), "");
    assert_eq!(firmware::read(machine, 2, FILE), "after");
    control::unlock(machine, 2, "Control");
    let refused = control::ask(machine, 2, "start next");
    assert!(refused.starts_with("error:"), "{refused}");
}
