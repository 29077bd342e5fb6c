//! Restarts, four ways: `reboot -f` of a Linux in a partition; `kexec -e` of the same Linux into
//! itself in a machine of its own; `reboot -f` there, which is a reset of that machine, once with
//! a BIOS and once with UEFI.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulkhead_tests::answers::LaunchTime;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::values::Values;
use bulkhead_tests::{Kernel, answers, guest_tool, initrd_with, kexec, root, tool};

use crate::launch::{Bench, MEMORY};
use crate::work::Clock;

/// So many runs of one way before the next way takes its turn, in a machine that was just booted.
const TURN: usize = 5;

/// One restart, in seconds to the first line of the next `/init`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    /// From the command; of kexec from the moment when the kernel is loaded.
    pub(crate) whole: f64,
    /// From the line that tells of the kernel's entry ([`Way::entry`]). Not in virtual time: it is no line of
    /// the Linux that has the machine's clock.
    pub(crate) from_entry: Option<f64>,
}

impl Restart {
    /// Up to that line.
    fn until_entry(self) -> Option<f64> {
        Some(self.whole - self.from_entry?)
    }
}

/// All restarts of one kernel.
#[derive(Default)]
pub(crate) struct Restarts {
    pub(crate) release: String,
    pub(crate) partition: Vec<Restart>,
    pub(crate) kexec: Vec<Restart>,
    pub(crate) reset_bios: Vec<Restart>,
    pub(crate) reset_uefi: Vec<Restart>,
    /// From the doorbell to the kernel's entry in each of the partition's.
    pub(crate) launches: Vec<LaunchTime>,
}

/// One of [`Restarts::ratios`].
pub(crate) struct Ratio {
    pub(crate) name: &'static str,
    /// Its name in the JSON.
    pub(crate) key: &'static str,
    pub(crate) value: f64,
    pub(crate) wanted: &'static str,
}

/// How a Linux on COM2 is restarted, and what tells how far it is.
struct Way {
    command: Cow<'static, str>,
    /// What stands on COM2 when the time begins: the command's echo, before its Enter, or a line
    /// that it prints.
    begin: Begin,
    /// The port and the line that are nearest to the kernel's entry. Bulkhead says it when it has
    /// entered the kernel; an old kernel and the BIOS before they move the new one into place; under
    /// UEFI it is the first that the kernel itself says.
    entry: (usize, &'static str),
}

enum Begin {
    Enter,
    Line(&'static str),
}

const PARTITION: Way = Way {
    command: Cow::Borrowed("reboot -f"),
    begin: Begin::Enter,
    entry: (1, "* one: launched run="),
};
const RESET_BIOS: Way = Way {
    command: Cow::Borrowed("reboot -f"),
    begin: Begin::Enter,
    entry: (3, "Booting from ROM"),
};
const RESET_UEFI: Way = Way {
    command: Cow::Borrowed("reboot -f"),
    begin: Begin::Enter,
    entry: (1, "EFI stub: "),
};

fn by_kexec(kernel: Kernel) -> Way {
    Way {
        command: kexec::command(kernel).into(),
        begin: Begin::Line("kexec: loaded"),
        entry: (2, "Starting new kernel"),
    }
}

impl Bench {
    /// The ways take turns.
    pub(crate) fn restarts(&self, kernel: Kernel, runs: usize) -> Restarts {
        let mut all = Restarts {
            release: kernel.release(),
            ..Restarts::default()
        };
        let mut files = kexec::files_with(&[kernel], self.initrd.clone());
        files.extend(clock_files(self.clock));
        let carrier = initrd_with(&format!("bench-{}.img", kernel.name()), &files);
        let mut left = runs;
        while left > 0 {
            let turn = left.min(TURN);
            let cmdline = self.in_partition(kernel, turn, &mut all);
            self.by_kexec(kernel, &carrier, &cmdline, turn, &mut all);
            for (firmware, way, restarts) in [
                (Firmware::Bios, &RESET_BIOS, &mut all.reset_bios),
                (Firmware::Uefi, &RESET_UEFI, &mut all.reset_uefi),
            ] {
                let machine = self
                    .direct(kernel, &self.initrd, &cmdline)
                    .firmware(firmware);
                let mut machine = self.timed(machine).resets().start();
                tool::watch(&machine);
                machine.wait_for_demo(2);
                restarts.extend((0..turn).map(|_| self.restart(&mut machine, way)));
            }
            left -= turn;
        }
        for (what, restarts) in all.ways() {
            let texts: Vec<String> = restarts.iter().map(|r| format!("{:.3}", r.whole)).collect();
            println!("{} {what}: {}", all.release, texts.join(" "));
        }
        all
    }

    /// In a partition; gives its command line.
    fn in_partition(&self, kernel: Kernel, turn: usize, all: &mut Restarts) -> String {
        let mut machine = self.boot();
        let cmdline = self.define(&mut machine, kernel);
        machine.com(1).skip();
        machine.com(1).send("start one\r");
        machine.wait_for_demo(2);
        all.partition
            .extend((0..turn).map(|_| self.restart(&mut machine, &PARTITION)));
        let times = answers::launch_times(&machine.command("log"), "one");
        if times.len() != turn + 1 {
            machine.fail(&format!("\"log\" has times of {} launches", times.len()));
        }
        // Without the start's.
        all.launches.extend(&times[1..]);
        cmdline
    }

    /// The kernel that enters has itself and the usual initial RAM disk in its own one; what is
    /// entered has the usual one. A reset, not measured, leads back to the first.
    fn by_kexec(
        &self,
        kernel: Kernel,
        carrier: &Path,
        cmdline: &str,
        turn: usize,
        all: &mut Restarts,
    ) {
        let way = by_kexec(kernel);
        let machine = self.direct(kernel, carrier, cmdline);
        let mut machine = self.timed(machine).resets().start();
        tool::watch(&machine);
        machine.wait_for_demo(2);
        for run in 0..turn {
            if run > 0 {
                self.restart(&mut machine, &RESET_BIOS);
            }
            all.kexec.push(self.restart(&mut machine, &way));
        }
    }

    /// A machine with the partition's Linux and nothing else.
    pub(crate) fn direct(&self, kernel: Kernel, initrd: &Path, cmdline: &str) -> Machine {
        let folder = self.iso.with_file_name("direct");
        Machine::without_bulkhead(&folder, &kernel.image(), initrd, cmdline)
            .cores(&self.cores.to_string())
            .memory(MEMORY)
    }
}

impl Restarts {
    /// Each way's name and its runs.
    pub(crate) fn ways(&self) -> [(&'static str, &[Restart]); 4] {
        [
            ("in a partition", &self.partition),
            ("kexec, plain Linux", &self.kexec),
            ("machine reset, BIOS", &self.reset_bios),
            ("machine reset, UEFI", &self.reset_uefi),
        ]
    }

    /// What is wanted of them, as ratios of medians, and what of it is not Linux's own boot.
    pub(crate) fn ratios(&self) -> Vec<Ratio> {
        let whole = |restarts: &[Restart]| Values::of(restarts.iter().map(|r| r.whole)).median;
        let to_entry = |restarts: &[Restart]| {
            let all: Vec<f64> = restarts.iter().filter_map(|r| r.until_entry()).collect();
            (!all.is_empty()).then(|| Values::of(all.into_iter()).median)
        };
        let ms = |of: fn(&LaunchTime) -> f64| Values::of(self.launches.iter().map(of)).median;
        let reset = |resets: &[Restart], name, key, key_until_entry| {
            let value = to_entry(resets).zip(to_entry(&self.partition));
            let until_entry = value.map(|(reset, partition)| Ratio {
                name: "the same, up to the kernel's entry",
                key: key_until_entry,
                value: reset / partition,
                wanted: "",
            });
            let whole = Ratio {
                name,
                key,
                value: whole(resets) / whole(&self.partition),
                wanted: "at least 3",
            };
            [Some(whole), until_entry]
        };
        let bios = reset(
            &self.reset_bios,
            "machine reset (BIOS) / restart in a partition",
            "reset_bios_to_partition",
            "reset_bios_to_partition_until_entry",
        );
        let uefi = reset(
            &self.reset_uefi,
            "machine reset (UEFI) / restart in a partition",
            "reset_uefi_to_partition",
            "reset_uefi_to_partition_until_entry",
        );
        let kexec = Ratio {
            name: "restart in a partition / kexec",
            key: "partition_to_kexec",
            value: whole(&self.partition) / whole(&self.kexec),
            wanted: "at most 1",
        };
        let copy = Ratio {
            name: "doorbell to entry / copy of the images",
            key: "entry_to_copy",
            value: ms(|time| time.entry_ms) / ms(|time| time.copy_ms),
            wanted: "at most 1.5",
        };
        let resets = bios.into_iter().chain(uefi);
        let all = [Some(kexec)].into_iter().chain(resets).chain([Some(copy)]);
        all.flatten().collect()
    }
}

impl Bench {
    /// By the clock that is asked for.
    pub(crate) fn timed(&self, machine: Machine) -> Machine {
        match self.clock {
            Clock::Host => machine,
            Clock::Virtual => machine.virtual_time(),
        }
    }

    fn restart(&self, machine: &mut Running, way: &Way) -> Restart {
        let restart = match self.clock {
            Clock::Host => by_hosts_clock(machine, way),
            Clock::Virtual => by_machines_clock(machine, way),
        };
        machine.wait_for(2, "BULKHEAD-DEMO end");
        machine.wait_for(2, "# ");
        restart
    }
}

/// What has `/init` tell its time, if that is wanted; what is in the first is not looked at.
pub(crate) fn clock_files(clock: Clock) -> Vec<(String, PathBuf)> {
    match clock {
        Clock::Host => Vec::new(),
        Clock::Virtual => vec![
            ("/tsc".to_string(), root().join("Makefile")),
            ("/bin/ticks".to_string(), guest_tool("ticks")),
        ],
    }
}

fn by_hosts_clock(machine: &mut Running, way: &Way) -> Restart {
    machine.com(way.entry.0).skip();
    machine.com(2).skip();
    machine.com(2).send(&way.command);
    machine.wait_for(2, &way.command);
    let start = match way.begin {
        Begin::Enter => {
            let start = Instant::now();
            machine.com(2).send("\r");
            start
        }
        Begin::Line(line) => {
            machine.com(2).send("\r");
            machine.wait_for(2, line);
            Instant::now()
        }
    };
    machine.wait_for(way.entry.0, way.entry.1);
    let entry = Instant::now();
    machine.wait_for(2, "BULKHEAD-DEMO begin");
    let init = Instant::now();
    Restart {
        whole: (init - start).as_secs_f64(),
        from_entry: Some((init - entry).as_secs_f64()),
    }
}

/// QEMU's counter goes on by so much in each second of virtual time, and through resets.
const TSC_HZ: f64 = 1e9;

/// Linux itself says where the counter is, before its end and first in the next `/init`.
fn by_machines_clock(machine: &mut Running, way: &Way) -> Restart {
    machine.com(2).skip();
    let command = match way.begin {
        Begin::Enter => format!("ticks now; {}\r", way.command),
        Begin::Line(_) => format!("{}\r", way.command),
    };
    machine.com(2).send(&command);
    let start = counter(machine);
    let init = counter(machine);
    Restart {
        whole: (init - start) / TSC_HZ,
        from_entry: None,
    }
}

/// The next `counter=N` on COM2.
fn counter(machine: &mut Running) -> f64 {
    const WORD: &str = "counter=";
    // Firmware and kernel are emulated one instruction after the other.
    const LIMIT: Duration = Duration::from_secs(600);
    let found = Cell::new(None);
    let find = |text: &str| {
        let at = text.find(WORD)?;
        let (number, _) = text[at + WORD.len()..].split_once(['\r', '\n'])?;
        found.set(number.parse().ok());
        Some((at, at + WORD.len() + number.len()))
    };
    let waited = machine.com(2).wait_until(WORD, LIMIT, find);
    match (waited, found.get()) {
        (Ok(_), Some(counter)) => counter,
        (Err(silence), _) => machine.fail(&silence.to_string()),
        (Ok(_), None) => machine.fail("the counter is no number"),
    }
}
