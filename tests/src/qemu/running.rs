//! A machine that runs.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Machine;
use crate::monitor::Monitor;
use crate::port::Port;

/// How long the slowest thing may take here under emulation.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The same of a machine whose cores take turns.
const VIRTUAL_PATIENCE: Duration = Duration::from_secs(600);

/// A machine that runs; dropped, it is ended.
pub struct Running {
    pub(super) child: Child,
    pub(super) ports: Vec<Port>,
    pub(super) folder: PathBuf,
    pub(super) cores: u32,
    pub(super) patience: Duration,
    pub(super) started: Instant,
    /// Whether its evidence was printed already.
    pub(super) has_told: Cell<bool>,
}

impl Machine {
    /// Starts it.
    ///
    /// # Panics
    /// If its folder can't be made, or QEMU can't be started; with QEMU's own words, if it refuses what it
    /// is started with.
    #[must_use]
    pub fn start(self) -> Running {
        self.prepare();
        let names = self.port_names();
        let mut ports: Vec<Port> = names
            .iter()
            .map(|name| Port::listen(&self.folder, name))
            .collect();
        let errors =
            std::fs::File::create(self.folder.join("qemu.log")).expect("a log can be made");
        let child = self
            .process()
            .stdin(Stdio::null())
            .stdout(errors.try_clone().expect("a file can be cloned"))
            .stderr(errors)
            .spawn()
            .expect("QEMU is there: tools/setup sees to it");
        let mut running = Running {
            child,
            ports: Vec::new(),
            cores: self.core_count(),
            folder: self.folder,
            patience: if self.virtual_time.is_some() {
                VIRTUAL_PATIENCE
            } else {
                PATIENCE
            },
            started: Instant::now(),
            has_told: Cell::new(false),
        };
        for port in &mut ports {
            if !port.accept(|| running.is_alive()) {
                running.refuse();
            }
        }
        running.ports = ports;
        running
    }
}

impl Running {
    /// QEMU has ended before it had a machine: no port has anything to tell.
    fn refuse(&self) -> ! {
        self.has_told.set(true);
        panic!("QEMU does not start:\n--- QEMU\n{}", self.said().trim_end());
    }

    /// Waits until QEMU has its monitor: it may be on its way still.
    pub fn wait_for_monitor(&self) {
        let socket = self.folder().join("qmp.sock");
        for _ in 0..200 {
            if UnixStream::connect(&socket).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// QEMU's monitor.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::connect(&self.folder.join("qmp.sock"))
    }

    /// The folder of its sockets and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether QEMU still runs.
    ///
    /// # Panics
    /// If the process can't be asked.
    pub fn is_alive(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("our own child can be asked")
            .is_none()
    }

    /// Waits until QEMU has ended by itself; whether it did.
    pub fn wait_for_end(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if !self.is_alive() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// How long it has been running.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// QEMU's process number.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What QEMU itself has said: warnings, and why it gave up.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("qemu.log")).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A story that ends by an assertion of its own has told nothing of the machine yet.
        if std::thread::panicking() && !self.has_told.get() {
            eprintln!("{}", self.evidence());
        }
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Why a machine does not start, and how long that took to be known.
    fn refusal(machine: Machine) -> (String, Duration) {
        let begun = Instant::now();
        let start = move || {
            let mut machine = machine.start();
            machine.wait_for_prompt();
        };
        let why = catch_unwind(AssertUnwindSafe(start)).expect_err("it is refused");
        let why = why.downcast::<String>().expect("a formatted text");
        (*why, begun.elapsed())
    }

    #[test]
    fn what_qemu_refuses_is_said_at_once_and_in_its_words() {
        let machine = |name: &str| Machine::new(Path::new("/dev/null"), name);
        for (machine, word) in [
            (machine("refused-memory").memory("4Q"), "4Q"),
            (machine("refused-cores").cores("zero"), "smp.cpus"),
        ] {
            let folder = crate::build_folder().join("tests/refused");
            let (why, took) = refusal(machine.folder(&folder));
            assert!(why.contains("--- QEMU\n"), "{why}");
            assert!(why.contains(word), "{why}");
            assert!(!why.contains("--- com"), "{why}");
            assert!(took < PATIENCE / 2, "{took:?}");
        }
    }
}
