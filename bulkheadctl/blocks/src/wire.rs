//! What the two sides say to each other: records, numbers little-endian.
//!
//! ```text
//! disk      1 u32, version u32, size u64, flags u32, 0 u32, which u64, run [u8; 16]   server, when a channel begins
//! request   2 u32, what u32, tag u64, offset u64, length u32, 0 u32, data              client
//! answer    3 u32, error u32, tag u64, data                                            server
//! ```

use alloc::vec::Vec;

/// What is said changes with it.
const VERSION: u32 = 1;
const DISK: u32 = 1;
const REQUEST: u32 = 2;
const ANSWER: u32 = 3;

/// Bytes of a request without its data.
pub const REQUEST_BYTES: usize = 32;
/// Bytes of an answer without its data.
pub const ANSWER_BYTES: usize = 16;
/// Bytes of what is said of a disk.
pub const DISK_BYTES: usize = 48;

const READ_ONLY: u32 = 1;

/// The next bytes of a record.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_le_bytes)
}

fn long(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_le_bytes)
}

/// A disk, as its server tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its bytes: sectors, at least one.
    pub size: u64,
    /// Nobody writes to it.
    pub is_read_only: bool,
    /// Which one it is of the server's: the same number again and again for the same one.
    pub which: u64,
    /// The run of the server's Linux. In another run what was written and not flushed may be lost.
    pub run: [u8; 16],
}

impl Disk {
    /// As a record.
    #[must_use]
    pub fn record(&self) -> [u8; DISK_BYTES] {
        let flags = if self.is_read_only { READ_ONLY } else { 0 };
        let mut bytes = Vec::with_capacity(DISK_BYTES);
        bytes.extend_from_slice(&DISK.to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.which.to_le_bytes());
        bytes.extend_from_slice(&self.run);
        let mut record = [0; DISK_BYTES];
        record.copy_from_slice(&bytes);
        record
    }

    /// What a record says, if it is one of these, of a disk that there can be.
    #[must_use]
    pub fn read(mut record: &[u8]) -> Option<Self> {
        let bytes = &mut record;
        if number(bytes)? != DISK || number(bytes)? != VERSION {
            return None;
        }
        let size = long(bytes)?;
        let flags = number(bytes)?;
        let zero = number(bytes)?;
        let disk = Self {
            size,
            is_read_only: flags & READ_ONLY != 0,
            which: long(bytes)?,
            run: take(bytes)?,
        };
        let is_one = size != 0
            && size.is_multiple_of(crate::SECTOR)
            && i64::try_from(size).is_ok()
            && flags & !READ_ONLY == 0
            && zero == 0;
        (is_one && bytes.is_empty()).then_some(disk)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Bytes of the disk.
    Read,
    /// The data is to be there.
    Write,
    /// What was written and answered is to outlive the server's Linux.
    Flush,
    /// The range has nothing any more that will be read.
    Trim,
}

impl What {
    const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Flush, Self::Trim];

    /// The one that a number means.
    fn of(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.number() == number)
    }

    const fn number(self) -> u32 {
        match self {
            Self::Read => 0,
            Self::Write => 1,
            Self::Flush => 2,
            Self::Trim => 3,
        }
    }

    /// Whether it changes the disk.
    #[must_use]
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Write | Self::Trim)
    }
}

/// A request without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for; `None` is what nobody knows.
    pub what: Option<What>,
    /// What its answer is told by.
    pub tag: u64,
    /// Where, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub length: u32,
}

impl Request {
    /// Before its data.
    #[must_use]
    pub fn record(&self) -> [u8; REQUEST_BYTES] {
        let mut record = [0; REQUEST_BYTES];
        let what = self.what.map_or(u32::MAX, What::number);
        record[..4].copy_from_slice(&REQUEST.to_le_bytes());
        record[4..8].copy_from_slice(&what.to_le_bytes());
        record[8..16].copy_from_slice(&self.tag.to_le_bytes());
        record[16..24].copy_from_slice(&self.offset.to_le_bytes());
        record[24..28].copy_from_slice(&self.length.to_le_bytes());
        record
    }

    /// What a record asks for, and its data.
    #[must_use]
    pub fn read(mut record: &[u8]) -> Option<(Self, &[u8])> {
        let bytes = &mut record;
        if number(bytes)? != REQUEST {
            return None;
        }
        let what = What::of(number(bytes)?);
        let (tag, offset) = (long(bytes)?, long(bytes)?);
        let length = number(bytes)?;
        number(bytes)?;
        let request = Self {
            what,
            tag,
            offset,
            length,
        };
        Some((request, bytes))
    }

    /// One without a tag.
    pub(crate) fn of(what: u32, offset: u64, length: u32) -> Self {
        Self {
            what: What::of(what),
            tag: 0,
            offset,
            length,
        }
    }
}

/// An answer without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of the request.
    pub tag: u64,
    /// 0, or why not, in Linux's numbers.
    pub error: u32,
}

impl Answer {
    /// Before its data.
    #[must_use]
    pub fn record(&self) -> [u8; ANSWER_BYTES] {
        let mut record = [0; ANSWER_BYTES];
        record[..4].copy_from_slice(&ANSWER.to_le_bytes());
        record[4..8].copy_from_slice(&self.error.to_le_bytes());
        record[8..].copy_from_slice(&self.tag.to_le_bytes());
        record
    }

    /// What a record answers, and its data.
    #[must_use]
    pub fn read(mut record: &[u8]) -> Option<(Self, &[u8])> {
        let bytes = &mut record;
        if number(bytes)? != ANSWER {
            return None;
        }
        let error = number(bytes)?;
        let tag = long(bytes)?;
        Some((Self { tag, error }, bytes))
    }
}
