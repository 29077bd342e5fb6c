//! Two partitions, ended in turns by every way there is, at random: each comes back whole, a third
//! one does not notice, and nothing is used up.
//!
//! The two overlap: while one boots the other is ended, so a launch is always met by somebody's end.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::iso::Iso;
use crate::neighbour::Neighbour;
use crate::qemu::{Machine, Running};
use crate::{Kernel, answers, faulty};

/// What there is to be ended.
pub struct Partition {
    /// Its name.
    pub name: &'static str,
    /// What it boots.
    pub kernel: Kernel,
    /// Its serial port.
    pub com: usize,
    /// Its cores, the boot core first.
    pub cores: &'static [u32],
    /// Its RAM.
    pub memory: &'static str,
}

/// Both of them.
pub const PARTITIONS: [Partition; 2] = [
    Partition {
        name: "one",
        kernel: Kernel::Debian61Cloud,
        com: 2,
        cores: &[1, 2],
        memory: "320M",
    },
    Partition {
        name: "two",
        kernel: Kernel::Debian612Cloud,
        com: 3,
        cores: &[3],
        memory: "256M",
    },
];

/// Runs beside them in a soak, and is never ended.
const WITNESS: Partition = Partition {
    name: "witness",
    kernel: Kernel::Debian61Cloud,
    com: 4,
    cores: &[4],
    memory: "192M",
};

impl Partition {
    /// The ways that it can be ended by.
    #[must_use]
    pub fn ways(&self) -> &'static [Way] {
        let count = WAYS.len() - usize::from(self.cores.len() == 1);
        &WAYS[..count]
    }
}

/// After so many rounds everything that is allocated once has been.
const WARM_UP: usize = 4;
/// Every so many rounds Bulkhead itself is looked at, once both are up.
const LOOK_EVERY: usize = 20;
/// Panics in a row before another way is taken: after more, Bulkhead would wait for long, and at
/// last give up.
const MOST_PANICS: u32 = 3;
/// How often the witness counts.
const COUNT_MS: u32 = 200;
/// The shell remembers 64 lines, which take memory.
const HISTORY: usize = 66;
/// Vectors below are the processor's own exceptions; 2 is the NMI, which fetches cores.
const EXCEPTIONS: u8 = 32;
const NMI: u8 = 2;
/// Interrupts that were pending when a Linux ended arrive at the parked core and are counted:
/// so many a round and core are no more than that.
const LEFT_OVER: u32 = 4;

/// A way to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a command in its Linux; the partition stays ended.
    Off(&'static str),
    /// By a command in its Linux; another run follows.
    Again(&'static str),
    /// The same, by a panic.
    Panic(&'static str),
    /// By the shell.
    Kill,
    /// By the shell, at once.
    Restart,
    /// A command after which all its cores have interrupts off for good; the shell restarts it.
    Hang(&'static str),
}

/// All of them; the last one needs a second core.
pub const WAYS: [Way; 13] = [
    Way::Off("poweroff"),
    Way::Off("poweroff -f"),
    Way::Off("echo o > /proc/sysrq-trigger"),
    Way::Again("reboot"),
    Way::Again("reboot -f"),
    Way::Again("echo b > /proc/sysrq-trigger"),
    Way::Panic("echo c > /proc/sysrq-trigger"),
    Way::Panic(faulty::PANIC),
    Way::Kill,
    Way::Restart,
    Way::Hang("halt -f"),
    Way::Hang(faulty::HANG),
    Way::Panic("taskset 2 sh -c 'echo c > /proc/sysrq-trigger'"),
];

impl Way {
    /// What to call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Panic(faulty::PANIC) => "an oops, with panic_on_oops",
            Self::Off(command) | Self::Again(command) | Self::Panic(command) => command,
            Self::Kill => "kill from the shell",
            Self::Restart => "restart from the shell",
            Self::Hang(faulty::HANG) => "interrupts off, restart from the shell",
            Self::Hang(_) => "halt -f, restart from the shell",
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose by.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is small")
    }

    /// The ways in a random order (Fisher and Yates).
    fn shuffle(&mut self, ways: &[Way]) -> Vec<Way> {
        let mut deck = ways.to_vec();
        for last in (1..deck.len()).rev() {
            deck.swap(last, self.below(last + 1));
        }
        deck
    }
}

/// What Bulkhead says of itself while both partitions run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    heap_bytes: u64,
    memory: String,
    cores: String,
    traps: Vec<(u8, u32)>,
}

/// A machine with both partitions, whose initial RAM disk is that one. Its files lie in the folder
/// `name`.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn machine(name: &str, initrd: PathBuf) -> Machine {
    machine_of(name, initrd, &PARTITIONS.iter().collect::<Vec<_>>())
}

/// Waits until both are up.
///
/// # Panics
/// If one does not come up.
pub fn wait_for_both(machine: &mut Running) {
    machine.wait_for_prompt();
    for partition in &PARTITIONS {
        machine.wait_for_demo(partition.com);
    }
}

/// A machine for [`run`]: with one partition more, which counts, and is never ended.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn machine_with_witness(name: &str) -> Machine {
    let initrd = faulty::initrd(name, &PARTITIONS.map(|partition| partition.kernel));
    let all = PARTITIONS.iter().chain([&WITNESS]);
    machine_of(name, initrd, &all.collect::<Vec<_>>())
}

fn machine_of(name: &str, initrd: PathBuf, partitions: &[&Partition]) -> Machine {
    let mut script = String::new();
    let mut iso = Iso::new(name).image("demo", initrd);
    let mut images = Vec::new();
    for partition in partitions {
        let Partition {
            name,
            kernel,
            com,
            cores,
            memory,
        } = partition;
        let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
        // Writing into a string never fails.
        let _ = writeln!(
            script,
            "define {name} cores={} memory={memory} kernel={} initrd=demo console=com{com} \
             cmdline=\"bulkhead.name={name} quiet\"",
            cores.join(","),
            kernel.name(),
        );
        if !images.contains(kernel) {
            iso = iso.image(kernel.name(), kernel.image());
            images.push(*kernel);
        }
    }
    let names: Vec<&str> = partitions.iter().map(|partition| partition.name).collect();
    let iso = iso.script(&format!("{script}start {}\n", names.join(" ")));
    // Bulkhead has the first core.
    let cores: usize = partitions
        .iter()
        .map(|partition| partition.cores.len())
        .sum();
    Machine::new(&iso.make(), "run").cores(&(cores + 1).to_string())
}

/// So many rounds on a machine made by [`machine_with_witness`]; `say` gets one line for each, and a
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

/// Ends it, and sees to it that it is launched again.
///
/// # Panics
/// If it does not end in that way.
pub fn end(machine: &mut Running, partition: &Partition, way: Way) {
    let name = partition.name;
    match way {
        Way::Off(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            machine.wait_for(1, &format!("* {name}: powered-off"));
            let parked = format!("* {name}: parked core={}", partition.cores[0]);
            machine.wait_for(1, &parked);
            is_listed(machine, name, "stopped");
            type_line(machine, &format!("start {name}"));
        }
        Way::Again(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            machine.wait_for(1, &format!("* {name}: rebooted"));
        }
        Way::Panic(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            let failed = format!("* {name}: failed reason=\"panic\"");
            machine.wait_for(1, &failed);
        }
        Way::Kill => {
            type_line(machine, &format!("kill {name}"));
            machine.wait_for(1, &format!("* {name}: killed"));
            is_listed(machine, name, "stopped");
            type_line(machine, &format!("start {name}"));
        }
        Way::Restart => {
            type_line(machine, &format!("restart {name}"));
            machine.wait_for(1, &format!("* {name}: killed"));
        }
        Way::Hang(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            machine.wait_for_deaf_cores(partition.cores, partition.cores.len());
            is_listed(machine, name, "running");
            type_line(machine, &format!("restart {name}"));
            machine.wait_for(1, &format!("* {name}: killed"));
        }
    }
}

/// The same, and waits until it is back.
///
/// # Panics
/// If it does not come back.
pub fn end_and_wait(machine: &mut Running, partition: &Partition, way: Way) {
    machine.com(1).skip();
    machine.com(partition.com).skip();
    end(machine, partition, way);
    machine.wait_for_demo(partition.com);
}

fn type_line(machine: &mut Running, line: &str) {
    machine.com(1).skip();
    machine.com(1).send(&format!("{line}\r"));
}

fn is_listed(machine: &mut Running, name: &str, state: &str) {
    let list = machine.command("list");
    let is_so = list.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next() == Some(name) && words.next() == Some(state)
    });
    if !is_so {
        let why = format!("{name} is not {state}:\n{list}");
        machine.fail(&why);
    }
}

/// A partition that was ended, and is on its way back.
struct Pending {
    way: Way,
    begin: Instant,
    /// What is said of it, but for its end.
    round: String,
}

struct Soak<'a> {
    machine: &'a mut Running,
    random: Random,
    witness: Neighbour,
    /// Of each partition: the round that it is in.
    pending: [Option<Pending>; 2],
    /// Of each partition: its RAM in the first report, which must never change.
    ram: Vec<Vec<(u64, u64)>>,
    runs: [u32; 2],
    panics: [u32; 2],
    /// Of each partition: the ways that are still to come, the next one last.
    decks: [Vec<Way>; 2],
    taken: Vec<(Way, u32)>,
    slowest: Duration,
    /// Looks that had to be taken twice, and why.
    garbled: Vec<String>,
}

impl<'a> Soak<'a> {
    fn new(machine: &'a mut Running, seed: u64) -> Self {
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
            panics: [0; 2],
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
        let may_panic = self.panics[index] < MOST_PANICS;
        let is_fit = |way: &Way| may_panic || !matches!(way, Way::Panic(_));
        match self.decks[index].iter().rposition(is_fit) {
            Some(at) => self.decks[index].remove(at),
            None => Way::Restart,
        }
    }

    /// One partition is ended; the witness counts on.
    fn begin(&mut self, index: usize, round: usize, rounds: usize) {
        let partition = &PARTITIONS[index];
        let way = self.choose(index);
        self.panics[index] = match way {
            Way::Panic(_) => self.panics[index] + 1,
            _ => 0,
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
    fn is_whole(&mut self, index: usize, round: &str) {
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

    fn look(&mut self) -> Look {
        // What the shell remembers is the same then.
        for number in 0..HISTORY {
            let line = if number % 2 == 0 {
                "version"
            } else {
                "version "
            };
            self.machine.command(line);
        }
        let memory = self.machine.command("memory");
        let cores = self.machine.command("cores");
        let log = self.machine.command("log");
        if log.lines().any(|line| line.contains(": lost (")) {
            self.machine.fail(&format!("a core is lost:\n{log}"));
        }
        let Some(heap_bytes) = answers::heap_bytes(&log) else {
            self.machine
                .fail("\"log\" does not say what of the heap is in use");
        };
        Look {
            heap_bytes,
            memory,
            cores,
            traps: answers::traps(&log),
        }
    }

    /// What is not as it was; nothing if all is.
    fn difference(first: &Look, now: &Look, round: usize) -> Option<String> {
        let changed = |what: &str, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
            Some(format!("{what} is not what it was: {was:?}, {is:?}"))
        };
        if now.heap_bytes != first.heap_bytes {
            return changed("the heap in use", &first.heap_bytes, &now.heap_bytes);
        }
        let texts = [
            ("`memory`", &first.memory, &now.memory),
            ("`cores`", &first.cores, &now.cores),
        ];
        for (what, was, is) in texts {
            let lines = was.lines().zip(is.lines());
            let pair = lines.into_iter().find(|(was, is)| was != is);
            if let Some((was, is)) = pair {
                return changed(what, &was, &is);
            }
            if was != is {
                return changed(what, was, is);
            }
        }
        let cores = PARTITIONS.iter().map(|partition| partition.cores.len());
        let cores: usize = cores.sum();
        let limit = u32::try_from(cores * round).unwrap_or(u32::MAX) * LEFT_OVER;
        let is_wrong = |(vector, count): &&(u8, u32)| {
            (*vector < EXCEPTIONS && *vector != NMI) || *count > limit
        };
        let (vector, count) = now.traps.iter().find(is_wrong)?;
        Some(format!("vector {vector:#x} came {count} times"))
    }

    /// Takes a look, which must show what the first one showed. One more is taken if it does not:
    /// a serial port whose reader is slow may lose a character, and what is really wrong stays so.
    fn look_again(&mut self, first: Option<&Look>, round: usize) -> Look {
        let mut look = self.look();
        let Some(first) = first else {
            return look;
        };
        if let Some(difference) = Self::difference(first, &look, round) {
            self.garbled
                .push(format!("after round {round} {difference}"));
            look = self.look();
        }
        if let Some(difference) = Self::difference(first, &look, round) {
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
        let traps = last
            .traps
            .iter()
            .map(|(vector, count)| format!("{vector:#x} {count} times"));
        let traps: Vec<String> = traps.collect();
        let _ = write!(
            text,
            "Left over from ended Linuxes, counted and dropped: {}.",
            if traps.is_empty() {
                "nothing".to_string()
            } else {
                format!("vector {}", traps.join(", "))
            }
        );
        text
    }
}
