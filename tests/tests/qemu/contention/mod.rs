//! Two partitions with `control=yes` at once, and no shell: both act on a third one, and on each
//! other. However it goes, every partition can be started and killed afterwards, and what a Linux
//! reads of them is true.

mod crowd;
mod each_other;
mod without_a_shell;

use std::time::{Duration, Instant};

use bulkhead_tests::control::{self, Row, ask, is_on_its_way, partition, partitions};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, PATIENCE, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    let own = vec![
        story("contention::two_bosses_and_a_third", two_bosses),
        story("contention::boss_killed_in_a_request", killed_in_a_request),
    ];
    let all = [
        own,
        each_other::stories(),
        crowd::stories(),
        without_a_shell::stories(),
    ];
    all.into_iter().flatten().collect()
}

/// Both control partitions, and who has none: names and serial ports.
const BOSSES: [(&str, usize); 2] = [("left", 2), ("right", 3)];
const THIRD: (&str, usize) = ("third", 4);

const WRONG_STATE: &str = "error: its state does not allow it";

/// All three are up, and the bosses know how to ask.
fn boot(name: &str) -> Running {
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define left cores=1 memory=256M kernel=linux initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=left quiet\"\n\
             define right cores=2 memory=256M kernel=linux initrd=demo console=com3 control=yes cmdline=\"bulkhead.name=right quiet\"\n\
             define third cores=3 memory=256M kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=third quiet\"\n\
             start left right third\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    for (_, com) in BOSSES {
        machine.wait_for_demo(com);
        control::teach(&mut machine, com);
    }
    machine.wait_for_demo(THIRD.1);
    machine
}

/// The shell's core parks.
fn halt(machine: &mut Running) {
    machine.com(1).skip();
    machine.com(1).send("halt\r");
    machine.wait_for(1, "\n");
    // Until it has parked, a request is passed to it.
    std::thread::sleep(Duration::from_secs(2));
}

/// Waits until no partition is on its way from one state to another; they are as they are then.
fn settle(machine: &mut Running, com: usize) -> Vec<Row> {
    let end = Instant::now() + PATIENCE;
    loop {
        let rows = partitions(machine, com);
        if !rows.iter().any(|row| is_on_its_way(&row.state)) {
            return rows;
        }
        if Instant::now() > end {
            machine.fail(&format!("a partition stays on its way: {rows:?}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The answer must be that one.
fn asks(machine: &mut Running, com: usize, request: &str, wanted: &str) {
    let answer = ask(machine, com, request);
    if answer != wanted {
        machine.fail(&format!(
            "{request:?} by com{com}: {answer:?}, not {wanted:?}"
        ));
    }
}

/// By the Linux on `com` the other one can be killed and started, is what it says meanwhile, and its
/// own shell answers in the end.
fn is_whole(machine: &mut Running, com: usize, (name, port): (&str, usize)) {
    let row = settle(machine, com)
        .into_iter()
        .find(|row| row.name == name);
    let Some(row) = row else {
        machine.fail(&format!("{name} is not in Partitions"));
    };
    let kill = format!("kill {name}");
    if row.state == "running" {
        asks(machine, com, &kill, "ok");
    }
    let stopped = partition(machine, com, name);
    if (stopped.state.as_str(), stopped.runs) != ("stopped", row.runs) {
        machine.fail(&format!("after {kill:?}: {stopped:?}, before {row:?}"));
    }
    asks(machine, com, &kill, WRONG_STATE);
    machine.com(port).skip();
    asks(machine, com, &format!("start {name}"), "ok");
    machine.wait_for_demo(port);
    let running = partition(machine, com, name);
    if (running.state.as_str(), running.runs) != ("running", row.runs + 1) {
        machine.fail(&format!("after its start: {running:?}, before {row:?}"));
    }
    assert_eq!(machine.linux(port, "echo $((3*3))"), "9", "{name}");
}

/// Both restart and kill the third one in loops, as fast as they can.
fn two_bosses() {
    /// Of a restart and a kill each.
    const ROUNDS: usize = 10;
    let mut machine = boot("contention_third");
    halt(&mut machine);
    for ((_, com), verbs) in BOSSES.into_iter().zip(["restart kill", "kill restart"]) {
        let requests = format!("for verb in {verbs}; do ask \"$verb third\"; echo \"$a\"; done");
        let line = format!(
            ". {}; i=0; while [ $i -lt {ROUNDS} ]; do i=$((i+1)); {requests}; done",
            control::SCRIPT
        );
        machine.start_job(com, "loop", &line);
    }
    for (name, com) in BOSSES {
        machine.job(com, "loop", 2 * PATIENCE);
        let output = machine.linux(com, "grep -v JOB= /tmp/loop.out");
        let answers: Vec<&str> = output.lines().map(str::trim).collect();
        let done = answers.iter().filter(|answer| **answer == "ok").count();
        let refused = answers.iter().filter(|answer| **answer == WRONG_STATE);
        // Each request has one answer, and both bosses come to something.
        if answers.len() != 2 * ROUNDS || done + refused.count() != answers.len() || done == 0 {
            machine.fail(&format!("{name} was answered:\n{output}"));
        }
        println!("{name}: {done} of {} requests were done", answers.len());
    }
    is_whole(&mut machine, BOSSES[0].1, THIRD);
    is_whole(&mut machine, BOSSES[1].1, THIRD);
    is_whole(&mut machine, BOSSES[0].1, BOSSES[1]);
    is_whole_shell(&mut machine, BOSSES[0].1);
}

/// The shell comes back, and says the same of all as a Linux reads.
fn is_whole_shell(machine: &mut Running, com: usize) {
    machine.com(1).skip();
    asks(machine, com, "shell", "ok");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    for row in settle(machine, com) {
        let listed = machine.listed(&row.name);
        if (&listed.state, listed.runs) != (&row.state, row.runs) {
            machine.fail(&format!(
                "the shell lists {listed:?}, Partitions has {row:?}"
            ));
        }
    }
    let log = machine.command("log");
    assert!(!log.contains("did not come back"), "{log}");
}

/// A boss does nothing but ask, and is killed meanwhile: by the shell, then by the other one without
/// the shell. What it had begun is finished, whatever it was.
fn killed_in_a_request() {
    const BY_THE_SHELL: usize = 2;
    const BY_THE_OTHER: usize = 6;
    let [left, right] = BOSSES;
    let mut machine = boot("contention_in_a_request");
    for round in 1..=BY_THE_SHELL + BY_THE_OTHER {
        if round == BY_THE_SHELL + 1 {
            halt(&mut machine);
        }
        let requests = ["restart third", "kill third", "start third"].map(control::request);
        machine.linux(
            left.1,
            &format!(
                "(while :; do {}; done) 2>/dev/null & true",
                requests.join("; ")
            ),
        );
        // Long enough to be in the middle of one, and each time in another.
        std::thread::sleep(Duration::from_millis(500 + 37 * round as u64));
        if round <= BY_THE_SHELL {
            machine.expect("kill left", &[]);
            machine.wait_for(1, "* left: killed");
        } else {
            asks(&mut machine, right.1, "kill left", "ok");
        }
        let rows = settle(&mut machine, right.1);
        let killed = rows.iter().find(|row| row.name == left.0);
        if killed.is_none_or(|row| row.state != "stopped") {
            machine.fail(&format!("round {round}: {rows:?}"));
        }
        if round > BY_THE_SHELL {
            is_whole(&mut machine, right.1, THIRD);
        }
        machine.com(left.1).skip();
        asks(&mut machine, right.1, "start left", "ok");
        machine.wait_for_demo(left.1);
        control::teach(&mut machine, left.1);
    }
    is_whole(&mut machine, right.1, left);
    is_whole_shell(&mut machine, right.1);
}
