//! `console NAME`: a terminal in another partition, by its agent; without one it is [read](reading).

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use bulkhead_lifecycle::{Attachment, CONSOLES, Said, Stand, TYPED_BYTES, Told};
use bulkhead_terminal::passage::Passage;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::link::{Efivars, Exchange, Held, Trouble, Variables};
use super::reading::{self, End};
use super::{Wish, ask_of};

/// What leaves it: `Ctrl-]`.
pub(super) const LEAVE: u8 = 0x1d;
/// Between two looks, while something goes on and when not.
const QUICK: Duration = Duration::from_millis(2);
const USUAL: Duration = Duration::from_millis(20);
/// It is read then at least: how it stands may have changed.
const READ: Duration = Duration::from_millis(200);
/// After the end of what is typed, until nothing was shown for so long.
pub(super) const LAST: Duration = Duration::from_secs(1);

/// The terminal that this program runs in, without its own line editing.
pub(super) struct Raw(Option<Termios>);

impl Raw {
    /// Whether it is one, and so wants a carriage return at the end of a line.
    pub(super) const fn is_raw(&self) -> bool {
        self.0.is_some()
    }

    fn new() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut raw) = before.clone() {
            raw.make_raw();
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &raw);
        }
        Self(before)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, before);
        }
    }
}

/// Is attached until its operator leaves, or its login ends.
///
/// # Errors
/// Why it can't be.
pub fn run(wish: &Wish, variables: &Efivars) -> Result<bool, Trouble> {
    super::machine(variables)?;
    let name = wish.name()?;
    let mut raw = None;
    match ask_of(variables, name, &format!("attach {name}"), wish.patience()) {
        Ok(()) => {}
        Err(why) if reading::is_for_want_of_one(&why) => {
            let raw = raw.insert(Raw::new());
            let end = reading::read(wish, variables, raw, &mut io::stdout().lock())?;
            if end == End::Left {
                return Ok(true);
            }
        }
        Err(why) => return Err(why),
    }
    let (attachment, place) = find(variables, name)?;
    let file = format!("Console{place}");
    let held = Held::open(variables, &file).map_err(|error| missing(&file, &error))?;
    eprint!("bulkheadctl: a terminal in \"{name}\", by its agent; Ctrl-] leaves\r\n");
    let _raw = raw.unwrap_or_else(Raw::new);
    let why = Attached::new(held, attachment).serve(&mut io::stdout().lock());
    why.map_err(|error| missing(&file, &error))?;
    Ok(true)
}

fn missing(name: &str, error: &io::Error) -> Trouble {
    Trouble::Missing(format!("Bulkhead's variable {name}: {error}"))
}

/// The attachment to that one.
fn find(variables: &impl Variables, name: &str) -> Result<(Attachment, usize), Trouble> {
    for place in 1..=CONSOLES {
        let file = format!("Console{place}");
        let value = variables
            .read(&file)
            .map_err(|error| missing(&file, &error))?;
        match Told::parse(&value) {
            Some((told, _)) if told.name == name => return Ok((told.attachment, place)),
            _ => {}
        }
    }
    let why = format!("the console of \"{name}\" is lost (accepted: console {name})");
    Err(Trouble::Late(why))
}

struct Attached<E> {
    exchange: E,
    attachment: Attachment,
    passage: Passage,
    taken: u64,
    /// Was typed and not passed yet.
    typed: Vec<u8>,
    stand: Stand,
    /// How long the value was without what is to be shown.
    quiet: usize,
}

impl<E: Exchange> Attached<E> {
    const fn new(exchange: E, attachment: Attachment) -> Self {
        Self {
            exchange,
            attachment,
            passage: Passage::new(),
            taken: 0,
            typed: Vec::new(),
            stand: Stand::Waiting,
            quiet: 0,
        }
    }

    fn serve(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut pause = QUICK;
        let (mut last, mut read_at) = (Instant::now(), Instant::now());
        let mut is_input = true;
        let why = loop {
            if is_input && self.typed.is_empty() && is_ready(io::stdin(), pause)? {
                match self.take_typed()? {
                    Some(false) => {}
                    Some(true) => break "",
                    None => is_input = false,
                }
                (pause, last) = (QUICK, Instant::now());
            } else if !is_input || !self.typed.is_empty() {
                std::thread::sleep(pause);
            }
            let length = self.say()?;
            let is_due = read_at.elapsed() > READ;
            let count = if is_due || length != Some(self.quiet) {
                read_at = Instant::now();
                match self.show(out)? {
                    Ok(count) => count,
                    Err(why) => break why,
                }
            } else {
                0
            };
            if count > 0 {
                (pause, last) = (QUICK, Instant::now());
            } else {
                pause = (pause * 2).min(USUAL);
            }
            if !is_input && self.typed.is_empty() && last.elapsed() > LAST {
                break "";
            }
        };
        let _ = self
            .exchange
            .write(Said::Leave(self.attachment).to_string().as_bytes());
        let mut text = String::new();
        let _ = self.passage.restore(&mut text);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        eprint!("\r\n");
        if !why.is_empty() {
            eprint!("bulkheadctl: {why}\r\n");
        }
        Ok(())
    }

    /// Whether that is the end; `None` if nothing more is typed.
    fn take_typed(&mut self) -> io::Result<Option<bool>> {
        let mut bytes = [0; TYPED_BYTES / 2];
        let count = io::stdin().lock().read(&mut bytes)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == LEAVE);
        self.typed
            .extend_from_slice(bytes.get(..end.unwrap_or(count)).unwrap_or_default());
        Ok(match (count, end) {
            (0, _) => None,
            (_, end) => Some(end.is_some()),
        })
    }

    /// Says what was typed and taken: how long the value is then.
    fn say(&mut self) -> io::Result<Option<usize>> {
        let size = tcgetwinsize(io::stdin()).map_or([0; 2], |size| [size.ws_row, size.ws_col]);
        let io = Said::Io {
            attachment: self.attachment,
            taken: self.taken,
            size,
        };
        let is_open = self.stand == Stand::Open;
        let mut said = io.to_string().into_bytes();
        if is_open {
            said.extend_from_slice(&self.typed);
        }
        match self.exchange.write(&said) {
            Ok(length) => {
                if is_open {
                    self.typed.clear();
                }
                Ok(Some(length))
            }
            // There is no room for it yet, or nobody to type to; or it is over, which is seen by reading.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(28 | 22 | 5) // ENOSPC, EINVAL, EIO
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Shows what is new: how many bytes; or why there is no more.
    fn show(&mut self, out: &mut dyn Write) -> io::Result<Result<usize, &'static str>> {
        let value = match self.exchange.read() {
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(Ok(0)),
            done => done?,
        };
        let told = Told::parse(&value).filter(|(told, _)| told.attachment == self.attachment);
        let Some((told, shown)) = told else {
            return Ok(Err("there is no terminal any more"));
        };
        let mut text = String::new();
        let _ = self.passage.pass(shown, &mut text);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        self.taken = told.from + shown.len() as u64;
        self.quiet = value.len() - shown.len();
        let before = std::mem::replace(&mut self.stand, told.stand);
        if before == Stand::Open && told.stand == Stand::Waiting {
            eprint!("\r\nbulkheadctl: its agent is waited for; Ctrl-] leaves\r\n");
        }
        Ok(match told.stand {
            Stand::Closed if shown.is_empty() => Err("the login has ended"),
            Stand::Over => Err("there is no terminal any more"),
            _ => Ok(shown.len()),
        })
    }
}

pub(super) fn is_ready(file: impl AsFd, most: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(&file, PollFlags::IN)];
    let most = Timespec::try_from(most).map_err(|_| ErrorKind::InvalidInput)?;
    Ok(poll(&mut fds, Some(&most))? > 0)
}
