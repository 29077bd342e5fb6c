//! Why an image is not a kernel that can be launched.

use core::fmt;

/// Why an image is not a kernel that can be launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BzImageError {
    /// Not even a whole setup header.
    TooShort {
        /// Bytes there are.
        have: u64,
        /// Bytes there have to be at least.
        need: u64,
    },
    /// No 0xaa55 at 0x1fe or no `HdrS` at 0x202.
    NoMagic,
    /// Older than protocol 2.12 (Linux 3.8); also what other programs have that loaders are to load
    /// as they do a kernel.
    OldProtocol {
        /// What the header says: 0x0209 is 2.9.
        protocol: u16,
    },
    /// `XLF_KERNEL_64` is clear: a 32-bit kernel.
    No64BitEntry,
    /// It may only be loaded at its preferred address.
    NotRelocatable,
    /// The file ends before the kernel does.
    Truncated {
        /// Bytes there are.
        have: u64,
        /// Bytes that the header promises.
        need: u64,
    },
    /// The kernel alignment is not a power of two within reason.
    BadAlignment {
        /// What the header says.
        alignment: u64,
    },
    /// A size of the header is too small to be true.
    AbsurdSize {
        /// The header's field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The smallest value that could be true.
        least: u64,
    },
    /// It is the memory tester, which is loaded as a kernel is.
    Memtest,
    /// The compressed kernel is said to lie outside of the image.
    PayloadOutside {
        /// Offset of its end in the protected-mode kernel.
        end: u64,
        /// Bytes of the protected-mode kernel.
        size: u64,
    },
    /// The compressed kernel starts with bytes that no known compression starts with.
    UnknownPayload {
        /// These bytes.
        magic: [u8; 4],
    },
    /// The compressed kernel would not fit into the memory that the header asks for.
    Oversized {
        /// Bytes that it says it unpacks to.
        unpacked: u64,
        /// `init_size` of the header.
        init_size: u64,
    },
}

impl fmt::Display for BzImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooShort { have, need } => {
                write!(
                    f,
                    "{have} bytes are too few for a bzImage (at least {need})"
                )
            }
            Self::NoMagic => {
                f.write_str("no bzImage: the magic numbers 0xaa55 and HdrS are missing")
            }
            Self::OldProtocol { protocol } => {
                let [minor, major] = protocol.to_le_bytes();
                write!(
                    f,
                    "boot protocol {major}.{minor:02} is too old (at least 2.12, Linux 3.8; iPXE, MEMDISK \
                     and the like are no Linux: give them an entry of their own in the loader's menu)"
                )
            }
            Self::No64BitEntry => {
                f.write_str("no 64-bit entry point: a 32-bit kernel (a 64-bit one is needed)")
            }
            Self::Memtest => f.write_str(
                "Memtest86+, not a Linux (give it an entry of its own in the loader's menu)",
            ),
            Self::NotRelocatable => {
                f.write_str("not relocatable (a kernel with CONFIG_RELOCATABLE=y is needed)")
            }
            Self::Truncated { have, need } => {
                write!(
                    f,
                    "truncated: {have} bytes of the {need} that its header promises"
                )
            }
            Self::BadAlignment { alignment } => write!(
                f,
                "corrupt header: alignment {alignment:#x} (a power of two from 4 KiB to 1 GiB is accepted)"
            ),
            Self::AbsurdSize {
                field,
                value,
                least,
            } => {
                write!(f, "corrupt header: {field} is {value} (at least {least})")
            }
            Self::PayloadOutside { end, size } => write!(
                f,
                "corrupt header: the compressed kernel ends at {end} of {size} bytes"
            ),
            Self::UnknownPayload {
                magic: [a, b, c, d],
            } => write!(
                f,
                "corrupt: the compressed kernel starts with {a:02x} {b:02x} {c:02x} {d:02x}, \
                 which no known compression does"
            ),
            Self::Oversized {
                unpacked,
                init_size,
            } => write!(
                f,
                "corrupt: the compressed kernel unpacks to {unpacked} bytes, more than init_size {init_size}"
            ),
        }
    }
}

impl core::error::Error for BzImageError {}
