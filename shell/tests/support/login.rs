//! A terminal inside of a partition, by an agent that is made.

use std::cell::RefCell;
use std::collections::VecDeque;

use bulkhead_lifecycle::{Attachment, Outcome, Said, Stand, Terminals};

/// What the agent has, and whether somebody is attached.
#[derive(Default)]
pub(crate) struct Login {
    /// `None`: no agent gives a terminal.
    pub(crate) stand: Option<Stand>,
    pub(crate) shown: VecDeque<u8>,
    pub(crate) typed: Vec<u8>,
    pub(crate) is_attached: bool,
    /// Somebody else is.
    pub(crate) is_anothers: bool,
}

impl Login {
    fn stand(&self) -> Stand {
        self.stand
            .filter(|_| self.is_attached)
            .unwrap_or(Stand::Over)
    }
}

/// As the tests and the shell have it.
#[derive(Default)]
pub(crate) struct Shared(RefCell<Login>);

impl std::ops::Deref for Shared {
    type Target = RefCell<Login>;

    fn deref(&self) -> &RefCell<Login> {
        &self.0
    }
}

impl Terminals for Shared {
    fn attach(&self, _: usize) -> Result<Attachment, Outcome> {
        let mut login = self.borrow_mut();
        if login.stand.is_none() {
            return Err(Outcome::NoTerminal);
        }
        if login.is_attached || login.is_anothers {
            return Err(Outcome::Attached);
        }
        login.is_attached = true;
        match Said::parse(b"open 1") {
            Some((Said::Open(attachment), _)) => Ok(attachment),
            other => panic!("{other:?}"),
        }
    }

    fn stand(&self, _: Attachment) -> Stand {
        self.borrow().stand()
    }

    fn type_byte(&self, _: Attachment, byte: u8) -> bool {
        let mut login = self.borrow_mut();
        let is_open = login.stand() == Stand::Open;
        if is_open {
            login.typed.push(byte);
        }
        is_open
    }

    fn take_shown(&self, _: Attachment, into: &mut [u8]) -> usize {
        let mut login = self.borrow_mut();
        let count = into.len().min(login.shown.len());
        for (to, byte) in into.iter_mut().zip(login.shown.drain(..count)) {
            *to = byte;
        }
        count
    }

    fn detach(&self, _: Attachment) {
        self.borrow_mut().is_attached = false;
    }
}
