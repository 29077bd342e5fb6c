//! `agent`: says to Bulkhead that this Linux lives, and ends it in good order when that is asked for.
//!
//! It writes a word to the variable `Agent` each second: two calls of this Linux's firmware, and nothing is read unless
//! there is something to be read, which the file's length tells.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::link::{ATTRIBUTES, Efivars, Trouble, Variables, text};
use super::{Wish, told};

/// Between two words.
const EACH: Duration = Duration::from_secs(1);
/// After a command that failed, until it is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// What is read where nothing is asked for.
const NONE: &str = "none\n";
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

/// How this Linux ends itself.
#[derive(Clone, Debug)]
pub struct Commands {
    /// By a power-off.
    pub poweroff: String,
    /// By a reboot.
    pub reboot: String,
}

impl Commands {
    /// Those of the first process that runs below that root.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let first = std::fs::read_to_string(root.join("proc/1/comm")).unwrap_or_default();
        let (poweroff, reboot) = if root.join("run/systemd/system").exists() {
            ("systemctl poweroff", "systemctl reboot")
        } else if first.trim() == "openrc-init" {
            (
                "openrc-shutdown --poweroff now",
                "openrc-shutdown --reboot now",
            )
        } else {
            ("poweroff", "reboot")
        };
        Self {
            poweroff: poweroff.to_string(),
            reboot: reboot.to_string(),
        }
    }

    fn of_wish(wish: &Wish) -> Self {
        let mut commands = Self::of(Path::new("/"));
        if let Some(command) = &wish.poweroff {
            commands.poweroff.clone_from(command);
        }
        if let Some(command) = &wish.reboot {
            commands.reboot.clone_from(command);
        }
        commands
    }

    fn that(&self, order: Order) -> &str {
        match order {
            Order::Stop => &self.poweroff,
            Order::Restart => &self.reboot,
        }
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
    eprintln!("bulkheadctl: the agent of {name} is there");
    serve(&mut Variable(file), &Commands::of_wish(wish), || {
        std::thread::sleep(EACH);
        true
    })
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

/// Says that it is there, and then a word for each time that `wait` lets it go on.
///
/// # Errors
/// Why it can't begin.
pub fn serve(
    pulse: &mut impl Pulse,
    commands: &Commands,
    mut wait: impl FnMut() -> bool,
) -> Result<bool, Trouble> {
    let mut said = pulse.say("hello");
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
        if !wait() {
            return Ok(true);
        }
        said = pulse.say("beat");
    }
}

/// What was begun because it was asked for.
#[derive(Default)]
struct Work {
    order: Option<Order>,
    child: Option<Child>,
    again: Option<Instant>,
}

impl Work {
    /// Begins it, once; and again if it failed.
    fn go_on(&mut self, order: Order, commands: &Commands) {
        let command = commands.that(order);
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) => return,
                Ok(Some(status)) if status.success() => self.child = None,
                ended => {
                    let why = ended.map_or_else(
                        |error| error.to_string(),
                        |status| status.map_or_else(String::new, |status| status.to_string()),
                    );
                    self.fail(command, &why);
                }
            }
        }
        let is_begun = self.order == Some(order) && self.again.is_none();
        if is_begun || self.again.is_some_and(|again| Instant::now() < again) {
            return;
        }
        eprintln!("bulkheadctl: asked to end: {command}");
        (self.order, self.again) = (Some(order), None);
        match Command::new("/bin/sh").arg("-c").arg(command).spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => self.fail(command, &error.to_string()),
        }
    }

    fn fail(&mut self, command: &str, why: &str) {
        eprintln!("bulkheadctl: {command}: {why}");
        (self.child, self.again) = (None, Some(Instant::now() + AGAIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An ear that answers what is written down.
    struct Made {
        told: Vec<io::Result<Option<String>>>,
        said: Vec<String>,
        why: &'static str,
    }

    impl Pulse for Made {
        fn say(&mut self, word: &str) -> io::Result<Option<String>> {
            self.said.push(word.to_string());
            self.told.remove(0)
        }

        fn told(&mut self) -> io::Result<String> {
            Ok(self.why.to_string())
        }
    }

    fn serve_all(mut made: Made, commands: &Commands) -> (Result<bool, Trouble>, Vec<String>) {
        let mut left = made.told.len();
        let done = serve(&mut made, commands, || {
            left -= 1;
            std::thread::sleep(Duration::from_millis(20));
            left > 0
        });
        (done, made.said)
    }

    fn told(all: &[&str]) -> Vec<io::Result<Option<String>>> {
        let told = all.iter().map(|told| match *told {
            "" => Ok(None),
            "refused" => Err(ErrorKind::InvalidInput.into()),
            told => Ok(Some(told.to_string())),
        });
        told.collect()
    }

    fn marking(mark: &Path) -> Commands {
        Commands {
            poweroff: format!("echo off >>{}", mark.display()),
            reboot: format!("echo again >>{}; false", mark.display()),
        }
    }

    #[test]
    fn what_is_asked_for_is_done_once() {
        let mark = std::env::temp_dir().join(format!("bulkhead-agent-{}", std::process::id()));
        let _ = std::fs::remove_file(&mark);
        let words = [
            "",
            "",
            "stop within=60\n",
            "stop within=59\n",
            "stop within=58\n",
        ];
        let made = Made {
            told: told(&words),
            said: Vec::new(),
            why: "",
        };
        let (done, said) = serve_all(made, &marking(&mark));
        assert!(matches!(done, Ok(true)));
        assert_eq!(said, ["hello", "beat", "beat", "beat", "beat"]);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(std::fs::read_to_string(&mark).unwrap(), "off\n");
        // One that fails is tried again, later.
        let made = Made {
            told: told(&["restart within=60\n"; 8]),
            said: Vec::new(),
            why: "",
        };
        let (done, said) = serve_all(made, &marking(&mark));
        assert!(matches!(done, Ok(true)));
        assert_eq!(said.len(), 8, "it goes on saying that it lives");
        assert_eq!(std::fs::read_to_string(&mark).unwrap(), "off\nagain\n");
        std::fs::remove_file(&mark).unwrap();
    }

    #[test]
    fn one_that_was_told_to_leave_ends() {
        let made = Made {
            told: told(&["", "refused", ""]),
            said: Vec::new(),
            why: "error: no hello was heard before it\n",
        };
        let (done, said) = serve_all(made, &Commands::of(Path::new("/nowhere")));
        assert!(matches!(done, Ok(true)));
        assert_eq!(said, ["hello", "beat"]);
        // A Linux that is being ended refuses it for another reason, and it goes on.
        let made = Made {
            told: told(&["", "refused", ""]),
            said: Vec::new(),
            why: "none\n",
        };
        let (_, said) = serve_all(made, &Commands::of(Path::new("/nowhere")));
        assert_eq!(said, ["hello", "beat", "beat"]);
    }

    #[test]
    fn the_command_is_that_of_the_first_process() {
        let root = std::env::temp_dir().join(format!("bulkhead-init-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        assert_eq!(Commands::of(&root).reboot, "reboot");
        std::fs::create_dir_all(root.join("proc/1")).unwrap();
        std::fs::write(root.join("proc/1/comm"), "openrc-init\n").unwrap();
        assert_eq!(
            Commands::of(&root).poweroff,
            "openrc-shutdown --poweroff now"
        );
        std::fs::create_dir_all(root.join("run/systemd/system")).unwrap();
        assert_eq!(Commands::of(&root).reboot, "systemctl reboot");
        std::fs::remove_dir_all(&root).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_read(told in any::<String>()) {
            let _ = order(&told);
        }
    }
}
