//! The same work in a partition and in the same Linux by itself, on the same devices, in turns.

mod answer;
pub(crate) mod contention;
mod figure;
mod guests;
mod machines;
mod network;
mod pairs;
mod print;
mod tasks;

use std::time::{Duration, Instant};

use bulkhead_tests::Kernel;
use bulkhead_tests::claims::numbers;
use bulkhead_tests::qemu::Running;
use bulkhead_tests::tool;

pub(crate) use self::answer::megabits;
pub(crate) use self::figure::{Better, Compared, Figure};

use self::answer::Answer;
use self::answer::answers;
use self::machines::{COM, Part};
use self::tasks::Way;

pub(crate) use self::machines::{Bench, Side, cards_to_host, full_disk};
pub(crate) use self::pairs::{COMS, parts};
pub(crate) use self::tasks::{Clock, NVME, Task, core, disk};
use crate::host;

/// Those to work on that nobody chose.
pub(crate) const USUAL: [Kernel; 2] = [Kernel::Debian61, Kernel::Debian612];
/// Those whose drivers are there for disks and cards ([`bulkhead_tests::device_initrd`]).
pub(crate) const WITH_DRIVERS: [Kernel; 3] =
    [Kernel::Debian61, Kernel::Debian612, Kernel::DebianSid];
/// With those that only a core's work can be done on.
pub(crate) const KERNELS: [Kernel; 6] = [
    Kernel::Debian61,
    Kernel::Debian612,
    Kernel::DebianSid,
    Kernel::Debian61Cloud,
    Kernel::Debian612Cloud,
    Kernel::DebianSidCloud,
];

/// Beyond a task's own time. A second of virtual time is as long as the host takes for it.
const PATIENCE: Duration = Duration::from_secs(60);
const VIRTUAL_PATIENCE: Duration = Duration::from_secs(240);

/// All runs of one kernel.
pub(crate) struct Work {
    pub(crate) release: String,
    pub(crate) one: Vec<Compared>,
    pub(crate) two: Vec<Compared>,
}

/// How much is done.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    pub(crate) runs: usize,
    pub(crate) cores: usize,
    /// Of each work.
    pub(crate) seconds: usize,
    /// Only the work with one of these, between `|`, in a figure's name.
    pub(crate) only: String,
    pub(crate) clock: Clock,
    /// Contention in KVM guests too.
    pub(crate) has_guests: bool,
    /// Bulkhead's own core is parked before the work.
    pub(crate) is_halted: bool,
}

impl Size {
    fn has(&self, figures: &[Figure]) -> bool {
        figures
            .iter()
            .any(|figure| tool::is_asked_for(&self.only, &figure.name))
    }
}

/// What `$ONLY` may have a part of.
pub(crate) fn names(size: &Size, kernel: Option<Kernel>) -> Vec<String> {
    let has_drivers = kernel.is_none_or(|kernel| WITH_DRIVERS.contains(&kernel));
    let tasks = tasks::tasks(size.seconds, size.clock).into_iter();
    let tasks = tasks.filter(|task| has_drivers || !task.has_device());
    let pairs = pairs::pairs(size.seconds).into_iter();
    let pairs = pairs.filter(|_| has_drivers && size.clock == Clock::Host);
    let figures = tasks
        .flat_map(|task| task.figures)
        .chain(pairs.flat_map(|pair| pair.figures));
    figures.map(|figure| figure.name).collect()
}

/// All of it on one kernel; the tables are printed as they get full.
pub(crate) fn work(kernel: Kernel, size: &Size) -> Work {
    let release = kernel.release();
    let one = one(kernel, size);
    print::one(&release, size, &one);
    let two = two(kernel, size);
    print::two(&release, &two);
    Work { release, one, two }
}

/// One partition.
fn one(kernel: Kernel, size: &Size) -> Vec<Compared> {
    let mut tasks = tasks::tasks(size.seconds, size.clock);
    tasks.retain(|task| size.has(&task.figures));
    if !WITH_DRIVERS.contains(&kernel) {
        tasks.retain(|task| !task.has_device());
    }
    if tasks.is_empty() {
        return Vec::new();
    }
    let has_devices = tasks.iter().any(Task::has_device);
    let part = Part {
        name: "one",
        com: COM,
        cores: size.cores,
        devices: match has_devices {
            true => "01:00.0,02:00.0,03:00.0,04:00.0",
            false => "",
        },
    };
    let cards = has_devices.then(machines::cards_to_host);
    let bench =
        Bench::new("bench_work", kernel, vec![part], cards, size.clock).halted(size.is_halted);
    let figures = tasks.iter().flat_map(|task| task.figures.clone());
    // Of virtual time the host's clock says nothing.
    let surroundings = match size.clock {
        Clock::Host => vec![
            Figure::same("guest's clock by the host's", "s/s"),
            Figure::same("cores that Linux allows for", "cores"),
        ],
        Clock::Virtual => Vec::new(),
    };
    let figures = figures.chain(surroundings).collect();
    turns("one", kernel, &bench, size.runs, figures, |machine, _| {
        if has_devices {
            network::set_up(machine, 3);
            network::set_up(machine, 4);
        }
        let clocks = (size.clock == Clock::Host).then(|| Clocks::start(machine));
        let mut values = Vec::new();
        for task in &tasks {
            values.extend(do_task(machine, task, size));
        }
        if let Some(clocks) = clocks {
            values.extend([clocks.rate(machine), possible(machine)]);
        }
        values
    })
}

/// Two partitions with a core each, beside a Linux with two.
fn two(kernel: Kernel, size: &Size) -> Vec<Compared> {
    let mut pairs = pairs::pairs(size.seconds);
    // Beside each other the two sides' cores take turns in one thread.
    pairs.retain(|_| size.clock == Clock::Host);
    pairs.retain(|pair| size.has(&pair.figures) && WITH_DRIVERS.contains(&kernel));
    if pairs.is_empty() {
        return Vec::new();
    }
    let cards = machines::cards_on_a_wire();
    let bench = Bench::new("bench_two", kernel, pairs::parts(), Some(cards), size.clock)
        .halted(size.is_halted);
    let figures = pairs.iter().flat_map(|pair| pair.figures.clone());
    let figures = figures.collect();
    turns(
        "two",
        kernel,
        &bench,
        size.runs,
        figures,
        |machine, side| {
            let values = pairs
                .iter()
                .map(|pair| pair.play(machine, side, size.seconds));
            values.collect::<Vec<_>>().concat()
        },
    )
}

/// Both sides in turns, each in a machine that was just booted.
fn turns(
    what: &str,
    kernel: Kernel,
    bench: &Bench,
    runs: usize,
    figures: Vec<Figure>,
    mut play: impl FnMut(&mut Running, Side) -> Vec<f64>,
) -> Vec<Compared> {
    let mut all: Vec<Compared> = figures.into_iter().map(Compared::new).collect();
    let mut source = None;
    for run in 1..=runs {
        for side in Side::BOTH {
            let load = host::load();
            let mut machine = bench.boot(side);
            same_clock(&mut machine, &mut source);
            let values = play(&mut machine, side);
            assert_eq!(values.len(), all.len(), "a value for every figure");
            for (compared, value) in all.iter_mut().zip(values) {
                match side {
                    Side::Partition => compared.partition.push(value),
                    Side::Alone => compared.alone.push(value),
                }
            }
            let took = machine.age().as_secs();
            println!(
                "{} {what}, run {run}, {side:?}: {took} s, load before {load}",
                kernel.release()
            );
        }
    }
    println!();
    all
}

/// A clock that costs more to read would be measured as work.
fn same_clock(machine: &mut Running, source: &mut Option<String>) {
    let line = "cat /sys/devices/system/clocksource/clocksource0/current_clocksource";
    let own = machine.linux(COM, line);
    let wanted = source.get_or_insert_with(|| own.clone());
    if own != *wanted {
        machine.fail(&format!(
            "the clock's source is {own:?} here and {wanted:?} there"
        ));
    }
}

pub(crate) fn do_task(machine: &mut Running, task: &Task, size: &Size) -> Vec<f64> {
    let answer = match &task.way {
        Way::Line(line) => do_line(machine, line, size),
        Way::Stream { bus, to_host } => network::stream(machine, *bus, *to_host, size.seconds),
    };
    let Answer {
        value,
        interrupts,
        busy,
    } = answer;
    let values = task.values(value, interrupts, busy, size.clock);
    if values.len() != task.figures.len() {
        let name = &task.figures[0].name;
        machine.fail(&format!("{name} did not say all: {answer:?}"));
    }
    values
}

const fn patience(clock: Clock) -> Duration {
    match clock {
        Clock::Host => PATIENCE,
        Clock::Virtual => VIRTUAL_PATIENCE,
    }
}

fn do_line(machine: &mut Running, line: &str, size: &Size) -> Answer {
    let limit = Duration::from_secs(size.seconds as u64) + patience(size.clock);
    let output = machine.linux_within(COM, line, limit);
    match answers(&output).as_slice() {
        [answer] => *answer,
        _ => machine.fail(&format!("{line:?} did not say one figure: {output:?}")),
    }
}

/// How many cores there are or could be: a Linux that can have one only leaves out its own locks.
fn possible(machine: &mut Running) -> f64 {
    let text = machine.linux(COM, "cat /sys/devices/system/cpu/possible");
    match numbers(&text) {
        Some(cores) => cores.len() as f64,
        None => machine.fail(&format!("{text:?} are no cores")),
    }
}

/// Both clocks at a moment: every figure is only as good as the guest's.
struct Clocks {
    host: Instant,
    guest: f64,
}

impl Clocks {
    fn start(machine: &mut Running) -> Self {
        let text = machine.linux(COM, "cat /proc/uptime");
        let host = Instant::now();
        let first = text.split_ascii_whitespace().next();
        match first.and_then(|text| text.parse().ok()) {
            Some(guest) => Self { host, guest },
            None => machine.fail(&format!("{text:?} is no time")),
        }
    }

    /// Seconds of the guest's in one of the host's, since then.
    fn rate(&self, machine: &mut Running) -> f64 {
        let now = Self::start(machine);
        (now.guest - self.guest) / (now.host - self.host).as_secs_f64()
    }
}
