//! Bulkhead's own command line, as a loader gives it.
//!
//! Words separated by spaces; each is an option of Bulkhead's or a mistake, which is said and
//! survived: a machine that boots can be asked, one that does not can't.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::did_you_mean;
use crate::limits::{CONSOLES, PROBLEMS, SCRIPT_NAME_BYTES};
use crate::sentence::{Cut, bounded};

mod console;

pub use console::{Console, ConsolePlace};

/// The image that is the boot script, if the command line does not name another.
const SCRIPT: &str = "bulkhead.conf";

/// What is accepted, as it is written.
const ACCEPTED: [&str; 4] = [
    "bulkhead.conf=NAME",
    "bulkhead.console=PORT",
    "bulkhead.noauto",
    "bulkhead.verbose",
];

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The image that is the boot script.
    pub script: String,
    /// Whether the boot script was named on the command line: then its absence is an error.
    pub is_script_named: bool,
    /// The serial ports that the shell may use, the one wanted most first; empty: none was named.
    pub consoles: Vec<Console>,
    /// Whether the boot script is to be run.
    pub runs_script: bool,
    /// Whether everything is to be told as it is done.
    pub is_verbose: bool,
    /// What was not understood: one sentence for each.
    pub problems: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            script: SCRIPT.to_string(),
            is_script_named: false,
            consoles: Vec::new(),
            runs_script: true,
            is_verbose: false,
            problems: Vec::new(),
        }
    }
}

impl Options {
    /// Reads a command line. Of an option that is given twice the last one counts, as with Linux;
    /// but a further `bulkhead.console=` is tried where those before it are not there.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let mut options = Self::default();
        let mut left_out = 0;
        for word in line.split_ascii_whitespace() {
            // Loaders take lines of any length.
            let is_full = options.problems.len() == PROBLEMS;
            match options.take(word) {
                Ok(()) => {}
                Err(_) if is_full => left_out += 1,
                Err(problem) => options.problems.push(printable(&bounded(&problem))),
            }
        }
        if left_out > 0 {
            let words = if left_out == 1 {
                "word is"
            } else {
                "words are"
            };
            options
                .problems
                .push(format!("{left_out} more {words} left out"));
        }
        options
    }

    /// Takes one word of the command line; or says what is wrong with it.
    fn take(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        match (name, value) {
            ("bulkhead.conf", Some(value)) if value.len() > SCRIPT_NAME_BYTES => {
                return Err(format!(
                    "bulkhead.conf: \"{}\" has more than {SCRIPT_NAME_BYTES} bytes",
                    Cut(value)
                ));
            }
            ("bulkhead.conf", Some(value)) if !value.is_empty() => {
                self.script = value.to_string();
                self.is_script_named = true;
            }
            ("bulkhead.conf", _) => {
                return Err("bulkhead.conf needs the name of an image: bulkhead.conf=NAME".into());
            }
            ("bulkhead.console", Some(_)) if self.consoles.len() == CONSOLES => {
                return Err(format!("more than {CONSOLES} serial ports are named"));
            }
            ("bulkhead.console", Some(value)) => {
                let console = Console::parse(value);
                self.consoles
                    .push(console.map_err(|error| format!("bulkhead.console: {error}"))?);
            }
            ("bulkhead.console", None) => {
                return Err("bulkhead.console needs a port: bulkhead.console=com2,9600".into());
            }
            ("bulkhead.noauto", None) => self.runs_script = false,
            ("bulkhead.verbose", None) => self.is_verbose = true,
            ("bulkhead.noauto" | "bulkhead.verbose", Some(_)) => {
                return Err(format!("{name} takes no value"));
            }
            _ => return Err(unknown(word, name)),
        }
        Ok(())
    }
}

fn unknown(word: &str, name: &str) -> String {
    let shown = Cut(word);
    let names = ACCEPTED.map(|option| option.split('=').next().unwrap_or(option));
    // Linux's word for it is half of ours: too far for a slip of the hand.
    let meant = if name == "console" {
        "bulkhead.console"
    } else {
        name
    };
    let hint = match did_you_mean(meant, names) {
        hint if meant == name || !hint.is_empty() => hint,
        _ => format!(", did you mean \"{meant}\"?"),
    };
    let accepted = ACCEPTED.join(", ");
    format!("unknown option \"{shown}\"{hint} (accepted: {accepted})")
}

/// The text on a line of its own, whatever the loader passed.
fn printable(text: &str) -> String {
    let shown = text.chars();
    shown
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_said() {
        for line in ["", "  \t"] {
            let options = Options::parse(line);
            assert_eq!(options, Options::default());
            assert_eq!(options.script, "bulkhead.conf");
            assert!(options.runs_script && !options.is_verbose);
        }
    }

    #[test]
    fn each_option() {
        let options = Options::parse(" bulkhead.conf=net.conf  bulkhead.noauto bulkhead.verbose ");
        assert_eq!(options.script, "net.conf");
        assert!(options.is_script_named && options.is_verbose && !options.runs_script);
        assert!(options.problems.is_empty());
        let options = Options::parse("bulkhead.conf=a bulkhead.conf=b");
        assert_eq!(options.script, "b");
    }

    #[test]
    fn ports_for_the_shell() {
        let options = Options::parse(
            "bulkhead.console=COM2,9600 bulkhead.console=pci:04:00.0,921600@14745600 \
             bulkhead.console=pci:0001:02:1f.7 bulkhead.console=spcr,keep bulkhead.console=none",
        );
        assert_eq!(options.problems, [""; 0]);
        let places: Vec<String> = options
            .consoles
            .iter()
            .map(|console| format!("{} {:?}", console.place, console.speed.map(|s| s.baud())))
            .collect();
        assert_eq!(
            places,
            [
                "com2 Some(Some(9600))",
                "pci:0000:04:00.0 Some(Some(921600))",
                "pci:0001:02:1f.7 None",
                "spcr Some(None)",
                "none None"
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_said_and_survived() {
        let table = [
            (
                "bulkhead.noato",
                "unknown option \"bulkhead.noato\", did you mean \"bulkhead.noauto\"? (accepted: \
                 bulkhead.conf=NAME, bulkhead.console=PORT, bulkhead.noauto, bulkhead.verbose)",
            ),
            (
                "quiet",
                "unknown option \"quiet\" (accepted: bulkhead.conf=NAME, bulkhead.console=PORT, \
                 bulkhead.noauto, bulkhead.verbose)",
            ),
            (
                "console=ttyS1,9600",
                "unknown option \"console=ttyS1,9600\", did you mean \"bulkhead.console\"? \
                 (accepted: bulkhead.conf=NAME, bulkhead.console=PORT, bulkhead.noauto, \
                 bulkhead.verbose)",
            ),
            (
                "bulkhead.console",
                "bulkhead.console needs a port: bulkhead.console=com2,9600",
            ),
            (
                "bulkhead.console=com5",
                "bulkhead.console: \"com5\" is no port (accepted: com1-com4, pci:0000:01:00.0 or \
                 spcr, with ,RATE behind it if wanted; none)",
            ),
            (
                "bulkhead.console=pci:4",
                "bulkhead.console: \"4\" is not a PCI function (accepted: 0000:01:00.0, 01:00.0; \
                 hexadecimal)",
            ),
            (
                "bulkhead.console=com1,fast",
                "bulkhead.console: \"fast\" is not a rate (accepted: RATE, RATE@CLOCK in Hz, or \
                 keep)",
            ),
            (
                "bulkhead.console=com1,230400",
                "bulkhead.console: 230400 baud can't be made of a clock of 1843200 Hz (nearest: \
                 115200)",
            ),
            (
                "bulkhead.console=none,9600",
                "bulkhead.console: none has no rate",
            ),
            (
                "bulkhead.conf=",
                "bulkhead.conf needs the name of an image: bulkhead.conf=NAME",
            ),
            ("bulkhead.noauto=1", "bulkhead.noauto takes no value"),
        ];
        for (line, problem) in table {
            let options = Options::parse(&format!("{line} bulkhead.verbose"));
            assert_eq!(options.problems, [problem]);
            assert!(options.is_verbose && options.runs_script);
        }
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in any::<String>()) {
            let options = Options::parse(&line);
            let console = Options::parse(&format!("bulkhead.console={line}"));
            prop_assert!(console.problems.iter().all(|text| !text.contains(char::is_control)));
            prop_assert!(options.problems.iter().all(|text| !text.contains(char::is_control)));
        }
    }
}
