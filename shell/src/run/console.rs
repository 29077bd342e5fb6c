//! `console NAME`: what a partition's Linux prints, as it prints it.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use bulkhead_printk::{Follower, Note, Piece};

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

const BELL: char = '\u{7}';

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    On,
    Over,
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
        writeln!(
            out,
            "(what the kernel of \"{name}\" prints{port}; Ctrl-] leaves)"
        )?;
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
        })
    }

    /// Shows what is new.
    pub(crate) fn tick(
        &mut self,
        control: &dyn Control,
        out: &mut dyn Write,
    ) -> Result<Goes, fmt::Error> {
        let now = control.uptime_ms();
        if now < self.due_ms {
            return Ok(Goes::On);
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

    /// Takes a byte that was typed.
    pub(crate) fn key(&mut self, byte: u8, out: &mut dyn Write) -> Result<Goes, fmt::Error> {
        if byte == LEAVE {
            self.own_row(out)?;
            return Ok(Goes::Over);
        }
        if self.has_said {
            out.write_char(BELL)?;
            return Ok(Goes::On);
        }
        self.has_said = true;
        self.own_row(out)?;
        writeln!(
            out,
            "(what is typed here reaches nobody: this is only read; Ctrl-] leaves)"
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
