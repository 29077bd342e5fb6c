//! `apply`: the difference between what a file says and what there is, as lines for Bulkhead's shell.

use std::fmt;

use bulkhead_memory::Region;

mod back;
mod links;
mod meaning;
mod order;
#[cfg(test)]
mod order_tests;
mod perform;
mod plan;
mod read;
#[cfg(test)]
mod tests;

pub use back::back;
pub use links::Link;
pub(super) use perform::apply;
pub use plan::{isolation, plan};
pub use read::{quoted, read, shown, shown_links, shown_memory, words};

/// A definition: its keys and values, as they are typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Whose.
    pub name: String,
    /// In the order in which they were given, each once.
    pub keys: Vec<(String, String)>,
}

/// What a file wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `define` and `set` lines, put together.
    pub definitions: Vec<Definition>,
    /// `link` lines.
    pub links: Vec<Link>,
    /// The last `isolation` line.
    pub isolation: Option<String>,
    /// `start` lines.
    pub started: Vec<String>,
}

/// What there is of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// As `show` has it.
    pub definition: Definition,
    /// Its links, as `show` has them.
    pub links: Vec<Link>,
    /// Where its memory is.
    pub memory: Vec<Region>,
    /// Whether a kernel of it may run.
    pub is_live: bool,
}

/// One thing to be done. Displays as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// What is meant without `isolation=` is another: the new one, and the old one.
    Isolation(String, String),
    /// There is none of that name.
    Define(Definition),
    /// Those keys differ: the new values, and the old ones.
    Set(Definition, Vec<String>),
    /// It runs, and has to be ended first.
    Kill(String),
    /// It is defined anew afterwards: others are to have what it has, and it what they have.
    Undefine(String),
    /// The two are linked by no memory, or by another size.
    Link(Link),
    /// The two are linked, and the file links them not, or by another size.
    Unlink(Link),
    /// It is wanted to run.
    Start(String),
    /// It runs, and differs: it was not said that it may be restarted.
    Left(Definition, Vec<String>),
    /// Two that are to be linked or unlinked, as that line would, and those of them that run: it was not said that they
    /// may be restarted.
    LeftLink(String, Vec<String>),
}

impl Step {
    /// The request: `start NAME`, `kill NAME`, or a line for the shell.
    #[must_use]
    pub fn request(&self) -> Option<String> {
        match self {
            Self::Isolation(what, _) => Some(format!("isolation {what}")),
            Self::Define(definition) => Some(format!("define {definition}")),
            Self::Set(definition, _) => Some(format!("set {definition}")),
            Self::Kill(name) => Some(format!("kill {name}")),
            Self::Undefine(name) => Some(format!("undefine {name}")),
            Self::Link(link) => Some(format!("link {link}")),
            Self::Unlink(Link { names: [a, b], .. }) => Some(format!("unlink {a} {b}")),
            Self::Start(name) => Some(format!("start {name}")),
            Self::Left(..) | Self::LeftLink(..) => None,
        }
    }

    /// Whether it is a line for the shell.
    #[must_use]
    pub const fn is_line(&self) -> bool {
        matches!(
            self,
            Self::Isolation(..)
                | Self::Define(_)
                | Self::Undefine(_)
                | Self::Set(..)
                | Self::Link(_)
                | Self::Unlink(_)
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(_, old) | Self::Left(_, old) => {
                let line = match self {
                    Self::Left(definition, _) => format!("left: set {definition}"),
                    _ => self.request().unwrap_or_default(),
                };
                write!(f, "{line} (was: {})", old.join(" "))?;
                match self {
                    Self::Left(..) => f.write_str("; it runs (accepted: --restart)"),
                    _ => Ok(()),
                }
            }
            Self::Isolation(_, was) => {
                write!(f, "{} (was: {was})", self.request().unwrap_or_default())
            }
            Self::LeftLink(line, live) => {
                let (live, run) = (
                    live.join(" and "),
                    if live.len() > 1 { "run" } else { "runs" },
                );
                write!(f, "left: {line}; {live} {run} (accepted: --restart)")
            }
            _ => f.write_str(&self.request().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut keys = self.keys.iter();
        keys.try_for_each(|(key, value)| write!(f, " {key}={}", quoted(value)))
    }
}
