//! What a line asks for, once it is understood.
//!
//! Key types: [`Request`], [`Command`], [`Verb`].

use alloc::vec::Vec;

use crate::settings::Settings;
use crate::words::Word;

/// A command and the word that began it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Its first word, to point at when the command as a whole is refused.
    pub(crate) verb: Word,
    /// What is to be done.
    pub(crate) command: Command,
}

/// A whole command. Names are kept as words, so that an error can point at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// `define NAME key=value ...`
    Define(Word, Settings),
    /// `set NAME key=value ...`
    Set(Word, Settings),
    /// `undefine NAME`
    Undefine(Word),
    /// `link A B [SIZE]`, the size in bytes with its word.
    Link([Word; 2], Option<(Word, u64)>),
    /// `unlink A B`
    Unlink([Word; 2]),
    /// `check [NAME]`
    Check(Option<Word>),
    /// `list`
    List,
    /// `show NAME`
    Show(Word),
    /// `start NAME ...`
    Start(Vec<Word>),
    /// `restart NAME ... [force]`
    Restart(Vec<Word>, Force),
    /// `stop NAME [TIMEOUT]`, the time in milliseconds.
    Stop(Word, Option<u64>),
    /// `kill NAME`
    Kill(Word),
    /// `handoff NAME`
    Handoff(Word),
    /// `halt` of Bulkhead's own core.
    Halt,
    /// `wait NAME running|stopped TIMEOUT`, the time in milliseconds.
    Wait(Word, Goal, u64),
    /// `include NAME`
    Include(Word),
    /// `on-error continue|stop`
    OnError(OnError),
    /// `watch`
    Watch,
    /// `console NAME`
    Console(Word),
    /// `keymap [NAME]`
    Keymap(Option<Word>),
    /// `status [on|off]`
    Status(Option<Word>),
    /// `isolation [bare|dma|default]`
    Isolation(Option<Word>),
    /// `log [NAME [RUN]]`
    Log(Vec<Word>),
    /// `version`
    Version,
    /// `help [COMMAND]`
    Help(Option<Verb>),
    /// `machine`
    Machine,
    /// `cores`
    Cores,
    /// `memory`
    Memory,
    /// `devices`
    Devices,
    /// `images`
    Images,
    /// `reset [force]` of the machine.
    Reset(Force),
    /// `poweroff [force]` of the machine.
    Poweroff(Force),
}

/// Whether the machine is to be ended even under partitions that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    /// `force` was said.
    Yes,
    /// It was not.
    No,
}

/// What `wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Its kernel was entered.
    Running,
    /// Its cores are at rest: it never ran, ended, was killed, or failed for good.
    Stopped,
}

impl Goal {
    /// Both, as they are typed.
    pub(crate) const NAMES: [&str; 2] = ["running", "stopped"];

    /// The one typed as `name`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "running" => Some(Self::Running),
            "stopped" => Some(Self::Stopped),
            _ => None,
        }
    }

    /// How it is typed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

/// What a script does when a line of it is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnError {
    /// It ends there.
    #[default]
    Stop,
    /// It goes on with the next line.
    Continue,
}

impl OnError {
    /// Both, as they are typed.
    pub(crate) const NAMES: [&str; 2] = ["continue", "stop"];

    /// The one typed as `name`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "continue" => Some(Self::Continue),
            "stop" => Some(Self::Stop),
            _ => None,
        }
    }
}

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `define`
    Define,
    /// `set`
    Set,
    /// `undefine`
    Undefine,
    /// `link`
    Link,
    /// `unlink`
    Unlink,
    /// `check`
    Check,
    /// `list`
    List,
    /// `show`
    Show,
    /// `start`
    Start,
    /// `restart`
    Restart,
    /// `stop`
    Stop,
    /// `kill`
    Kill,
    /// `handoff`
    Handoff,
    /// `halt`
    Halt,
    /// `wait`
    Wait,
    /// `include`
    Include,
    /// `on-error`
    OnError,
    /// `watch`
    Watch,
    /// `console`
    Console,
    /// `keymap`
    Keymap,
    /// `status`
    Status,
    /// `isolation`
    Isolation,
    /// `log`
    Log,
    /// `version`
    Version,
    /// `help`
    Help,
    /// `machine`
    Machine,
    /// `cores`
    Cores,
    /// `memory`
    Memory,
    /// `devices`
    Devices,
    /// `images`
    Images,
    /// `reset`
    Reset,
    /// `poweroff`
    Poweroff,
}

impl Verb {
    /// All of them, in the order in which `help` lists them.
    pub(crate) const ALL: [Self; 32] = [
        Self::Define,
        Self::Set,
        Self::Undefine,
        Self::Link,
        Self::Unlink,
        Self::Check,
        Self::List,
        Self::Watch,
        Self::Show,
        Self::Console,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Kill,
        Self::Wait,
        Self::Include,
        Self::OnError,
        Self::Machine,
        Self::Cores,
        Self::Memory,
        Self::Devices,
        Self::Images,
        Self::Keymap,
        Self::Status,
        Self::Isolation,
        Self::Log,
        Self::Version,
        Self::Help,
        Self::Handoff,
        Self::Halt,
        Self::Reset,
        Self::Poweroff,
    ];

    /// How it is typed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Define => "define",
            Self::Set => "set",
            Self::Undefine => "undefine",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Check => "check",
            Self::List => "list",
            Self::Show => "show",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Handoff => "handoff",
            Self::Halt => "halt",
            Self::Wait => "wait",
            Self::Include => "include",
            Self::OnError => "on-error",
            Self::Watch => "watch",
            Self::Console => "console",
            Self::Keymap => "keymap",
            Self::Status => "status",
            Self::Isolation => "isolation",
            Self::Log => "log",
            Self::Version => "version",
            Self::Help => "help",
            Self::Machine => "machine",
            Self::Cores => "cores",
            Self::Memory => "memory",
            Self::Devices => "devices",
            Self::Images => "images",
            Self::Reset => "reset",
            Self::Poweroff => "poweroff",
        }
    }

    /// The command typed as `name`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}
