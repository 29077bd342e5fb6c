//! Tab: what the word before the cursor can become.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_model::{Com, DeviceName, ImageKind, Key, Machine, RestartPolicy};

use crate::command::{Goal, OnError, Verb};
use crate::control::Control;
use crate::settings::KEYS;
use crate::words::{Word, split};

/// What a word can become.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    /// The part of the word that the candidates replace: all of it, or what follows the `=`.
    pub(crate) prefix: String,
    /// The candidates, all of which begin with `prefix`.
    pub(crate) candidates: Vec<String>,
}

impl Completion {
    /// What can be inserted without choosing: the rest of the only candidate and a space, or
    /// what all candidates have in common.
    pub(crate) fn insertion(&self, after: &str) -> String {
        let Some((first, rest)) = self.candidates.split_first() else {
            return String::new();
        };
        let common = rest.iter().fold(first.len(), |common, other| {
            let same = first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
            common.min(same.count())
        });
        let mut insertion = first[self.prefix.len()..common].to_string();
        if rest.is_empty() && !first.ends_with('=') && !after.starts_with(' ') {
            insertion.push(' ');
        }
        insertion
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
    let mut candidates: Vec<String> = all
        .into_iter()
        .filter(|candidate| candidate.starts_with(prefix))
        .filter(|candidate| candidate.bytes().all(is_plain))
        .collect();
    candidates.sort_unstable();
    Completion {
        prefix: prefix.to_string(),
        candidates,
    }
}

/// Whether a character needs no quotes; names that do are not offered.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'\'' | b'#')
}

/// All that can stand in place of `word`, or of its value, after the words `earlier`.
fn candidates<'a>(
    word: &'a str,
    earlier: &[&str],
    control: &dyn Control,
) -> (&'a str, Vec<String>) {
    let Some((verb, arguments)) = earlier.split_first() else {
        return (word, owned(Verb::ALL.map(Verb::name)));
    };
    let all = match (Verb::from_name(verb), arguments) {
        (Some(Verb::Define), [_, ..]) | (Some(Verb::Set), [_, ..]) => {
            return setting(word, arguments, control);
        }
        (
            Some(
                Verb::Set | Verb::Undefine | Verb::Check | Verb::Show | Verb::Kill | Verb::Handoff,
            ),
            [],
        )
        | (Some(Verb::Start | Verb::Restart), _) => partitions(arguments, control),
        (Some(Verb::Wait), []) => partitions(arguments, control),
        (Some(Verb::Wait), [_]) => owned(Goal::NAMES),
        (Some(Verb::OnError), []) => owned(OnError::NAMES),
        (Some(Verb::Include), []) => scripts(control.machine()),
        (Some(Verb::Help), []) => owned(Verb::ALL.map(Verb::name)),
        (Some(Verb::Reset | Verb::Poweroff), []) => owned(["force"]),
        (Some(Verb::Status), []) => owned(["on", "off"]),
        (Some(Verb::Keymap), []) => control.keymaps().iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    (word, all)
}

fn owned<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(String::from).to_vec()
}

/// Images that could be scripts.
fn scripts(machine: &Machine) -> Vec<String> {
    let data = machine
        .images
        .iter()
        .filter(|image| matches!(image.kind, ImageKind::Data));
    data.map(|image| image.name.clone()).collect()
}

fn partitions(named: &[&str], control: &dyn Control) -> Vec<String> {
    let names = control.ledger().iter().map(|p| p.definition.name.clone());
    names
        .filter(|name| !named.contains(&name.as_str()))
        .collect()
}

/// A key that is not there yet, or the value of one.
fn setting<'a>(word: &'a str, earlier: &[&str], control: &dyn Control) -> (&'a str, Vec<String>) {
    let machine = control.machine();
    let Some(equals) = word.find('=') else {
        let unused = |name: &&str| !earlier.iter().any(|word| word.starts_with(*name));
        let names = KEYS.iter().map(|known| known.name);
        return (word, names.filter(unused).map(String::from).collect());
    };
    let (key, value) = word.split_at(equals + 1);
    let key = KEYS.iter().find(|known| known.name == key).map(|k| k.key);
    let images = |wanted: fn(&ImageKind) -> bool| {
        let images = machine.images.iter().filter(|image| wanted(&image.kind));
        images.map(|image| image.name.clone()).collect()
    };
    let all = match key {
        Some(Key::Kernel) => images(|kind| matches!(kind, ImageKind::Kernel(_))),
        Some(Key::Initrd) => images(|kind| matches!(kind, ImageKind::Data)),
        Some(Key::Console) => {
            let uarts = machine.uarts.iter().filter(|uart| !uart.is_shell);
            let names = uarts.map(|uart| Com::name(uart.port));
            names.chain(["none"]).map(String::from).collect()
        }
        Some(Key::Devices) => return devices(value, machine),
        Some(Key::Restart) => owned(RestartPolicy::ALL.map(RestartPolicy::name)),
        Some(Key::Control) => owned(["yes", "no"]),
        _ => Vec::new(),
    };
    (value, all)
}

/// The item of a list that is being typed, and the devices that it can become: those that are not
/// in the list yet.
fn devices<'a>(value: &'a str, machine: &Machine) -> (&'a str, Vec<String>) {
    let (listed, item) = value.rsplit_once(',').unwrap_or(("", value));
    let listed: Vec<DeviceName> = listed.split(',').flat_map(str::parse).collect();
    let all = machine.functions.iter().filter(|f| !f.is_bridge());
    let all = all.map(|f| DeviceName::Function(f.address));
    let all = all.chain(DeviceName::WORDS.map(|(_, name)| name));
    let offered = all.filter(|name| can_be_given(*name, machine) && !listed.contains(name));
    let mut names: Vec<String> = offered.map(|name| name.to_string()).collect();
    if listed.is_empty() {
        names.push(String::from("none"));
    }
    (item, names)
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
        DeviceName::IoApic => !machine.io_apics.is_empty(),
    }
}

/// The candidates in columns of a terminal row.
pub(crate) fn columns(candidates: &[String]) -> String {
    let width = candidates.iter().map(String::len).max().unwrap_or(0) + 2;
    let in_row = (crate::line::COLUMNS / width).max(1);
    let mut text = String::new();
    for row in candidates.chunks(in_row) {
        let cells: String = row.iter().map(|name| format!("{name:<width$}")).collect();
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    text
}
