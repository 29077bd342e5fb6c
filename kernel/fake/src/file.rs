//! The bytes of a kernel: just enough of it to be one.

/// A bzImage with a 64-bit entry point and without a checksum; its version is 6.1.0.
///
/// Two sectors of real-mode code, a page of protected-mode code, and the few fields that matter
/// (Linux `Documentation/arch/x86/boot.rst`).
pub fn bzimage_file() -> Vec<u8> {
    let mut file = vec![0; 1024 + 4096];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1f1, &[1]); // setup_sects
    put(0x1f4, &256_u32.to_le_bytes()); // syssize, in 16 bytes
    put(0x1fe, &[0x55, 0xaa]); // boot_flag
    put(0x200, &[0xeb, 0x6a]); // jump: the header ends at 0x26c
    put(0x202, b"HdrS");
    put(0x206, &0x020f_u16.to_le_bytes()); // protocol 2.15
    put(0x20e, &0x0100_u16.to_le_bytes()); // kernel_version, from 0x200
    put(0x230, &0x0020_0000_u32.to_le_bytes()); // kernel_alignment
    put(0x234, &[1, 21]); // relocatable, min_alignment
    put(0x236, &0xb_u16.to_le_bytes()); // xloadflags
    put(0x238, &2047_u32.to_le_bytes()); // cmdline_size
    put(0x260, &0x0200_0000_u32.to_le_bytes()); // init_size
    put(0x300, b"6.1.0");
    file
}

/// The remainder of CRC-32 (initial remainder 0xffffffff, no final inversion), bit by bit: another
/// way than the one that is tested.
pub fn remainder(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xedb8_8320
            } else {
                shifted
            }
        })
    })
}
