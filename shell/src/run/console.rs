//! `console NAME`: a terminal inside of a partition where its agent gives one ([`attached`](super::attached)), else
//! what its Linux prints, as it prints it.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use bulkhead_lifecycle::{Attachment, Outcome};
use bulkhead_printk::{Follower, Note, Piece};

use super::attached::{Attached, Seen};
use super::names;
use crate::control::Control;
use crate::error::Failure;
use crate::words::Word;

/// What leaves it: `Ctrl-]`.
const LEAVE: u8 = 0x1d;

/// Between two looks where nothing was new, in milliseconds.
const PERIOD_MS: u64 = 10;

/// Pieces that are shown between two looks at what is typed.
const PIECES: usize = 4;

/// Between two looks for an agent, in milliseconds.
const AGAIN_MS: u64 = 500;

const BELL: char = '\u{7}';

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    On,
    Over,
}

fn attach(control: &dyn Control, id: usize) -> Result<Attachment, Outcome> {
    let terminals = control.terminals().ok_or(Outcome::NoTerminal)?;
    terminals.attach(id)
}

/// One partition that is listened to.
#[derive(Debug)]
pub(crate) struct Listening {
    id: usize,
    name: String,
    follower: Follower,
    /// Whether a line has begun, so that what else is said needs a new row.
    is_inside: bool,
    /// When the next look is due.
    due_ms: u64,
    /// Whether it was said what becomes of what is typed.
    has_said: bool,
    /// Its terminal, and when it is looked for one again.
    attached: Option<Attached>,
    again_ms: u64,
    /// Whether it was said that it is somebody else's.
    is_anothers: bool,
}

impl Listening {
    /// Begins with the last lines that are there, at the next [`Self::tick`].
    pub(crate) fn to(
        name: &Word,
        control: &dyn Control,
        out: &mut dyn Write,
    ) -> Result<Self, Failure> {
        let partition = names::partition(name, control.ledger())?;
        let name = &partition.definition.name;
        let port = match partition.claim.console {
            Some(com) => format!("; its own console is {}", com.name()),
            None => String::new(),
        };
        let attached = attach(control, partition.id);
        match &attached {
            Ok(_) => writeln!(
                out,
                "(a terminal in \"{name}\", by its agent; Ctrl-] leaves)"
            )?,
            Err(_) => writeln!(
                out,
                "(what the kernel of \"{name}\" prints{port}; Ctrl-] leaves)"
            )?,
        }
        let state = partition.life.state;
        if !state.is_live() {
            writeln!(out, "(\"{name}\" is {}: it is waited for)", state.word())?;
        }
        Ok(Self {
            id: partition.id,
            name: name.clone(),
            follower: Follower::new(),
            is_inside: false,
            due_ms: 0,
            has_said: false,
            attached: attached.ok().map(|of| Attached::new(of, control)),
            again_ms: 0,
            is_anothers: false,
        })
    }

    /// Shows what is new.
    pub(crate) fn tick(
        &mut self,
        control: &dyn Control,
        out: &mut dyn Write,
    ) -> Result<Goes, fmt::Error> {
        let now = control.uptime_ms();
        if let Some(attached) = &mut self.attached {
            match attached.tick(control, &mut self.is_inside, out)? {
                Seen::Terminal => return Ok(Goes::On),
                Seen::Nobody => {}
                Seen::Over(why) => {
                    self.own_row(out)?;
                    writeln!(out, "({why} in \"{}\")", self.name)?;
                    return Ok(Goes::Over);
                }
            }
        }
        if now < self.due_ms {
            return Ok(Goes::On);
        }
        if self.attached.is_none() && now >= self.again_ms {
            self.again_ms = now + AGAIN_MS;
            self.look_for_terminal(control, out)?;
        }
        let partition = control.ledger().by_id(self.id);
        if partition.is_none_or(|partition| partition.definition.name != self.name) {
            self.own_row(out)?;
            writeln!(out, "(there is no \"{}\" any more)", self.name)?;
            return Ok(Goes::Over);
        }
        for _ in 0..PIECES {
            let mut piece = Piece::new();
            let note = control.follow(self.id, &mut self.follower, &mut piece);
            out.write_str(piece.as_str())?;
            if let Some(last) = piece.as_bytes().last() {
                self.is_inside = *last != b'\n';
            }
            match note {
                Some(note) => self.say(note, out)?,
                None if piece.as_bytes().is_empty() => {
                    self.due_ms = now + PERIOD_MS;
                    break;
                }
                None => {}
            }
        }
        Ok(Goes::On)
    }

    fn look_for_terminal(&mut self, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
        match attach(control, self.id) {
            Ok(attachment) => {
                self.attached = Some(Attached::new(attachment, control));
                self.own_row(out)?;
                writeln!(out, "(its agent is heard: a terminal; Ctrl-] leaves)")
            }
            Err(Outcome::Attached) if !self.is_anothers => {
                self.is_anothers = true;
                self.own_row(out)?;
                writeln!(out, "(somebody else is at its terminal: this is only read)")
            }
            Err(_) => Ok(()),
        }
    }

    /// Takes a byte that was typed.
    pub(crate) fn key(
        &mut self,
        byte: u8,
        control: &dyn Control,
        out: &mut dyn Write,
    ) -> Result<Goes, fmt::Error> {
        if byte == LEAVE {
            if let Some(attached) = self.attached.take() {
                attached.leave(control, out)?;
            }
            self.own_row(out)?;
            return Ok(Goes::Over);
        }
        if let Some(attached) = &self.attached {
            if !attached.key(byte, control) {
                out.write_char(BELL)?;
            }
            return Ok(Goes::On);
        }
        if self.has_said {
            out.write_char(BELL)?;
            return Ok(Goes::On);
        }
        self.has_said = true;
        self.own_row(out)?;
        writeln!(
            out,
            "(what is typed here reaches nobody: no agent gives a terminal; Ctrl-] leaves)"
        )?;
        Ok(Goes::On)
    }

    /// Goes to a new row if a line has begun.
    pub(crate) fn own_row(&mut self, out: &mut dyn Write) -> fmt::Result {
        if core::mem::take(&mut self.is_inside) {
            out.write_char('\n')?;
        }
        Ok(())
    }

    fn say(&self, note: Note, out: &mut dyn Write) -> fmt::Result {
        let name = &self.name;
        match note {
            Note::Began(run) => writeln!(out, "(run {run} of \"{name}\")"),
            Note::Ended(run) => writeln!(out, "(run {run} of \"{name}\" has ended)"),
            Note::Lost(Some(1)) => writeln!(out, "(a record is lost: it was overwritten)"),
            Note::Lost(Some(count)) => {
                writeln!(out, "({count} records are lost: they were overwritten)")
            }
            Note::Lost(None) => writeln!(out, "(some lines are lost)"),
            Note::Another => writeln!(out, "(another kernel in the same run)"),
        }
    }
}
