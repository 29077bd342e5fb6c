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

/// A PE file with those sections, each in whole blocks of 512 bytes (Microsoft PE format): with `.linux`
/// a UKI. There is no code in it.
///
/// # Panics
/// If there are more than ten, or one is 4 GiB or larger.
pub fn pe(sections: &[(&str, &[u8])]) -> Vec<u8> {
    /// The COFF header behind its signature; the optional header, of PE32+ with 16 directories; where
    /// the first section's bytes are.
    const COFF: usize = 0x80;
    const OPTIONAL: usize = COFF + 24;
    const TABLE: usize = OPTIONAL + 240;
    const HEADERS: usize = 0x400;
    let number = |length: usize| u32::try_from(length).unwrap();
    let mut file = vec![0; HEADERS];
    let put = |file: &mut [u8], at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(&mut file, 0, b"MZ");
    put(&mut file, 0x3c, &number(COFF).to_le_bytes());
    put(&mut file, COFF, b"PE\0\0\x64\x86");
    put(
        &mut file,
        COFF + 6,
        &number(sections.len()).to_le_bytes()[..2],
    );
    put(&mut file, COFF + 20, &240_u16.to_le_bytes()); // SizeOfOptionalHeader
    put(&mut file, OPTIONAL, &0x20b_u16.to_le_bytes()); // PE32+
    put(&mut file, OPTIONAL + 108, &16_u32.to_le_bytes()); // NumberOfRvaAndSizes
    for (index, (name, bytes)) in sections.iter().enumerate() {
        let header = TABLE + 40 * index;
        let start = number(file.len());
        let room = bytes.len().next_multiple_of(512);
        put(&mut file, header, name.as_bytes());
        put(&mut file, header + 8, &number(bytes.len()).to_le_bytes()); // VirtualSize
        put(&mut file, header + 16, &number(room).to_le_bytes()); // SizeOfRawData
        put(&mut file, header + 20, &start.to_le_bytes()); // PointerToRawData
        file.extend_from_slice(bytes);
        // Not zeros: nobody may take it for a part of the section.
        file.resize(file.len() - bytes.len() + room, 0xee);
    }
    file
}

/// A cpio archive ("newc") of one file.
pub fn cpio(name: &str, content: &[u8]) -> Vec<u8> {
    let entry = |name: &str, mode: usize, content: &[u8]| {
        let fields = [
            0,
            mode,
            0,
            0,
            1,
            0,
            content.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        let mut entry = b"070701".to_vec();
        for field in fields {
            entry.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        entry.extend_from_slice(name.as_bytes());
        entry.push(0);
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry.extend_from_slice(content);
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry
    };
    [entry(name, 0o100_644, content), entry("TRAILER!!!", 0, b"")].concat()
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
