//! Two partitions with control, which act at random on each other and on two more, at the same moment
//! as the shell, and after a `halt` without it.
//!
//! After each round every request has its one answer, who was asked for nothing is what it was, and what
//! Bulkhead says of each is what its console shows. What is stopped then is started again by whoever is
//! there to do it.

use std::fmt::Write;
use std::time::Instant;

use super::judge::judge;
use super::look::{Look, most_traps};
use super::random::Random;
use super::table::{Act, Actor, BOSSES, PARTITIONS, choose};
use crate::control;
use crate::iso::Iso;
use crate::qemu::{Machine, Running};
use crate::{Kernel, demo_initrd};

/// After so many rounds everything that is allocated once has been: the shell has been away too.
const WARM_UP: usize = 6;
/// Every so many rounds Bulkhead itself is looked at.
const LOOK_EVERY: usize = 20;
/// The heap may differ by what the allocator's holes make of it, and by no more.
const HEAP_BYTES: u64 = 512;

/// A machine for [`contend`].
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn machine_with_bosses(name: &str) -> Machine {
    let mut script = String::new();
    for (index, (name, com)) in PARTITIONS.into_iter().enumerate() {
        let console = com.map_or_else(String::new, |com| format!("console=com{com}"));
        let control = if BOSSES.contains(&index) { "yes" } else { "no" };
        // Writing into a string never fails.
        let _ = writeln!(
            script,
            "define {name} cores={} memory=192M kernel=linux initrd=demo {console} \
             control={control} cmdline=\"bulkhead.name={name} quiet\"",
            index + 1
        );
    }
    let names = PARTITIONS.map(|(name, _)| name).join(" ");
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(&format!("{script}start {names}\n"));
    Machine::new(&iso.make(), "run").cores(&(PARTITIONS.len() + 1).to_string())
}

/// So many rounds; `say` gets one line for each, and a summary.
///
/// # Panics
/// At the first thing that is not right, with the last lines of every port.
pub fn contend(machine: &mut Running, rounds: usize, seed: u64, say: &mut dyn FnMut(&str)) {
    let begin = Instant::now();
    machine.wait_for_prompt();
    let mut soak = Contest::new(machine, seed);
    let mut first = None;
    for round in 1..=rounds {
        let text = soak.round(round);
        say(&format!("round {round:>4}/{rounds}  {text}"));
        let is_last = round == rounds;
        if round == WARM_UP.min(rounds / 2) || round.is_multiple_of(LOOK_EVERY) || is_last {
            // What the shell has when it comes back is what it had.
            if soak.has_shell {
                soak.halt();
            }
            soak.wake();
            let look = Look::take(soak.machine);
            let first = first.get_or_insert_with(|| look.clone());
            soak.is_as_it_was(first, &look, round);
            if is_last {
                say(&soak.summary(rounds, begin, first, &look));
            }
        }
    }
}

pub(super) struct Contest<'a> {
    pub(super) machine: &'a mut Running,
    pub(super) random: Random,
    pub(super) has_shell: bool,
    /// What each partition is between two rounds: running.
    pub(super) runs: [u32; PARTITIONS.len()],
    /// Where the text of each serial port began that belongs to this round.
    pub(super) marks: [usize; 5],
    /// So that an answer is that of its question.
    pub(super) token: u32,
    pub(super) requests: u32,
    pub(super) refused: u32,
    pub(super) halts: u32,
    /// Lists of the shell's that did not come whole, and were asked for again.
    pub(super) unheard: Vec<String>,
}

impl<'a> Contest<'a> {
    fn new(machine: &'a mut Running, seed: u64) -> Self {
        for com in PARTITIONS.into_iter().filter_map(|(_, com)| com) {
            machine.wait_for_demo(com);
        }
        for (name, _) in PARTITIONS {
            machine.expect(&format!("wait {name} running 60"), &[]);
        }
        for boss in BOSSES {
            control::teach(machine, port(boss));
        }
        Self {
            machine,
            random: Random(seed),
            has_shell: true,
            runs: [1; PARTITIONS.len()],
            marks: [0; 5],
            token: 0,
            requests: 0,
            refused: 0,
            halts: 0,
            unheard: Vec::new(),
        }
    }

    /// One round; what it was, in a line.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a round has a few acts and answers"
    )]
    fn round(&mut self, round: usize) -> String {
        let begin = Instant::now();
        // The first ones with the shell, so that a short soak has both.
        if round > WARM_UP / 2 && self.random.below(3) == 0 {
            if self.has_shell {
                self.halt();
            } else {
                self.wake();
            }
        }
        let acts = choose(&mut self.random, self.has_shell);
        let said: Vec<String> = acts.iter().map(ToString::to_string).collect();
        let said = said.join(", ");
        let context = format!("round {round}: {said}");
        self.act(&acts);
        let table = self.settle(&acts, &context);
        let answers = BOSSES.map(|boss| self.answers(boss));
        self.requests += acts.iter().filter(|act| act.actor != Actor::Shell).count() as u32;
        let refusals = answers.iter().flatten().filter(|a| a.starts_with("error"));
        self.refused += refusals.count() as u32;
        if let Err(why) = judge(&acts, &self.runs, &table, &answers) {
            self.machine.fail(&format!(
                "{context}: {why}; {table:?}, answered {answers:?}"
            ));
        }
        self.come_up(&table, &context);
        self.repair(&table, &context);
        let place = if self.has_shell { "shell" } else { "no shell" };
        format!(
            "{place:<8}  {said:<90} {:>5.1} s",
            begin.elapsed().as_secs_f64()
        )
    }

    /// All of them at once, whoever is first.
    fn act(&mut self, acts: &[Act]) {
        for com in 1..=4 {
            self.marks[com] = self.machine.com(com).text().len();
        }
        for act in acts {
            let line = act.request();
            match act.actor {
                Actor::Shell => self.machine.com(1).send(&format!("{line}\r")),
                Actor::Boss(boss) => self.machine.com(port(boss)).send(&format!(
                    ". {}; ask '{line}'; echo ANS''WER=\"$a|\"\r",
                    control::SCRIPT
                )),
            }
        }
    }

    /// What a boss was answered in this round.
    pub(super) fn answers(&mut self, boss: usize) -> Vec<String> {
        let text = self.of_this_round(port(boss));
        let answers = text.split("ANSWER=").skip(1);
        let answers = answers.filter_map(|rest| Some(rest.split_once('|')?.0.to_string()));
        answers.collect()
    }

    pub(super) fn of_this_round(&mut self, com: usize) -> String {
        self.machine.com(com).text()[self.marks[com]..].to_string()
    }

    fn is_as_it_was(&mut self, first: &Look, now: &Look, round: usize) {
        let grown = now.heap_bytes.saturating_sub(first.heap_bytes);
        let same_heap = now.clone().with_heap(first.heap_bytes);
        // Three acts a round, and one that mends each.
        let most = most_traps(6, round);
        let difference = Look::difference(first, &same_heap, most);
        if grown > HEAP_BYTES || difference.is_some() {
            self.machine.fail(&format!(
                "after round {round} the heap has grown by {grown} bytes; {difference:?}"
            ));
        }
    }

    fn summary(&self, rounds: usize, begin: Instant, first: &Look, last: &Look) -> String {
        let mut text = format!(
            "{rounds} rounds of two control partitions in {:.0} s, all of them right.\n\
             {} requests, each answered once, {} of them refused; {} times without a shell. Runs: {:?}.\n\
             Heap in use after the first rounds and now: {} and {} bytes. No core lost.\n\
             Left over from ended Linuxes, counted and dropped: {}.",
            begin.elapsed().as_secs_f64(),
            self.requests,
            self.refused,
            self.halts,
            self.runs,
            first.heap_bytes,
            last.heap_bytes,
            last.left_over(),
        );
        for unheard in &self.unheard {
            let _ = write!(text, "\nAsked for again: {unheard}.");
        }
        text
    }
}

/// The serial port of a boss.
pub(super) fn port(boss: usize) -> usize {
    PARTITIONS[boss].1.unwrap_or(2)
}
