//! QEMU's monitor: what a story does to the machine from outside.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

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
