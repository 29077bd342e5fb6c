//! The CRC-32 of EFI table headers. Source: UEFI 2.10 section 4.2.1 (EFI_TABLE_HEADER): the
//! standard CCITT32 one, polynomial 0x04c11db7.

/// The CRC-32 of `bytes`. The tables are small; a loop over bits is fast enough.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7_u32.reverse_bits();
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            }
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
