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
const ACCEPTED: [&str; 5] = [
    "bulkhead.conf=NAME",
    "bulkhead.console=PORT",
    "bulkhead.noauto",
    "bulkhead.nousb",
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
    /// Whether USB keyboards are to be heard: controllers (xHCI) are taken from the firmware for it.
    pub hears_usb: bool,
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
            hears_usb: true,
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
            ("bulkhead.nousb", None) => self.hears_usb = false,
            ("bulkhead.verbose", None) => self.is_verbose = true,
            ("bulkhead.noauto" | "bulkhead.nousb" | "bulkhead.verbose", Some(_)) => {
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
mod tests;
