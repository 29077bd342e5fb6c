//! The last Linux, which has the machine's boot processor: however it ends, that core comes back.

use std::time::Instant;

use bulkhead_tests::control::{ask, partition, path, read, unlock};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, PATIENCE, Running};
use bulkhead_tests::{Kernel, demo_initrd, faulty};
use libtest_mimic::Trial;

use crate::neighbour::Neighbour;
use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        long_story("last::every_end_of_6_1", || {
            every_end(Kernel::Debian61Cloud, "last_61")
        }),
        story("last::every_end_of_6_12", || {
            every_end(Kernel::Debian612Cloud, "last_612")
        }),
    ]
}

const TOO_EARLY: &str = "error: it has only begun to boot; try again";
const PANIC: &str = "echo c > /proc/sysrq-trigger";
const REBOOT: &str = "echo b > /proc/sysrq-trigger";

/// A line that runs a command on the first or second core of a Linux.
fn on_core(number: u32, command: &str) -> String {
    format!("taskset {number} sh -c '{command}'")
}

/// Waits for the demo of the last Linux, which has both its cores; its run must be that one.
pub(crate) fn wait_for_last(machine: &mut Running, run: u32) {
    let report = machine.wait_for_demo(4);
    assert_eq!(report.apic_ids, [0, 3]);
    expect_listed(machine, 4, &[&format!("last running {run} 0")]);
}

/// What a Linux reads of the partitions must have these lines.
pub(crate) fn expect_listed(machine: &mut Running, com: usize, lines: &[&str]) {
    let list = read(machine, com, "Partitions");
    for line in lines {
        if !list.lines().any(|listed| listed == *line) {
            machine.fail(&format!("{line:?} is not in:\n{list}"));
        }
    }
}

/// A last Linux on COM4, its cores 0 and 3, and on COM3 another one with the right to restart it,
/// which must not notice anything.
struct Last {
    machine: Running,
    boss: Neighbour,
    run: u32,
    /// How often it was killed: by each restart that was done, and in the end.
    kills: u32,
}

impl Last {
    fn boot(kernel: Kernel, name: &str) -> Self {
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
        let boss = Neighbour::watch(&mut machine, 3);
        unlock(&mut machine, 3, "Control");
        machine.com(1).send("handoff last\r");
        wait_for_last(&mut machine, 1);
        machine.com(1).skip();
        Self {
            machine,
            boss,
            run: 1,
            kills: 0,
        }
    }

    /// Types a command into it.
    fn send(&mut self, command: &str) {
        self.machine.com(4).skip();
        self.machine.com(4).send(&format!("{command}\r"));
    }

    /// What becomes of its restart, asked for by the other one.
    fn ask_for_restart(&mut self) -> String {
        self.machine.com(4).skip();
        ask(&mut self.machine, 3, "restart last")
    }

    /// The other one's restart of it is done.
    fn is_restarted(&mut self) {
        let answer = self.ask_for_restart();
        if answer != "ok" {
            self.machine.fail(&format!("its restart: {answer:?}"));
        }
        self.kills += 1;
    }

    /// So many launches later it is whole again.
    fn is_back_after(&mut self, launches: u32, what: &str) {
        self.run += launches;
        wait_for_last(&mut self.machine, self.run);
        self.boss.runs_on(&mut self.machine, what);
    }

    /// Ends by itself, and is launched again.
    fn ends(&mut self, command: &str) {
        self.send(command);
        self.is_back_after(1, command);
    }

    /// Ends in a way that says nothing, after which so many of its cores have interrupts off.
    fn hangs(&mut self, command: &str, deaf: usize) {
        self.send(command);
        self.machine.wait_for_deaf_cores(&[0, 3], deaf);
        self.boss.runs_on(&mut self.machine, command);
        self.is_restarted();
        self.is_back_after(1, command);
    }

    /// A second restart on the heels of the first. What becomes of it depends on how far the launch is,
    /// and each outcome shows in the number of runs, and at the end in the events.
    fn is_restarted_while_it_boots(&mut self) {
        self.is_restarted();
        let answer = self.ask_for_restart();
        let outcome = match answer.as_str() {
            // Its kernel had been entered, and had not called a service yet: it is left alone.
            TOO_EARLY => "refused",
            "ok" => {
                self.kills += 1;
                "done"
            }
            other => self.machine.fail(other),
        };
        self.machine.wait_for_demo(4);
        let runs = partition(&mut self.machine, 3, "last").runs;
        let outcome = match (outcome, runs.checked_sub(self.run)) {
            ("refused", Some(1)) => "refused: its kernel had just been entered",
            // A launch that was killed before is no run.
            ("done", Some(1)) => "killed before its kernel was entered",
            ("done", Some(2)) => "killed after its kernel was entered",
            (_, more) => self
                .machine
                .fail(&format!("{answer:?}, and {more:?} runs more")),
        };
        println!("a restart while it boots: {outcome}");
        self.run = runs;
        self.boss
            .runs_on(&mut self.machine, "restart while it boots");
    }

    /// Both of its cores do nothing but call services.
    fn is_restarted_in_services(&mut self) {
        let call = format!("cat {} > /tmp/list", path("Partitions"));
        for core in [1, 2] {
            let calls = on_core(core, &format!("while {call}; do :; done"));
            self.machine.linux(4, &format!("{calls} & true"));
        }
        self.is_restarted();
        self.is_back_after(1, "restart in a service");
    }

    /// Ends for good, by force: the shell comes back, and has missed no core.
    fn ends_by_force(mut self) {
        assert_eq!(ask(&mut self.machine, 3, "kill last"), "ok");
        self.machine.wait_for(1, "the shell is back");
        self.machine.wait_for(1, "bulkhead> ");
        self.kills += 1;
        let launched = format!("last: launched run={}", self.run);
        let log = self.machine.expect("log", &[&launched]);
        assert!(!log.contains("did not come back"), "{log}");
        // The events tell of each run, and of each kill, once.
        let count = |what: &str| log.matches(what).count();
        let told = (count("last: launched run="), count("last: killed"));
        assert_eq!(told, (self.run as usize, self.kills as usize), "{log}");
        self.machine
            .expect_states(&[("last", "stopped"), ("boss", "running")]);
        self.boss.runs_on(&mut self.machine, "the kill of the last");
        self.boss.noticed_nothing(&mut self.machine);
    }

    /// A boot processor that its own Linux has stopped by an NMI can't be reached: it is given up,
    /// and nothing follows.
    fn loses_the_boot_processor(mut self, command: &str) {
        self.send(command);
        let stopped = format!("last stopped {} 0", self.run);
        let end = Instant::now() + PATIENCE;
        while !read(&mut self.machine, 3, "Partitions").contains(&stopped) {
            assert!(Instant::now() < end, "it has not ended");
        }
        let answer = ask(&mut self.machine, 3, "start last");
        assert_eq!(answer, "error: its state does not allow it");
        self.boss.runs_on(&mut self.machine, command);
        self.boss.noticed_nothing(&mut self.machine);
    }
}

/// The boot processor can't get an INIT, and comes back all the same: also if another core of that
/// Linux has stopped it for ever.
fn every_end(kernel: Kernel, name: &str) {
    let mut last = Last::boot(kernel, name);
    // Where there may be guests, 6.1 stops its other cores by NMI before a reboot by force.
    let has_guests = "grep -cwE 'svm|vmx' /proc/cpuinfo";
    let stops_by_nmi = kernel == Kernel::Debian61Cloud && last.machine.linux(4, has_guests) != "0";

    // By itself, on the core that is not the boot processor: that one is stopped, or runs on.
    last.ends(&on_core(2, PANIC));
    if !stops_by_nmi {
        last.ends(&on_core(2, REBOOT));
    }
    last.hangs("halt -f", 2);
    // One core spins with interrupts on, the other one is halted; then the other way round.
    for core in [1, 2] {
        let command = on_core(core, PANIC);
        last.hangs(&format!("sysctl -w kernel.panic=0; {command}"), 1);
    }
    last.hangs(faulty::HANG, 2);
    last.is_restarted_while_it_boots();
    last.is_restarted_in_services();
    assert_eq!(
        last.machine.com(1).unseen(),
        "",
        "the shell did not come back"
    );
    if stops_by_nmi {
        last.loses_the_boot_processor(&on_core(2, REBOOT));
    } else {
        last.ends_by_force();
    }
}
