//! How the payload of an image is compressed, told by its first bytes.
//!
//! Source: Linux `Documentation/arch/x86/boot.rst`, field `payload_offset`, which lists the
//! magic numbers; the kernel may also be built without compression (an ELF file).

use core::fmt;

/// How a kernel's payload is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// LZMA.
    Lzma,
    /// XZ.
    Xz,
    /// LZO.
    Lzo,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
    /// An ELF file as it is.
    Uncompressed,
}

const MAGICS: [(&[u8], Compression); 9] = [
    (&[0x1f, 0x8b], Compression::Gzip),
    (&[0x1f, 0x9e], Compression::Gzip),
    (b"BZ", Compression::Bzip2),
    (&[0x5d, 0x00], Compression::Lzma),
    (&[0xfd, 0x37], Compression::Xz),
    (&[0x89, 0x4c], Compression::Lzo),
    (&[0x02, 0x21], Compression::Lz4),
    (&[0x28, 0xb5], Compression::Zstd),
    (b"\x7fELF", Compression::Uncompressed),
];

impl Compression {
    /// What a payload that starts with these bytes is compressed with.
    pub(crate) fn of_payload(payload: &[u8]) -> Option<Self> {
        MAGICS
            .iter()
            .find(|(magic, _)| payload.starts_with(magic))
            .map(|(_, compression)| *compression)
    }

    /// What a file that starts with these bytes is compressed with. More of them are asked for than of
    /// a kernel's payload: a file may be anything.
    pub(crate) fn of_file(file: &[u8]) -> Option<Self> {
        const MAGICS: [(&[u8], Compression); 8] = [
            (&[0x1f, 0x8b, 0x08], Compression::Gzip),
            (b"BZh", Compression::Bzip2),
            (&[0x5d, 0x00, 0x00], Compression::Lzma),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\x89LZO", Compression::Lzo),
            // The form of the kernel's build, and that of the lz4 program.
            (&[0x02, 0x21, 0x4c, 0x18], Compression::Lz4),
            (&[0x04, 0x22, 0x4d, 0x18], Compression::Lz4),
            (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
        ];
        let mut known = MAGICS.iter();
        let found = known.find(|(magic, _)| file.starts_with(magic));
        found.map(|(_, compression)| *compression)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lzo => "lzo",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Uncompressed => "uncompressed",
        })
    }
}
