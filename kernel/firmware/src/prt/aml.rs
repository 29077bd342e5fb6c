//! The few AML encodings that can be read without executing anything (ACPI §20.2).
//!
//! Every reader takes the bytes from their front and gives `None` where they don't fit; what is
//! left in the slice is then unspecified, so readers that may fail work on a copy.

use super::path::Name;
use crate::bytes::{array_at, u8_at};

/// Opcodes (ACPI §20.3, Table 20.2).
pub(super) mod op {
    pub(in super::super) const ZERO: u8 = 0x00;
    pub(in super::super) const ONE: u8 = 0x01;
    pub(in super::super) const ALIAS: u8 = 0x06;
    pub(in super::super) const NAME: u8 = 0x08;
    pub(in super::super) const BYTE: u8 = 0x0a;
    pub(in super::super) const WORD: u8 = 0x0b;
    pub(in super::super) const DWORD: u8 = 0x0c;
    pub(in super::super) const STRING: u8 = 0x0d;
    pub(in super::super) const QWORD: u8 = 0x0e;
    pub(in super::super) const SCOPE: u8 = 0x10;
    pub(in super::super) const BUFFER: u8 = 0x11;
    pub(in super::super) const PACKAGE: u8 = 0x12;
    pub(in super::super) const VAR_PACKAGE: u8 = 0x13;
    pub(in super::super) const METHOD: u8 = 0x14;
    pub(in super::super) const EXTERNAL: u8 = 0x15;
    pub(in super::super) const EXTENDED: u8 = 0x5b;
    pub(in super::super) const IF: u8 = 0xa0;
    pub(in super::super) const ELSE: u8 = 0xa1;
    pub(in super::super) const WHILE: u8 = 0xa2;
    pub(in super::super) const ONES: u8 = 0xff;
    /// These follow [`EXTENDED`].
    pub(in super::super) const FIELD: u8 = 0x81;
    pub(in super::super) const DEVICE: u8 = 0x82;
    pub(in super::super) const PROCESSOR: u8 = 0x83;
    pub(in super::super) const POWER_RESOURCE: u8 = 0x84;
    pub(in super::super) const THERMAL_ZONE: u8 = 0x85;
    pub(in super::super) const INDEX_FIELD: u8 = 0x86;
    pub(in super::super) const BANK_FIELD: u8 = 0x87;
}

/// What a name can stand for, as far as it can be told from the bytes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object<'a> {
    /// Nothing has that name.
    Absent,
    /// Something has, but what it is isn't known: it is of a kind that isn't read, is defined
    /// twice, or only under a condition.
    Unknown,
    Device,
    Integer(u64),
    /// Without the NUL.
    Text(&'a [u8]),
    /// What follows the buffer's length: its size, then its bytes.
    Buffer(&'a [u8]),
    /// What follows the package's length: the number of its elements, then the elements.
    Package(&'a [u8]),
    /// The term list, and how many arguments it takes.
    Method(&'a [u8], u8),
    /// Some bits of a region: of a register, or of memory that firmware fills in.
    Field,
}

pub(super) fn byte(aml: &mut &[u8]) -> Option<u8> {
    let (first, rest) = aml.split_first()?;
    *aml = rest;
    Some(*first)
}

/// `PkgLength` (ACPI §20.2.4).
pub(super) fn package_length(aml: &mut &[u8]) -> Option<usize> {
    let lead = byte(aml)?;
    let following = usize::from(lead >> 6);
    if following == 0 {
        return Some(usize::from(lead & 0x3f));
    }
    // "If the PkgLength has more than one byte, bits 4-5 of the first must be zero."
    if lead & 0x30 != 0 {
        return None;
    }
    let (bytes, rest) = aml.split_at_checked(following)?;
    *aml = rest;
    let bytes = bytes.iter().rev();
    let length = bytes.fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some(length << 4 | usize::from(lead & 0x0f))
}

/// `PkgLength` and the bytes that it spans, itself excluded (ACPI §20.2.4).
pub(super) fn block<'a>(aml: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut after = *aml;
    let length = package_length(&mut after)?;
    let head = aml.len() - after.len();
    let (spanned, rest) = aml.split_at_checked(length)?;
    *aml = rest;
    spanned.get(head..)
}

/// A constant integer (ACPI §20.2.3).
pub(super) fn integer(aml: &mut &[u8]) -> Option<u64> {
    let (value, length) = match u8_at(aml, 0)? {
        op::ZERO => (0, 1),
        op::ONE => (1, 1),
        op::ONES => (u64::MAX, 1),
        op::BYTE => (u64::from(u8_at(aml, 1)?), 2),
        op::WORD => (u64::from(u16::from_le_bytes(array_at(aml, 1)?)), 3),
        op::DWORD => (u64::from(u32::from_le_bytes(array_at(aml, 1)?)), 5),
        op::QWORD => (u64::from_le_bytes(array_at(aml, 1)?), 9),
        _ => return None,
    };
    *aml = aml.get(length..)?;
    Some(value)
}

/// A constant of any kind (`DataRefObject`, ACPI §20.2.3).
pub(super) fn data<'a>(aml: &mut &'a [u8]) -> Option<Object<'a>> {
    let opcode = u8_at(aml, 0)?;
    if !matches!(
        opcode,
        op::STRING | op::BUFFER | op::PACKAGE | op::VAR_PACKAGE
    ) {
        return integer(aml).map(Object::Integer);
    }
    byte(aml)?;
    match opcode {
        op::STRING => text(aml).map(Object::Text),
        op::BUFFER => block(aml).map(Object::Buffer),
        op::PACKAGE => block(aml).map(Object::Package),
        _ => block(aml).map(|_| Object::Unknown),
    }
}

/// Characters 1 to 127 up to a NUL. What can't be part of a string is taken with it.
fn text<'a>(aml: &mut &'a [u8]) -> Option<&'a [u8]> {
    let is_end = |byte: &u8| !(1..=0x7f).contains(byte);
    let end = aml.iter().position(is_end).unwrap_or(aml.len());
    let (text, rest) = aml.split_at_checked(end)?;
    *aml = rest;
    (byte(aml)? == 0).then_some(text)
}

/// Passes over whatever stands at the front: a constant or a name as a whole, so that none of
/// its bytes is taken for an opcode, else one opcode. Always makes headway.
pub(super) fn skip(aml: &mut &[u8]) {
    let one_byte = aml.get(1..).unwrap_or_default();
    let mut after = *aml;
    let passed = match u8_at(aml, 0) {
        Some(op::EXTENDED) => aml.get(2..),
        // Even a bad string is passed over whole: else a long one would be read from each byte.
        Some(op::STRING) => {
            let _ = data(&mut after);
            Some(after)
        }
        // An empty name begins like `Zero`, which is more often meant.
        Some(op::ZERO) => None,
        _ => data(&mut after).map(|_| after).or_else(|| {
            let mut after = *aml;
            Name::read(&mut after).map(|_| after)
        }),
    };
    *aml = passed.unwrap_or(one_byte);
}
