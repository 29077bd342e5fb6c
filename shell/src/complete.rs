//! Tab: what the word before the cursor can become.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bulkhead_memory::sort_ascending;
use core::fmt::{self, Write};

use bulkhead_model::{Com, DeviceName, ImageKind, Key, Machine, RestartPolicy};

use crate::command::{Goal, OnError, Verb};
use crate::control::Control;
use crate::limits::CANDIDATES;
use crate::line::COLUMNS;
use crate::settings::KEYS;
use crate::words::{Word, split};

/// What a word can become.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    /// Bytes of the part of the word that the candidates replace: all of it, or what follows the
    /// `=`.
    prefix: usize,
    /// What all candidates begin with; the part of the word at least.
    common: String,
    /// How many candidates there are.
    count: usize,
    /// The first [`CANDIDATES`] of them, in alphabetical order.
    listed: Vec<String>,
}

impl Completion {
    /// Counts one more candidate.
    fn add(&mut self, candidate: String) {
        if self.count == 0 {
            self.common.clone_from(&candidate);
        } else {
            let same = self.common.bytes().zip(candidate.bytes());
            let same = same.take_while(|(a, b)| a == b).count();
            self.common.truncate(same);
        }
        self.count += 1;
        if self.listed.len() < CANDIDATES {
            self.listed.push(candidate);
        }
    }

    /// What can be inserted without choosing: the rest of the only candidate and a space, or
    /// what all candidates have in common.
    pub(crate) fn insertion(&self, after: &str) -> String {
        let mut insertion = self.common[self.prefix..].to_string();
        if self.count == 1 && !self.common.ends_with('=') && !after.starts_with(' ') {
            insertion.push(' ');
        }
        insertion
    }

    /// Whether there is nothing that the word could become.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Prints the candidates in columns of a terminal row.
    pub(crate) fn list(&self, out: &mut dyn Write) -> fmt::Result {
        let width = self.listed.iter().map(String::len).max().unwrap_or(0) + 2;
        let in_row = (COLUMNS / width).max(1);
        for row in self.listed.chunks(in_row) {
            for (index, name) in row.iter().enumerate() {
                let is_last = index + 1 == row.len();
                let width = if is_last { 0 } else { width };
                write!(out, "{name:<width$}")?;
            }
            writeln!(out)?;
        }
        match self.count - self.listed.len() {
            0 => Ok(()),
            more => writeln!(out, "and {more} more"),
        }
    }
}

/// Completes the end of `before`, the text left of the cursor.
pub(crate) fn complete(before: &str, control: &dyn Control) -> Completion {
    // Inside quotes or a comment there is nothing to complete.
    let Ok(split) = split(before) else {
        return Completion::default();
    };
    let mut words = split.words;
    let in_word = words
        .last()
        .is_some_and(|word| word.span.end == before.len());
    let word = if in_word { words.pop() } else { None };
    let quoted = word.as_ref().is_some_and(|word| {
        let Word { text, span, .. } = word;
        text.len() != span.end - span.start
    });
    if split.comment || quoted {
        return Completion::default();
    }
    let word = word.map(|word| word.text).unwrap_or_default();
    let earlier: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let (prefix, all) = candidates(&word, &earlier, control);
    let mut completion = Completion {
        prefix: prefix.len(),
        common: prefix.to_string(),
        ..Completion::default()
    };
    all.filter(|candidate| candidate.starts_with(prefix))
        .filter(|candidate| candidate.bytes().all(is_plain))
        .for_each(|candidate| completion.add(candidate));
    sort_ascending(&mut completion.listed);
    completion
}

/// Names one after the other: a machine may have very many devices.
type Names<'a> = Box<dyn Iterator<Item = String> + 'a>;

/// Whether a character needs no quotes; names that do are not offered.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'\'' | b'#')
}

/// All that can stand in place of `word`, or of its value, after the words `earlier`.
fn candidates<'a>(
    word: &'a str,
    earlier: &'a [&'a str],
    control: &'a dyn Control,
) -> (&'a str, Names<'a>) {
    let Some((verb, arguments)) = earlier.split_first() else {
        return (word, owned(Verb::ALL.map(Verb::name)));
    };
    let all = match (Verb::from_name(verb), arguments) {
        (Some(Verb::Define), [_, ..]) | (Some(Verb::Set), [_, ..]) => {
            return setting(word, arguments, control);
        }
        (
            Some(
                Verb::Set
                | Verb::Undefine
                | Verb::Check
                | Verb::Show
                | Verb::Log
                | Verb::Console
                | Verb::Stop
                | Verb::Kill
                | Verb::Handoff,
            ),
            [],
        )
        | (Some(Verb::Link | Verb::Unlink), [] | [_])
        | (Some(Verb::Start | Verb::Restart), _) => partitions(arguments, control),
        (Some(Verb::Wait), []) => partitions(arguments, control),
        (Some(Verb::Wait), [_]) => owned(Goal::NAMES),
        (Some(Verb::OnError), []) => owned(OnError::NAMES),
        (Some(Verb::Include), []) => scripts(control.machine()),
        (Some(Verb::Help), []) => owned(Verb::ALL.map(Verb::name)),
        (Some(Verb::Reset | Verb::Poweroff), []) => owned(["force"]),
        (Some(Verb::Status), []) => owned(["on", "off"]),
        (Some(Verb::Isolation), []) => owned(["bare", "dma", "default"]),
        (Some(Verb::Keymap), []) => Box::new(control.keymaps().iter().map(ToString::to_string)),
        _ => owned([]),
    };
    (word, all)
}

fn owned<'a, const N: usize>(names: [&'a str; N]) -> Names<'a> {
    Box::new(names.into_iter().map(String::from))
}

/// Images that could be scripts.
fn scripts(machine: &Machine) -> Names<'_> {
    images(machine, |kind| matches!(kind, ImageKind::Data(_)))
}

fn images(machine: &Machine, wanted: fn(&ImageKind) -> bool) -> Names<'_> {
    let images = machine.images.iter();
    let images = images.filter(move |image| wanted(&image.kind));
    Box::new(images.map(|image| image.name.clone()))
}

fn partitions<'a>(named: &'a [&'a str], control: &'a dyn Control) -> Names<'a> {
    let names = control.ledger().iter().map(|p| p.definition.name.as_str());
    let others = names.filter(|name| !named.contains(name));
    Box::new(others.map(String::from))
}

/// A key that is not there yet, or the value of one.
fn setting<'a>(
    word: &'a str,
    earlier: &'a [&'a str],
    control: &'a dyn Control,
) -> (&'a str, Names<'a>) {
    let machine = control.machine();
    let Some(equals) = word.find('=') else {
        let unused = move |name: &&str| !earlier.iter().any(|word| word.starts_with(*name));
        let names = KEYS.iter().map(|known| known.name);
        return (word, Box::new(names.filter(unused).map(String::from)));
    };
    let (key, value) = word.split_at(equals + 1);
    let key = KEYS.iter().find(|known| known.name == key).map(|k| k.key);
    let all = match key {
        Some(Key::Kernel) => images(machine, |kind| {
            matches!(kind, ImageKind::Kernel(_) | ImageKind::Uki(_))
        }),
        Some(Key::Initrd) => return initrds(value, machine),
        Some(Key::Console) => {
            let uarts = machine.uarts.iter().filter(|uart| !uart.is_shell);
            let names = uarts.map(|uart| Com::name(uart.port));
            Box::new(names.chain(["mem"]).map(String::from))
        }
        Some(Key::Devices) => return devices(value, machine),
        Some(Key::Restart) => owned(RestartPolicy::ALL.map(RestartPolicy::name)),
        Some(Key::Isolation) => owned(["bare", "dma", "default"]),
        Some(Key::Control | Key::Dump) => owned(["yes", "no"]),
        Some(Key::Node) => {
            let numbers = (0..machine.nodes.len()).map(|number| number.to_string());
            Box::new(numbers.chain([String::from("none")]))
        }
        _ => owned([]),
    };
    (value, all)
}

/// The item of a list that is being typed, and the images that it can become.
fn initrds<'a>(value: &'a str, machine: &'a Machine) -> (&'a str, Names<'a>) {
    let (listed, item) = value.rsplit_once(',').unwrap_or(("", value));
    let images = machine.images.iter().filter(move |image| {
        matches!(image.kind, ImageKind::Data(kind) if kind.may_be_initrd())
            && !listed.split(',').any(|other| other == image.name)
    });
    (item, Box::new(images.map(|image| image.name.clone())))
}

/// The item of a list that is being typed, and the devices that it can become: those that are not
/// in the list yet.
fn devices<'a>(value: &'a str, machine: &'a Machine) -> (&'a str, Names<'a>) {
    let (listed, item) = value.rsplit_once(',').unwrap_or(("", value));
    let listed: Vec<DeviceName> = listed.split(',').flat_map(str::parse).collect();
    let all = machine.functions.iter().filter(|f| !f.is_bridge());
    let all = all.map(|f| DeviceName::Function(f.address));
    let all = all.chain(DeviceName::WORDS.map(|(_, name)| name));
    let io_apics = (0..=u8::MAX).zip(&machine.io_apics);
    let all = all.chain(io_apics.map(|(number, _)| DeviceName::IoApic(Some(number))));
    let none = listed.is_empty().then(|| String::from("none"));
    let offered = all.filter(move |name| can_be_given(*name, machine) && !listed.contains(name));
    (
        item,
        Box::new(offered.map(|name| name.to_string()).chain(none)),
    )
}

/// Whether the machine has the device, and somebody could be given it by that name.
fn can_be_given(name: DeviceName, machine: &Machine) -> bool {
    let unit = |bus| {
        let unit = bulkhead_pci::unit(&machine.functions, bus).ok()?;
        machine.shell_function_in(&unit).is_none().then_some(unit)
    };
    match name {
        DeviceName::Function(address) => {
            unit(address.bus()).is_some_and(|unit| unit.bridge.is_some())
        }
        DeviceName::Bus(bus) => unit(bus).is_some(),
        DeviceName::Port(port) => {
            let mut uarts = machine.uarts.iter();
            uarts.any(|uart| uart.port == port && !uart.is_shell)
        }
        DeviceName::Ps2 => machine.has_ps2,
        DeviceName::Rtc => machine.has_rtc,
        DeviceName::Framebuffer => machine.screen.is_some(),
        DeviceName::IoApic(_) => !machine.io_apics.is_empty(),
    }
}
