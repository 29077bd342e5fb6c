//! Reading a bzImage, which is untrusted input.
//!
//! Source: Linux `Documentation/arch/x86/boot.rst`, "Details of Header Fields" and "64-bit Boot
//! Protocol". Protocol 2.12 is the first with `xloadflags`, hence the first that can say that
//! there is a 64-bit entry point.

mod checksum;
mod compression;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod header;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_memory::PAGE;

pub use checksum::{Checksum, cksum};
pub use compression::Compression;
pub use error::BzImageError;
use header::{
    BOOT_FLAG, HEADER_END, HEADER_LIMIT, HEADER_OFFSET, MAGIC, SetupHeader,
    XLF_CAN_BE_LOADED_ABOVE_4G, XLF_EFI, XLF_KERNEL_64,
};

/// First protocol that has everything needed here: 2.12.
const LEAST_PROTOCOL: u16 = 0x020c;
/// The 64-bit entry point, from the load address on: the protected-mode kernel is larger.
pub(crate) const ENTRY_OFFSET: u64 = 0x200;
/// Every protocol since 2.00 has accepted command lines of 255 bytes.
const LEAST_CMDLINE: u32 = 255;
/// The largest alignment that could be meant.
const MOST_ALIGNMENT: u64 = 1 << 30;

/// What the boot protocol needs to know of a kernel image.
///
/// Holding one proves that the image has a 64-bit entry point, may be loaded anywhere, and was
/// whole; that its sizes fit each other and its payload is of a known kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BzImage {
    /// Boot protocol version as the header has it: 0x020f is 2.15.
    pub protocol: u16,
    /// The kernel's version text, whole: `6.1.0-50-cloud-amd64 (debian-kernel@...) #1 SMP ...`.
    pub version: Option<String>,
    /// Bytes of the real-mode part (boot sector and setup); the protected-mode kernel follows.
    pub setup_bytes: u64,
    /// Bytes of the protected-mode kernel, to be copied to the load address.
    pub protected_mode_bytes: u64,
    /// Bytes of RAM that the kernel needs from its load address on until it has read the memory
    /// map; at least `protected_mode_bytes`.
    pub init_size: u64,
    /// What the load address has to be a multiple of: a power of two of at least a page.
    pub kernel_alignment: u64,
    /// Where the kernel would like to be loaded; it never runs below.
    pub pref_address: u64,
    /// `xloadflags` of the header.
    pub xloadflags: u16,
    /// Whether the kernel can have EFI: it is an EFI program itself, or has one of the flags of
    /// `xloadflags` that only a kernel with `CONFIG_EFI` gets (`arch/x86/boot/header.S`).
    pub has_efi: bool,
    /// The longest command line it accepts, without the terminating zero.
    pub cmdline_size: u32,
    /// How the payload is compressed; `None` if the header does not say where the payload is.
    pub compression: Option<Compression>,
    /// The setup header, from offset 0x1f1 of the file on, to be copied into the zero page.
    pub header: Vec<u8>,
}

impl BzImage {
    /// Reads the image in `file`.
    ///
    /// # Errors
    /// [`BzImageError`] says why it can't be launched.
    pub fn parse(file: &[u8]) -> Result<Self, BzImageError> {
        let have = bytes(file.len());
        let header = SetupHeader::of_file(file).ok_or(BzImageError::TooShort {
            have,
            need: bytes(HEADER_END),
        })?;
        check_kind(file, header)?;
        let setup_bytes = header.setup_bytes();
        let protected_mode_bytes = header.protected_mode_bytes();
        let kernel_alignment = check_sizes(header)?;
        let need = setup_bytes + protected_mode_bytes;
        if have < need {
            return Err(BzImageError::Truncated { have, need });
        }
        let kernel = slice(file, setup_bytes, need);
        Ok(Self {
            protocol: header.version.get(),
            version: version_text(slice(file, 0, setup_bytes), header.kernel_version.get()),
            setup_bytes,
            protected_mode_bytes,
            init_size: u64::from(header.init_size.get()),
            kernel_alignment,
            pref_address: header.pref_address.get(),
            xloadflags: header.xloadflags.get(),
            has_efi: file.starts_with(b"MZ") || header.xloadflags.get() & XLF_EFI != 0,
            cmdline_size: header.cmdline_size.get(),
            compression: check_payload(header, kernel)?,
            header: slice(
                file,
                bytes(HEADER_OFFSET),
                bytes(header.end().min(HEADER_LIMIT)),
            )
            .to_vec(),
        })
    }

    /// Whether `file` was meant to be a bzImage: it has the `HdrS` magic, or it starts as an EFI
    /// program and has the boot flag. Anything else is data.
    #[must_use]
    pub fn looks_like(file: &[u8]) -> bool {
        let has_magic = file.get(0x202..0x206) == Some(&MAGIC);
        let has_boot_flag = file.get(0x1fe..0x200) == Some(&BOOT_FLAG.to_le_bytes());
        has_magic || (has_boot_flag && file.starts_with(b"MZ"))
    }

    /// First word of the version text: `6.1.0-50-cloud-amd64`.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.version.as_deref()?.split_ascii_whitespace().next()
    }

    /// Whether it and what it is started with (zero page, command line, initrd) may lie above 4 GiB.
    #[must_use]
    pub const fn runs_above_4g(&self) -> bool {
        self.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G != 0
    }

    /// The version that the release begins with: (6, 12) of `6.12.118+deb13-amd64`.
    #[must_use]
    pub fn major_minor(&self) -> Option<(u32, u32)> {
        let mut parts = self.release()?.split(|c: char| !c.is_ascii_digit());
        let mut number = || parts.next()?.parse().ok();
        Some((number()?, number()?))
    }

    /// Verifies the checksum of the image in `file`; reads all of it.
    #[must_use]
    pub fn checksum(file: &[u8]) -> Checksum {
        checksum::verify(file)
    }
}

/// Whether this is a kernel of the kind that can be launched.
fn check_kind(file: &[u8], header: &SetupHeader) -> Result<(), BzImageError> {
    if header.boot_flag.get() != BOOT_FLAG || header.header != MAGIC {
        return Err(BzImageError::NoMagic);
    }
    let setup = slice(file, 0, header.setup_bytes());
    if version_text(setup, header.kernel_version.get()).is_some_and(|v| v.starts_with("Memtest")) {
        return Err(BzImageError::Memtest);
    }
    let protocol = header.version.get();
    if protocol < LEAST_PROTOCOL {
        return Err(BzImageError::OldProtocol { protocol });
    }
    if header.xloadflags.get() & XLF_KERNEL_64 == 0 {
        return Err(BzImageError::No64BitEntry);
    }
    if header.relocatable_kernel == 0 {
        return Err(BzImageError::NotRelocatable);
    }
    Ok(())
}

/// Whether the header's sizes can be true; returns the alignment.
fn check_sizes(header: &SetupHeader) -> Result<u64, BzImageError> {
    let at_least = |field, value, least| {
        if value < least {
            Err(BzImageError::AbsurdSize {
                field,
                value,
                least,
            })
        } else {
            Ok(())
        }
    };
    let protected_mode_bytes = header.protected_mode_bytes();
    at_least("the header's end", bytes(header.end()), bytes(HEADER_END))?;
    at_least("the kernel's size", protected_mode_bytes, ENTRY_OFFSET + 16)?;
    at_least(
        "init_size",
        u64::from(header.init_size.get()),
        protected_mode_bytes,
    )?;
    at_least(
        "cmdline_size",
        u64::from(header.cmdline_size.get()),
        u64::from(LEAST_CMDLINE),
    )?;
    let alignment = u64::from(header.kernel_alignment.get());
    if !alignment.is_power_of_two() || !(PAGE..=MOST_ALIGNMENT).contains(&alignment) {
        return Err(BzImageError::BadAlignment { alignment });
    }
    Ok(alignment)
}

/// Whether the compressed kernel lies inside the image and is what it should be.
fn check_payload(header: &SetupHeader, kernel: &[u8]) -> Result<Option<Compression>, BzImageError> {
    let start = u64::from(header.payload_offset.get());
    let length = u64::from(header.payload_length.get());
    if start == 0 && length == 0 {
        return Ok(None);
    }
    let (end, size) = (start + length, bytes(kernel.len()));
    if end > size {
        return Err(BzImageError::PayloadOutside { end, size });
    }
    let payload = slice(kernel, start, end);
    let (Some(magic), Some(last)) = (payload.first_chunk(), payload.last_chunk()) else {
        return Err(BzImageError::AbsurdSize {
            field: "payload_length",
            value: length,
            least: 4,
        });
    };
    let compression =
        Compression::of_payload(payload).ok_or(BzImageError::UnknownPayload { magic: *magic })?;
    // The kernel's build appends the unpacked size where the format does not end in it already.
    let unpacked = u64::from(u32::from_le_bytes(*last));
    let init_size = u64::from(header.init_size.get());
    if compression != Compression::Uncompressed && unpacked > init_size {
        return Err(BzImageError::Oversized {
            unpacked,
            init_size,
        });
    }
    Ok(Some(compression))
}

/// The zero-terminated version text `offset` bytes behind 0x200; `None` unless it lies in the
/// setup code and is printable ASCII, for it is going to be printed.
fn version_text(setup: &[u8], offset: u16) -> Option<String> {
    if offset == 0 {
        return None;
    }
    let text = setup.get(0x200 + usize::from(offset)..)?;
    let text = core::ffi::CStr::from_bytes_until_nul(text)
        .ok()?
        .to_str()
        .ok()?;
    let printable = text
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    (printable && !text.trim().is_empty()).then(|| text.into())
}

/// A length as a number of bytes; `usize` has 64 bits on every target of this crate.
fn bytes(length: usize) -> u64 {
    length as u64
}

/// `[start, end)` of `file`, or nothing where that is outside.
fn slice(file: &[u8], start: u64, end: u64) -> &[u8] {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range
        .and_then(|(start, end)| file.get(start..end))
        .unwrap_or_default()
}
