//! The variables that a Linux keeps, and the services that are about all variables.
//!
//! Source: UEFI 2.10 §8.2. After `ExitBootServices`, which here is always, only non-volatile variables
//! with runtime access can be written (§8.2.2); all that are stored are such.

use arrayvec::ArrayVec;
use bulkhead_services::{Entry, Held};

use super::{
    CallerMemory, Fault, Fixed, Hardware, MAX_DATA, MAX_NAME, Name, STORE_BYTES, Status, Variables,
};

const NON_VOLATILE: u32 = 0x1;
const BOOT_SERVICE: u32 = 0x2;
const RUNTIME: u32 = 0x4;
/// Hardware error records, and those that a counter authenticates, a way that is no longer to be
/// used: there are none.
const NOT_THERE: u32 = 0x8 | 0x10;
/// The two other ways to be authenticated: none of these, either.
const AUTHENTICATED: u32 = 0x20 | 0x80;
const APPEND: u32 = 0x40;
/// What all stored ones have.
const STORED: u32 = NON_VOLATILE | BOOT_SERVICE | RUNTIME;

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing => Self::NotFound,
            Fault::Full => Self::OutOfResources,
            Fault::TooLong | Fault::Unreadable => Self::InvalidParameter,
            Fault::Busy => Self::DeviceError,
        }
    }
}

/// The attributes of an argument, if there are such variables.
fn attributes(argument: u64) -> Result<u32, Status> {
    // The argument has 32 bits; what is above them is whatever was in the register.
    let attributes = low(argument);
    if attributes & (NOT_THERE | AUTHENTICATED) != 0 {
        return Err(Status::Unsupported);
    }
    if attributes & !(STORED | APPEND) != 0 {
        return Err(Status::InvalidParameter);
    }
    Ok(attributes)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn low(argument: u64) -> u32 {
    argument as u32
}

/// What comes next in the order: those that are always there, then what is stored.
enum Following {
    Fixed(Fixed),
    Stored(Entry),
}

impl<H: Hardware, M: CallerMemory, const P: usize, const C: usize> Variables<'_, H, M, P, C> {
    pub(super) fn get_stored(&self, name: &Name, to: [u64; 3]) -> Option<Status> {
        let Some(store) = self.store.filter(|_| !name.is_too_long) else {
            return Some(Status::NotFound);
        };
        let held = match store.hold() {
            Ok(held) => held,
            Err(fault) => return Some(fault.into()),
        };
        let Some(entry) = held.find(&name.key()) else {
            return Some(Status::NotFound);
        };
        if let Some(refused) = self.answer(to, STORED, entry.data)? {
            return Some(refused);
        }
        let [.., data] = to;
        let mut chunk = [0; 256];
        for offset in (0..entry.data).step_by(chunk.len()) {
            let length = chunk.len().min(entry.data - offset);
            let chunk = chunk.get_mut(..length)?;
            held.read(&entry, offset, chunk);
            self.memory.write(data.checked_add(offset as u64)?, chunk)?;
        }
        Some(Status::Success)
    }

    pub(super) fn set_stored(
        &self,
        name: &Name,
        argument: u64,
        [size, data]: [u64; 2],
    ) -> Option<Status> {
        if name.units.is_empty() || name.is_too_long {
            return Some(Status::InvalidParameter);
        }
        // Only here such firmware has another word for it: a caller can tell it from a service that
        // is not there (the Firmware Test Suite does).
        if low(argument) & NOT_THERE == 0 && low(argument) & AUTHENTICATED != 0 {
            return Some(Status::InvalidParameter);
        }
        let attributes = match attributes(argument) {
            Ok(attributes) => attributes,
            Err(refused) => return Some(refused),
        };
        let append = attributes & APPEND != 0;
        let is_deleted = attributes & (BOOT_SERVICE | RUNTIME) == 0 || (size == 0 && !append);
        if !is_deleted && attributes & STORED != STORED {
            return Some(Status::InvalidParameter);
        }
        let Some(store) = self.store else {
            return Some(if is_deleted {
                Status::NotFound
            } else {
                Status::OutOfResources
            });
        };
        let held = match store.hold() {
            Ok(held) => held,
            Err(fault) => return Some(fault.into()),
        };
        let done = if is_deleted {
            held.delete(&name.key())
        } else if size == 0 {
            Ok(()) // appending nothing changes nothing
        } else {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            held.set(&name.key(), append, size, |offset, into| {
                self.memory.read(data.checked_add(offset as u64)?, into)
            })
        };
        Some(done.map_or_else(Status::from, |()| Status::Success))
    }

    /// GetNextVariableName: `size` is the address of the buffer's size in bytes.
    pub fn next(&self, size: u64, name: u64, guid: u64) -> Option<Status> {
        let memory = self.memory;
        let current = Name::read(memory, name, guid)?;
        let held = match self.store.map(|store| store.hold()).transpose() {
            Ok(held) => held,
            Err(fault) => return Some(fault.into()),
        };
        let following = match following(held.as_ref(), &current) {
            Ok(Some(following)) => following,
            Ok(None) => return Some(Status::NotFound),
            Err(refused) => return Some(refused),
        };
        let mut units = ArrayVec::<u8, { 2 * (MAX_NAME + 1) }>::new();
        let vendor = match (following, &held) {
            (Following::Stored(entry), Some(held)) => {
                let mut bytes = [0; 2 * MAX_NAME];
                let bytes = bytes.get_mut(..2 * entry.name)?;
                held.read_name(&entry, 0, bytes);
                units.try_extend_from_slice(bytes).ok()?;
                held.vendor(&entry)
            }
            (Following::Fixed(fixed), _) => {
                units.extend(fixed.name().bytes().flat_map(|byte| [byte, 0]));
                fixed.vendor()
            }
            (Following::Stored(_), None) => return Some(Status::NotFound),
        };
        units.try_extend_from_slice(&[0, 0]).ok()?;
        let room = memory.read_u64(size)?;
        memory.write(size, &(units.len() as u64).to_le_bytes())?;
        if room < units.len() as u64 {
            return Some(Status::BufferTooSmall);
        }
        memory.write(name, &units)?;
        memory.write(guid, &vendor)?;
        Some(Status::Success)
    }

    /// QueryVariableInfo of variables with these attributes: addresses of the room in all, what is
    /// left, and the largest variable.
    pub fn query(&self, argument: u64, addresses: [u64; 3]) -> Option<Status> {
        let attributes = match attributes(argument) {
            Ok(attributes) => attributes & !APPEND,
            Err(refused) => return Some(refused),
        };
        if attributes & BOOT_SERVICE == 0 {
            return Some(Status::InvalidParameter);
        }
        let mut values = [0; 3];
        // Others than the stored ones can't be written, so there is no room for them.
        if attributes == STORED
            && let Some(store) = self.store
        {
            let free = match store.hold() {
                Ok(held) => held.free(),
                Err(fault) => return Some(fault.into()),
            };
            values = [STORE_BYTES / 2, free, MAX_DATA.min(free)];
        }
        for (address, value) in addresses.into_iter().zip(values) {
            self.memory.write(address, &(value as u64).to_le_bytes())?;
        }
        Some(Status::Success)
    }
}

/// The first stored one, or the one behind `last`. Its Linux can write over the store: a record that has got the name
/// of one that is always there is passed over, or who goes by names would begin again from there.
fn after(held: &Held<'_>, last: Option<&Entry>) -> Option<Entry> {
    let mut entry = held.after(last)?;
    while is_fixed(held, &entry) {
        entry = held.after(Some(&entry))?;
    }
    Some(entry)
}

fn is_fixed(held: &Held<'_>, entry: &Entry) -> bool {
    let mut bytes = [0; 2 * MAX_NAME];
    let Some(bytes) = bytes.get_mut(..2 * entry.name) else {
        return false;
    };
    held.read_name(entry, 0, bytes);
    let units = bytes.as_chunks().0.iter().copied().map(u16::from_le_bytes);
    let name = Name {
        vendor: held.vendor(entry),
        units: units.collect(),
        is_too_long: false,
    };
    name.fixed().is_some()
}

/// What follows a name; the first if it is empty.
fn following(held: Option<&Held<'_>>, current: &Name) -> Result<Option<Following>, Status> {
    let stored = |last: Option<&Entry>| held.and_then(|held| after(held, last));
    if current.units.is_empty() {
        return Ok(Fixed::ALL.first().copied().map(Following::Fixed));
    }
    if let Some(fixed) = current.fixed() {
        let next = Fixed::ALL
            .into_iter()
            .skip_while(|known| *known != fixed)
            .nth(1);
        return Ok(next
            .map(Following::Fixed)
            .or_else(|| stored(None).map(Following::Stored)));
    }
    let last = held
        .filter(|_| !current.is_too_long)
        .and_then(|held| held.find(&current.key()))
        .ok_or(Status::InvalidParameter)?;
    Ok(stored(Some(&last)).map(Following::Stored))
}
