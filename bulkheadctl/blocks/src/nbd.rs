//! What Linux's nbd driver says to who serves it (Linux: `include/uapi/linux/nbd.h`; the NBD protocol's
//! `doc/proto.md`, transmission phase), numbers big-endian.
//!
//! ```text
//! request   0x25609513 u32, flags u16, what u16, cookie [u8; 8], offset u64, length u32, data of a write
//! answer    0x67446698 u32, error u32, cookie [u8; 8], data of a read
//! ```

use crate::wire::Request;

const REQUEST: u32 = 0x2560_9513;
const ANSWER: u32 = 0x6744_6698;
/// NBD_CMD_WRITE and NBD_CMD_DISC.
const WRITE: u16 = 1;
const LEAVE: u16 = 2;
/// Bytes of a request without its data.
pub const HEADER_BYTES: usize = 28;
/// Bytes of an answer without its data.
pub const ANSWER_BYTES: usize = 16;
/// Data of one request: what the driver ever sends.
pub const MOST_DATA: usize = 32 << 20;

/// What a request is known by.
pub type Cookie = [u8; 8];

/// A request's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Something is to be done, after so many bytes of data.
    Request(Cookie, Request, usize),
    /// Nothing follows.
    Leave,
}

/// What a header says; `None` if it is none that this driver sends.
#[must_use]
pub fn header(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
    let part = |start: usize, end: usize| {
        let number = bytes[start..end].iter();
        number.fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
    };
    if part(0, 4) != u64::from(REQUEST) {
        return None;
    }
    let what = u16::try_from(part(6, 8)).ok()?;
    if what == LEAVE {
        return Some(Header::Leave);
    }
    let length = u32::try_from(part(24, 28)).ok()?;
    // Those of the wire are in another order: flushes are 3 here, and 4 is a trim.
    let number = match what {
        0 | WRITE => what.into(),
        3 | 4 => u32::from(what) - 1,
        _ => u32::MAX,
    };
    let request = Request::of(number, part(16, 24), length);
    let has_data = request
        .what
        .is_none_or(|what| matches!(what, crate::wire::What::Read | crate::wire::What::Write));
    if has_data && length as usize > MOST_DATA {
        return None;
    }
    let data = if what == WRITE { length as usize } else { 0 };
    let cookie = bytes[8..16].try_into().ok()?;
    Some(Header::Request(cookie, request, data))
}

/// An answer, before its data.
#[must_use]
pub fn answer(cookie: Cookie, error: u32) -> [u8; ANSWER_BYTES] {
    let mut bytes = [0; ANSWER_BYTES];
    bytes[..4].copy_from_slice(&ANSWER.to_be_bytes());
    bytes[4..8].copy_from_slice(&error.to_be_bytes());
    bytes[8..].copy_from_slice(&cookie);
    bytes
}
