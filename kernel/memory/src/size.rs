//! Sizes and addresses as an operator writes and reads them.

use core::fmt;

/// A number of bytes that prints as an operator would write it (`512M`, `1536K`, `1G`),
/// in the largest unit (K, M, G, T; powers of 1024) that divides it, and is read back by
/// [`parse_size`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use core::fmt::Write;
        let mut text = TextBuffer {
            bytes: [0; 24],
            len: 0,
        };
        match UNITS
            .iter()
            .find(|(_, shift)| self.0 != 0 && self.0.trailing_zeros() >= *shift)
        {
            Some((unit, shift)) => write!(text, "{}{unit}", self.0 >> shift)?,
            None => write!(text, "{}", self.0)?,
        }
        f.pad(text.as_str())
    }
}

/// Enough for any `u64` and a unit, so that width and alignment work without allocating.
struct TextBuffer {
    bytes: [u8; 24],
    len: usize,
}

impl TextBuffer {
    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("?")
    }
}

impl fmt::Write for TextBuffer {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let end = self.len + s.len();
        self.bytes
            .get_mut(self.len..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Why a text is not a size or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// Nothing there.
    Empty,
    /// A character that belongs to no number.
    NotANumber,
    /// More than 2^64 - 1.
    TooLarge,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::NotANumber => {
                "is not a number (accepted: 512M, 1G, 0x20000000; units K, M, G, T)"
            }
            Self::TooLarge => "is larger than 64 bits hold",
        })
    }
}

impl core::error::Error for SizeError {}

/// Reads `512M`, `1g`, `65536`, `0x20000000`: decimal or `0x` hexadecimal, then at most one
/// unit of K, M, G or T (powers of 1024, either case), as the kernel's `memparse()` does.
///
/// # Errors
/// [`SizeError`] says what is wrong.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let (digits, shift) = match text.chars().last() {
        None => return Err(SizeError::Empty),
        Some(last) => UNITS
            .iter()
            .find(|(unit, _)| last.eq_ignore_ascii_case(unit))
            .map_or((text, 0), |(_, shift)| (&text[..text.len() - 1], *shift)),
    };
    let value = parse_number(digits)?;
    value.checked_mul(1 << shift).ok_or(SizeError::TooLarge)
}

/// Reads an address: the same forms as [`parse_size`] (`0x40000000`, `1G`).
///
/// # Errors
/// [`SizeError`] says what is wrong.
pub fn parse_address(text: &str) -> Result<u64, SizeError> {
    parse_size(text)
}

fn parse_number(digits: &str) -> Result<u64, SizeError> {
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((digits, 10), |h| (h, 16));
    if digits.is_empty() {
        return Err(SizeError::NotANumber);
    }
    digits.chars().try_fold(0u64, |value, c| {
        let digit = c.to_digit(radix).ok_or(SizeError::NotANumber)?;
        value
            .checked_mul(u64::from(radix))
            .and_then(|v| v.checked_add(u64::from(digit)))
            .ok_or(SizeError::TooLarge)
    })
}
