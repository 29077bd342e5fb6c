//! What a case is.

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Commands of the shell of `it`, of which each must succeed, as far as it comes back. `{WITNESS}` is an
    /// address in the witness's RAM, `{BULKHEAD}` one of Bulkhead's own, `{OWN}` the firmware's data in the RAM of
    /// `it`, `{CODE}` its code.
    Line(&'static str),
    /// The same, and what the witness does meanwhile; that fails if what it finds is wrong. It has a card of
    /// its own.
    Beside(&'static str, &'static str),
    /// Code that its kernel runs, as a module; it ends by returning, if it does, and `insmod` then with that
    /// exit code.
    Code(&'static [u8], u8),
    /// Its card is told to copy `{OWN}` to `{WITNESS}`, after that command.
    Card(&'static str),
    /// A machine check, as QEMU's monitor is told of one; `{RAM}` is an address in its own RAM. Its kernel is
    /// one that knows of them.
    Check(&'static str),
    /// A command of Bulkhead's shell.
    Shell(&'static str),
}

/// What a case must come to that shows whether others' verdicts say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nobody is hurt.
    Nobody,
    /// Others are, and this is said of them.
    Hurt(&'static str),
}

/// A case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// A word for it.
    pub name: &'static str,
    /// What is done, for the table.
    pub what: &'static str,
    /// How.
    pub act: Act,
    /// What real hardware does that the emulator does not, if that matters.
    pub note: &'static str,
    /// Whether it goes this way or that by chance: then the worst that was ever seen is its verdict.
    pub varies: bool,
    /// If it is a control.
    pub control: Option<Control>,
}

impl Case {
    pub(super) const fn new(name: &'static str, what: &'static str, act: Act) -> Self {
        Self {
            name,
            what,
            act,
            note: "",
            varies: false,
            control: None,
        }
    }

    pub(super) const fn line(name: &'static str, what: &'static str, line: &'static str) -> Self {
        Self::new(name, what, Act::Line(line))
    }

    /// Code that returns, if it does, as a module's beginning that went well.
    pub(super) const fn code(name: &'static str, what: &'static str, code: &'static [u8]) -> Self {
        Self::new(name, what, Act::Code(code, 0))
    }

    pub(super) const fn beside(
        name: &'static str,
        what: &'static str,
        line: &'static str,
        witness: &'static str,
    ) -> Self {
        Self::new(name, what, Act::Beside(line, witness))
    }

    pub(super) const fn noted(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    pub(super) const fn by_chance(self) -> Self {
        Self {
            varies: true,
            ..self
        }
    }

    pub(super) const fn control(self, wanted: Control) -> Self {
        Self {
            control: Some(wanted),
            ..self
        }
    }

    /// Whether it is QEMU's monitor that does it, which root of a partition can't.
    #[must_use]
    pub const fn is_by_monitor(&self) -> bool {
        matches!(self.act, Act::Check(_))
    }
}
