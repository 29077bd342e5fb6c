//! Kinds of files that are neither a bzImage nor a UKI.
//!
//! Sources of the magic numbers: gABI (ELF header), Microsoft PE format, Linux
//! `Documentation/arch/arm64/booting.rst` ("magic" at 56), `Documentation/arch/riscv/boot-image-header.rst`
//! ("magic2" at 56), `drivers/firmware/efi/libstub/zboot-header.S`, `lib/decompress.c`, and
//! `Documentation/driver-api/early-userspace/buffer-format.rst` (cpio).

use core::fmt;

use crate::Compression;

/// What a file seems to be that is neither a bzImage nor a UKI.
///
/// Displays with its article, as in `a gzip file`, to follow an "is".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// It has no bytes.
    Empty,
    /// An ELF file.
    Elf {
        /// Whether its class is 64 bits.
        is_64: bool,
        /// `e_machine`.
        machine: u16,
    },
    /// An EFI program (PE) without a Linux in it.
    Efi {
        /// `Machine` of the COFF header; 0 if the file ends before it.
        machine: u16,
    },
    /// A kernel that EFI starts and that unpacks itself (`CONFIG_EFI_ZBOOT`); x86 has none.
    EfiZboot,
    /// An `Image` of a Linux for arm64.
    Arm64,
    /// An `Image` of a Linux for RISC-V.
    RiscV,
    /// Something compressed.
    Packed(Compression),
    /// A cpio archive, as an initrd has it.
    Cpio,
    /// An ISO 9660 image.
    Iso9660,
    /// A squashfs file system.
    Squashfs,
    /// Anything else.
    Other,
}

/// Numbers of `e_machine` and of PE's `Machine`, by the architecture's name.
const ELF_MACHINES: [(u16, &str); 5] = [
    (3, "i386"),
    (62, "x86-64"),
    (183, "arm64"),
    (40, "arm"),
    (243, "RISC-V"),
];
const PE_MACHINES: [(u16, &str); 5] = [
    (0x14c, "i386"),
    (0x8664, "x86-64"),
    (0xaa64, "arm64"),
    (0x1c2, "arm"),
    (0x5064, "RISC-V"),
];
const ELF_X86_64: u16 = 62;

impl FileKind {
    /// The kind of `file`, which is not looked at as a bzImage or a UKI.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        let has = |at: usize, magic: &[u8]| file.get(at..).is_some_and(|b| b.starts_with(magic));
        if file.is_empty() {
            return Self::Empty;
        }
        if has(0x38, b"ARM\x64") {
            return Self::Arm64;
        }
        if has(0x38, b"RSC\x05") {
            return Self::RiscV;
        }
        if has(0, b"MZ") {
            return if has(4, b"zimg") {
                Self::EfiZboot
            } else {
                Self::Efi {
                    machine: pe_machine(file),
                }
            };
        }
        if has(0, b"\x7fELF") {
            return elf(file);
        }
        // ASCII with and without checksums, the old ASCII form, the old binary form.
        if [&b"070701"[..], b"070702", b"070707", b"\xc7\x71"]
            .iter()
            .any(|magic| has(0, magic))
        {
            return Self::Cpio;
        }
        if has(0x8001, b"CD001") {
            return Self::Iso9660;
        }
        if has(0, b"hsqs") {
            return Self::Squashfs;
        }
        Compression::of_file(file).map_or(Self::Other, Self::Packed)
    }

    /// Whether a Linux may take it for its initrd: what is known to be something else is not. A file
    /// system may be one that the kernel takes as a RAM disk.
    #[must_use]
    pub const fn may_be_initrd(self) -> bool {
        matches!(
            self,
            Self::Packed(_) | Self::Cpio | Self::Squashfs | Self::Other
        )
    }

    /// What to use instead of it as a kernel.
    #[must_use]
    pub const fn instead(self) -> &'static str {
        match self {
            Self::Empty => "was its copy cut short?",
            Self::Elf {
                is_64: true,
                machine: ELF_X86_64,
            } => {
                "use the bzImage of the same build, arch/x86/boot/bzImage or /boot/vmlinuz-VERSION"
            }
            Self::Elf { .. } | Self::EfiZboot | Self::Arm64 | Self::RiscV => {
                "use the bzImage of a 64-bit x86 kernel"
            }
            Self::Efi { .. } => "use a bzImage, or a UKI with a bzImage in .linux",
            Self::Packed(_) => "unpack it first, and use the bzImage in it",
            Self::Cpio => "use it as initrd=",
            Self::Iso9660 => "use the kernel in it",
            Self::Squashfs | Self::Other => "use a bzImage or a UKI",
        }
    }
}

fn elf(file: &[u8]) -> FileKind {
    /// `EI_CLASS` of 64-bit files, `EI_DATA` of big-endian ones.
    const CLASS_64: u8 = 2;
    const BIG_ENDIAN: u8 = 2;
    let machine = file.get(18..20).and_then(|b| b.first_chunk());
    FileKind::Elf {
        is_64: file.get(4) == Some(&CLASS_64),
        machine: machine.map_or(0, |bytes| {
            if file.get(5) == Some(&BIG_ENDIAN) {
                u16::from_be_bytes(*bytes)
            } else {
                u16::from_le_bytes(*bytes)
            }
        }),
    }
}

/// `Machine` of the COFF header behind the signature that `e_lfanew` leads to.
fn pe_machine(file: &[u8]) -> u16 {
    let header = || {
        let start = file.get(0x3c..)?.first_chunk()?;
        let start = usize::try_from(u32::from_le_bytes(*start)).ok()?;
        let rest = file.get(start..)?.strip_prefix(b"PE\0\0")?;
        Some(u16::from_le_bytes(*rest.first_chunk()?))
    };
    header().unwrap_or(0)
}

fn name(machines: &[(u16, &'static str)], machine: u16) -> &'static str {
    machines
        .iter()
        .find(|(number, _)| *number == machine)
        .map_or("another processor", |(_, name)| name)
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("empty"),
            Self::Elf { is_64, machine } => {
                let bits = if is_64 { 64 } else { 32 };
                let name = name(&ELF_MACHINES, machine);
                write!(f, "a {bits}-bit ELF file for {name}")
            }
            Self::Efi { machine } => {
                write!(f, "an EFI program for {}", name(&PE_MACHINES, machine))
            }
            Self::EfiZboot => f.write_str("an EFI zboot kernel, which x86 has not"),
            Self::Arm64 => f.write_str("a kernel for arm64"),
            Self::RiscV => f.write_str("a kernel for RISC-V"),
            Self::Packed(how) => write!(f, "{} {how} file", article(how)),
            Self::Cpio => f.write_str("a cpio archive"),
            Self::Iso9660 => f.write_str("an ISO 9660 image"),
            Self::Squashfs => f.write_str("a squashfs file system"),
            Self::Other => f.write_str("of no known kind"),
        }
    }
}

const fn article(how: Compression) -> &'static str {
    match how {
        Compression::Lzma | Compression::Lzo | Compression::Lz4 | Compression::Xz => "an",
        _ => "a",
    }
}
