//! The whole of it: from the disks to another kernel.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use super::disks::Disks;
use super::enter::{OWN, enter, prepare};
use super::menu::Menu;
use super::{By, Files, Place, Target, Volume, assessed, console};
use crate::inside::link::Trouble;

/// How long a disk is waited for that has something to boot.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(300);
const SECONDS: u64 = 3;
/// Of a system partition, the only file system on which they are renamed.
const ENTRIES: &str = "/loader/entries";
/// Entries that are tried one after the other.
const MOST_TRIES: usize = 8;

/// What the partition's definition says to this program.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    entry: Option<String>,
    seconds: Option<u64>,
    volume: Option<String>,
}

impl Wishes {
    fn of(line: &str) -> Self {
        let mut wishes = Self::default();
        for (name, value) in line
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
        {
            let value = value.trim_matches('"').to_string();
            match OWN.iter().position(|own| *own == name) {
                Some(0) => wishes.entry = Some(value),
                Some(1) => wishes.seconds = value.parse().ok().filter(|seconds| *seconds <= 3600),
                Some(_) => wishes.volume = Some(value),
                None => {}
            }
        }
        wishes
    }
}

/// Says what there is to boot; with `goes`, boots it. Comes back only if nothing was entered.
///
/// # Errors
/// Why nothing was.
pub fn run(goes: bool) -> Result<bool, Trouble> {
    let missing = |error: std::io::Error| Trouble::Missing(format!("boot: {error}"));
    let wishes = Wishes::of(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
    let begun = Instant::now();
    loop {
        let disks = Disks::gather().map_err(missing)?;
        let only = wishes.volume.as_ref().map(|what| {
            disks
                .find(By::Uuid, what)
                .or_else(|| disks.find(By::Label, what))
        });
        let has_any = only != Some(None) && !Menu::of(&disks, only.flatten()).rows.is_empty();
        if has_any {
            return go(disks, only.flatten(), &wishes, goes);
        }
        if !goes || begun.elapsed() > PATIENCE {
            disks.complaints.iter().for_each(|what| say(what));
            let which = wishes.volume.map_or_else(
                || "no disk".to_string(),
                |what| format!("no file system {what:?}"),
            );
            return Err(Trouble::Missing(format!(
                "boot: {which} with a Boot Loader Specification entry, a grub.cfg or a /vmlinuz"
            )));
        }
        drop(disks);
        std::thread::sleep(AGAIN);
    }
}

fn go(mut disks: Disks, only: Option<usize>, wishes: &Wishes, goes: bool) -> Result<bool, Trouble> {
    let missing = |error: std::io::Error| Trouble::Missing(format!("boot: {error}"));
    disks.complaints.iter().for_each(|what| say(what));
    let (written, tries) = {
        let mut menu = Menu::of(&disks, only);
        menu.complaints.iter().for_each(|what| say(what));
        let wanted = wishes.entry.as_ref().and_then(|text| {
            let found = menu.find(text);
            if found.is_none() {
                say(&format!("bulkhead.entry={text} is none of them"));
            }
            found
        });
        let default = wanted.or(menu.order.first().copied()).unwrap_or(0);
        if !goes {
            print!("{}", console::list(&menu, default));
            return Ok(true);
        }
        let chosen = console::ask(&menu, default, wishes.seconds.unwrap_or(SECONDS));
        let first = chosen.map_err(missing)?.unwrap_or(default);
        let order = menu.order.clone().into_iter().filter(|at| *at != first);
        let order: Vec<usize> = std::iter::once(first)
            .chain(order)
            .take(MOST_TRIES)
            .collect();
        // The disks can't be written while the menu looks at them, and what a script has set is gone with it.
        let written = menu.take_written();
        (
            written,
            order
                .into_iter()
                .map(|row| Try::of(&mut menu, row))
                .collect::<Vec<_>>(),
        )
    };
    // Whatever becomes of what is booted: what was wanted once is not wanted again.
    write(&mut disks, written);
    for one in tries {
        attempt(&mut disks, one);
    }
    Err(Trouble::Missing(
        "boot: nothing that was to be booted could be".to_string(),
    ))
}

/// An entry that may be booted.
struct Try {
    title: String,
    target: Target,
    /// What it writes down.
    written: Vec<(Place, Vec<u8>)>,
    counted: Option<(Volume, String, String)>,
}

impl Try {
    fn of(menu: &mut Menu<'_>, row: usize) -> Self {
        Self {
            title: menu.rows[row].title.clone(),
            target: menu.choose(row),
            written: menu.take_written(),
            counted: menu.counted(row),
        }
    }
}

/// Counts a try of an entry that has only so many, and has its Linux know of it: one that does not come up is
/// not the default for ever, and one that does has them all again.
fn count(disks: &mut Disks, counted: Option<(Volume, String, String)>) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let Some((volume, from, to)) = counted else {
        return assessed::clear().map_err(said);
    };
    assessed::tell(&format!("{ENTRIES}/{to}")).map_err(said)?;
    disks.rename(volume, ENTRIES, &from, &to)
}

/// Enters it; comes back if that can't be done.
fn attempt(disks: &mut Disks, one: Try) {
    let title = one.title;
    write(disks, one.written);
    let ready = match prepare(disks, &one.target) {
        Ok(ready) => ready,
        Err(why) => return say(&format!("\"{title}\" can't be booted: {why}")),
    };
    if let Err(why) = count(disks, one.counted) {
        say(&format!("this try is not counted: {why}"));
    }
    ready.left_out.iter().for_each(|what| say(what));
    say(&format!(
        "enters \"{title}\", {}: {}",
        ready.release, ready.line
    ));
    say(&enter(&ready));
}

fn write(disks: &mut Disks, written: Vec<(Place, Vec<u8>)>) {
    for (place, bytes) in written {
        if disks.read(&place, bytes.len()).as_ref() == Some(&bytes) {
            continue;
        }
        if let Err(why) = disks.write_in_place(&place, &bytes) {
            say(&format!("{} is not written: {why}", place.path));
        }
    }
}

/// To the console, and to the kernel's log, which Bulkhead can show without one.
fn say(what: &str) {
    println!("bulkhead-boot: {what}");
    if let Ok(mut log) = fs::OpenOptions::new().write(true).open("/dev/kmsg") {
        let end = what.floor_char_boundary(900);
        let _ = log.write_all(format!("bulkhead-boot: {}", &what[..end]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_definition_says() {
        let line =
            "root=x bulkhead.entry=1>2 bulkhead.timeout=0 bulkhead.volume=\"root\" bulkhead.name=x";
        let wishes = Wishes::of(line);
        assert_eq!(wishes.entry.as_deref(), Some("1>2"));
        assert_eq!(
            (wishes.seconds, wishes.volume.as_deref()),
            (Some(0), Some("root"))
        );
        assert_eq!(Wishes::of("bulkhead.timeout=x"), Wishes::default());
    }
}
