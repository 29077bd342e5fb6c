//! The list on the console, and three seconds to choose from it.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::menu::Menu;

/// The list, the default marked.
#[must_use]
pub fn list(menu: &Menu<'_>, default: usize) -> String {
    let mut out = String::from("What this partition's disks have to boot:\n");
    for (at, row) in menu.rows.iter().enumerate() {
        let mark = if at == default { '*' } else { ' ' };
        let title: String = row
            .title
            .chars()
            .filter(|c| !c.is_control())
            .take(120)
            .collect();
        out += &format!("{mark}{:>3}  {title}\n", at + 1);
    }
    out
}

/// What was chosen; `None` if nobody did.
///
/// # Errors
/// The console fails.
pub fn ask(menu: &Menu<'_>, default: usize, seconds: u64) -> io::Result<Option<usize>> {
    let mut out = io::stdout();
    write!(out, "{}", list(menu, default))?;
    if seconds == 0 {
        return Ok(None);
    }
    writeln!(
        out,
        "{} is booted in {seconds} s; any key stops the clock.",
        default + 1
    )?;
    let _raw = Raw::new();
    let Some(first) = key(Some(Instant::now() + Duration::from_secs(seconds)))? else {
        return Ok(None);
    };
    let mut typed = String::new();
    let mut next = Some(first).filter(u8::is_ascii_digit);
    loop {
        write!(
            out,
            "\rA number, then Enter (alone: {}): {typed}",
            default + 1
        )?;
        if let Some(digit) = next.take().filter(|_| typed.len() < 3) {
            typed.push(char::from(digit));
            write!(out, "{}", char::from(digit))?;
        }
        out.flush()?;
        match key(None)? {
            Some(b'\r' | b'\n') if typed.is_empty() => return Ok(Some(default)),
            Some(b'\r' | b'\n') => {
                writeln!(out)?;
                let number = typed.parse::<usize>().unwrap_or(0).wrapping_sub(1);
                if number < menu.rows.len() {
                    return Ok(Some(number));
                }
                writeln!(
                    out,
                    "There is no {typed} (accepted: 1 to {}).",
                    menu.rows.len()
                )?;
                typed.clear();
            }
            Some(8 | 127) => {
                typed.pop();
                write!(out, "\u{8} \u{8}")?;
            }
            Some(byte) => next = Some(byte).filter(u8::is_ascii_digit),
            None => return Ok(None),
        }
    }
}

/// A key, or nothing when it is late or the console is closed.
fn key(until: Option<Instant>) -> io::Result<Option<u8>> {
    let input = io::stdin();
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.map(|left| Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    if poll(&mut [PollFd::new(&input, PollFlags::IN)], left.as_ref())? == 0 {
        return Ok(None);
    }
    let mut byte = [0];
    Ok((input.lock().read(&mut byte)? == 1).then_some(byte[0]))
}

/// The console without its line editing, until it is dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn new() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &raw);
        }
        Self(before)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
