//! `console NAME` where no agent gives a terminal: what the kernel there prints is read, until an agent comes.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use bulkhead_lifecycle::Outcome;

use super::Wish;
use super::console::{LAST, LEAVE, Raw, is_ready};
use super::link::{Trouble, Variables, ask, line_from};

/// Between two looks, and between two looks for an agent.
const PERIOD: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(1);
/// So much of what was shown last is read again each time: whether it stands where it stood.
const OVERLAP: usize = 256;
/// Lines to begin with.
const FIRST_LINES: usize = 24;
/// What the shell says of one that has printed nothing.
const NOTHING: &str = "(runs that are kept: ";

/// How it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// An agent is there: its terminal is the caller's.
    Attached,
    /// The operator has left.
    Left,
}

/// Whether that is the refusal of one without an agent that gives a terminal.
pub(super) fn is_for_want_of_one(why: &Trouble) -> bool {
    let text = Outcome::NoTerminal.to_string();
    let wanted = text.strip_prefix("error: ").unwrap_or(&text);
    matches!(why, Trouble::Refused(why) if why == wanted)
}

/// Shows what is printed until the operator leaves or a terminal is there.
///
/// # Errors
/// Why it can't be read.
pub(super) fn read(
    wish: &Wish,
    variables: &impl Variables,
    raw: &Raw,
    out: &mut dyn Write,
) -> Result<End, Trouble> {
    let name = wish.name()?;
    super::find(variables, name)?;
    say(&format!(
        "what the kernel of \"{name}\" prints: no agent in it gives a terminal; Ctrl-] leaves"
    ));
    let printed =
        |offset| match line_from(variables, &format!("log {name}"), offset, wish.patience()) {
            Err(Trouble::Refused(why)) if why.contains(NOTHING) => Ok(Vec::new()),
            done => done,
        };
    let mut keys = Keys::new(name);
    let mut reading = Reading::default();
    let (mut last, mut looked) = (Instant::now(), Instant::now());
    loop {
        let news = reading.news(printed)?;
        if !news.is_empty() {
            last = Instant::now();
            show(&news, raw.is_raw(), out)?;
        }
        let is_left = keys.take().map_err(|error| of(&error))?;
        if is_left || !keys.are_there && last.elapsed() > LAST {
            return Ok(End::Left);
        }
        if looked.elapsed() > AGAIN {
            looked = Instant::now();
            match ask(variables, &format!("attach {name}"), wish.patience()) {
                Ok(_) => return Ok(End::Attached),
                // Somebody else may be at its terminal, or its definition be gone, which the next look tells.
                Err(Trouble::Refused(_)) => {}
                Err(why) => return Err(why),
            }
        }
    }
}

fn of(error: &io::Error) -> Trouble {
    Trouble::Missing(format!("the terminal: {error}"))
}

/// In a row of its own, whether the terminal is raw or not.
fn say(text: &str) {
    eprint!("bulkheadctl: {text}\r\n");
}

fn show(text: &[u8], is_raw: bool, out: &mut dyn Write) -> Result<(), Trouble> {
    let text = String::from_utf8_lossy(text);
    let text = match is_raw {
        true => text.replace('\n', "\r\n"),
        false => text.into_owned(),
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| of(&error))
}

/// What is typed, which reaches nobody.
struct Keys<'a> {
    name: &'a str,
    has_said: bool,
    are_there: bool,
}

impl<'a> Keys<'a> {
    const fn new(name: &'a str) -> Self {
        Self {
            name,
            has_said: false,
            are_there: true,
        }
    }

    /// Waits for some for a while; whether it is the one that leaves.
    fn take(&mut self) -> io::Result<bool> {
        if !self.are_there {
            std::thread::sleep(PERIOD);
            return Ok(false);
        }
        if !is_ready(io::stdin(), PERIOD)? {
            return Ok(false);
        }
        let mut bytes = [0; 256];
        let count = io::stdin().lock().read(&mut bytes)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        self.are_there = count > 0;
        if bytes.contains(&LEAVE) {
            return Ok(true);
        }
        if count > 0 && !std::mem::replace(&mut self.has_said, true) {
            let name = self.name;
            say(&format!(
                "what is typed here reaches nobody: no agent gives a terminal in \"{name}\"; Ctrl-] leaves"
            ));
        }
        Ok(false)
    }
}

/// How far a log was shown.
#[derive(Debug, Default)]
struct Reading {
    /// The last bytes that were shown.
    tail: Vec<u8>,
    /// At which offset they end.
    end: usize,
    has_begun: bool,
}

impl Reading {
    /// What is new in a log that `read` gives from an offset on.
    fn news<E>(&mut self, read: impl Fn(usize) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
        if !self.tail.is_empty() {
            let start = self.end - self.tail.len();
            let mut bytes = read(start)?;
            if bytes.starts_with(&self.tail) {
                let shown = self.tail.len();
                self.keep(start, &bytes);
                return Ok(bytes.split_off(shown));
            }
        }
        let mut all = read(0)?;
        // Its beginning is overwritten, or it is another run's.
        let stood = match self.tail.as_slice() {
            [] => None,
            tail => {
                let at = all.windows(tail.len()).rposition(|bytes| bytes == tail);
                at.map(|at| at + tail.len())
            }
        };
        self.keep(0, &all);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let from = match stood {
            Some(end) => end,
            None if is_first => lines_from_end(&all, FIRST_LINES),
            None => 0,
        };
        Ok(all.split_off(from))
    }

    fn keep(&mut self, start: usize, bytes: &[u8]) {
        self.end = start + bytes.len();
        self.tail = bytes[bytes.len().saturating_sub(OVERLAP)..].to_vec();
    }
}

/// Where the last so many lines begin.
fn lines_from_end(text: &[u8], lines: usize) -> usize {
    let ends = text.iter().enumerate().rev();
    let mut ends = ends.filter(|(at, byte)| **byte == b'\n' && at + 1 < text.len());
    ends.nth(lines.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::convert::Infallible;

    use super::*;

    /// A log of at most so many bytes, and how much of it was read.
    struct Log {
        text: RefCell<Vec<u8>>,
        most: usize,
        read: Cell<usize>,
    }

    impl Log {
        fn new(most: usize) -> Self {
            Self {
                text: RefCell::default(),
                most,
                read: Cell::new(0),
            }
        }

        fn print(&self, text: &str) {
            let mut all = self.text.borrow_mut();
            all.extend_from_slice(text.as_bytes());
            let over = all.len().saturating_sub(self.most);
            all.drain(..over);
        }

        fn news(&self, reading: &mut Reading) -> String {
            let read = |offset: usize| {
                let text = self.text.borrow();
                let bytes = text.get(offset..).unwrap_or_default().to_vec();
                self.read.set(self.read.get() + bytes.len());
                Ok::<_, Infallible>(bytes)
            };
            String::from_utf8(reading.news(read).unwrap()).unwrap()
        }
    }

    #[test]
    fn every_line_is_shown_once() {
        let (log, mut reading) = (Log::new(2000), Reading::default());
        assert_eq!(log.news(&mut reading), "");
        let (mut printed, mut shown) = (String::new(), String::new());
        for number in 0..500 {
            let line = format!("[ {number:6}] a line\n");
            log.print(&line);
            printed += &line;
            if number % 3 == 0 {
                shown += &log.news(&mut reading);
            }
        }
        shown += &log.news(&mut reading);
        assert_eq!(shown, printed);
        assert_eq!(log.news(&mut reading), "");
    }

    #[test]
    fn little_is_read_again() {
        let (log, mut reading) = (Log::new(64 << 10), Reading::default());
        log.print(&"x".repeat(30_000));
        log.news(&mut reading);
        log.read.set(0);
        for _ in 0..10 {
            log.print("more\n");
            assert_eq!(log.news(&mut reading), "more\n");
        }
        assert!(log.read.get() < 10 * (OVERLAP + 10), "{}", log.read.get());
    }

    #[test]
    fn it_begins_with_the_last_lines_and_another_run_with_its_first() {
        let (log, mut reading) = (Log::new(10_000), Reading::default());
        for number in 0..40 {
            log.print(&format!("{number}\n"));
        }
        let shown = log.news(&mut reading);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines.len(), lines[0]), (FIRST_LINES, "16"));
        log.text.borrow_mut().clear();
        for number in 0..30 {
            log.print(&format!("again {number}\n"));
        }
        assert!(log.news(&mut reading).starts_with("again 0\n"));
    }

    #[test]
    fn the_refusal_is_known() {
        let no_agent = "no agent is heard in it that gives a terminal (accepted: log NAME)";
        assert!(is_for_want_of_one(&Trouble::Refused(no_agent.to_string())));
        let other = "somebody is at its console already";
        assert!(!is_for_want_of_one(&Trouble::Refused(other.to_string())));
    }
}
