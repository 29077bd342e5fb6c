//! When two values of a key mean the same: by the parsers that `define` has for them.

use std::collections::BTreeSet;

use bulkhead_memory::{parse_address, parse_size};
use bulkhead_model::{Com, DeviceName, MemoryRequest, RestartPolicy};
use bulkhead_shell::limits::CORES;

/// What a value says. Two that mean the same are equal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `cores=`: whatever the order, they are used in ascending order.
    Cores(BTreeSet<u32>),
    /// `memory=`: one that comes first is placed first.
    Memory(Vec<MemoryRequest>),
    /// `console=`
    Console(Option<Com>),
    /// `devices=`
    Devices(BTreeSet<DeviceName>),
    /// `control=`: which, or one of its two words.
    Names(BTreeSet<String>),
    /// `node=`, `watchdog=`
    Number(Option<u32>),
    /// Of a key whose values have one form each; or what `define` refuses, which it is to say itself.
    Text(String),
}

impl Meaning {
    /// Of that value of the key.
    pub(super) fn of(key: &str, value: &str) -> Self {
        let read = match key {
            "cores" => cores(value).map(Self::Cores),
            "memory" => memory(value).map(Self::Memory),
            "console" => console(value).map(Self::Console),
            "devices" => devices(value).map(Self::Devices),
            "control" if value.is_empty() => Some(Self::Names([absent(key)].into())),
            "control" => set(value.split(',').map(|name| Some(name.to_string()))).map(Self::Names),
            "node" | "watchdog" if is_none(value) => Some(Self::Number(None)),
            "node" | "watchdog" => number(value).map(|number| Self::Number(Some(number))),
            _ => None,
        };
        read.unwrap_or_else(|| Self::Text(value.to_string()))
    }
}

fn cores(list: &str) -> Option<BTreeSet<u32>> {
    let mut cores = Vec::new();
    for item in list.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (number(first)?, number(last)?);
        // A range is short to write, however long it is; and one that runs backwards is refused.
        let more = usize::try_from(last.checked_sub(first)?).ok()?;
        if cores.len() + more >= CORES {
            return None;
        }
        cores.extend(first..=last);
    }
    set(cores.into_iter().map(Some))
}

fn memory(list: &str) -> Option<Vec<MemoryRequest>> {
    let request = |item: &str| {
        let (size, at) = match item.split_once('@') {
            Some((size, at)) => (size, Some(parse_address(at).ok()?)),
            None => (item, None),
        };
        let size = parse_size(size).ok()?;
        Some(MemoryRequest { size, at })
    };
    list.split(',').map(request).collect()
}

fn console(value: &str) -> Option<Option<Com>> {
    if value == "mem" || is_none(value) {
        return Some(None);
    }
    Com::from_name(value).map(Some)
}

fn devices(list: &str) -> Option<BTreeSet<DeviceName>> {
    if is_none(list) {
        return Some(BTreeSet::new());
    }
    set(list.split(',').map(|name| name.parse().ok()))
}

/// All of them; `None` if one is none, or is there twice, which is refused.
fn set<T: Ord>(items: impl Iterator<Item = Option<T>>) -> Option<BTreeSet<T>> {
    let mut set = BTreeSet::new();
    for item in items {
        if !set.insert(item?) {
            return None;
        }
    }
    Some(set)
}

fn is_none(value: &str) -> bool {
    value.is_empty() || value == "none"
}

/// Digits and nothing else (`parse` would take `+1`).
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// What a key is where it is not given.
pub(super) fn absent(key: &str) -> String {
    match key {
        "isolation" => String::from("default"),
        "restart" => RestartPolicy::default().name().to_string(),
        "control" | "dump" => String::from("no"),
        "console" | "node" => String::from("none"),
        _ => String::new(),
    }
}
