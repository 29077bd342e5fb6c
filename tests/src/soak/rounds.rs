//! Rounds of ends by every way.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::look::{Look, most_traps};
use super::random::Random;
use super::ways::{Way, end};
use super::{PARTITIONS, WITNESS};
use crate::neighbour::Neighbour;
use crate::qemu::Running;

/// After so many rounds everything that is allocated once has been.
const WARM_UP: usize = 4;
/// Every so many rounds Bulkhead itself is looked at, once both are up.
const LOOK_EVERY: usize = 20;
/// Ends by themselves in a row before another way is taken: after more, Bulkhead would wait long after
/// a panic, and at last give up.
const MOST_FAILURES: u32 = 3;
/// How often the witness counts.
const COUNT_MS: u32 = 200;

/// So many rounds on a machine made by [`machine_with_witness`](super::machine_with_witness); `say` gets one line for each, and a
/// summary.
///
/// # Panics
/// At the first thing that is not right, with the last lines of every port.
pub fn run(machine: &mut Running, rounds: usize, seed: u64, say: &mut dyn FnMut(&str)) {
    let begin = Instant::now();
    machine.wait_for_prompt();
    let mut soak = Soak::new(machine, seed);
    let warm_up = WARM_UP.min(rounds / 2);
    let mut first = None;
    for round in 1..=rounds {
        let index = (round - 1) % PARTITIONS.len();
        soak.finish(index, say);
        soak.begin(index, round, rounds);
        if round == warm_up || round.is_multiple_of(LOOK_EVERY) || round == rounds {
            for index in [1 - index, index] {
                soak.finish(index, say);
            }
            let look = soak.look_again(first.as_ref(), round);
            let first = first.get_or_insert_with(|| look.clone());
            if round == rounds {
                say(&soak.summary(round, begin, first, &look));
            }
        }
    }
}

/// A partition that was ended, and is on its way back.
struct Pending {
    way: Way,
    begin: Instant,
    /// What is said of it, but for its end.
    round: String,
}

pub(super) struct Soak<'a> {
    pub(super) machine: &'a mut Running,
    pub(super) random: Random,
    pub(super) witness: Neighbour,
    /// Of each partition: the round that it is in.
    pending: [Option<Pending>; 2],
    /// Of each partition: its RAM in the first report, which must never change.
    ram: Vec<Vec<(u64, u64)>>,
    pub(super) runs: [u32; 2],
    failures: [u32; 2],
    /// Of each partition: the ways that are still to come, the next one last.
    decks: [Vec<Way>; 2],
    taken: Vec<(Way, u32)>,
    slowest: Duration,
    /// Looks that had to be taken twice, and why.
    pub(super) garbled: Vec<String>,
}

impl<'a> Soak<'a> {
    pub(super) fn new(machine: &'a mut Running, seed: u64) -> Self {
        let ram = PARTITIONS.iter().map(|partition| {
            let report = machine.wait_for_demo(partition.com);
            report.ram
        });
        let ram = ram.collect();
        machine.wait_for_demo(WITNESS.com);
        let witness = Neighbour::watch_every(machine, WITNESS.com, COUNT_MS);
        Self {
            machine,
            random: Random(seed),
            witness,
            pending: [None, None],
            ram,
            runs: [1; 2],
            failures: [0; 2],
            decks: [Vec::new(), Vec::new()],
            taken: Vec::new(),
            slowest: Duration::ZERO,
            garbled: Vec::new(),
        }
    }

    fn choose(&mut self, index: usize) -> Way {
        let ways = PARTITIONS[index].ways();
        // From a shuffled deck, so that a short soak sees every way as well.
        if self.decks[index].is_empty() {
            self.decks[index] = self.random.shuffle(ways);
        }
        let may_fail = self.failures[index] < MOST_FAILURES;
        let is_fit = |way: &Way| may_fail || !way.is_failure();
        match self.decks[index].iter().rposition(is_fit) {
            Some(at) => self.decks[index].remove(at),
            None => Way::Restart,
        }
    }

    /// One partition is ended; the witness counts on.
    fn begin(&mut self, index: usize, round: usize, rounds: usize) {
        let partition = &PARTITIONS[index];
        let way = self.choose(index);
        self.failures[index] = if way.is_failure() {
            self.failures[index] + 1
        } else {
            0
        };
        match self.taken.iter_mut().find(|(taken, _)| *taken == way) {
            Some((_, count)) => *count += 1,
            None => self.taken.push((way, 1)),
        }
        let begin = Instant::now();
        self.machine.com(1).skip();
        self.machine.com(partition.com).skip();
        end(self.machine, partition, way);
        self.runs[index] += 1;
        let before = self.witness.last();
        self.witness.runs_on(self.machine, way.name());
        self.witness.noticed_nothing(self.machine);
        self.pending[index] = Some(Pending {
            way,
            begin,
            round: format!(
                "round {round:>4}/{rounds}  {} counted {before}-{}",
                WITNESS.name,
                self.witness.last(),
            ),
        });
    }

    /// If it is on its way back: it comes, and is what it was.
    fn finish(&mut self, index: usize, say: &mut dyn FnMut(&str)) {
        let Some(Pending { way, begin, round }) = self.pending[index].take() else {
            return;
        };
        self.is_whole(index, &round);
        let took = begin.elapsed();
        self.slowest = self.slowest.max(took);
        say(&format!(
            "{round}; {}  {:<46} run {:>4} in {:>4.1} s",
            PARTITIONS[index].name,
            way.name(),
            self.runs[index],
            took.as_secs_f64(),
        ));
    }

    /// It has what it always had, and its shell answers.
    pub(super) fn is_whole(&mut self, index: usize, round: &str) {
        let partition = &PARTITIONS[index];
        let report = self.machine.wait_for_demo(partition.com);
        let is_so = report.name == partition.name
            && report.release == partition.kernel.release()
            && report.apic_ids == partition.cores
            && report.cpus == partition.cores.len()
            && report.ram == self.ram[index];
        if !is_so {
            let why = format!(
                "{round}: not what it had: {report:x?}, RAM {:x?}",
                self.ram[index]
            );
            self.machine.fail(&why);
        }
        let answer = self.machine.linux(partition.com, "echo $((3*3))");
        if answer != "9" {
            self.machine.fail(&format!("{round}: 3*3 is {answer:?}"));
        }
        // One run for each end, none of them told twice and none lost.
        let runs = self.runs[index].to_string();
        let list = self.machine.command("list");
        let is_so = list.lines().any(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            words.first() == Some(&partition.name)
                && words.get(1) == Some(&"running")
                && words.get(5) == Some(&runs.as_str())
        });
        if !is_so {
            let why = format!("{round}: {} is not in run {runs}:\n{list}", partition.name);
            self.machine.fail(&why);
        }
    }

    /// Takes a look, which must show what the first one showed. One more is taken if it does not:
    /// a serial port whose reader is slow may lose a character, and what is really wrong stays so.
    pub(super) fn look_again(&mut self, first: Option<&Look>, round: usize) -> Look {
        let mut look = Look::take(self.machine);
        let Some(first) = first else {
            return look;
        };
        let cores = PARTITIONS.iter().map(|partition| partition.cores.len());
        let most = most_traps(cores.sum(), round);
        if let Some(difference) = Look::difference(first, &look, most) {
            self.garbled
                .push(format!("after round {round} {difference}"));
            look = Look::take(self.machine);
        }
        if let Some(difference) = Look::difference(first, &look, most) {
            self.machine
                .fail(&format!("after round {round} {difference}"));
        }
        look
    }

    fn summary(&self, rounds: usize, begin: Instant, first: &Look, last: &Look) -> String {
        let mut text = format!(
            "{rounds} rounds in {:.0} s, all of them right; the slowest took {:.1} s.\n",
            begin.elapsed().as_secs_f64(),
            self.slowest.as_secs_f64(),
        );
        for (way, count) in &self.taken {
            let _ = writeln!(text, "  {count:>4} x {}", way.name());
        }
        let _ = writeln!(
            text,
            "Heap in use after the first rounds and now: {} and {} bytes. No core lost; `memory` \
             and `cores` are what they were.",
            first.heap_bytes, last.heap_bytes
        );
        for garbled in &self.garbled {
            let _ = writeln!(text, "Seen once, and not at a second look: {garbled}.");
        }
        let _ = write!(
            text,
            "Left over from ended Linuxes, counted and dropped: {}.",
            last.left_over()
        );
        text
    }
}
