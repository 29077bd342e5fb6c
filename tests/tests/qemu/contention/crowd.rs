//! Many partitions in one machine, and many restarts of one: nothing of Bulkhead's own runs out, and
//! what it says of them is the same wherever it says it.

use std::time::{Duration, Instant};

use bulkhead_tests::answers;
use bulkhead_tests::control::{self, partition};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::port::plain;
use bulkhead_tests::qemu::{Machine, PATIENCE, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use super::{asks, halt};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("contention::seven_restarted_by_one_line", seven),
        story("contention::fifty_restarts", fifty),
        story("contention::eight_stopped", eight_stopped),
    ]
}

/// `p1` to `pN`, each with the core of its number; those whose port is named have a console.
fn crowd(count: usize, console: impl Fn(usize) -> Option<usize>) -> String {
    let define = |number: usize| {
        let console = console(number).map_or_else(String::new, |com| format!("console=com{com}"));
        format!(
            "define p{number} cores={number} memory=192M kernel=linux initrd=demo {console} \
             cmdline=\"bulkhead.name=p{number} quiet\"\n"
        )
    };
    (1..=count).map(define).collect()
}

fn names(count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|number| format!("p{number}")).collect();
    names.join(" ")
}

fn iso(name: &str, script: &str) -> Iso {
    Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(script)
}

/// What the events on the shell's console say of a partition: the numbers of its runs, in order, and
/// how often it was killed.
fn told(machine: &mut Running, name: &str) -> (Vec<u32>, usize) {
    let text = plain(&machine.com(1).text());
    let launched = format!("* {name}: launched run=");
    let run = |line: &str| {
        let (_, rest) = line.split_once(&launched)?;
        rest.split(' ').next()?.parse().ok()
    };
    let killed = format!("* {name}: killed");
    (
        text.lines().filter_map(run).collect(),
        text.lines().filter(|line| line.contains(&killed)).count(),
    )
}

/// Seven partitions are restarted by one line, twice: each has one run more each time.
///
/// Seven Linuxes that boot at once leave an emulating host no time: one that finds its local APIC's timer
/// too slow switches it off and idles for ever (seen with two cores, seven boots). So they are waited for
/// only where they boot one by one, at the beginning and at the end.
fn seven() {
    const COUNT: usize = 7;
    let consoles = |number| (number < 4).then_some(number + 1);
    let names = names(COUNT);
    let iso = iso("contention_seven", &crowd(COUNT, consoles)).make();
    let machine = Machine::new(&iso, "run").cores("8").memory("4G");
    let mut machine = machine.start();
    machine.wait_for_prompt();
    for number in 1..=COUNT {
        machine.expect(&format!("start p{number}"), &[]);
        if let Some(com) = consoles(number) {
            assert_eq!(machine.wait_for_demo(com).name, format!("p{number}"));
        }
    }
    have_runs(&mut machine, COUNT, 1);
    for round in 2..=3 {
        machine.expect(&format!("restart {names}"), &[]);
        have_runs(&mut machine, COUNT, round);
    }
    for number in 1..=COUNT {
        machine.expect(&format!("kill p{number}"), &[]);
        assert_eq!(machine.listed(&format!("p{number}")).state, "stopped");
    }
    for com in 2..=4 {
        let name = format!("p{}", com - 1);
        machine.com(com).skip();
        machine.expect(&format!("start {name}"), &[]);
        assert_eq!(machine.wait_for_demo(com).name, name);
    }
    let log = machine.command("log");
    println!(
        "heap in use at the end: {:?} bytes",
        answers::heap_bytes(&log)
    );
}

/// Each of them runs, so often; each run was told once, in order, and each end but this one's.
fn have_runs(machine: &mut Running, count: usize, wanted: u32) {
    for number in 1..=count {
        let name = format!("p{number}");
        machine.expect(&format!("wait {name} running 100"), &[]);
        let row = machine.listed(&name);
        let (runs, killed) = told(machine, &name);
        let is_right = row.state == "running"
            && row.runs == wanted
            && runs == (1..=wanted).collect::<Vec<_>>()
            && killed + 1 == wanted as usize;
        if !is_right {
            machine.fail(&format!(
                "{row:?}, not run {wanted}; told of runs {runs:?}, killed {killed} times"
            ));
        }
    }
}

/// One partition is restarted fifty times, as fast as the shell takes it. The run in the event, in
/// `list`, in `show` and in `Partitions` is one number.
fn fifty() {
    const TIMES: usize = 50;
    let script = "define boss cores=1 memory=256M kernel=linux initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
                  define b cores=2 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=b quiet\"\n\
                  start boss b\n";
    let mut machine = Machine::new(&iso("contention_fifty", script).make(), "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    for _ in 0..TIMES {
        machine.expect("restart b", &[]);
    }
    machine.com(3).skip();
    let last = "restart b";
    machine.expect(last, &[]);
    machine.wait_for_demo(3);
    let (runs, killed) = told(&mut machine, "b");
    let listed = machine.listed("b").runs;
    let show = machine.command("show b");
    let shown = answers::shown_runs(&show);
    let read = partition(&mut machine, 2, "b");
    // Launches that were killed before their kernel was entered are no runs, in any book.
    let is_right = runs == (1..=listed).collect::<Vec<_>>()
        && shown == Some(listed)
        && (read.state.as_str(), read.runs) == ("running", listed);
    if !is_right {
        machine.fail(&format!(
            "told of runs {runs:?}; list has {listed}, show {shown:?}, Partitions {read:?}"
        ));
    }
    if killed != TIMES + 1 {
        machine.fail(&format!("{killed} kills were told, not {}", TIMES + 1));
    }
    println!("{} restarts, {listed} runs", TIMES + 1);
}

/// As many partitions as there can be, eight, have a plan each while no core runs Bulkhead: `handoff` and
/// `halt` make those of all that are stopped.
fn eight_stopped() {
    const COUNT: usize = 7;
    let consoles = |number| [None, Some(2), Some(4)].get(number).copied().flatten();
    let script = format!(
        "{}set p1 control=yes\n\
         define last cores=0 memory=256M kernel=linux initrd=demo console=com3 control=yes cmdline=\"bulkhead.name=last quiet\"\n",
        crowd(COUNT, consoles)
    );
    let iso = iso("contention_eight", &script).make();
    let machine = Machine::new(&iso, "run").cores("8").memory("4G");
    let mut machine = machine.start();
    machine.wait_for_prompt();

    // All eight are stopped.
    machine.com(1).skip();
    machine.com(1).send("handoff last\r");
    assert_eq!(machine.wait_for_demo(3).apic_ids, [0]);
    control::teach(&mut machine, 3);
    let all: Vec<String> = (1..=COUNT).map(|number| format!("p{number}")).collect();
    each_is_started_and_killed(&mut machine, 3, &all, 1);
    machine.com(1).skip();
    machine.com(3).send("poweroff\r");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    are_stopped(&mut machine, &all, 1);

    // All but the one who will wake the shell are.
    machine.com(2).skip();
    machine.expect("start p1", &[]);
    assert_eq!(machine.wait_for_demo(2).name, "p1");
    control::teach(&mut machine, 2);
    halt(&mut machine);
    each_is_started_and_killed(&mut machine, 2, &all[1..], 2);
    machine.com(1).skip();
    asks(&mut machine, 2, "shell", "ok");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    are_stopped(&mut machine, &all[1..], 2);
    machine.expect_states(&[("p1", "running"), ("last", "stopped")]);
    let log = machine.command("log");
    println!(
        "heap in use at the end: {:?} bytes",
        answers::heap_bytes(&log)
    );
}

/// The shell lists them so, each after that many runs.
fn are_stopped(machine: &mut Running, names: &[String], runs: u32) {
    for name in names {
        let row = machine.listed(name);
        assert_eq!((row.state.as_str(), row.runs), ("stopped", runs), "{row:?}");
    }
}

/// By the Linux on `com`, which has the right; `run` is the number of runs that each has then.
fn each_is_started_and_killed(machine: &mut Running, com: usize, names: &[String], run: u32) {
    for name in names {
        machine.com(4).skip();
        asks(machine, com, &format!("start {name}"), "ok");
        if name == "p2" {
            assert_eq!(machine.wait_for_demo(4).name, *name);
        }
        let end = Instant::now() + PATIENCE;
        while partition(machine, com, name).state != "running" {
            assert!(Instant::now() < end, "{name} does not run");
            std::thread::sleep(Duration::from_millis(100));
        }
        asks(machine, com, &format!("kill {name}"), "ok");
        let row = partition(machine, com, name);
        assert_eq!((row.state.as_str(), row.runs), ("stopped", run), "{row:?}");
    }
}
