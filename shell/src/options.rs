//! Bulkhead's own command line, as a loader gives it.
//!
//! Words separated by spaces; each is an option of Bulkhead's or a mistake, which is said and
//! survived: a machine that boots can be asked, one that does not can't.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::did_you_mean;

/// The image that is the boot script, if the command line does not name another.
const SCRIPT: &str = "bulkhead.conf";

/// What is accepted, as it is written.
const ACCEPTED: [&str; 3] = ["bulkhead.conf=NAME", "bulkhead.noauto", "bulkhead.verbose"];

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The image that is the boot script.
    pub script: String,
    /// Whether the boot script was named on the command line: then its absence is an error.
    pub is_script_named: bool,
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
            runs_script: true,
            is_verbose: false,
            problems: Vec::new(),
        }
    }
}

impl Options {
    /// Reads a command line. Of an option that is given twice the last one counts, as with Linux.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let mut options = Self::default();
        for word in line.split_ascii_whitespace() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            match (name, value) {
                ("bulkhead.conf", Some(value)) if !value.is_empty() => {
                    options.script = value.to_string();
                    options.is_script_named = true;
                }
                ("bulkhead.conf", _) => {
                    let problem = "bulkhead.conf needs the name of an image: bulkhead.conf=NAME";
                    options.problems.push(problem.to_string());
                }
                ("bulkhead.noauto", None) => options.runs_script = false,
                ("bulkhead.verbose", None) => options.is_verbose = true,
                ("bulkhead.noauto" | "bulkhead.verbose", Some(_)) => {
                    options.problems.push(format!("{name} takes no value"));
                }
                _ => options.problems.push(unknown(word, name)),
            }
        }
        options
    }
}

fn unknown(word: &str, name: &str) -> String {
    let shown: String = word
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    let names = ACCEPTED.map(|option| option.split('=').next().unwrap_or(option));
    let hint = did_you_mean(name, names);
    let accepted = ACCEPTED.join(", ");
    format!("unknown option \"{shown}\"{hint} (accepted: {accepted})")
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
    fn what_is_not_understood_is_said_and_survived() {
        let table = [
            (
                "bulkhead.noato",
                "unknown option \"bulkhead.noato\", did you mean \"bulkhead.noauto\"? (accepted: \
                 bulkhead.conf=NAME, bulkhead.noauto, bulkhead.verbose)",
            ),
            (
                "quiet",
                "unknown option \"quiet\" (accepted: bulkhead.conf=NAME, bulkhead.noauto, \
                 bulkhead.verbose)",
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
            prop_assert!(options.problems.iter().all(|text| !text.contains(char::is_control)));
        }
    }
}
