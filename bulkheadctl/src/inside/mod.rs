//! A machine that Bulkhead partitions, seen and run from one of its Linuxes.
//!
//! ```text
//! efivarfs -> link -> told (rows taken apart) -> form (text, JSON, metrics)
//!                \-> ask, line (one request and its own answer) <- apply (the difference)
//! ```

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub mod agent;
pub mod apply;
pub mod console;
pub mod dump;
pub mod form;
pub mod link;
mod reading;
pub mod told;

use bulkhead_lifecycle::{Outcome, STOP_SECONDS};
use bulkhead_shell::nearest;
use link::{Trouble, Variables, ask, line, text};
use told::{Machine, Partition};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The command.
    pub command: String,
    /// What follows it.
    pub words: Vec<String>,
    /// Its options, `--` included.
    pub flags: Vec<String>,
    /// How long an answer is waited for.
    pub patience: Option<Duration>,
    /// Seconds that a Linux has to end itself.
    pub within: Option<u32>,
    /// How the agent powers this Linux off, and how it reboots it, if that was said.
    pub poweroff: Option<String>,
    /// The same for a reboot.
    pub reboot: Option<String>,
    /// What the agent runs on a terminal for who is attached to the console.
    pub login: Option<String>,
}

/// Longer than any of Bulkhead's own deadlines.
const PATIENCE: Duration = Duration::from_secs(60);
const EVENTS_EACH: Duration = Duration::from_millis(250);
const WATCH_EACH: Duration = Duration::from_secs(1);
/// The form of the variables that this program knows.
const PROTOCOL: u32 = 1;

impl Wish {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }

    fn patience(&self) -> Duration {
        let within = u64::from(self.within.unwrap_or(STOP_SECONDS));
        let ends = ["stop", "restart"].contains(&self.command.as_str());
        let more = Duration::from_secs(if ends { within } else { 0 });
        self.patience.unwrap_or(PATIENCE + more)
    }

    fn name(&self) -> Result<&str, Trouble> {
        let none = || Trouble::Usage(format!("{}: which partition?", self.command));
        self.words.first().map(String::as_str).ok_or_else(none)
    }
}

/// Does it, and prints what there is to say; whether all is as it was wanted.
///
/// # Errors
/// Why not.
pub fn run(wish: &Wish, variables: &impl Variables, out: &mut dyn Write) -> Result<bool, Trouble> {
    let machine = machine(variables)?;
    let is_json = wish.has("--json");
    match wish.command.as_str() {
        "list" if wish.has("--names") => {
            let names: String = all(variables)?
                .iter()
                .map(|one| format!("{}\n", one.name))
                .collect();
            print(out, &names)?;
        }
        "list" => print(out, &list(&all(variables)?, is_json))?,
        "show" => {
            let one = find(variables, wish.name()?)?;
            let shown = if is_json {
                lined(&form::partition(&one))
            } else {
                form::paragraph(&one)
            };
            print(out, &shown)?;
        }
        "metrics" => print(out, &form::metrics(&machine, &all(variables)?))?,
        "time" => print(out, &time(&machine, variables, is_json)?)?,
        "events" => events(wish, variables, out)?,
        "watch" => loop {
            let clear = if is_json { "" } else { "\x1b[H\x1b[2J" };
            print(out, &format!("{clear}{}", list(&all(variables)?, is_json)))?;
            std::thread::sleep(WATCH_EACH);
        },
        "start" | "stop" | "restart" | "kill" => each(wish, variables, out)?,
        "shell" => {
            let asked = ask(variables, "shell", wish.patience());
            asked.map_err(|why| of_shell(why, machine.has_shell))?;
            done(out, is_json, "shell")?;
        }
        "log" => log(wish, variables, out)?,
        "dump" => dump::dump(wish, variables, out)?,
        "define" | "set" | "undefine" | "link" | "unlink" | "reset" | "poweroff" => {
            let force = wish.has("--force").then(|| String::from("force"));
            let words = wish.words.iter().map(|word| typed(word)).chain(force);
            let words: Vec<String> = std::iter::once(wish.command.clone()).chain(words).collect();
            said(
                wish,
                &line(variables, &words.join(" "), wish.patience())?,
                out,
            )?;
        }
        "apply" => return apply::apply(wish, variables, out),
        other => return Err(Trouble::Usage(format!("there is no command {other:?}"))),
    }
    Ok(true)
}

/// `key=value` as Bulkhead's shell reads it.
fn typed(word: &str) -> String {
    match word.split_once('=') {
        Some((key, value)) => format!("{key}={}", apply::quoted(value)),
        // Without quotes it would be none.
        None if word.is_empty() => String::from("\"\""),
        None => apply::quoted(word),
    }
}

fn print(out: &mut dyn Write, text: &str) -> Result<(), Trouble> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Trouble::Missing(format!("standard output: {error}")))
}

fn lined(value: &Value) -> String {
    format!("{value}\n")
}

fn done(out: &mut dyn Write, is_json: bool, what: &str) -> Result<(), Trouble> {
    if is_json {
        return print(out, &lined(&json!({ "done": what })));
    }
    Ok(())
}

fn machine(variables: &impl Variables) -> Result<Machine, Trouble> {
    let known = text(variables, "Machine").map(|text| told::machine(&text))?;
    let known = known.filter(|machine| machine.protocol == PROTOCOL);
    let why = "the Bulkhead around this Linux speaks another form of the control protocol";
    known.ok_or_else(|| Trouble::Missing(why.to_string()))
}

/// All partitions.
fn all(variables: &impl Variables) -> Result<Vec<Partition>, Trouble> {
    let short = text(variables, "Partitions")?;
    Ok(told::partitions(&short, &text(variables, "Details")?))
}

fn find(variables: &impl Variables, name: &str) -> Result<Partition, Trouble> {
    let all = all(variables)?;
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let found = all.iter().find(|one| one.name == name).cloned();
    found.ok_or_else(|| {
        let meant = nearest(name, names.iter().copied());
        let meant = meant.map_or_else(String::new, |name| format!(", did you mean \"{name}\"?"));
        let names = names.join(", ");
        Trouble::Refused(format!(
            "there is no partition \"{name}\"{meant} (partitions: {names})"
        ))
    })
}

/// Why the shell can't be woken: the answer says that its state does not allow it, and not which state that is.
fn of_shell(why: Trouble, is_there: bool) -> Trouble {
    match why {
        Trouble::Refused(said) if said == answered(Outcome::WrongState) => {
            Trouble::Refused(String::from(if is_there {
                "Bulkhead's shell is there, and need not be woken (accepted: after its operator's halt)"
            } else {
                "Bulkhead's core can't be woken: it has a Linux, whose end brings the shell back, or has \
                 panicked (accepted: after its operator's halt)"
            }))
        }
        why => why,
    }
}

/// An answer as [`ask`] tells it.
fn answered(outcome: Outcome) -> String {
    let said = outcome.to_string();
    said.strip_prefix("error: ").unwrap_or(&said).to_string()
}

/// Asks for something of the partition called `name`; where there is none, those that there are are said.
fn ask_of(
    variables: &impl Variables,
    name: &str,
    request: &str,
    patience: Duration,
) -> Result<(), Trouble> {
    match ask(variables, request, patience) {
        Err(Trouble::Refused(why)) if why == answered(Outcome::Unknown) => {
            find(variables, name)?;
            Err(Trouble::Refused(why))
        }
        done => done.map(drop),
    }
}

fn list(all: &[Partition], is_json: bool) -> String {
    if is_json {
        lined(&all.iter().map(form::partition).collect())
    } else {
        form::table(all)
    }
}

/// `start`, `stop`, `restart`, `kill` of each name, up to the first that is refused; of several, none if one of
/// them is nobody's.
fn each(wish: &Wish, variables: &impl Variables, out: &mut dyn Write) -> Result<(), Trouble> {
    wish.name()?;
    let is_one = wish.words.len() == 1;
    if !is_one {
        for name in &wish.words {
            find(variables, name)?;
        }
    }
    let by_force = wish.has("--force");
    let seconds = wish
        .within
        .map_or_else(String::new, |seconds| format!(" {seconds}"));
    for (at, name) in wish.words.iter().enumerate() {
        let request = match wish.command.as_str() {
            "stop" if by_force => format!("kill {name}"),
            "restart" if by_force => format!("restart {name} 0"),
            verb => format!("{verb} {name}{seconds}"),
        };
        let asked = ask_of(variables, name, &request, wish.patience());
        asked.map_err(|why| {
            if is_one {
                return why;
            }
            let before = wish.words[..at].join(", ");
            why.map(|why| match before.as_str() {
                "" => format!("{name}: {why}"),
                before => format!("{name}: {why} (done before: {before})"),
            })
        })?;
        done(out, wish.has("--json"), &request)?;
    }
    Ok(())
}

/// What the shell has said.
fn said(wish: &Wish, text: &str, out: &mut dyn Write) -> Result<(), Trouble> {
    if wish.has("--json") {
        return print(out, &lined(&json!({ "said": text })));
    }
    print(out, text)
}

fn log(wish: &Wish, variables: &impl Variables, out: &mut dyn Write) -> Result<(), Trouble> {
    wish.name()?;
    let words: Vec<String> = wish.words.iter().map(|word| typed(word)).collect();
    let text = line(
        variables,
        &format!("log {}", words.join(" ")),
        wish.patience(),
    )?;
    said(wish, &text, out)
}

/// What happened; with `--follow` it does not end.
fn events(wish: &Wish, variables: &impl Variables, out: &mut dyn Write) -> Result<(), Trouble> {
    let mut next = 0;
    loop {
        let events = told::events(&text(variables, "Events")?);
        let last = events.last().map_or(0, |event| event.ticket);
        if last.saturating_add(1) < next {
            next = 0; // the machine began anew
        }
        let fresh: Vec<_> = events.iter().filter(|event| event.ticket >= next).collect();
        let all = if fresh.is_empty() {
            Vec::new()
        } else {
            all(variables)?
        };
        for event in &fresh {
            let line = if wish.has("--json") {
                form::event_json(event, &all).to_string()
            } else {
                form::event(event, &all)
            };
            print(out, &format!("{line}\n"))?;
        }
        next = next.max(last.saturating_add(1));
        if !wish.has("--follow") {
            return Ok(());
        }
        std::thread::sleep(EVENTS_EACH);
    }
}

/// The clock that this Linux's firmware, Bulkhead, keeps for it, in seconds since 1970.
fn firmware_clock() -> Option<u64> {
    let folders = std::fs::read_dir("/sys/class/rtc").ok()?;
    folders.flatten().find_map(|folder| {
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
        let is_efi = read("name")?.contains("rtc-efi");
        read("since_epoch").filter(|_| is_efi)?.trim().parse().ok()
    })
}

fn time(machine: &Machine, variables: &impl Variables, is_json: bool) -> Result<String, Trouble> {
    let all = all(variables)?;
    let own = all.iter().find(|one| one.name == machine.name);
    let up = own.and_then(|one| one.detail.as_ref()?.up);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let firmware = firmware_clock();
    if is_json {
        return Ok(lined(&json!({
            "partition": machine.name,
            "runs": own.map(|one| one.runs),
            "up_seconds": up,
            "unix_seconds": now,
            "firmware_unix_seconds": firmware,
        })));
    }
    let runs = own.map_or(0, |one| one.runs);
    let up = up.map_or_else(|| String::from("unknown"), form::span);
    let firmware = firmware.map_or_else(
        || String::from("unknown (no rtc-efi driver)"),
        |firmware| {
            format!(
                "{firmware} ({:+} s)",
                i128::from(firmware) - i128::from(now)
            )
        },
    );
    Ok(format!(
        "{}: run {runs}, up {up}\nthis Linux's clock: {now} seconds since 1970\nits firmware's clock: {firmware}\n",
        machine.name
    ))
}
