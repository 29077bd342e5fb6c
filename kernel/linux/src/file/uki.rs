//! Unified kernel images: an EFI program whose sections are a kernel and what belongs to it.
//!
//! Source: UAPI Group, "UKI" specification (UAPI.5), and `systemd-stub(7)`. The kernel is `.linux`;
//! `.ucode` and `.initrd` are initrds, in this order; `.cmdline` is its command line, which counts only
//! where none is given. With `.profile` sections there are several of it: what stands before the first is
//! common to all, and the first profile is the default one. Signatures are not looked at.

use core::fmt;
use core::ops::Range;

use alloc::string::String;

use object::LittleEndian as LE;
use object::pe::ImageSectionHeader;
use object::read::pe::PeFile64;

use crate::{BzImage, BzImageError};

/// Longest command line that is taken from a file, in bytes: Linux's `COMMAND_LINE_SIZE` on x86 is 2048
/// with its zero.
const LONGEST_CMDLINE: usize = 2047;

/// Bytes of a file, from the first to before the last.
type Part = Range<usize>;

/// A unified kernel image.
///
/// Holding one proves that its parts lie inside the file, that its kernel can be launched, and that its
/// command line, if it can be used, is printable ASCII of at most 2047 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uki {
    /// Its kernel.
    pub kernel: BzImage,
    /// The bytes of the file that are the kernel: `.linux`.
    pub linux: Part,
    /// The bytes that are a microcode initrd, `.ucode`, which comes first; never empty.
    pub ucode: Option<Part>,
    /// The bytes that are its initrd, `.initrd`; never empty.
    pub initrd: Option<Part>,
    /// `.cmdline`, without the space around it; empty if there is none. Or why it can't be used, which
    /// matters only where it would be.
    pub cmdline: Result<String, UkiError>,
}

impl Uki {
    /// Reads the UKI in `file`; `None` if it is none: it is no EFI program, or has no `.linux`.
    ///
    /// # Errors
    /// [`UkiError`] says why it can't be launched.
    pub fn parse(file: &[u8]) -> Option<Result<Self, UkiError>> {
        let sections = PeFile64::parse(file).ok()?.section_table();
        let find = |name| of_default_profile(sections.iter(), name);
        let linux = find(b".linux")?;
        Some(Self::read(file, linux, find))
    }

    fn read<'a>(
        file: &[u8],
        linux: &ImageSectionHeader,
        find: impl Fn(&'static [u8]) -> Option<&'a ImageSectionHeader>,
    ) -> Result<Self, UkiError> {
        let part = |name| match find(name) {
            None => Ok(None),
            Some(header) => {
                bytes_of(header, file, name).map(|part| Some(part).filter(|p| !p.is_empty()))
            }
        };
        let linux = bytes_of(linux, file, b".linux")?;
        let kernel = file.get(linux.clone()).unwrap_or_default();
        let cmdline = part(b".cmdline")?.unwrap_or_default();
        Ok(Self {
            kernel: BzImage::parse(kernel).map_err(UkiError::Kernel)?,
            ucode: part(b".ucode")?,
            initrd: part(b".initrd")?,
            cmdline: text(file.get(cmdline).unwrap_or_default()),
            linux,
        })
    }

    /// The bytes that are initrds, in their order.
    pub fn initrds(&self) -> impl Iterator<Item = &Part> {
        self.ucode.iter().chain(&self.initrd)
    }
}

/// The section of that name that counts: the first profile's, else the one that all profiles share.
fn of_default_profile<'a>(
    sections: impl Iterator<Item = &'a ImageSectionHeader>,
    name: &[u8],
) -> Option<&'a ImageSectionHeader> {
    let mut profiles = 0;
    let default = sections.take_while(|section| {
        profiles += u32::from(section.raw_name() == b".profile");
        profiles < 2
    });
    default.filter(|section| section.raw_name() == name).last()
}

/// The bytes of a section: not what fills its last block in the file.
fn bytes_of(
    section: &ImageSectionHeader,
    file: &[u8],
    name: &'static [u8],
) -> Result<Part, UkiError> {
    let start = section.pointer_to_raw_data.get(LE);
    let size = section
        .virtual_size
        .get(LE)
        .min(section.size_of_raw_data.get(LE));
    let end = u64::from(start) + u64::from(size);
    let have = file.len() as u64;
    if end > have {
        let section = core::str::from_utf8(name).unwrap_or_default();
        return Err(UkiError::Truncated { section, end, have });
    }
    let place = |offset: u64| usize::try_from(offset).unwrap_or(file.len());
    Ok(place(start.into())..place(end))
}

/// A command line: zeros, line ends and spaces around it are not part of it.
fn text(bytes: &[u8]) -> Result<String, UkiError> {
    let is_around = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let start = bytes
        .iter()
        .position(|b| !is_around(b))
        .unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|b| !is_around(b))
        .map_or(start, |at| at + 1);
    let bytes = &bytes[start..end];
    if bytes.len() > LONGEST_CMDLINE {
        return Err(UkiError::LongCmdline { bytes: bytes.len() });
    }
    let of = |byte: &u8| match byte {
        b'\t' | b'\r' | b'\n' => Some(' '),
        b' '..=b'~' => Some(char::from(*byte)),
        _ => None,
    };
    let text: Option<String> = bytes.iter().map(of).collect();
    text.ok_or(UkiError::StrangeCmdline)
}

/// Why a UKI can't be launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UkiError {
    /// Its kernel can't be.
    Kernel(BzImageError),
    /// A section ends behind the file.
    Truncated {
        /// The section.
        section: &'static str,
        /// Where it ends, in bytes from the file's start.
        end: u64,
        /// Bytes of the file.
        have: u64,
    },
    /// Its command line is longer than a kernel takes.
    LongCmdline {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Its command line is not printable ASCII.
    StrangeCmdline,
}

impl fmt::Display for UkiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(error) => write!(f, "UKI, its .linux: {error}"),
            Self::Truncated { section, end, have } => {
                write!(f, "truncated UKI: {section} ends at byte {end} of {have}")
            }
            Self::LongCmdline { bytes } => write!(
                f,
                "UKI, its .cmdline: {bytes} bytes (at most {LONGEST_CMDLINE})"
            ),
            Self::StrangeCmdline => {
                f.write_str("UKI, its .cmdline: not printable ASCII, which is accepted")
            }
        }
    }
}

impl core::error::Error for UkiError {}
