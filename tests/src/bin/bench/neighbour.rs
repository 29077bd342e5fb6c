//! A Linux that wakes every millisecond, while the other one ends in every way.

use std::path::PathBuf;

use bulkhead_tests::Kernel;
use bulkhead_tests::qemu::{Running, virtual_time};
use bulkhead_tests::soak::{self, PARTITIONS, Partition, Way};
use bulkhead_tests::ticks::{self, Ticks};
use bulkhead_tests::{faulty, initrd_with, kexec, tool};

/// What `ticks` said in one case.
pub(crate) struct Case {
    /// The kernel of the neighbour.
    pub(crate) release: String,
    pub(crate) name: String,
    /// Whether nothing was ended.
    pub(crate) is_control: bool,
    /// QEMU's own arguments of its accelerator.
    pub(crate) accelerator: String,
    pub(crate) ticks: Ticks,
}

/// What the other one does meanwhile.
#[derive(Clone, Copy)]
enum Other {
    Idles,
    /// All its cores do.
    Spins,
    /// And Bulkhead's shell answers meanwhile.
    SpinsAndShell,
    /// It enters the same kernel by kexec: it ends and boots, and Bulkhead has no part in it.
    Kexec,
    /// All its cores do it.
    Loads(Load),
    Ends(Way),
}

/// A load in which nothing ends by Bulkhead, but which it does not see either.
type Load = (&'static str, &'static str);

const LOADS: [Load; 2] = [
    ("it forks all the time", "(:)"),
    (
        "it fills and frees memory all the time",
        "head -c 32m /dev/zero >/tmp/filled-$$; rm /tmp/filled-$$",
    ),
];

const CONTROLS: [Other; 4] = [
    Other::Idles,
    Other::Spins,
    Other::SpinsAndShell,
    Other::Kexec,
];

const NAME: &str = "bench_neighbour";

/// What `only` may have a part of.
pub(crate) fn names() -> Vec<String> {
    let ways = soak::WAYS.into_iter().map(Other::Ends);
    let loads = LOADS.into_iter().map(Other::Loads);
    let all = CONTROLS.into_iter().chain(loads).chain(ways);
    all.map(|what| what.name().to_string()).collect()
}

/// Every case with either of the two as neighbour, all in one machine; the controls, of that many
/// seconds where they have no end of their own, come before and after.
/// `only` is in the cases' names.
pub(crate) fn cases(seconds: usize, only: &str) -> Vec<Case> {
    let [one, two] = &PARTITIONS;
    let both = [(one, two), (two, one)].map(|(other, neighbour)| {
        let ends = other.ways().iter().map(|way| Other::Ends(*way));
        let loads = LOADS.into_iter().map(Other::Loads);
        let all = CONTROLS.into_iter().chain(loads).chain(ends);
        let chosen = all
            .chain(CONTROLS)
            .filter(|what| tool::is_asked_for(only, what.name()));
        (other, neighbour, chosen.collect::<Vec<_>>())
    });
    if both.iter().all(|(_, _, chosen)| chosen.is_empty()) {
        return Vec::new();
    }
    let mut machine = soak::machine(NAME, initrd()).virtual_time().start();
    tool::watch(&machine);
    soak::wait_for_both(&mut machine);
    let mut cases = Vec::new();
    for (other, neighbour, chosen) in both {
        for what in chosen {
            cases.push(case(&mut machine, other, neighbour, seconds, what));
        }
    }
    cases
}

/// What the soak's has, and what kexec wants.
fn initrd() -> PathBuf {
    let kernels = PARTITIONS.map(|partition| partition.kernel);
    let mut files = faulty::files(NAME, &kernels);
    files.extend(kexec::files(&kernels));
    initrd_with(&format!("{NAME}/initrd.img"), &files)
}

fn case(
    machine: &mut Running,
    other: &Partition,
    neighbour: &Partition,
    seconds: usize,
    what: Other,
) -> Case {
    let name = what.name();
    let (ticks, ()) = ticks::watch(machine, neighbour.com, other.com, |machine| {
        happen(machine, other, seconds, what);
    });
    if matches!(what, Other::Kexec) {
        // What it booted has no tools.
        soak::end_and_wait(machine, other, Way::Restart);
    }
    let accelerator = virtual_time(false);
    Case::new(
        neighbour.kernel,
        name,
        what.is_control(),
        &accelerator,
        ticks,
    )
}

impl Case {
    /// Says it, too, since the next one takes a while.
    pub(crate) fn new(
        neighbour: Kernel,
        name: &str,
        is_control: bool,
        accelerator: &[&str],
        ticks: Ticks,
    ) -> Self {
        let release = neighbour.release();
        println!(
            "{release}, beside it {name}: {} ticks, {} lost, at most {} us late",
            ticks.count, ticks.lost, ticks.max_us
        );
        Self {
            release,
            name: name.to_string(),
            is_control,
            accelerator: accelerator.join(" "),
            ticks,
        }
    }
}

impl Other {
    const fn is_control(self) -> bool {
        !matches!(self, Self::Loads(_) | Self::Ends(_))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Idles => "control: it idles",
            Self::Spins => "control: all its cores spin",
            Self::SpinsAndShell => "control: they spin, Bulkhead's shell answers",
            Self::Kexec => "control: it reboots by kexec, without Bulkhead",
            Self::Loads((name, _)) => name,
            Self::Ends(way) => way.name(),
        }
    }
}

/// Lets it happen.
fn happen(machine: &mut Running, other: &Partition, seconds: usize, what: Other) {
    match what {
        Other::Idles => {
            machine.linux(other.com, &format!("sleep {seconds}"));
        }
        Other::Spins => {
            machine.linux(other.com, &spins(other, seconds, ":"));
        }
        Other::SpinsAndShell => answered(machine, other.com, &spins(other, seconds, ":")),
        Other::Kexec => {
            machine.com(other.com).skip();
            let command = kexec::command(other.kernel);
            machine.com(other.com).send(&format!("{command}\r"));
            machine.wait_for_demo(other.com);
        }
        Other::Ends(way) => {
            soak::end_and_wait(machine, other, way);
        }
        Other::Loads((_, load)) => {
            machine.linux(other.com, &spins(other, seconds, load));
        }
    }
}

/// A Linux does that, and Bulkhead's shell answers meanwhile, as often as it has time for and once more.
pub(crate) fn answered(machine: &mut Running, com: usize, line: &str) {
    machine.linux(com, &format!("({line}; touch /tmp/done) & true"));
    while machine.linux(com, "ls /tmp/done 2>/dev/null").is_empty() {
        for command in ["memory", "cores", "list", "log"] {
            machine.command(command);
        }
    }
    machine.linux(com, "rm /tmp/done");
}

/// A command that keeps all cores of that partition busy with another one.
fn spins(partition: &Partition, seconds: usize, command: &str) -> String {
    let spin = format!("timeout {seconds} sh -c 'while :; do {command}; done' &");
    let spins = vec![spin; partition.cores.len()].join(" ");
    format!("{spins} wait")
}

/// The controls' worst: periods lost, and the latest tick. Of those with the same neighbour.
pub(crate) fn control(cases: &[Case], release: &str) -> (u64, u64) {
    let controls = cases
        .iter()
        .filter(|case| case.is_control && case.release == release);
    controls.fold((0, 0), |(lost, max), case| {
        (lost.max(case.ticks.lost), max.max(case.ticks.max_us))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_is_the_worst_of_the_same_neighbours() {
        let case = |release: &str, is_control, lost, max_us| Case {
            release: release.to_string(),
            name: String::new(),
            is_control,
            accelerator: String::new(),
            ticks: Ticks {
                lost,
                max_us,
                count: 1,
                p999_us: 0,
                p99_us: 0,
                p50_us: 0,
                histogram: [0; ticks::BUCKETS],
            },
        };
        let cases = [
            case("a", true, 0, 5),
            case("a", true, 2, 3),
            case("a", false, 9, 9),
            case("b", true, 7, 7),
        ];
        assert_eq!(control(&cases, "a"), (2, 5));
    }
}
