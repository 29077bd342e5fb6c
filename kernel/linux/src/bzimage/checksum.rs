//! The image checksum.
//!
//! Source: Linux `Documentation/arch/x86/boot.rst`, "The Image Checksum": a CRC-32 with initial
//! remainder 0xffffffff and no final inversion is appended, so that the CRC of the whole image
//! up to `syssize` is 0. Signing for Secure Boot changes two fields of the PE header after
//! that; they were zero when the checksum was made, and are taken as zero here. Seen to hold on
//! Debian's signed 6.1 and 6.12 kernels. Linux 6.15 dropped the checksum (commit 9c54baab4401)
//! but kept its four bytes, as zeros.

use super::header::SetupHeader;

/// Whether the checksum at the end of an image is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The image is as it was built (a signature aside).
    Valid,
    /// There is none, as in Linux 6.15 and later: nothing is known.
    Absent,
    /// The image is not as it was built.
    Wrong,
}

/// The checksum of `bytes` as POSIX's `cksum` prints it (XCU, "cksum"): the same polynomial, but the
/// highest bit of each byte first, with the length behind the bytes, lowest byte first and no more
/// of them than it needs. Reads every byte once.
#[must_use]
pub fn cksum(bytes: &[u8]) -> u32 {
    // What runs here takes the lowest bit first; so turn every byte around, and the result.
    let mirrored = |crc, bytes: &[u8]| {
        let (chunks, rest) = bytes.as_chunks::<8>();
        let crc = chunks.iter().fold(crc, |crc, chunk| {
            let turned = u64::from_le_bytes(*chunk).reverse_bits().swap_bytes();
            update(crc, &turned.to_le_bytes())
        });
        rest.iter()
            .fold(crc, |crc, byte| step(crc, byte.reverse_bits()))
    };
    let length = (bytes.len() as u64).to_le_bytes();
    let used = length
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    !mirrored(mirrored(0, bytes), &length[..used]).reverse_bits()
}

/// A field of the file that counts as zero.
type Hole = (usize, usize);

/// Verifies the checksum of the image in `file`. Reads every byte once.
pub(crate) fn verify(file: &[u8]) -> Checksum {
    let image = SetupHeader::of_file(file)
        .map(|header| header.setup_bytes() + header.protected_mode_bytes())
        .and_then(|end| file.get(..usize::try_from(end).ok()?));
    match image {
        Some(image) if image.ends_with(&[0; 4]) => Checksum::Absent,
        Some(image) if remainder(image, signing_fields(image)) == 0 => Checksum::Valid,
        _ => Checksum::Wrong,
    }
}

/// `CheckSum` (four bytes) and the certificate table's data directory (eight bytes) of the
/// optional header, ascending; nothing if this is no PE32+ file.
/// Source: Microsoft PE format, "Optional Header (Image Only)".
fn signing_fields(image: &[u8]) -> [Hole; 2] {
    /// Offset in an MZ header of the PE header's offset.
    const PE_POINTER: usize = 0x3c;
    /// The optional header follows the signature and the COFF header.
    const OPTIONAL_HEADER: usize = 4 + 20;
    const PE32_PLUS: u16 = 0x20b;
    /// Offsets in the optional header.
    const CHECKSUM: usize = 64;
    const DIRECTORIES: usize = 112;
    /// The certificate table is the fifth directory; a directory has eight bytes.
    const CERTIFICATES: usize = DIRECTORIES + 4 * 8;

    const NONE: [Hole; 2] = [(0, 0); 2];
    if !image.starts_with(b"MZ") {
        return NONE;
    }
    let Some(pe) = u32_at(image, PE_POINTER).and_then(|pe| usize::try_from(pe).ok()) else {
        return NONE;
    };
    let is_pe32_plus = image.get(pe..).is_some_and(|rest| {
        let magic = OPTIONAL_HEADER..OPTIONAL_HEADER + 2;
        rest.starts_with(b"PE\0\0") && rest.get(magic) == Some(&PE32_PLUS.to_le_bytes())
    });
    if !is_pe32_plus {
        return NONE;
    }
    let optional = pe + OPTIONAL_HEADER;
    [
        (optional + CHECKSUM, optional + CHECKSUM + 4),
        (optional + CERTIFICATES, optional + CERTIFICATES + 8),
    ]
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

/// Remainder of `bytes` with the `holes` (ascending) read as zeros.
fn remainder(bytes: &[u8], holes: [Hole; 2]) -> u32 {
    let mut crc = u32::MAX;
    let mut done = 0;
    for (start, end) in holes {
        let (start, end) = (start.clamp(done, bytes.len()), end.clamp(done, bytes.len()));
        crc = update(crc, &bytes[done..start]);
        crc = (start..end).fold(crc, |crc, _| step(crc, 0));
        done = end;
    }
    update(crc, &bytes[done..])
}

/// Takes in `bytes`, four at a time ("slicing by 4"): an image has megabytes.
fn update(crc: u32, bytes: &[u8]) -> u32 {
    let (chunks, rest) = bytes.as_chunks::<4>();
    let crc = chunks.iter().fold(crc, |crc, chunk| {
        let [a, b, c, d] = (crc ^ u32::from_le_bytes(*chunk)).to_le_bytes();
        // The first byte has the most zeros behind it in this chunk: three.
        [d, c, b, a]
            .iter()
            .zip(&TABLES)
            .fold(0, |crc, (byte, table)| crc ^ table[usize::from(*byte)])
    });
    rest.iter().fold(crc, |crc, byte| step(crc, *byte))
}

fn step(crc: u32, byte: u8) -> u32 {
    let [low, ..] = crc.to_le_bytes();
    (crc >> 8) ^ TABLES[0][usize::from(low ^ byte)]
}

/// `TABLES[n]` has the remainders, by the polynomial 0x04c11db7 bit-reversed, of the 256 bytes
/// with `n` zero bytes behind them.
static TABLES: [[u32; 256]; 4] = tables();

const fn tables() -> [[u32; 256]; 4] {
    const POLYNOMIAL: u32 = 0x04c1_1db7_u32.reverse_bits();
    let mut tables = [[0; 256]; 4];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut crc = byte;
        let mut table = 0;
        while table < 4 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 {
                    (crc >> 1) ^ POLYNOMIAL
                } else {
                    crc >> 1
                };
                bit += 1;
            }
            tables[table][byte as usize] = crc;
            table += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainder_is_the_uninverted_crc_32() {
        // The published check value of CRC-32 is 0xcbf43926.
        assert_eq!(remainder(b"123456789", [(0, 0); 2]) ^ u32::MAX, 0xcbf4_3926);
    }

    #[test]
    fn cksum_is_posixs() {
        // As `printf ... | cksum` prints them.
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
        assert_eq!(cksum(&[b'a'; 300]), 1664553091);
    }

    #[test]
    fn eight_at_a_time_is_as_one_at_a_time() {
        let bytes: [u8; 61] = core::array::from_fn(|i| u8::try_from(i * 37 % 251).expect("small"));
        let one_by_one = bytes.iter().fold(u32::MAX, |crc, byte| step(crc, *byte));
        assert_eq!(update(u32::MAX, &bytes), one_by_one);
    }

    #[test]
    fn holes_count_as_zeros() {
        assert_eq!(
            remainder(b"12xx5yyy", [(2, 4), (5, 8)]),
            remainder(b"12\0\x005\0\0\0", [(0, 0); 2]),
        );
        // Holes beyond the end are cut off.
        assert_eq!(
            remainder(b"12", [(1, 4), (5, 8)]),
            remainder(b"1\0", [(0, 0); 2])
        );
    }
}
