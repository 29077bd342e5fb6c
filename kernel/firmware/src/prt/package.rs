//! What a `_PRT` returns: packages of {address, pin, source, index} (ACPI §6.2.13).

use alloc::vec::Vec;

use super::aml::{Object, byte, data, integer};
use super::link;
use super::names::Names;
use super::path::{Name, Path};
use super::run::{Value, outcomes};

/// Devices on a bus, and interrupt pins of a device.
const DEVICES: usize = 32;
const PINS: usize = 4;
/// All functions of a device, in the low half of an address.
const ANY_FUNCTION: u64 = 0xffff;
/// Below this are the interrupts of the 8259s.
const FIRST_PCI_GSI: u32 = 16;

/// Where one pin leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pin {
    #[default]
    Unnamed,
    Gsi(u32),
    /// To more than one interrupt.
    Conflict,
    /// To a link device of which it isn't known what it is connected to.
    Unknown,
}

/// Where each pin of a bus leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pins([[Pin; PINS]; DEVICES]);

impl Pins {
    /// Device, pin from 0 and where it leads, for all that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = (u8, u8, Pin)> {
        let devices = (0u8..).zip(self.0);
        let all = devices.flat_map(|(device, pins)| {
            let pins = (0u8..).zip(pins);
            pins.map(move |(pin, leads)| (device, pin, leads))
        });
        all.filter(|(_, _, leads)| *leads != Pin::Unnamed)
    }

    /// Whether it speaks of interrupts that only I/O APICs have.
    fn is_for_apics(&self) -> bool {
        let mut all = self.0.iter().flatten();
        all.any(|pin| matches!(pin, Pin::Gsi(gsi) if *gsi >= FIRST_PCI_GSI))
    }

    fn set(&mut self, device: u64, pin: u64, leads: Pin) -> Option<()> {
        let device = self.0.get_mut(usize::try_from(device).ok()?)?;
        let slot = device.get_mut(usize::try_from(pin).ok()?)?;
        *slot = match *slot {
            Pin::Unnamed => leads,
            other if other == leads => leads,
            Pin::Unknown => Pin::Unknown,
            _ if leads == Pin::Unknown => Pin::Unknown,
            _ => Pin::Conflict,
        };
        Some(())
    }
}

/// Where the pins lead by the `_PRT` at `path`; `None` if that isn't certain. Each entry read is
/// taken off `entries_left`.
pub(super) fn pins(names: &mut Names<'_>, path: Path, entries_left: &mut usize) -> Option<Pins> {
    let mut candidates: Vec<Option<Pins>> = Vec::new();
    for outcome in outcomes(names, path)? {
        candidates.push(match outcome {
            Value::Object(scope, Object::Package(package)) => {
                parse(names, package, scope, entries_left)
            }
            _ => None,
        });
    }
    choose(&candidates)
}

/// Of the tables that a `_PRT` may return, by what isn't known, the one for APIC mode.
///
/// A single one it is. Otherwise exactly one must lead to interrupts that only I/O
/// APICs have, and beside it there may be one other, read or not: that for PIC mode. (Firmware
/// for some AMD machines has two for APIC mode and a variable that decides between them.)
fn choose(candidates: &[Option<Pins>]) -> Option<Pins> {
    if let [only] = candidates {
        return *only;
    }
    let mut chosen: Option<Pins> = None;
    let mut others = 0;
    for candidate in candidates {
        match candidate {
            Some(pins) if pins.is_for_apics() => {
                if chosen.is_some_and(|earlier| earlier != *pins) {
                    return None;
                }
                chosen = Some(*pins);
            }
            _ => others += 1,
        }
    }
    chosen.filter(|_| others <= 1)
}

/// Reads a package of packages, whose names are meant in `scope`; `None` unless each entry tells where
/// its pin leads, or which link device would know.
fn parse(
    names: &mut Names<'_>,
    mut package: &[u8],
    scope: Path,
    entries_left: &mut usize,
) -> Option<Pins> {
    let mut pins = Pins([[Pin::Unnamed; PINS]; DEVICES]);
    // May be more than there are: the others are uninitialised and count for nothing.
    let elements = byte(&mut package)?;
    let mut is_known = true;
    for _ in 0..elements {
        if package.is_empty() {
            break;
        }
        *entries_left = entries_left.checked_sub(1)?;
        let Object::Package(mut entry) = data(&mut package)? else {
            return None;
        };
        let fields = byte(&mut entry)?;
        let address = integer(&mut entry)?;
        let pin = integer(&mut entry)?;
        let leads = source(names, &mut entry, scope);
        let (device, function) = (address >> 16, address & ANY_FUNCTION);
        if fields != 4 || (function > 7 && function != ANY_FUNCTION) {
            return None;
        }
        // No device has such a pin: Linux never looks at the entry.
        if pin >= PINS as u64 || device >= DEVICES as u64 {
            continue;
        }
        match leads {
            Some(leads) if entry.is_empty() => pins.set(device, pin, leads)?,
            _ => is_known = false,
        }
    }
    (is_known && package.is_empty()).then_some(pins)
}

/// Source and index: the interrupt itself, or a link device that may know it; `None` if it is
/// neither. Interrupt 0 is the timer's, or a link's that isn't connected.
fn source(names: &mut Names<'_>, entry: &mut &[u8], scope: Path) -> Option<Pin> {
    let mut after = *entry;
    let link = match integer(&mut after) {
        Some(0) => None,
        Some(_) => return None,
        None => {
            after = *entry;
            Some(Name::read(&mut after)?)
        }
    };
    let index = integer(&mut after)?;
    *entry = after;
    let is_pin = |gsi: &u32| *gsi != 0;
    let Some(link) = link else {
        return u32::try_from(index).ok().filter(is_pin).map(Pin::Gsi);
    };
    let gsi = link::interrupt(names, &link, scope).filter(|gsi| index == 0 && is_pin(gsi));
    Some(gsi.map_or(Pin::Unknown, Pin::Gsi))
}
