//! `key=value ...` of `define` and `set`.
//!
//! Key types: [`Settings`], [`SettingKey`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use bulkhead_ledger::Item;
use bulkhead_model::{Change, Key};

use crate::error::{CommandError, Span, did_you_mean};
use crate::sentence::Cut;
use crate::values::{self, ValueError};
use crate::words::Word;
use words::{console, node, restart, right, watchdog, yes_or_no};

mod words;

pub(crate) use words::isolation;

/// What `define` and `set` accept behind the name.
#[derive(Debug)]
pub(crate) struct SettingKey {
    /// What the rest of Bulkhead calls it.
    pub(crate) key: Key,
    /// How it is typed, `=` included.
    pub(crate) name: &'static str,
    /// What follows the `=`.
    pub(crate) form: &'static str,
    /// Whether a partition can't be without it.
    pub(crate) required: bool,
    /// What it means, for `help define`.
    pub(crate) meaning: &'static str,
}

/// All keys, in the order in which they are usually written.
pub(crate) const KEYS: [SettingKey; 13] = [
    SettingKey {
        key: Key::Cores,
        name: "cores=",
        form: "1,2-3",
        required: true,
        meaning: "local APIC IDs; the lowest is the boot core",
    },
    SettingKey {
        key: Key::Memory,
        name: "memory=",
        form: "512M[@0x40000000][,MORE]",
        required: true,
        meaning: "RAM; without an address Bulkhead chooses",
    },
    SettingKey {
        key: Key::Kernel,
        name: "kernel=",
        form: "IMAGE",
        required: true,
        meaning: "the bzImage or UKI, one of \"images\"",
    },
    SettingKey {
        key: Key::Initrd,
        name: "initrd=",
        form: "IMAGE[,MORE]",
        required: false,
        meaning: "initial RAM disks, in order; empty: none",
    },
    SettingKey {
        key: Key::Cmdline,
        name: "cmdline=",
        form: "\"...\"",
        required: false,
        meaning: "kernel parameters; Bulkhead adds its own",
    },
    SettingKey {
        key: Key::Console,
        name: "console=",
        form: "com2",
        required: false,
        meaning: "its serial port, or mem if it has none",
    },
    SettingKey {
        key: Key::Devices,
        name: "devices=",
        form: "0000:01:00.0,com3,ps2",
        required: false,
        meaning: "what else it owns; \"devices\" lists all",
    },
    SettingKey {
        key: Key::Restart,
        name: "restart=",
        form: "never|on-failure|always",
        required: false,
        meaning: "when it is launched again by itself",
    },
    SettingKey {
        key: Key::Control,
        name: "control=",
        form: "yes|no|NAME[,MORE]",
        required: false,
        meaning: "which others it may start and kill",
    },
    SettingKey {
        key: Key::Watchdog,
        name: "watchdog=",
        form: "30",
        required: false,
        meaning: "seconds of silence of its agent: a failure",
    },
    SettingKey {
        key: Key::Dump,
        name: "dump=",
        form: "yes|no",
        required: false,
        meaning: "whether a restart awaits a dump",
    },
    SettingKey {
        key: Key::Node,
        name: "node=",
        form: "0",
        required: false,
        meaning: "the NUMA node of its cores and its memory",
    },
    SettingKey {
        key: Key::Isolation,
        name: "isolation=",
        form: "bare|dma",
        required: false,
        meaning: "what its devices reach: all, its RAM alone",
    },
];

/// The settings of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// What is to be changed.
    pub(crate) change: Change,
    /// The word that says so, for each key that was given.
    places: Vec<(Key, Word)>,
}

impl Settings {
    /// Reads `words`, each `key=value`.
    pub(crate) fn read(words: &[Word]) -> Result<Self, CommandError> {
        let mut settings = Self::default();
        for (at, word) in words.iter().enumerate() {
            settings
                .add(word)
                .map_err(|error| spaced(error, words, at))?;
        }
        Ok(settings)
    }

    /// The first required key that is not there.
    pub(crate) fn missing(&self) -> Option<&'static SettingKey> {
        KEYS.iter()
            .find(|known| known.required && self.word(known.key).is_none())
    }

    /// Where the value of `key` stands, or the part of it that the ledger blames.
    pub(crate) fn place(&self, key: Key, item: Option<Item<'_>>) -> Option<Span> {
        let word = self.word(key)?;
        let (name, value) = word.text.split_at(word.text.find('=')? + 1);
        let found = item.and_then(|item| find_part(value, item));
        Some(value_span(
            word,
            name.len(),
            found.unwrap_or(0..value.len()),
        ))
    }

    fn word(&self, key: Key) -> Option<&Word> {
        self.places
            .iter()
            .find_map(|(k, word)| (*k == key).then_some(word))
    }

    fn add(&mut self, word: &Word) -> Result<(), CommandError> {
        let Some(equals) = word.text.find('=') else {
            return Err(no_equals(word));
        };
        let name = &word.text[..=equals];
        let Some(known) = KEYS.iter().find(|known| known.name == name) else {
            return Err(unknown_key(word, equals));
        };
        if self.word(known.key).is_some() {
            let message = format!("{name} is given twice");
            return Err(CommandError::new(word.place(0..equals), message));
        }
        let value = &word.text[equals + 1..];
        self.apply(known, value).map_err(|error| {
            CommandError::new(value_span(word, name.len(), error.range), error.message)
        })?;
        self.places.push((known.key, word.clone()));
        Ok(())
    }

    fn apply(&mut self, known: &SettingKey, value: &str) -> Result<(), ValueError> {
        let change = &mut self.change;
        let refuse = |message: String| ValueError {
            range: 0..value.len(),
            message,
        };
        if value.is_empty() && known.required {
            let message = format!("{0} needs a value: {0}{1}", known.name, known.form);
            return Err(refuse(message));
        }
        match known.key {
            Key::Cores => change.cores = Some(values::cores(value)?),
            Key::Memory => change.memory = Some(values::memory(value)?),
            Key::Node => change.node = Some(node(value).map_err(refuse)?),
            Key::Kernel => change.kernel = Some(value.to_string()),
            Key::Initrd => change.initrds = Some(values::initrds(value)?),
            Key::Cmdline => change.cmdline = Some(value.to_string()),
            Key::Console => change.console = Some(console(value).map_err(refuse)?),
            Key::Devices => change.devices = Some(values::devices(value)?),
            Key::Restart => change.restart = Some(restart(value).map_err(refuse)?),
            Key::Control => change.control = Some(right(value).map_err(refuse)?),
            Key::Isolation => change.isolation = Some(isolation(value).map_err(refuse)?),
            Key::Dump => change.dump = Some(yes_or_no(value).map_err(refuse)?),
            Key::Watchdog => change.watchdog = Some(watchdog(value).map_err(refuse)?),
            // The name stands before the settings.
            Key::Name => {}
        }
        Ok(())
    }
}

/// Where the bytes `range` of the value stand that begins at byte `start` of `word`: all of the
/// word if there are none to point at.
fn value_span(word: &Word, start: usize, range: Range<usize>) -> Span {
    if range.is_empty() {
        word.span
    } else {
        word.place(start + range.start..start + range.end)
    }
}

/// Says of a refused word that it, or what is beside it, has been torn apart by a space, if it looks so.
fn spaced(error: CommandError, words: &[Word], at: usize) -> CommandError {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let (before, word, after) = (at.checked_sub(1).map_or("", text), text(at), text(at + 1));
    let is_pair = |text: &str| KEYS.iter().any(|known| text.starts_with(known.name));
    let is_torn_from = |after: &str| !after.is_empty() && !is_pair(after);
    let is_cut = |mark: char| {
        before.ends_with(mark)
            || word.starts_with(mark)
            || word.ends_with(mark) && is_torn_from(after)
    };
    let hint = if is_cut(',') {
        "a list has no spaces: cores=1,2"
    } else if is_cut('=') || after.starts_with('=') {
        "there are no spaces around =: memory=512M"
    } else {
        return error;
    };
    CommandError::new(error.span, format!("{error}; {hint}"))
}

fn no_equals(word: &Word) -> CommandError {
    let text = &word.text;
    let hint = match KEYS
        .iter()
        .find(|known| known.name.trim_end_matches('=') == text)
    {
        Some(known) => format!("write {}{}", known.name, known.form),
        None => "a value with spaces needs quotes: cmdline=\"a b\"".to_string(),
    };
    CommandError::new(
        word.span,
        format!("\"{}\" is not key=value; {hint}", Cut(text)),
    )
}

fn unknown_key(word: &Word, equals: usize) -> CommandError {
    let key = &word.text[..equals];
    let names: Vec<&str> = key_names().collect();
    let message = format!(
        "unknown key \"{}\"{} (accepted: {})",
        Cut(key),
        did_you_mean(key, names.iter().copied()),
        names.join(", ")
    );
    let span = if equals == 0 {
        word.span
    } else {
        word.place(0..equals)
    };
    CommandError::new(span, message)
}

fn key_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|known| known.name.trim_end_matches('='))
}

/// Where the part of a value stands that the ledger blames: the item of `cores=` with that core, the
/// item of `memory=` or `devices=` that asks for that, the parameter in `cmdline=`.
fn find_part(value: &str, item: Item<'_>) -> Option<Range<usize>> {
    let separator = match item {
        Item::Parameter(_) => ' ',
        Item::Core(_) | Item::Memory(_) | Item::Device(_) | Item::Image(_) => ',',
    };
    let is_it = |part: &str| match item {
        Item::Core(core) => values::cores(part).is_ok_and(|cores| cores.contains(&core)),
        Item::Memory(request) => values::memory(part).is_ok_and(|all| all.contains(&request)),
        Item::Device(name) => values::devices(part).is_ok_and(|names| names.contains(&name)),
        Item::Image(text) | Item::Parameter(text) => part == text,
    };
    let found = values::items(value, separator).find(|(_, part)| is_it(part));
    // A parameter may be named without its value, or have spaces in quotes.
    let named = || match item {
        Item::Parameter(parameter) if !parameter.is_empty() => {
            let at = value.find(parameter)?;
            Some(at..at + parameter.len())
        }
        _ => None,
    };
    found.map(|(range, _)| range).or_else(named)
}
