//! QEMU's monitor: what a story does to the machine from outside.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::emulator::has_interrupts_on;
use crate::picture::Picture;

/// A connection to it (QMP), over which commands for people are sent (HMP).
pub struct Monitor {
    reader: BufReader<UnixStream>,
}

/// Saving RAM is the slowest thing that is asked for.
const PATIENCE: Duration = Duration::from_secs(120);

impl Monitor {
    /// Connects to the socket of a machine that runs.
    ///
    /// # Panics
    /// If nobody answers as QMP does.
    #[must_use]
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("QEMU's monitor listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        let mut monitor = Self {
            reader: BufReader::new(stream),
        };
        assert!(monitor.line().contains("\"QMP\""), "QEMU greets");
        monitor.execute("{\"execute\":\"qmp_capabilities\"}");
        monitor
    }

    /// One command as a person types it; gives what QEMU prints, in JSON's spelling.
    ///
    /// # Panics
    /// If QEMU does not know it.
    pub fn command(&mut self, line: &str) -> String {
        let line = line.replace('\\', "\\\\").replace('"', "\\\"");
        self.execute(&format!(
            "{{\"execute\":\"human-monitor-command\",\"arguments\":{{\"command-line\":\"{line}\"}}}}"
        ))
    }

    /// Where every core is, and its local APIC: twice, so that what stands still is seen.
    pub fn cores(&mut self, cores: u32) -> String {
        const WANTED: [&str; 10] = [
            "CPU#", "RIP=", "CR3=", "dumping", "LVTT\\t", "Timer", "SPIV", "ISR", "IRR", "PPR",
        ];
        let mut text = String::new();
        for _ in 0..2 {
            let mut answers = vec![self.command("info registers -a")];
            answers.extend((0..cores).map(|core| self.command(&format!("info lapic {core}"))));
            for line in answers.join("\\r\\n").split("\\r\\n") {
                if WANTED.iter().any(|word| line.contains(word)) {
                    text.push_str(&line.replace("\\t", " "));
                    text.push('\n');
                }
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        text
    }

    /// The Command registers of the virtio functions behind root ports that answer, of a `q35` whose
    /// configuration space is where `SeaBIOS` puts it; else none is found.
    ///
    /// # Panics
    /// If QEMU does not answer.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the Command register is the low half of the word"
    )]
    pub fn virtio_commands(&mut self) -> Vec<u16> {
        const ECAM: u64 = 0xb000_0000;
        const BUSES: u64 = 16;
        const VENDOR: u32 = 0x1af4;
        const MEMORY_DECODE: u32 = 1 << 1;
        let mut commands = Vec::new();
        for bus in 1..BUSES {
            // A root port has one device.
            let answer = self.command(&format!("xp /2wx {:#x}", ECAM + (bus << 20)));
            if let Some([id, command]) = two_words(&answer)
                && id & 0xffff == VENDOR
                && command & MEMORY_DECODE != 0
            {
                commands.push(command as u16);
            }
        }
        commands
    }

    /// A dword of physical memory, registers of devices too.
    ///
    /// # Panics
    /// If QEMU does not answer with one.
    pub fn dword(&mut self, address: u64) -> u32 {
        let answer = self.command(&format!("xp /2wx {address:#x}"));
        two_words(&answer).unwrap_or_else(|| panic!("no dword: {answer}"))[0]
    }

    /// The cores that have interrupts off at this moment.
    ///
    /// # Panics
    /// If QEMU does not answer.
    pub fn deaf_cores(&mut self) -> BTreeSet<u32> {
        deaf_cores(&self.command("info registers -a"))
    }

    /// Writes the machine's RAM from `start` to `end`, exclusive, into a file.
    ///
    /// # Panics
    /// If it can't be had.
    pub fn save_ram(&mut self, start: u64, end: u64, file: &Path) {
        let length = end - start;
        let name = file.display();
        let answer = self.command(&format!("pmemsave {start:#x} {length:#x} \"{name}\""));
        let saved = std::fs::metadata(file).map_or(0, |file| file.len());
        assert_eq!(saved, length, "QEMU saved RAM: {answer}");
    }

    /// Presses the keys of a text, on an American keyboard: lower-case letters, digits, spaces,
    /// and Enter for a line end.
    ///
    /// # Panics
    /// If QEMU does not answer.
    pub fn press(&mut self, text: &str) {
        for c in text.chars() {
            let key = match c {
                ' ' => "spc".to_string(),
                '\n' => "ret".to_string(),
                c => c.to_string(),
            };
            self.command(&format!("sendkey {key} 20"));
            // A keyboard has room for 16 bytes, which a slow machine takes one by one.
            std::thread::sleep(Duration::from_millis(60));
        }
    }

    /// A picture of the screen, which goes through a file.
    ///
    /// # Panics
    /// If QEMU does not take one.
    pub fn picture(&mut self, file: &Path) -> Picture {
        let answer = self.command(&format!("screendump \"{}\"", file.display()));
        let picture = std::fs::read(file)
            .ok()
            .and_then(|bytes| Picture::parse(&bytes));
        picture.unwrap_or_else(|| panic!("QEMU took a picture: {answer}"))
    }

    fn execute(&mut self, json: &str) -> String {
        let stream = self.reader.get_mut();
        stream.write_all(json.as_bytes()).expect("QEMU listens");
        stream.write_all(b"\n").expect("QEMU listens");
        loop {
            let line = self.line();
            assert!(!line.starts_with("{\"error\""), "{json}: {line}");
            // Events may come before the answer.
            if let Some(answer) = line.strip_prefix("{\"return\": ") {
                return answer
                    .trim_end()
                    .trim_end_matches('}')
                    .trim_matches('"')
                    .to_string();
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let count = self
            .reader
            .read_line(&mut line)
            .expect("QEMU answers in time");
        assert!(count > 0, "QEMU has ended");
        line
    }
}

/// What in a file of [saved RAM](Monitor::save_ram) matches an extended regular expression, a line
/// each. By grep, since this program is not optimised and there is much to look through.
///
/// # Panics
/// If grep can't be run.
#[must_use]
pub fn found_in(file: &Path, pattern: &str) -> String {
    let output = Command::new("grep")
        .env("LC_ALL", "C")
        .args(["-aoE", pattern])
        .arg(file)
        .output()
        .expect("grep can be run");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// From QEMU's answer to `xp /2wx`: an address, a colon, and the words.
fn two_words(answer: &str) -> Option<[u32; 2]> {
    let (_, words) = answer.split_once(": ")?;
    let mut words = words.split_ascii_whitespace().map(|word| {
        let word = word.split('\\').next()?;
        u32::from_str_radix(word.strip_prefix("0x")?, 16).ok()
    });
    Some([words.next()??, words.next()??])
}

/// From all cores' registers, lines in JSON's spelling.
fn deaf_cores(registers: &str) -> BTreeSet<u32> {
    let mut deaf = BTreeSet::new();
    let mut core = None;
    for line in registers.split("\\r\\n") {
        if let Some(number) = line.strip_prefix("CPU#") {
            core = number.parse().ok();
        }
        if let Some(core) = core
            && has_interrupts_on(line) == Some(false)
        {
            deaf.insert(core);
        }
    }
    deaf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let answer = "00000000b0100000: 0x10411af4 0x00100406\\r\\n";
        assert_eq!(two_words(answer), Some([0x1041_1af4, 0x0010_0406]));
        assert_eq!(two_words("Cannot access memory"), None);
        assert_eq!(two_words("b0100000: 0x10411af4"), None);
    }

    #[test]
    fn a_core_with_interrupts_off_is_deaf() {
        let registers = "\\r\\nCPU#0\\r\\nRAX=0 RBX=1\\r\\nRIP=10 RFL=00000246 [---Z-P-] CPL=0\\r\\n\\r\\n\
                         CPU#11\\r\\nRIP=10 RFL=00000046 [---Z-P-] CPL=0\\r\\nCPU#12\\r\\nRIP=10";
        assert_eq!(deaf_cores(registers), BTreeSet::from([11]));
        assert!(deaf_cores("RFL=0").is_empty());
    }
}
