//! What a Linux is given to do, one after the other.

use super::figure::Figure;

/// What the rate of a device is told in, and how its cost is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Real time: what it does in a second, and its interrupts.
    Host,
    /// Virtual time, in which a device's work takes as long as it takes the host. What is exact is
    /// how long the cores have worked for each thing that it did.
    Virtual,
}

impl Clock {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Virtual => "virtual",
        }
    }
}

/// Buses of a machine's devices ([`super::machines::Bench::board`]).
pub(crate) const NVME: &str = "01";
pub(crate) const VIRTIO_BLK: &str = "02";
const CARDS: [(&str, u8); 2] = [("virtio-net", 3), ("e1000e", 4)];

pub(crate) struct Task {
    /// What it says: the value, and the device's interrupts if it has one.
    pub(crate) figures: Vec<Figure>,
    pub(crate) way: Way,
    /// MB in what its rate is of, if it is in MB; else the rate is of operations.
    megabytes: Option<f64>,
}

/// How it is done.
pub(crate) enum Way {
    /// By a line in the guest's shell.
    Line(String),
    /// A stream of `iperf3` on the card of a bus, from or to the host.
    Stream { bus: u8, to_host: bool },
}

impl Task {
    fn new(figure: Figure, line: String) -> Self {
        Self {
            figures: vec![figure],
            way: Way::Line(line),
            megabytes: None,
        }
    }

    /// Whether a disk or a card does it, which tells its interrupts.
    pub(crate) fn has_device(&self) -> bool {
        self.figures.len() > 1
    }

    /// By which clock its figures are.
    pub(crate) fn by(mut self, clock: Clock) -> Self {
        if let ([rate, interrupts], Clock::Virtual) = (self.figures.as_mut_slice(), clock) {
            let (busy, each) = match self.megabytes {
                Some(_) => ("us/MB", "1/MB"),
                None => ("us/op", "1/op"),
            };
            *rate = Figure::time(format!("{}: cores busy", rate.name), busy);
            *interrupts = Figure::same(interrupts.name.clone(), each);
        }
        self
    }

    /// A value for each figure, of what was said.
    pub(crate) fn values(
        &self,
        rate: f64,
        interrupts: Option<f64>,
        busy: Option<f64>,
        clock: Clock,
    ) -> Vec<f64> {
        match (clock, interrupts, busy) {
            (Clock::Virtual, Some(interrupts), Some(busy)) => {
                let rate = rate * self.megabytes.unwrap_or(1.0);
                vec![busy / rate * 1e6, interrupts / rate]
            }
            _ => [rate].into_iter().chain(interrupts).collect(),
        }
    }

    fn with_interrupts(mut self) -> Self {
        let name = format!("{}: interrupts", self.figures[0].name);
        self.figures.push(Figure::rate(name, "1/s"));
        self
    }
}

/// All of them, each that many seconds.
pub(crate) fn tasks(seconds: usize, clock: Clock) -> Vec<Task> {
    let mut tasks: Vec<Task> = ["cpu", "syscall", "pipe", "ring", "copy", "triad"]
        .map(|name| core(name, seconds))
        .into();
    for (disk, bus) in [("NVMe", NVME), ("virtio-blk", VIRTIO_BLK)] {
        for (operation, threads) in [
            ("read random", 1),
            ("read random", 4),
            ("write random", 4),
            ("read sequential", 1),
            ("write sequential", 1),
        ] {
            tasks.push(self::disk(disk, bus, operation, threads, seconds));
        }
    }
    for (card, bus) in CARDS {
        for (direction, to_host) in [("send", true), ("receive", false)] {
            let figure = Figure::rate(format!("{card} {direction} (iperf3)"), "Mbit/s");
            let task = Task {
                way: Way::Stream { bus, to_host },
                megabytes: Some(0.125),
                ..Task::new(figure, String::new())
            };
            tasks.push(task.with_interrupts());
        }
    }
    tasks.into_iter().map(|task| task.by(clock)).collect()
}

/// Of a core and its memory.
pub(crate) fn core(name: &str, seconds: usize) -> Task {
    let (figure, words) = match name {
        "cpu" => (Figure::rate("CPU loop", "M/s"), "cpu"),
        "syscall" => (Figure::time("null system call", "ns"), "syscall"),
        "pipe" => (Figure::time("pipe, 2 processes, a pass", "ns"), "ring 2"),
        "ring" => (Figure::time("pipe, 8 processes, a pass", "ns"), "ring 8"),
        "copy" => (Figure::rate("memory copy", "MB/s"), "copy"),
        "triad" => (Figure::rate("memory triad", "MB/s"), "triad"),
        other => panic!("there is no work called {other}"),
    };
    Task::new(figure, format!("work {words} {seconds}"))
}

/// Of a disk: the direction, the order, and how many at once.
pub(crate) fn disk(name: &str, bus: &str, operation: &str, threads: u8, seconds: usize) -> Task {
    let (direction, order) = operation.split_once(' ').expect("two words");
    let (size, unit) = match order {
        "random" => ("4k", "1/s"),
        _ => ("128k", "MB/s"),
    };
    let figure = Figure::rate(
        format!("{name} {size} {order} {direction}, {threads} at once"),
        unit,
    );
    let line = format!("work disk {bus} {operation} {threads} {seconds}");
    Task {
        megabytes: (order != "random").then_some(1.0),
        ..Task::new(figure, line).with_interrupts()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_figure_has_a_name_of_its_own() {
        let figures: Vec<Figure> = tasks(2, Clock::Host)
            .into_iter()
            .flat_map(|task| task.figures)
            .collect();
        let names: HashSet<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!(names.len(), figures.len());
    }

    #[test]
    fn in_virtual_time_a_device_costs_so_much_of_a_core() {
        let task = disk("NVMe", "01", "read sequential", 1, 2).by(Clock::Virtual);
        let [busy, interrupts] = task.figures.as_slice() else {
            panic!("two figures");
        };
        assert_eq!((busy.unit, interrupts.unit), ("us/MB", "1/MB"));
        // Half a core for 100 MB a second is 5 ms a MB.
        let values = task.values(100.0, Some(800.0), Some(0.5), Clock::Virtual);
        assert_eq!(values, [5000.0, 8.0]);
        assert_eq!(
            task.values(100.0, Some(800.0), Some(0.5), Clock::Host),
            [100.0, 800.0]
        );
        let core = core("cpu", 2).by(Clock::Virtual);
        assert_eq!(core.values(7.0, None, None, Clock::Virtual), [7.0]);
    }

    #[test]
    fn a_line_says_what_its_figure_is() {
        let task = disk("NVMe", "01", "write random", 4, 3);
        assert_eq!(task.figures[0].name, "NVMe 4k random write, 4 at once");
        assert!(matches!(task.way, Way::Line(line) if line == "work disk 01 write random 4 3"));
    }
}
