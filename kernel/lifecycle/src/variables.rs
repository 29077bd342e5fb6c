//! EFI variables under Bulkhead's GUID: how a Linux sees the partitions and, with the right,
//! starts, kills and restarts others.
//!
//! * `Partitions` (read): a line for each, `NAME STATE RUNS CORE`, see `docs/control.md`.
//! * `Control` (write; the right `control=yes`): `start NAME`, `kill NAME`, `restart NAME` or
//!   `shell`. Reading it tells how this partition's last request stands.
//!
//! Source: UEFI 2.10 §8.2 (variable services), appendix D (status codes).

use arrayvec::{ArrayString, ArrayVec};
use core::fmt::Write;

use crate::hardware::Hardware;
use crate::{Lifecycle, Outcome};

/// 8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23, in the byte order of UEFI.
pub const GUID: [u8; 16] = [
    0x6e, 0x1f, 0x3a, 0x8b, 0x47, 0x2d, 0x59, 0x4c, 0x9e, 0x07, 0xb4, 0x1c, 0x6a, 0xd0, 0x5f, 0x23,
];

/// Longest request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 64;

/// Boot-service and runtime access, not kept over a reset of the machine.
const ATTRIBUTES: u32 = 0x6;

/// The variables, in the order in which they are enumerated.
const NAMES: [&str; 2] = ["Partitions", "Control"];
const PARTITIONS: &str = NAMES[0];
const CONTROL: &str = NAMES[1];

/// Longest name of a variable, in characters.
const MAX_NAME: usize = 64;
/// Longest text of a variable, in bytes. It lies on the stack of a core that serves a call.
const MAX_TEXT: usize = 2048;

/// What a service returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Status {
    /// Done.
    Success = 0,
    /// An argument is wrong.
    InvalidParameter = ERROR | 2,
    /// There is no such service, or variable that could be written.
    Unsupported = ERROR | 3,
    /// The buffer is too small; its size tells what is needed.
    BufferTooSmall = ERROR | 5,
    /// Not now.
    NotReady = ERROR | 6,
    /// The variable can't be written.
    WriteProtected = ERROR | 8,
    /// There is no such variable, or partition.
    NotFound = ERROR | 14,
    /// The right is missing.
    AccessDenied = ERROR | 15,
}

/// An error has the top bit set.
const ERROR: u64 = 1 << 63;

impl Outcome {
    /// The EFI status that the writer gets.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::None | Self::Done | Self::Passed | Self::Ending => Status::Success,
            Self::Denied => Status::AccessDenied,
            Self::Malformed | Self::Itself => Status::InvalidParameter,
            Self::Unknown => Status::NotFound,
            Self::WrongState
            | Self::CoreLost
            | Self::TooEarly
            | Self::Unanswered
            | Self::Refused
            | Self::ShellLeft => Status::NotReady,
        }
    }
}

/// The memory of the Linux that calls, by its own virtual addresses. Nothing in it is trusted.
pub trait CallerMemory {
    /// Copies from virtual address `from`; `None` if any of it is not the caller's RAM.
    fn read(&self, from: u64, into: &mut [u8]) -> Option<()>;

    /// Copies to virtual address `to`; `None` if any of it is not the caller's RAM.
    fn write(&self, to: u64, bytes: &[u8]) -> Option<()>;

    /// Reads a 64-bit number.
    fn read_u64(&self, from: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(from, &mut bytes)?;
        Some(u64::from_le_bytes(bytes))
    }
}

/// The name at `address`, if it is one of ASCII that ends in time.
fn read_name(memory: &impl CallerMemory, address: u64) -> Option<ArrayString<MAX_NAME>> {
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

/// Which of our variables is meant; `Some(None)` for anybody else's.
fn ours(memory: &impl CallerMemory, name: u64, guid: u64) -> Option<Option<&'static str>> {
    let mut vendor = [0; 16];
    memory.read(guid, &mut vendor)?;
    let Some(name) = read_name(memory, name) else {
        return Some(None);
    };
    let known = NAMES.into_iter().find(|known| *known == name.as_str());
    Some(known.filter(|_| vendor == GUID))
}

/// The variable services for one caller. Each gives `None` where an argument points to what is not
/// the caller's.
pub struct Variables<'a, H, M, const P: usize, const C: usize> {
    /// The records.
    pub lifecycle: &'a Lifecycle<P, C>,
    /// The machine.
    pub hardware: &'a H,
    /// The caller's memory.
    pub memory: &'a M,
    /// The caller.
    pub caller: usize,
}

impl<H: Hardware, M: CallerMemory, const P: usize, const C: usize> Variables<'_, H, M, P, C> {
    /// GetVariable: `[attributes, size, data]` are addresses; the first and the last may be null.
    pub fn get(&self, name: u64, guid: u64, [attributes, size, data]: [u64; 3]) -> Option<Status> {
        let memory = self.memory;
        let mut text = ArrayString::<MAX_TEXT>::new();
        match ours(memory, name, guid)? {
            Some(PARTITIONS) => self.list(&mut text),
            Some(_) => {
                let outcome = self.lifecycle.outcome(self.hardware, self.caller);
                let _ = writeln!(text, "{outcome}");
            }
            None => return Some(Status::NotFound),
        }
        let room = memory.read_u64(size)?;
        memory.write(size, &(text.len() as u64).to_le_bytes())?;
        if attributes != 0 {
            memory.write(attributes, &ATTRIBUTES.to_le_bytes())?;
        }
        if room < text.len() as u64 {
            return Some(Status::BufferTooSmall);
        }
        memory.write(data, text.as_bytes())?;
        Some(Status::Success)
    }

    /// A line for each partition.
    fn list(&self, text: &mut ArrayString<MAX_TEXT>) {
        let lifecycle = self.lifecycle;
        lifecycle.tend(self.hardware);
        for partition in 0..P {
            let name = lifecycle.name(partition);
            let (Some(name), Some(view)) = (name, lifecycle.view(partition)) else {
                continue;
            };
            let boot_core = lifecycle.boot_core(partition).unwrap_or(0);
            let apic_id = self.hardware.apic_id(boot_core);
            let mut line = ArrayString::<96>::new();
            let (state, runs) = (view.state, view.runs);
            if writeln!(line, "{name} {state} {runs} {apic_id}").is_ok() {
                // What has no room is left out whole.
                let _ = text.try_push_str(&line);
            }
        }
    }

    /// GetNextVariableName: `size` is the address of the buffer's size in bytes.
    pub fn next(&self, size: u64, name: u64, guid: u64) -> Option<Status> {
        let memory = self.memory;
        let current = read_name(memory, name)?;
        let following = if current.is_empty() {
            NAMES.first()
        } else {
            if ours(memory, name, guid)?.is_none() {
                return Some(Status::NotFound);
            }
            NAMES
                .iter()
                .skip_while(|known| **known != current.as_str())
                .nth(1)
        };
        let Some(following) = following else {
            return Some(Status::NotFound);
        };
        let mut units = ArrayVec::<u8, { 2 * (MAX_NAME + 1) }>::new();
        for byte in following.bytes().chain([0]) {
            units.extend([byte, 0]);
        }
        let room = memory.read_u64(size)?;
        memory.write(size, &(units.len() as u64).to_le_bytes())?;
        if room < units.len() as u64 {
            return Some(Status::BufferTooSmall);
        }
        memory.write(name, &units)?;
        memory.write(guid, &GUID)?;
        Some(Status::Success)
    }

    /// SetVariable: `[attributes, size, data]`, of which the last is an address.
    pub fn set(&self, name: u64, guid: u64, [_attributes, size, data]: [u64; 3]) -> Option<Status> {
        match ours(self.memory, name, guid)? {
            Some(CONTROL) => {}
            Some(_) => return Some(Status::WriteProtected),
            None => return Some(Status::Unsupported),
        }
        let mut bytes = [0; MAX_REQUEST_BYTES];
        let text = usize::try_from(size)
            .ok()
            .and_then(|size| bytes.get_mut(..size))
            .and_then(|bytes| {
                self.memory.read(data, bytes)?;
                core::str::from_utf8(bytes).ok()
            });
        let outcome = self.lifecycle.ask(self.hardware, self.caller, text);
        Some(outcome.status())
    }

    /// QueryVariableInfo: addresses of the room in all, what is left, and the largest variable.
    pub fn query(&self, addresses: [u64; 3]) -> Option<Status> {
        for (address, value) in addresses
            .into_iter()
            .zip([64u64 << 10, 64 << 10, MAX_TEXT as u64])
        {
            self.memory.write(address, &value.to_le_bytes())?;
        }
        Some(Status::Success)
    }
}
