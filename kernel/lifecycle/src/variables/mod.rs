//! The EFI variables of a partition: those that are always there ([`fixed`]), and those that its
//! Linux keeps, in its store.
//!
//! Under Bulkhead's GUID, they are how a Linux sees the partitions and, with the right, starts, kills
//! and restarts others:
//!
//! * `Partitions` (read): a line for each, `NAME STATE RUNS CORE`, see `docs/control.md`.
//! * `Control` (write; the right `control=yes`): `start NAME`, `stop NAME`, `kill NAME`,
//!   `restart NAME` or `shell`. Reading it tells how this partition's last request stands.
//! * `Console1` to `Console4`, and `Terminal`: both ends of consoles, see `docs/control.md`.
//! * `Ring` (write): wakes the Linux at the other end of a link, see `docs/links.md`.
//!
//! Source: UEFI 2.10 §8.2 (variable services), appendix D (status codes).

use arrayvec::{ArrayString, ArrayVec};
use bulkhead_services::{Fault, Key, MAX_DATA, MAX_NAME, STORE_BYTES, Store};
use core::fmt::Write;

use crate::agent::MESSAGE_BYTES;
use crate::desk::LINE_BYTES;
use crate::hardware::Hardware;
use crate::links::MAX_RING_BYTES;
use crate::{Heard, Lifecycle, Outcome};

mod console;
mod fixed;
mod held;
mod stored;
mod telling;

use fixed::Fixed;
use telling::Rows;

/// 8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23, in the byte order of UEFI.
pub const GUID: [u8; 16] = [
    0x6e, 0x1f, 0x3a, 0x8b, 0x47, 0x2d, 0x59, 0x4c, 0x9e, 0x07, 0xb4, 0x1c, 0x6a, 0xd0, 0x5f, 0x23,
];

/// Longest request without a token, in bytes.
pub(crate) const PLAIN_BYTES: usize = 64;

/// Longest request, in bytes: a token, `do`, an offset, and a line.
pub const MAX_REQUEST_BYTES: usize = LINE_BYTES + 40;

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
    /// There is no such service, or no such kind of variable.
    Unsupported = ERROR | 3,
    /// The buffer is too small; its size tells what is needed.
    BufferTooSmall = ERROR | 5,
    /// Not now.
    NotReady = ERROR | 6,
    /// Another core of the caller's stays in the services.
    DeviceError = ERROR | 7,
    /// The variable can't be written.
    WriteProtected = ERROR | 8,
    /// There is no room for it.
    OutOfResources = ERROR | 9,
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
            Self::None | Self::Done | Self::Passed | Self::Ending | Self::Ordered => {
                Status::Success
            }
            Self::Denied | Self::NotGranted => Status::AccessDenied,
            Self::Full | Self::NoConsole => Status::OutOfResources,
            Self::Malformed | Self::Itself => Status::InvalidParameter,
            Self::Unknown => Status::NotFound,
            Self::WrongState
            | Self::CoreLost
            | Self::TooEarly
            | Self::Unanswered
            | Self::Refused
            | Self::ShellLeft
            | Self::NoShell
            | Self::LineBusy
            | Self::Held
            | Self::NotHeld
            | Self::NothingLeft
            | Self::NoAgent
            | Self::NoTerminal
            | Self::Attached
            | Self::Said => Status::NotReady,
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

/// What a variable is called, as a caller says it.
struct Name {
    vendor: [u8; 16],
    units: ArrayVec<u16, MAX_NAME>,
    /// Whether it is longer than any may be; then only its beginning is here.
    is_too_long: bool,
}

impl Name {
    fn read(memory: &impl CallerMemory, address: u64, guid: u64) -> Option<Self> {
        let mut vendor = [0; 16];
        memory.read(guid, &mut vendor)?;
        let mut units = ArrayVec::new();
        for index in 0..=MAX_NAME as u64 {
            let mut unit = [0; 2];
            memory.read(address.checked_add(index * 2)?, &mut unit)?;
            let unit = u16::from_le_bytes(unit);
            if unit == 0 {
                return Some(Self {
                    vendor,
                    units,
                    is_too_long: false,
                });
            }
            if units.try_push(unit).is_err() {
                break;
            }
        }
        Some(Self {
            vendor,
            units,
            is_too_long: true,
        })
    }

    fn key(&self) -> Key<'_> {
        Key {
            vendor: self.vendor,
            name: &self.units,
        }
    }

    /// Which of those that are always there it is.
    fn fixed(&self) -> Option<Fixed> {
        let is_it = |fixed: &Fixed| {
            self.vendor == fixed.vendor()
                && self.units.iter().copied().eq(fixed.name().encode_utf16())
        };
        Fixed::ALL.into_iter().find(is_it)
    }
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
    /// What it keeps; `None` if there was no memory for it.
    pub store: Option<Store<'a>>,
}

impl<H: Hardware, M: CallerMemory, const P: usize, const C: usize> Variables<'_, H, M, P, C> {
    /// GetVariable: `[attributes, size, data]` are addresses; the first and the last may be null.
    pub fn get(&self, name: u64, guid: u64, to: [u64; 3]) -> Option<Status> {
        let name = Name::read(self.memory, name, guid)?;
        match name.fixed() {
            Some(fixed) => {
                let mut text = ArrayString::<MAX_TEXT>::new();
                let value = match fixed {
                    Fixed::Partitions => {
                        self.list(&mut text);
                        text.as_bytes()
                    }
                    Fixed::Control => {
                        let outcome = self.lifecycle.outcome(self.hardware, self.caller);
                        let _ = writeln!(text, "{outcome}");
                        text.as_bytes()
                    }
                    Fixed::Agent => {
                        let (life, hw) = (self.lifecycle, self.hardware);
                        let _ = life.tell_agent(hw, self.caller, &mut text);
                        text.as_bytes()
                    }
                    Fixed::Answers => return self.rows(to, &Rows::Answers),
                    Fixed::Held => {
                        self.held(&mut text);
                        text.as_bytes()
                    }
                    Fixed::Machine => {
                        self.machine(&mut text);
                        text.as_bytes()
                    }
                    Fixed::Details => return self.rows(to, &Rows::Details),
                    Fixed::Events => return self.rows(to, &Rows::Events),
                    Fixed::Output => return self.output(to),
                    Fixed::Terminal => return self.terminal(to),
                    Fixed::Console(place) => return self.console(place, to),
                    Fixed::Ring => b"none\n",
                    Fixed::SecureBoot | Fixed::SetupMode => &[0],
                    Fixed::OsIndicationsSupported => &[0; 8],
                };
                if let Some(refused) = self.answer(to, fixed::ATTRIBUTES, value.len())? {
                    return Some(refused);
                }
                let [.., data] = to;
                self.memory.write(data, value)?;
                Some(Status::Success)
            }
            None => self.get_stored(&name, to),
        }
    }

    /// Writes a variable's attributes and size; what is to be said if its data has no room.
    #[expect(
        clippy::option_option,
        reason = "the outer one is a bad address, as everywhere here"
    )]
    fn answer(&self, to: [u64; 3], attributes: u32, length: usize) -> Option<Option<Status>> {
        let [to_attributes, size, data] = to;
        let memory = self.memory;
        let room = memory.read_u64(size)?;
        memory.write(size, &(length as u64).to_le_bytes())?;
        if to_attributes != 0 {
            memory.write(to_attributes, &attributes.to_le_bytes())?;
        }
        if room < length as u64 {
            return Some(Some(Status::BufferTooSmall));
        }
        Some((data == 0 && length != 0).then_some(Status::InvalidParameter))
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

    /// SetVariable: `[attributes, size, data]`, of which the last is an address.
    pub fn set(&self, name: u64, guid: u64, [attributes, size, data]: [u64; 3]) -> Option<Status> {
        let name = Name::read(self.memory, name, guid)?;
        match name.fixed() {
            Some(Fixed::Control) => Some(self.request(size, data)),
            Some(Fixed::Ring) => Some(self.ring(size, data)),
            Some(Fixed::Agent) => Some(self.hear(size, data)),
            Some(Fixed::Terminal) => Some(self.serve_terminal(size, data)),
            Some(Fixed::Console(place)) => Some(self.write_console(place, size, data)),
            Some(_) => Some(Status::WriteProtected),
            // What is Bulkhead's is not for a Linux to add to.
            None if name.vendor == GUID => Some(Status::Unsupported),
            None => self.set_stored(&name, attributes, [size, data]),
        }
    }

    fn ring(&self, size: u64, data: u64) -> Status {
        let mut bytes = [0; MAX_RING_BYTES];
        let text = self.text(&mut bytes, size, data);
        self.lifecycle.ring(self.hardware, self.caller, text)
    }

    /// What is written, if it has room and is text.
    fn text<'b>(&self, bytes: &'b mut [u8], size: u64, data: u64) -> Option<&'b str> {
        let bytes = bytes.get_mut(..usize::try_from(size).ok()?)?;
        self.memory.read(data, bytes)?;
        core::str::from_utf8(bytes).ok()
    }

    /// What does not fit is no message, and neither is what lies elsewhere.
    fn hear(&self, size: u64, data: u64) -> Status {
        let mut bytes = [0; MESSAGE_BYTES];
        let message = self.text(&mut bytes, size, data).unwrap_or_default();
        let heard = self.lifecycle.hear(self.hardware, self.caller, message);
        match heard {
            Heard::Yes => Status::Success,
            Heard::Malformed => Status::InvalidParameter,
            Heard::Stranger | Heard::NotRunning => Status::NotReady,
        }
    }

    fn request(&self, size: u64, data: u64) -> Status {
        let mut bytes = [0; MAX_REQUEST_BYTES];
        let text = self.text(&mut bytes, size, data);
        let outcome = self.lifecycle.ask(self.hardware, self.caller, text);
        outcome.status()
    }
}
