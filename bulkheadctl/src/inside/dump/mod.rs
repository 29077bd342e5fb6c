//! `dump NAME [FILE]`: a dead partition's RAM as an ELF core.
//!
//! ```text
//! hold NAME -> Held (where its RAM is) -> window on /dev/mem -> FILE.part
//!                 keep NAME, again and again                        |
//! dumped NAME <- FILE <---------------------------------------------'
//! ```
//!
//! While it is held nobody launches it. That this has held from the first byte to the last is what Bulkhead
//! says to `dumped`; only then the file gets its name.

pub mod elf;
pub mod file;
pub mod kernel;
pub mod told;
pub mod window;
pub mod write;

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulkhead_memory::Bytes;
use serde_json::json;

use super::link::{Trouble, Variables, ask, text};
use super::told::Partition;
use super::{Wish, done, find, lined, print};
use told::{Held, held};
use window::Window;
use write::{Failed, Written, write};

/// How often Bulkhead is told that it goes on: much more often than it has to be.
const KEEP_EACH: Duration = Duration::from_secs(4);
const SAY_EACH: Duration = Duration::from_millis(500);

/// `dump NAME [FILE] [--stop]`
pub(super) fn dump(
    wish: &Wish,
    variables: &impl Variables,
    out: &mut dyn Write,
) -> Result<(), Trouble> {
    let name = wish.name()?;
    let one = find(variables, name)?;
    stopped(wish, variables, &one, out)?;
    let file = wish.words.get(1).map_or_else(
        || PathBuf::from(format!("{name}-{}.core", one.runs)),
        PathBuf::from,
    );
    let part = part(&file);
    let of_file = |error: std::io::Error| Trouble::Missing(format!("{}: {error}", part.display()));
    let memory = File::open("/dev/mem").map_err(|error| {
        Trouble::Missing(format!("/dev/mem, by which its memory is read: {error}"))
    })?;
    let core = file::create(&part).map_err(of_file)?;
    let begun = Instant::now();
    let dumped = hold(wish, variables, name).and_then(|held| {
        let window = Window::new(memory, held.pieces.clone());
        let written = kept_up(
            &mut Keeper::new(wish, variables, name, &held),
            &window,
            &core,
        );
        let written = written.map_err(|failed| failed.into_trouble(&part, name))?;
        named(&part, &file).map_err(of_file)?;
        Ok((held, written))
    });
    let (held, written) = dumped.inspect_err(|_| {
        let _ = std::fs::remove_file(&part);
    })?;
    print(
        out,
        &told(wish, (name, &file), (&held, &written), begun.elapsed()),
    )
}

/// Gives the file its name, on the medium too.
fn named(part: &Path, file: &Path) -> std::io::Result<()> {
    std::fs::rename(part, file)?;
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes it all while it is held.
fn kept_up(
    keeper: &mut Keeper<'_, impl Variables>,
    window: &Window,
    core: &File,
) -> Result<Written, Failed> {
    let written = write(keeper.held, window, core, |done| keeper.goes_on(done));
    let written = written.and_then(|written| {
        core.sync_all().map_err(Failed::Core)?;
        Ok(written)
    });
    match &written {
        Ok(_) => keeper.ask("dumped").map_err(Failed::Lost)?,
        // What was lost is not its to release.
        Err(Failed::Lost(_)) => {}
        Err(_) => drop(keeper.ask("release")),
    }
    written
}

/// Kills one that is live, if that was wished; else it must be at rest.
fn stopped(
    wish: &Wish,
    variables: &impl Variables,
    one: &Partition,
    out: &mut dyn Write,
) -> Result<(), Trouble> {
    let name = &one.name;
    match one.state.as_str() {
        "defined" | "stopped" | "failed" | "waiting" => Ok(()),
        _ if wish.has("--stop") => {
            ask(variables, &format!("kill {name}"), wish.patience())?;
            done(out, wish.has("--json"), &format!("kill {name}"))
        }
        state => Err(Trouble::Refused(format!(
            "\"{name}\" is {state}: its memory changes (accepted: dump {name} --stop, which kills it before)"
        ))),
    }
}

/// What it is called until it is whole.
fn part(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".part");
    PathBuf::from(name)
}

fn hold(wish: &Wish, variables: &impl Variables, name: &str) -> Result<Held, Trouble> {
    ask(variables, &format!("hold {name}"), wish.patience())?;
    let unread = || {
        Trouble::Refused(format!(
            "\"{name}\" is held, and Held does not tell of it: too many are held at once (accepted: again later)"
        ))
    };
    held(&text(variables, "Held")?, name).ok_or_else(unread)
}

/// Keeps the hold up, and says how far it is.
struct Keeper<'a, V: Variables> {
    wish: &'a Wish,
    variables: &'a V,
    name: &'a str,
    held: &'a Held,
    begun: Instant,
    kept: Instant,
    said: Instant,
    is_seen: bool,
}

impl<'a, V: Variables> Keeper<'a, V> {
    fn new(wish: &'a Wish, variables: &'a V, name: &'a str, held: &'a Held) -> Self {
        let now = Instant::now();
        Self {
            wish,
            variables,
            name,
            held,
            begun: now,
            kept: now,
            said: now,
            is_seen: std::io::stderr().is_terminal() && !wish.has("--json"),
        }
    }

    fn ask(&self, verb: &str) -> Result<(), Trouble> {
        let request = format!("{verb} {} {}", self.name, self.held.number);
        ask(self.variables, &request, self.wish.patience()).map(drop)
    }

    fn goes_on(&mut self, done: u64) -> Result<(), Trouble> {
        let now = Instant::now();
        if now.duration_since(self.kept) >= KEEP_EACH {
            self.ask("keep")?;
            self.kept = now;
        }
        if self.is_seen && now.duration_since(self.said) >= SAY_EACH {
            let (total, speed) = (self.held.bytes(), per_second(done, now - self.begun));
            eprint!(
                "\r{}: {} of {} MiB, {speed} MB/s ",
                self.name,
                done >> 20,
                total >> 20
            );
            self.said = now;
        }
        Ok(())
    }
}

impl<V: Variables> Drop for Keeper<'_, V> {
    fn drop(&mut self) {
        if self.is_seen && self.said != self.begun {
            eprint!("\r{:60}\r", "");
        }
    }
}

fn per_second(bytes: u64, time: Duration) -> u64 {
    let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    bytes / us
}

fn told(
    wish: &Wish,
    (name, file): (&str, &Path),
    (held, written): (&Held, &Written),
    time: Duration,
) -> String {
    let (bytes, speed) = (held.bytes(), per_second(held.bytes(), time));
    if wish.has("--json") {
        return lined(&json!({
            "partition": name,
            "run": held.run,
            "file": file.to_string_lossy(),
            "memory_bytes": bytes,
            "written_bytes": written.bytes,
            "milliseconds": u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            "mb_per_second": speed,
            "vmcoreinfo": written.has_vmcoreinfo,
        }));
    }
    let lacking = if written.has_vmcoreinfo {
        ""
    } else {
        "; its kernel's VMCOREINFO was not found, without which crash can't read it"
    };
    format!(
        "{}: run {} of {name}, {} ({} written), {}.{:02} s, {speed} MB/s{lacking}\n",
        file.display(),
        held.run,
        Bytes(bytes),
        Bytes(written.bytes),
        time.as_secs(),
        time.subsec_millis() / 10
    )
}
