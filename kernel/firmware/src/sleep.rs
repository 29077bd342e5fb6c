//! The `_S5_` package: what to write to the PM1 control registers to power the machine off.
//!
//! It may be in the DSDT or in any SSDT (ACPI §7.4.2). In practice `_S5_` is a constant package, and a search for its bytes
//! finds it; where it isn't constant, power-off is reported as impossible.

use crate::bytes::u8_at;

/// Sleep types of the soft-off state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SleepS5 {
    /// `SLP_TYP` for PM1a control, 0-7.
    pub type_a: u8,
    /// `SLP_TYP` for PM1b control, 0-7.
    pub type_b: u8,
}

/// AML opcodes (ACPI §20.3).
const NAME_OP: u8 = 0x08;
const ROOT_CHARACTER: u8 = b'\\';
const PACKAGE_OP: u8 = 0x12;
const ZERO_OP: u8 = 0x00;
const ONE_OP: u8 = 0x01;
const BYTE_PREFIX: u8 = 0x0a;
const WORD_PREFIX: u8 = 0x0b;
const DWORD_PREFIX: u8 = 0x0c;
/// `SLP_TYP` has three bits (ACPI §4.8.3.2.1).
const MAX_SLEEP_TYPE: u8 = 7;

/// The first usable `_S5_` package of an AML table.
pub(crate) fn find(aml: &[u8]) -> Option<SleepS5> {
    aml.windows(4)
        .enumerate()
        .filter(|(_, window)| window == b"_S5_")
        .filter(|(offset, _)| is_named(aml, *offset))
        .find_map(|(offset, _)| parse_package(aml.get(offset + 4..)?))
}

/// Whether the name at `offset` is being defined there.
fn is_named(aml: &[u8], offset: usize) -> bool {
    let before = aml.get(..offset).unwrap_or_default();
    before.ends_with(&[NAME_OP]) || before.ends_with(&[NAME_OP, ROOT_CHARACTER])
}

/// `PackageOp PkgLength NumElements PackageElementList` (ACPI §20.2.5.4).
fn parse_package(aml: &[u8]) -> Option<SleepS5> {
    let (&opcode, rest) = aml.split_first()?;
    if opcode != PACKAGE_OP {
        return None;
    }
    // The top two bits of the length's first byte say how many more there are (ACPI §20.2.4).
    let length_bytes = 1 + usize::from(*rest.first()? >> 6);
    let (&elements, mut list) = rest.get(length_bytes..)?.split_first()?;
    let type_a = parse_integer(&mut list)?;
    let type_b = match elements {
        0 => return None,
        // Some firmware has a package of one for machines without PM1b.
        1 => type_a,
        _ => parse_integer(&mut list)?,
    };
    let is_valid = type_a <= MAX_SLEEP_TYPE && type_b <= MAX_SLEEP_TYPE;
    is_valid.then_some(SleepS5 { type_a, type_b })
}

/// A constant integer; of wider ones the low byte counts, where firmware keeps PM1a's value.
fn parse_integer(aml: &mut &[u8]) -> Option<u8> {
    let (value, length) = match u8_at(aml, 0)? {
        ZERO_OP => (0, 1),
        ONE_OP => (1, 1),
        BYTE_PREFIX => (u8_at(aml, 1)?, 2),
        WORD_PREFIX => (u8_at(aml, 1)?, 3),
        DWORD_PREFIX => (u8_at(aml, 1)?, 5),
        _ => return None,
    };
    *aml = aml.get(length..)?;
    Some(value)
}
