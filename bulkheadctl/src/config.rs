//! Configuration space as Linux shows it, so that `bulkhead-pci` can look at it.
//!
//! Writes go into a copy. All ones written to a BAR read back as its size's mask, as hardware has it; the
//! size is from the function's `resource` file.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead_pci::{Address, ConfigSpace};

use crate::pack::{Pack, hex};

const BARS: u16 = 0x10;
const BAR_COUNT: usize = 6;
/// A BAR of I/O ports, by its own lowest bit.
const IO: u32 = 1;
/// `IORESOURCE_MEM_64` of Linux: the BAR takes two registers.
const WIDE: u64 = 0x0010_0000;
/// Capabilities whose contents tell one card from another (PCI 3.0 appendix I, PCIe §7.9.3).
const VITAL_PRODUCT_DATA: u8 = 0x03;
const SERIAL_NUMBER: u16 = 0x0003;

struct Function {
    bytes: Vec<u8>,
    /// What the register reads after ones were written to it.
    masks: [u32; BAR_COUNT],
}

/// All functions.
pub struct SavedConfig {
    functions: RefCell<BTreeMap<Address, Function>>,
    /// Functions of which Linux showed the first 64 bytes only.
    pub cut: usize,
}

impl SavedConfig {
    /// Those of `pack`.
    #[must_use]
    pub fn of(pack: &Pack) -> Self {
        let mut functions = BTreeMap::new();
        let mut cut = 0;
        for (name, bytes) in pack.below("pci/") {
            let Some(name) = name.strip_suffix("/config") else {
                continue;
            };
            let Ok(address) = name.parse::<Address>() else {
                continue;
            };
            let resource = pack.text(&format!("pci/{name}/resource"));
            cut += usize::from(bytes.len() <= 64);
            let function = Function {
                bytes: bytes.to_vec(),
                masks: masks(&resource),
            };
            functions.insert(address, function);
        }
        Self {
            functions: RefCell::new(functions),
            cut,
        }
    }
}

impl SavedConfig {
    /// Whether there is a function in that segment.
    #[must_use]
    pub fn has_segment(&self, segment: u16) -> bool {
        let functions = self.functions.borrow();
        functions.keys().any(|address| address.segment == segment)
    }
}

impl ConfigSpace for SavedConfig {
    fn read(&self, address: Address, offset: u16) -> u32 {
        let functions = self.functions.borrow();
        let found = functions.get(&address);
        found.map_or(u32::MAX, |found| {
            dword(&found.bytes, offset).unwrap_or(u32::MAX)
        })
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        let mut functions = self.functions.borrow_mut();
        let Some(function) = functions.get_mut(&address) else {
            return;
        };
        let bar = usize::from(offset.wrapping_sub(BARS) / 4);
        let at = usize::from(offset);
        let found = dword(&function.bytes, offset).unwrap_or(u32::MAX);
        let value = match function.masks.get(bar) {
            _ if offset < BARS || value != u32::MAX => value,
            // Linux gives the registers of an old IDE controller's fixed ports a size; the BARs are
            // not there, and read as 0.
            Some(mask) if mask & 0x3 == IO && found & IO == 0 => 0,
            Some(mask) => *mask,
            None => value,
        };
        if let Some(register) = function.bytes.get_mut(at..at + 4) {
            register.copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// The masks of a function's BARs, by its `resource` file: a line of first, last and flags for each.
/// What has no size reads as 0, as a BAR does that is not there.
fn masks(resource: &str) -> [u32; BAR_COUNT] {
    let mut masks = [0; BAR_COUNT];
    for (index, line) in resource.lines().take(BAR_COUNT).enumerate() {
        let mut numbers = line.split_ascii_whitespace().map(hex);
        let (Some(Some(first)), Some(Some(last)), Some(Some(flags))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            continue;
        };
        let size = last.wrapping_sub(first).wrapping_add(1);
        if (first, last) == (0, 0) || size <= 1 {
            continue;
        }
        let mask = size.checked_next_power_of_two().unwrap_or(0).wrapping_neg();
        // The low bits of the flags are those of a memory BAR; a fixed port's have none.
        let is_io = flags & 0x100 != 0;
        masks[index] = if is_io {
            low(mask) & !0x3 | IO
        } else {
            low(mask) & !0xf | low(flags & 0xf)
        };
        if flags & WIDE != 0 && !is_io && index + 1 < BAR_COUNT {
            masks[index + 1] = low(mask >> 32);
        }
    }
    masks
}

fn low(value: u64) -> u32 {
    (value & 0xffff_ffff) as u32
}

fn dword(bytes: &[u8], offset: u16) -> Option<u32> {
    let at = usize::from(offset);
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Zeroes a function's serial number (on a network card its MAC address) and its Vital Product Data
/// registers.
pub fn scrub(bytes: &mut [u8]) {
    let mut at = bytes.get(0x34).map_or(0, |at| u16::from(at & 0xfc));
    for _ in 0..48 {
        let Some(header) = dword(bytes, at).filter(|_| at >= 0x40) else {
            break;
        };
        let [id, next, ..] = header.to_le_bytes();
        if id == VITAL_PRODUCT_DATA {
            zero(bytes, at + 2, 6);
        }
        at = u16::from(next & 0xfc);
    }
    let mut at = 0x100;
    for _ in 0..960 {
        let Some(header) = dword(bytes, at).filter(|_| at >= 0x100) else {
            return;
        };
        if header & 0xffff == u32::from(SERIAL_NUMBER) {
            zero(bytes, at + 4, 8);
        }
        at = (header >> 20 & 0xffc) as u16;
    }
}

fn zero(bytes: &mut [u8], at: u16, length: usize) {
    let at = usize::from(at);
    let end = (at + length).min(bytes.len());
    if let Some(part) = bytes.get_mut(at..end) {
        part.fill(0);
    }
}
