//! `agent`: says to Bulkhead that this Linux lives, and ends it in good order when that is asked for.
//!
//! It writes a word to the variable `Agent` each second: two calls of this Linux's firmware, and nothing is read unless
//! there is something to be read, which the file's length tells.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::link::{ATTRIBUTES, Efivars, Held, Trouble, Variables, text};
use super::{Wish, told};

mod login;
mod terminal;
mod work;

pub use login::{WORD as LOGIN, become_login};
use terminal::Terminal;
pub use work::Commands;
use work::Work;

/// Between two words.
const EACH: Duration = Duration::from_secs(1);
/// What is read where nothing is asked for.
const NONE: &str = "none\n";
/// What it has a line of, if somebody is attached to the console.
const CONSOLE: &str = "console";
/// A panic by an interrupt that nobody knows, with a trace of what hangs.
const PANIC: &str = "/proc/sys/kernel/unknown_nmi_panic";

/// What is asked of this Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To power off.
    Stop,
    /// To reboot.
    Restart,
}

/// What the variable says.
///
/// # Errors
/// Why the last word was refused.
pub fn order(told: &str) -> Result<Option<Order>, &str> {
    match told.split_ascii_whitespace().next() {
        Some("stop") => Ok(Some(Order::Stop)),
        Some("restart") => Ok(Some(Order::Restart)),
        Some("error:") => Err(told.trim_end()),
        _ => Ok(None),
    }
}

/// Bulkhead's ear.
pub trait Pulse {
    /// Says a word, and gives what is to be read then, if that is not known to be nothing.
    ///
    /// # Errors
    /// What the system says.
    fn say(&mut self, word: &str) -> io::Result<Option<String>>;

    /// What is to be read.
    ///
    /// # Errors
    /// What the system says.
    fn told(&mut self) -> io::Result<String>;
}

/// The variable of this Linux, which stays open.
struct Variable(File);

impl Pulse for Variable {
    fn say(&mut self, word: &str) -> io::Result<Option<String>> {
        let whole = [&ATTRIBUTES[..], word.as_bytes()].concat();
        self.0.write_at(&whole, 0)?;
        // efivarfs has asked how long it is now.
        let nothing = (ATTRIBUTES.len() + NONE.len()) as u64;
        if self.0.metadata()?.len() == nothing {
            return Ok(None);
        }
        self.told().map(Some)
    }

    fn told(&mut self) -> io::Result<String> {
        let mut bytes = [0; 256];
        let length = self.0.read_at(&mut bytes, 0)?;
        let value = bytes.get(ATTRIBUTES.len()..length).unwrap_or_default();
        Ok(String::from_utf8_lossy(value).into_owned())
    }
}

/// Serves until this Linux ends, or another says that its agent leaves.
///
/// # Errors
/// Why it can't begin.
pub fn run(wish: &Wish, variables: &Efivars) -> Result<bool, Trouble> {
    let file = open(variables)?;
    if wish.has("--leave") {
        Variable(file).say("bye").map_err(|error| missing(&error))?;
        return Ok(true);
    }
    let lock = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    if rustix::fs::flock(&file, lock).is_err() {
        let why = "an agent runs in this Linux already";
        return Err(Trouble::Refused(why.to_string()));
    }
    let name = super::machine(variables)?.name;
    let seconds = watchdog(variables, &name)?;
    if let Some(seconds) = seconds {
        // What hangs is to say where.
        let is_set = std::fs::write(PANIC, "1").is_ok();
        let trace = if is_set {
            "with a trace"
        } else {
            "without a trace"
        };
        eprintln!(
            "bulkheadctl: {name} fails, {trace}, when nothing is heard of it for {seconds} s"
        );
    }
    let mut terminal = terminal(wish, variables);
    let hello = if terminal.is_some() {
        "hello terminal"
    } else {
        "hello"
    };
    eprintln!("bulkheadctl: the agent of {name} is there");
    serve(
        &mut Variable(file),
        hello,
        &Commands::of_wish(wish),
        |is_called| {
            let until = Instant::now() + EACH;
            if let Some(terminal) = &mut terminal {
                terminal.serve(is_called, until);
            }
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            true
        },
    )
}

/// What it gives to who is attached to the console of this partition.
fn terminal(wish: &Wish, variables: &Efivars) -> Option<Terminal<Held>> {
    if wish.has("--no-login") {
        return None;
    }
    let Some(login) = wish.login.clone().or_else(login::usual) else {
        eprintln!(
            "bulkheadctl: no login program: this Linux has no console (accepted: --login COMMAND)"
        );
        return None;
    };
    match Held::open(variables, "Terminal") {
        Ok(held) => Some(Terminal::new(held, login)),
        Err(error) => {
            eprintln!("bulkheadctl: Bulkhead's variable Terminal: {error}");
            None
        }
    }
}

fn watchdog(variables: &impl Variables, name: &str) -> Result<Option<u32>, Trouble> {
    let all = told::partitions("", &text(variables, "Details")?);
    let own = all.iter().find(|one| one.name == name);
    Ok(own.and_then(|one| one.detail.as_ref()?.watchdog))
}

fn missing(error: &io::Error) -> Trouble {
    Trouble::Missing(format!("Bulkhead's variable Agent: {error}"))
}

fn open(variables: &Efivars) -> Result<File, Trouble> {
    variables.held("Agent").map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            Trouble::Denied(format!("only root can be the agent: {error}"))
        }
        ErrorKind::NotFound => Trouble::Missing(String::from(
            "the Bulkhead around this Linux is older than this program: it knows of no agent",
        )),
        _ => missing(&error),
    })
}

/// Says that it is there, and then a word for each time that `wait` lets it go on, which is told whether somebody is
/// attached to the console.
///
/// # Errors
/// Why it can't begin.
pub fn serve(
    pulse: &mut impl Pulse,
    hello: &str,
    commands: &Commands,
    mut wait: impl FnMut(bool) -> bool,
) -> Result<bool, Trouble> {
    let mut said = pulse.say(hello);
    if let Err(error) = &said {
        return Err(missing(error));
    }
    let mut work = Work::default();
    loop {
        let told = match said {
            Ok(told) => told,
            // It is refused, and the variable says why.
            Err(error) if error.kind() == ErrorKind::InvalidInput => pulse.told().ok(),
            Err(error) => {
                eprintln!("bulkheadctl: Bulkhead's variable Agent: {error}");
                None
            }
        };
        match told.as_deref().map(order) {
            Some(Ok(Some(order))) => work.go_on(order, commands),
            Some(Err(why)) if why.contains("no hello") => {
                eprintln!("bulkheadctl: this Linux's agent was told to leave");
                return Ok(true);
            }
            Some(Err(why)) => eprintln!("bulkheadctl: {why}"),
            Some(Ok(None)) | None => {}
        }
        let is_called = told.is_some_and(|told| told.lines().any(|line| line == CONSOLE));
        if !wait(is_called) {
            return Ok(true);
        }
        said = pulse.say("beat");
    }
}

#[cfg(test)]
mod tests;
