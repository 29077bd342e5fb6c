//! What a machine leaves when a story fails on it.

use std::os::unix::net::UnixStream;

use super::{Running, has_kvm, version};
use crate::emulator;
use crate::monitor::Monitor;
use crate::replay;

impl Running {
    /// Fails with the last lines of every port, and with what every core does.
    ///
    /// # Panics
    /// Always: that is its purpose.
    pub fn fail(&self, why: &str) -> ! {
        self.has_told.set(true);
        panic!("{why}\n{}", self.evidence());
    }

    /// The last lines of every port that has said anything, what QEMU said, where every core is twice, and what of that looks
    /// like a lost write to a device. It never panics: also a story that unwinds asks for it.
    pub(super) fn evidence(&self) -> String {
        let mut text = String::new();
        for (number, port) in (1..).zip(&self.ports) {
            let lines = port.last_lines(50);
            if lines.is_empty() {
                continue;
            }
            text += &format!("--- com{number} (last lines)\n{lines}\n");
        }
        let said = self.said();
        if !said.is_empty() {
            text += &format!("--- QEMU\n{said}\n");
        }
        let (cores, commands) = self.look_at_cores();
        text += &cores;
        text.push('\n');
        let trace = emulator::lost_write(&cores, &said)
            .or_else(|| emulator::lost_doorbell(&text, &commands));
        if let Some(trace) = trace {
            text += &replay::verdict(replay::loses_writes(&version(), has_kvm()), &trace);
            text.push('\n');
        }
        text
    }

    /// By QEMU's monitor, if it answers: in a thread of its own, whose panic is not ours.
    fn look_at_cores(&self) -> (String, Vec<u16>) {
        let socket = self.folder.join("qmp.sock");
        if UnixStream::connect(&socket).is_err() {
            return ("QEMU has ended".to_string(), Vec::new());
        }
        let cores = self.cores;
        let looker = std::thread::spawn(move || {
            let mut monitor = Monitor::connect(&socket);
            (monitor.cores(cores), monitor.virtio_commands())
        });
        let unknown = |_| ("QEMU's monitor does not answer".to_string(), Vec::new());
        looker.join().unwrap_or_else(unknown)
    }
}
