//! QEMU's debugger stub, which writes where the monitor can't: registers too.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::qemu::Running;

/// A connection to it. The machine stands still as long as it is there.
pub struct Debugger(UnixStream);

impl Debugger {
    /// Stops a machine.
    ///
    /// # Panics
    /// If QEMU does not answer.
    #[must_use]
    pub fn stop(machine: &Running) -> Self {
        // The path of a socket has at most 107 bytes.
        static STOPS: AtomicU32 = AtomicU32::new(0);
        let (process, nth) = (std::process::id(), STOPS.fetch_add(1, Ordering::Relaxed));
        let socket = std::env::temp_dir().join(format!("bulkhead-gdb-{process}-{nth}"));
        let path = socket.display();
        let line = format!("gdbserver unix:{path},server=on,wait=off");
        machine.wait_for_monitor();
        if nth > 0 {
            // It has one at a time.
            machine.monitor().command("gdbserver none");
        }
        let said = machine.monitor().command(&line);
        let stream = UnixStream::connect(&socket);
        let stream = stream.unwrap_or_else(|why| panic!("no debugger: {why}: {said}"));
        let _ = std::fs::remove_file(&socket);
        let wait = stream.set_read_timeout(Some(Duration::from_secs(20)));
        wait.expect("a time limit");
        let mut debugger = Self(stream);
        assert!(debugger.ask("?").starts_with('T'), "it stands still");
        assert_eq!(debugger.ask("Qqemu.PhyMemMode:1"), "OK");
        debugger
    }

    /// Writes a dword at a physical address.
    ///
    /// # Panics
    /// If QEMU does not take it.
    pub fn write(&mut self, address: u64, value: u32) {
        let bytes = format!("{:08x}", value.swap_bytes());
        assert_eq!(self.ask(&format!("M{address:x},4:{bytes}")), "OK");
    }

    /// Has the machine go on.
    pub fn go_on(mut self) {
        let _ = self.ask("D");
    }

    /// What it answers to a packet.
    fn ask(&mut self, what: &str) -> String {
        let sum = what.bytes().fold(0u8, u8::wrapping_add);
        let packet = format!("${what}#{sum:02x}");
        self.0.write_all(packet.as_bytes()).expect("QEMU listens");
        let mut answer = Vec::new();
        loop {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("QEMU answers");
            match byte[0] {
                b'+' | b'-' if answer.is_empty() => {}
                b'$' => answer.clear(),
                b'#' => break,
                byte => answer.push(byte),
            }
        }
        let mut sum = [0; 2];
        self.0.read_exact(&mut sum).expect("QEMU answers");
        self.0.write_all(b"+").expect("QEMU listens");
        String::from_utf8_lossy(&answer).into_owned()
    }
}
