//! The one list of commands: usage, completion and man page are made of it.

use std::fmt::Write;

mod list;
mod written;

pub use list::{CODES, COMMANDS, OPTIONS};
pub use written::{bash, man};

/// What a command's first words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// One partition, and what the usage says behind it.
    Name,
    /// One partition or more.
    Names,
    /// A file.
    File,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// How it is typed.
    pub name: &'static str,
    /// What follows it.
    pub takes: Takes,
    /// The same, and its options, as they are written.
    pub usage: &'static str,
    /// Its options, `--` included.
    pub options: &'static [&'static str],
    /// What it does, in a line.
    pub summary: &'static str,
    /// What it needs.
    pub needs: Needs,
}

/// What a command needs around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Bulkhead around this Linux.
    Bulkhead,
    /// A device of this Linux by which another partition is linked to it.
    Link,
    /// Any Linux.
    Nothing,
}

impl Needs {
    const ALL: [Self; 3] = [Self::Bulkhead, Self::Link, Self::Nothing];

    /// Where such commands are of use.
    fn place(self) -> &'static str {
        match self {
            Self::Bulkhead => "in a partition of Bulkhead",
            Self::Link => "as root, in a partition that another one is linked to",
            Self::Nothing => "in any Linux",
        }
    }

    /// Those of them, in the order of the help.
    fn commands(self) -> impl Iterator<Item = &'static Command> {
        COMMANDS.iter().filter(move |command| command.needs == self)
    }
}

/// Whether these options of a command go together.
///
/// # Errors
/// Which two do not.
pub fn check_together(options: &[String]) -> Result<(), String> {
    let has = |option: &str| options.iter().any(|said| said == option);
    let both = list::EXCLUSIVE.iter().find(|(a, b)| has(a) && has(b));
    both.map_or(Ok(()), |(a, b)| {
        Err(format!("{a} and {b} (accepted: one of the two)"))
    })
}

/// Why an option that there is can't stand where it does.
#[must_use]
pub fn misplaced(option: &str, command: Option<&Command>) -> String {
    let option = format!("--{option}");
    if let Some(Command { name, options, .. }) = command {
        let own = match options {
            [] => String::from("none"),
            options => options.join(", "),
        };
        return format!("{name} does not take {option} (accepted there: {own})");
    }
    let takers = COMMANDS
        .iter()
        .filter(|command| command.options.contains(&option.as_str()));
    let takers: Vec<&str> = takers.map(|command| command.name).collect();
    format!(
        "{option} goes behind the command (accepted: with {})",
        takers.join(", ")
    )
}

/// The one of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// All names, as a sentence has them.
#[must_use]
pub fn names() -> String {
    COMMANDS.map(|command| command.name).join(", ")
}

/// Breaks a text into rows behind a column of `margin` bytes.
fn wrapped(text: &str, margin: usize) -> String {
    const WIDTH: usize = 100;
    let (mut out, mut used) = (String::new(), margin);
    for word in text.split(' ') {
        if used > margin && used + 1 + word.len() > WIDTH {
            let _ = write!(out, "\n{:margin$}", "");
            used = margin;
        } else if used > margin {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += word.len();
    }
    out
}

/// What `help` says.
#[must_use]
pub fn usage() -> String {
    let mut out = String::from("usage: bulkheadctl COMMAND\n");
    for needs in Needs::ALL {
        let _ = writeln!(out, "\n{}:", needs.place());
        for command in needs.commands() {
            let form = format!("{} {}", command.name, command.usage);
            let gap = if form.len() > 30 {
                format!("\n{:34}", "")
            } else {
                String::new()
            };
            let _ = writeln!(out, "  {form:<30}  {gap}{}", wrapped(command.summary, 34));
        }
    }
    out.push('\n');
    for (name, value, summary) in OPTIONS {
        let form = format!("{name} {value}");
        let _ = writeln!(out, "  {form:<18}  {}", wrapped(summary, 22));
    }
    out.push_str("\nexit codes:\n");
    for (code, meaning) in CODES {
        let _ = writeln!(out, "  {code}  {meaning}");
    }
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// What `help` says of one.
#[must_use]
pub fn help_of(command: &Command) -> String {
    let Command { name, usage, .. } = command;
    let mut out = format!("usage: bulkheadctl {name} {usage}")
        .trim_end()
        .to_string();
    let summary = wrapped(command.summary, 0);
    let _ = writeln!(out, "\n\n{summary} ({})", command.needs.place());
    if ["define", "set"].contains(name) {
        let _ = write!(out, "\n{}", bulkhead_shell::keys());
    }
    let own = OPTIONS
        .iter()
        .filter(|(name, ..)| command.options.contains(name));
    for (at, (name, value, summary)) in own.enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        let form = format!("{name} {value}");
        let _ = writeln!(out, "{gap}  {form:<18}  {}", wrapped(summary, 22));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_explained_and_used() {
        for command in &COMMANDS {
            for option in command.options {
                assert!(OPTIONS.iter().any(|(name, ..)| name == option), "{option}");
            }
            for word in command
                .usage
                .split([' ', '[', ']'])
                .filter(|word| word.starts_with("--"))
            {
                assert!(command.options.contains(&word), "{}: {word}", command.name);
            }
        }
        for (name, ..) in OPTIONS {
            let mut all = COMMANDS.iter().flat_map(|command| command.options);
            assert!(all.any(|option| *option == name), "{name}");
        }
    }

    #[test]
    fn what_is_shipped_is_what_the_list_says() {
        let shipped = [
            (include_str!("../../share/bulkheadctl.bash"), bash()),
            (include_str!("../../share/bulkheadctl.1"), man()),
        ];
        for (file, made) in shipped {
            assert!(
                file == made,
                "make it again: bulkheadctl completion bash, bulkheadctl man"
            );
        }
        for command in &COMMANDS {
            assert!(usage().contains(&format!("\n  {}", command.name)));
            assert!(bash().contains(&format!("        {}) ", command.name)));
            assert!(
                man().contains(&format!("\n.B {} ", command.name)),
                "{}",
                command.name
            );
        }
    }
}
