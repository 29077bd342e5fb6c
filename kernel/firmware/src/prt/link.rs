//! Link devices: what stands between a pin and an interrupt where firmware can connect the one
//! with another (`PNP0C0F`, ACPI §6.2.13).

use super::aml::{Object, byte, integer};
use super::names::{Kind, Names};
use super::path::{Name, Path};
use super::run::{Value, outcomes};
use crate::bytes::{u8_at, u16_at, u32_at};

const LINK: Kind = Kind {
    eisa: 0x0f0c_d041,
    text: b"PNP0C0F",
};
/// A link's resources are one descriptor and an end tag.
const MAX_TEMPLATE_BYTES: usize = 64;

/// IRQ descriptors without and with their flags (ACPI §6.4.2.1).
const IRQ_2: u8 = 0x22;
const IRQ_3: u8 = 0x23;
/// End tag with its checksum (ACPI §6.4.2.9).
const END: u8 = 0x79;
/// Extended interrupt descriptor (ACPI §6.4.3.6).
const EXTENDED_INTERRUPT: u8 = 0x89;
/// Length of an extended descriptor that names one interrupt and no other controller.
const ONE_INTERRUPT: u16 = 6;

/// The interrupt of the link that is called `name` in `scope`, if it can be told: what the link is
/// connected to or, where that is read from a register, the only one that it can be connected to.
pub(super) fn interrupt(names: &mut Names<'_>, name: &Name, scope: Path) -> Option<u32> {
    let (link, object) = names.referred(name, scope)?;
    if object != Object::Device {
        return None;
    }
    // All is asked for before anything is missed.
    let now = resources(names, link.child(*b"_CRS"));
    let possible = resources(names, link.child(*b"_PRS"));
    if !names.is_kind(link, &[LINK]) {
        return None;
    }
    template(now.or(possible)?)
}

/// A resource template that is there, or that a method returns.
fn resources<'a>(names: &mut Names<'a>, path: Option<Path>) -> Option<&'a [u8]> {
    let [Value::Object(_, Object::Buffer(mut buffer))] = outcomes(names, path?)?[..] else {
        return None;
    };
    let size = integer(&mut buffer)?;
    (size == buffer.len() as u64).then_some(buffer)
}

/// The one interrupt of a resource template.
fn template(mut bytes: &[u8]) -> Option<u32> {
    if bytes.len() > MAX_TEMPLATE_BYTES {
        return None;
    }
    let interrupt = match byte(&mut bytes)? {
        tag @ (IRQ_2 | IRQ_3) => {
            let mask = u16_at(bytes, 0)?;
            bytes = bytes.get(usize::from(tag & 7)..)?;
            (mask.count_ones() == 1).then_some(mask.trailing_zeros())?
        }
        EXTENDED_INTERRUPT => {
            let is_one = u16_at(bytes, 0)? == ONE_INTERRUPT && u8_at(bytes, 3)? == 1;
            let interrupt = u32_at(bytes, 4)?;
            bytes = bytes.get(8..)?;
            is_one.then_some(interrupt)?
        }
        _ => return None,
    };
    (byte(&mut bytes)? == END && bytes.len() <= 1).then_some(interrupt)
}
