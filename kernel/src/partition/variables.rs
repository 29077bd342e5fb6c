//! EFI variables under Bulkhead's GUID: how a Linux sees the partitions and, with the right,
//! starts, kills and restarts others.
//!
//! * `Partitions` (read): a line for each, `NAME STATE RUNS CORE`, see `docs/lifecycle.md`.
//! * `Control` (write; the right `control=yes`): `start NAME`, `kill NAME`, `restart NAME` or
//!   `shell`. Reading it gives the outcome of this partition's last request.

use arrayvec::{ArrayString, ArrayVec};
use core::fmt::Write;

use super::call::status;
use super::linux_memory::LinuxMemory;
use super::request::{self, Request};
use super::slot::{self, Slot};

/// 8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23, in the byte order of UEFI.
const GUID: [u8; 16] = [
    0x6e, 0x1f, 0x3a, 0x8b, 0x47, 0x2d, 0x59, 0x4c, 0x9e, 0x07, 0xb4, 0x1c, 0x6a, 0xd0, 0x5f, 0x23,
];

/// Boot-service and runtime access, not kept over a reset of the machine.
const ATTRIBUTES: u32 = 0x6;

/// The variables, in the order in which they are enumerated.
const NAMES: [&str; 2] = ["Partitions", "Control"];
const PARTITIONS: &str = NAMES[0];
const CONTROL: &str = NAMES[1];

/// Longest name of a variable, in characters.
const MAX_NAME: usize = 64;
/// Longest request.
const MAX_REQUEST: usize = 64;
/// Longest text of a variable.
const MAX_TEXT: usize = 2048;

/// The name at `address`, if it is one of ASCII that ends in time.
fn read_name(memory: &LinuxMemory<'_>, address: u64) -> Option<ArrayString<MAX_NAME>> {
    let mut name = ArrayString::new();
    for index in 0..=MAX_NAME as u64 {
        let mut unit = [0; 2];
        memory.read(address.checked_add(index * 2)?, &mut unit)?;
        match u16::from_le_bytes(unit) {
            0 => return Some(name),
            unit => name.try_push(char::from(u8::try_from(unit).ok()?)).ok()?,
        }
    }
    None
}

/// Which of our variables is meant; `Ok(None)` for anybody else's.
fn ours(memory: &LinuxMemory<'_>, name: u64, guid: u64) -> Option<Option<&'static str>> {
    let mut vendor = [0; 16];
    memory.read(guid, &mut vendor)?;
    let Some(name) = read_name(memory, name) else {
        return Some(None);
    };
    let known = NAMES.into_iter().find(|known| *known == name.as_str());
    Some(known.filter(|_| vendor == GUID))
}

/// GetVariable: `[attributes, size, data]` are addresses; the first and the last may be null.
pub(super) fn get(
    caller: &Slot,
    memory: &LinuxMemory<'_>,
    name: u64,
    guid: u64,
    [attributes, size, data]: [u64; 3],
) -> Option<u64> {
    let mut text = ArrayString::<MAX_TEXT>::new();
    match ours(memory, name, guid)? {
        Some(PARTITIONS) => list(&mut text),
        Some(_) => {
            let _ = writeln!(text, "{}", caller.outcome());
        }
        None => return Some(status::NOT_FOUND),
    }
    let room = memory.read_u64(size)?;
    memory.write(size, &(text.len() as u64).to_le_bytes())?;
    if attributes != 0 {
        memory.write(attributes, &ATTRIBUTES.to_le_bytes())?;
    }
    if room < text.len() as u64 {
        return Some(status::BUFFER_TOO_SMALL);
    }
    memory.write(data, text.as_bytes())?;
    Some(status::SUCCESS)
}

/// A line for each partition that was ever planned.
fn list(text: &mut ArrayString<MAX_TEXT>) {
    for slot in slot::all() {
        let Some(plan) = slot.plan() else { continue };
        let mut line = ArrayString::<96>::new();
        let name = slot.name();
        let (state, runs) = (slot.phase().name(), slot.runs());
        if writeln!(line, "{} {state} {runs} {}", name.as_str(), plan.boot_core).is_ok() {
            // What has no room is left out whole.
            let _ = text.try_push_str(&line);
        }
    }
}

/// GetNextVariableName: `size` is the address of the buffer's size in bytes.
pub(super) fn next(memory: &LinuxMemory<'_>, size: u64, name: u64, guid: u64) -> Option<u64> {
    let current = read_name(memory, name)?;
    let following = if current.is_empty() {
        NAMES.first()
    } else {
        if ours(memory, name, guid)?.is_none() {
            return Some(status::NOT_FOUND);
        }
        NAMES
            .iter()
            .skip_while(|known| **known != current.as_str())
            .nth(1)
    };
    let Some(following) = following else {
        return Some(status::NOT_FOUND);
    };
    let mut units = ArrayVec::<u8, { 2 * (MAX_NAME + 1) }>::new();
    for byte in following.bytes().chain([0]) {
        units.extend([byte, 0]);
    }
    let room = memory.read_u64(size)?;
    memory.write(size, &(units.len() as u64).to_le_bytes())?;
    if room < units.len() as u64 {
        return Some(status::BUFFER_TOO_SMALL);
    }
    memory.write(name, &units)?;
    memory.write(guid, &GUID)?;
    Some(status::SUCCESS)
}

/// SetVariable: `[attributes, size, data]`, of which the last is an address.
pub(super) fn set(
    caller: usize,
    slot: &Slot,
    memory: &LinuxMemory<'_>,
    name: u64,
    guid: u64,
    [_attributes, size, data]: [u64; 3],
) -> Option<u64> {
    match ours(memory, name, guid)? {
        Some(CONTROL) => {}
        Some(_) => return Some(status::WRITE_PROTECTED),
        None => return Some(status::UNSUPPORTED),
    }
    if !slot.has_control() {
        slot.set_outcome(request::Outcome::Denied);
        return Some(status::ACCESS_DENIED);
    }
    let mut bytes = [0; MAX_REQUEST];
    let text = bytes.get_mut(..size as usize).and_then(|bytes| {
        memory.read(data, bytes)?;
        core::str::from_utf8(bytes).ok()
    });
    let outcome = match text.and_then(Request::parse) {
        Some(request) => request::carry_out(caller, request),
        None => request::Outcome::Malformed,
    };
    slot.set_outcome(outcome);
    Some(outcome.status())
}

/// QueryVariableInfo: addresses of the room in all, what is left, and the largest variable.
pub(super) fn query(memory: &LinuxMemory<'_>, addresses: [u64; 3]) -> Option<u64> {
    for (address, value) in addresses
        .into_iter()
        .zip([64u64 << 10, 64 << 10, MAX_TEXT as u64])
    {
        memory.write(address, &value.to_le_bytes())?;
    }
    Some(status::SUCCESS)
}
