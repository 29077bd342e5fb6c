//! The agent's end of a console: a login on a terminal, and its bytes through the variable `Terminal`.
//!
//! While somebody is attached it looks for what he types, 50 times a second and more often while he does; what the
//! login prints goes at once. Otherwise it costs nothing.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::process::Child;
use std::time::{Duration, Instant};

use bulkhead_lifecycle::{Attachment, SHOWN_BYTES, Said, Stand, Told};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{Winsize, tcsetwinsize};

use super::login;
use crate::inside::link::Exchange;

/// Between two looks: the shortest, while something goes on; then; and when nothing has for long.
const QUICK: Duration = Duration::from_millis(2);
const USUAL: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);
/// Bytes that are passed at once.
const PIECE: usize = 2048;

const _: () = assert!(PIECE <= SHOWN_BYTES);

pub(super) struct Terminal<E> {
    exchange: E,
    command: String,
    session: Option<Session>,
    /// Those that have no terminal any more, and may not have ended yet.
    left: Vec<Child>,
}

/// What is left of a step.
enum Step {
    /// Something went on, or not.
    Goes(bool),
    /// Nobody is attached to this session any more.
    Over,
}

impl<E: Exchange> Terminal<E> {
    pub(super) const fn new(exchange: E, command: String) -> Self {
        Self {
            exchange,
            command,
            session: None,
            left: Vec::new(),
        }
    }

    /// Serves who is attached until then, if somebody is.
    pub(super) fn serve(&mut self, is_called: bool, until: Instant) {
        self.left
            .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if self.session.is_none() && is_called {
            self.begin();
        }
        while let Some(session) = &mut self.session {
            match session.step(&mut self.exchange) {
                Step::Goes(is_busy) => session.wait(is_busy),
                Step::Over => {
                    // Its login gets a SIGHUP by the end of its terminal.
                    self.left
                        .extend(self.session.take().map(|session| session.child));
                    return;
                }
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    fn begin(&mut self) {
        let Ok(value) = self.exchange.read() else {
            return;
        };
        let Some((told, _)) = Told::parse(&value) else {
            return;
        };
        let attachment = told.attachment;
        if told.stand == Stand::Closed {
            return;
        }
        let opened = Said::Open(attachment).to_string();
        match login::open(&self.command) {
            Ok((ours, child)) => {
                if self.exchange.write(opened.as_bytes()).is_ok() {
                    self.session = Some(Session::new(attachment, ours, child));
                } else {
                    self.left.push(child);
                }
            }
            Err(error) => {
                eprintln!("bulkheadctl: no terminal: {error}");
                let why = format!("bulkheadctl: no terminal: {error}\r\n");
                let (taken, size) = (0, [0; 2]);
                let io = Said::Io {
                    attachment,
                    taken,
                    size,
                };
                for text in [
                    opened,
                    format!("{io}{why}"),
                    Said::Closed(attachment).to_string(),
                ] {
                    let _ = self.exchange.write(text.as_bytes());
                }
            }
        }
    }
}

struct Session {
    attachment: Attachment,
    ours: File,
    child: Child,
    /// What was typed before it was given to the login.
    taken: u64,
    /// Was read of the login and not passed yet.
    shown: Vec<u8>,
    size: [u16; 2],
    pause: Duration,
    last: Instant,
}

impl Session {
    fn new(attachment: Attachment, ours: File, child: Child) -> Self {
        Self {
            attachment,
            ours,
            child,
            taken: 0,
            shown: Vec::with_capacity(PIECE),
            size: [0; 2],
            pause: QUICK,
            last: Instant::now(),
        }
    }

    /// How long the value is while nothing was typed.
    fn quiet(&self) -> usize {
        let told = Told {
            attachment: self.attachment,
            stand: Stand::Open,
            from: 0,
            size: [0; 2],
            name: "",
        };
        told.to_string().len()
    }

    fn step(&mut self, exchange: &mut impl Exchange) -> Step {
        let is_ended = !matches!(self.child.try_wait(), Ok(None));
        let is_drained = self.fill() == 0 && self.shown.is_empty();
        if is_ended && is_drained {
            let _ = exchange.write(Said::Closed(self.attachment).to_string().as_bytes());
            return Step::Over;
        }
        let io = Said::Io {
            attachment: self.attachment,
            taken: self.taken,
            size: [0; 2],
        };
        let mut said = io.to_string().into_bytes();
        said.extend_from_slice(&self.shown);
        let has_shown = match exchange.write(&said) {
            Ok(length) => {
                let has_shown = !self.shown.is_empty();
                self.shown.clear();
                if length == self.quiet() {
                    return Step::Goes(has_shown);
                }
                has_shown
            }
            // Who is attached has not read what was there before.
            Err(error) if error.kind() == ErrorKind::StorageFull => false,
            Err(_) => return Step::Over,
        };
        let value = exchange.read();
        let told = value.as_ref().ok().and_then(|value| Told::parse(value));
        let Some((told, typed)) = told.filter(|(told, _)| told.attachment == self.attachment)
        else {
            return Step::Over;
        };
        if told.stand != Stand::Open {
            return Step::Over;
        }
        self.resize(told.size);
        let given = self.ours.write(typed).unwrap_or(0);
        self.taken = told.from + given as u64;
        Step::Goes(given > 0 || has_shown)
    }

    /// Reads what the login prints: how many bytes.
    fn fill(&mut self) -> usize {
        if !self.shown.is_empty() {
            return 0;
        }
        self.shown.resize(PIECE, 0);
        // An error is that nothing is there just now: between two logins the other end can be shut.
        let count = self.ours.read(&mut self.shown).unwrap_or(0);
        self.shown.truncate(count);
        count
    }

    fn resize(&mut self, size: [u16; 2]) {
        if self.size == size {
            return;
        }
        self.size = size;
        let [ws_row, ws_col] = size;
        let size = Winsize {
            ws_row,
            ws_col,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let _ = tcsetwinsize(&self.ours, size);
    }

    /// Until the login prints, or it is time to look for what is typed.
    fn wait(&mut self, is_busy: bool) {
        let now = Instant::now();
        if is_busy {
            (self.pause, self.last) = (QUICK, now);
        } else {
            let most = if now - self.last > LONG { IDLE } else { USUAL };
            self.pause = (self.pause * 2).min(most);
        }
        if !self.shown.is_empty() || poll_input(&self.ours, self.pause).is_err() {
            std::thread::sleep(self.pause);
        }
    }
}

/// Waits for input, that long at most; an error if the other end is shut.
fn poll_input(file: &File, most: Duration) -> io::Result<()> {
    let mut fds = [PollFd::new(file, PollFlags::IN)];
    let most = Timespec::try_from(most).map_err(|_| ErrorKind::InvalidInput)?;
    poll(&mut fds, Some(&most))?;
    let happened = fds[0].revents();
    if happened.contains(PollFlags::HUP) && !happened.contains(PollFlags::IN) {
        return Err(ErrorKind::BrokenPipe.into());
    }
    Ok(())
}
