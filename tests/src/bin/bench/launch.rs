//! Launches by Bulkhead and by QEMU itself, side by side.

use std::path::PathBuf;
use std::time::Instant;

use bulkhead_tests::answers::LaunchTime;
use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::report::Report;
use bulkhead_tests::{Kernel, answers, demo_initrd, initrd_with, tool};

use crate::restart::clock_files;
use crate::work::Clock;

pub(crate) const KERNELS: [Kernel; 2] = [Kernel::Debian61Cloud, Kernel::Debian612Cloud];
/// RAM of each Linux, as Bulkhead's `memory=` and QEMU's `-m` take it.
pub(crate) const MEMORY: &str = "512M";
/// Processor time in `/proc/PID/stat` is in these units (Linux's `USER_HZ` on x86).
const TICKS_PER_SECOND: f64 = 100.0;

/// One launch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch {
    /// Seconds from the command (Bulkhead), or from the moment when the BIOS begins to load the
    /// kernel (QEMU), to the first line of `/init`.
    whole: f64,
    /// Seconds from the kernel's first line to the first line of `/init`.
    linux: f64,
    /// Seconds of processor time that QEMU took for the whole.
    processor: f64,
}

/// Something that is measured of a launch.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    /// Its name in the JSON.
    pub(crate) key: &'static str,
    pub(crate) of: fn(&Launch) -> f64,
}

pub(crate) const MEASURES: [Measure; 3] = [
    Measure {
        name: "launch to /init",
        key: "launch_to_init_s",
        of: |launch| launch.whole,
    },
    Measure {
        name: "kernel's first line to /init",
        key: "first_line_to_init_s",
        of: |launch| launch.linux,
    },
    Measure {
        name: "QEMU's processor time",
        key: "processor_s",
        of: |launch| launch.processor,
    },
];

/// All launches of one kernel.
pub(crate) struct Launches {
    pub(crate) release: String,
    /// The last run's command line: the clock's rate in it is measured anew in each.
    pub(crate) cmdline: String,
    pub(crate) bulkhead: Vec<Launch>,
    pub(crate) direct: Vec<Launch>,
    /// From the doorbell to the kernel's entry: in a fresh machine, and once more.
    pub(crate) first: Vec<LaunchTime>,
    pub(crate) again: Vec<LaunchTime>,
    /// What stays resident, in bytes.
    pub(crate) resident: Vec<(String, u64)>,
}

pub(crate) struct Bench {
    pub(crate) iso: PathBuf,
    pub(crate) initrd: PathBuf,
    pub(crate) cores: usize,
    /// Of restarts.
    pub(crate) clock: Clock,
}

impl Bench {
    pub(crate) fn new(cores: usize, clock: Clock) -> Self {
        let demo = match clock {
            Clock::Host => demo_initrd(),
            Clock::Virtual => initrd_with("bench-tsc.img", &clock_files(clock)),
        };
        let iso = Iso::new("bench").loader(Loader::Limine); // where there is none, it is GRUB
        let iso = KERNELS
            .iter()
            .fold(iso, |iso, kernel| iso.image(kernel.name(), kernel.image()))
            .image("demo", &demo)
            .make();
        // A copy, so that both sides have the same even if it is built anew meanwhile.
        let initrd = iso.with_file_name("demo.img");
        std::fs::copy(&demo, &initrd).expect("the initial RAM disk can be copied");
        Self {
            iso,
            initrd,
            cores,
            clock,
        }
    }

    /// Bulkhead and QEMU take turns.
    pub(crate) fn launches(&self, kernel: Kernel, runs: usize) -> Launches {
        let mut all = Launches {
            release: kernel.release(),
            cmdline: String::new(),
            bulkhead: Vec::new(),
            direct: Vec::new(),
            first: Vec::new(),
            again: Vec::new(),
            resident: Vec::new(),
        };
        for run in 1..=runs {
            let bulkhead = self.by_bulkhead(kernel, &mut all);
            let direct = self.by_qemu(kernel, &all.cmdline);
            println!(
                "{} run {run}: Bulkhead {:.2} s, QEMU {:.2} s",
                all.release, bulkhead.whole, direct.whole
            );
            all.bulkhead.push(bulkhead);
            all.direct.push(direct);
        }
        println!();
        all
    }

    /// A fresh machine, up to the shell's prompt.
    pub(crate) fn boot(&self) -> Running {
        let machine_cores = (self.cores + 1).max(4).to_string();
        let machine = Machine::new(&self.iso, "bulkhead").cores(&machine_cores);
        let mut machine = self.timed(machine).start();
        tool::watch(&machine);
        machine.wait_for_prompt();
        machine
    }

    /// Defines the partition; gives its Linux's command line.
    pub(crate) fn define(&self, machine: &mut Running, kernel: Kernel) -> String {
        let define = format!(
            "define one cores=1-{} memory={MEMORY} kernel={} initrd=demo \
             cmdline=\"bulkhead.name=one\" console=com2",
            self.cores,
            kernel.name()
        );
        machine.expect(&define, &["one: "]);
        let Some(cmdline) = answers::shown_cmdline(&machine.command("show one")) else {
            machine.fail("\"show one\" has no command line");
        };
        cmdline
    }

    /// A launch by Bulkhead in a fresh machine, and what that machine says of itself.
    fn by_bulkhead(&self, kernel: Kernel, all: &mut Launches) -> Launch {
        let mut machine = self.boot();
        all.cmdline = self.define(&mut machine, kernel);
        all.resident = answers::resident(&answers::memory(&machine.command("memory")));

        machine.com(1).skip();
        machine.com(1).send("start one");
        machine.wait_for(1, "start one");
        let start = Mark::now(&machine);
        machine.com(1).send("\r");
        let launch = self.to_init(&mut machine, &start, kernel);

        // Once more: the memory has been touched now, as on a machine that runs for long.
        machine.com(1).skip();
        machine.com(2).send("poweroff\r");
        machine.wait_for(1, "* one: powered-off");
        machine.com(1).send("start one\r");
        machine.wait_for(1, "* one: launched run=2");
        let times = answers::launch_times(&machine.command("log"), "one");
        let [first, again] = times.as_slice() else {
            machine.fail(&format!("\"log\" has times of {} launches", times.len()));
        };
        all.first.push(*first);
        all.again.push(*again);
        launch
    }

    /// The same Linux by QEMU itself.
    fn by_qemu(&self, kernel: Kernel, cmdline: &str) -> Launch {
        let mut machine = self.direct(kernel, &self.initrd, cmdline).start();
        tool::watch(&machine);
        machine.wait_for(3, "Booting from ROM");
        let start = Mark::now(&machine);
        self.to_init(&mut machine, &start, kernel)
    }

    /// Waits for `/init`, and for its report: it must be that kernel on that many cores.
    fn to_init(&self, machine: &mut Running, start: &Mark, kernel: Kernel) -> Launch {
        machine.wait_for(2, "Linux version ");
        let linux = Mark::now(machine);
        machine.wait_for(2, "BULKHEAD-DEMO begin");
        let init = Mark::now(machine);
        machine.wait_for(2, "BULKHEAD-DEMO end");
        machine.wait_for(2, "# ");
        let report = Report::parse(&machine.com(2).text()).unwrap_or_default();
        if report.release != kernel.release() || report.cpus != self.cores {
            machine.fail(&format!("another Linux was wanted: {report:?}"));
        }
        Launch {
            whole: (init.time - start.time).as_secs_f64(),
            linux: (init.time - linux.time).as_secs_f64(),
            processor: init.processor - start.processor,
        }
    }
}

/// A moment.
struct Mark {
    time: Instant,
    /// Seconds of processor time that QEMU has taken.
    processor: f64,
}

impl Mark {
    fn now(machine: &Running) -> Self {
        let time = Instant::now();
        let path = format!("/proc/{}/stat", machine.process());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // After the name in parentheses: the state, ten numbers, user and system time
        // (proc_pid_stat(5)).
        let numbers = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = numbers.split_ascii_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|word| word.parse::<f64>().ok()).sum();
        Self {
            time,
            processor: ticks / TICKS_PER_SECOND,
        }
    }
}
