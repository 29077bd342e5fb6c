//! Kernels just good enough to be launched.

use bulkhead_linux::{BzImage, BzImageError};

/// A kernel of that version.
pub(crate) fn kernel(version: &str) -> BzImage {
    BzImage::parse(&file(version, 3)).unwrap()
}

/// Why a 32-bit kernel is refused.
pub(crate) fn without_64_bit_entry() -> BzImageError {
    BzImage::parse(&file("2.6", 0)).unwrap_err()
}

/// As much of a file as the checksum looks at, and right. Static: what tests of the heap's budget see
/// in use is the shell's.
pub(crate) static WHOLE: [u8; 1040] = {
    let mut file = [0; 1040];
    file[0x1f1] = 1; // setup_sects
    file[0x1f4] = 1; // syssize, in 16 bytes
    let (mut crc, mut at) = (u32::MAX, 0);
    while at < 1036 {
        crc ^= file[at] as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        at += 1;
    }
    let [a, b, c, d] = crc.to_le_bytes();
    (file[1036], file[1037], file[1038], file[1039]) = (a, b, c, d);
    file
};

/// The whole file of that kernel, with a checksum that is right.
pub(crate) fn whole(version: &str) -> Vec<u8> {
    let mut file = file(version, 3);
    let (body, tail) = file.split_last_chunk_mut().unwrap();
    // The remainder so far, appended, makes the whole remainder 0.
    *tail = bulkhead_fake::remainder(body).to_le_bytes();
    file
}

/// The same as Linux 6.15 and later build it: with zeros for a checksum.
pub(crate) fn without_checksum(version: &str) -> Vec<u8> {
    file(version, 3)
}

/// The few fields that matter (Documentation/arch/x86/boot.rst): two sectors of real-mode code,
/// a page of protected-mode code.
fn file(version: &str, xloadflags: u16) -> Vec<u8> {
    let mut file = vec![0; 1024 + 4096];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1f1, &[1]); // setup_sects
    put(0x1f4, &256u32.to_le_bytes()); // syssize, in 16 bytes
    put(0x1fe, &[0x55, 0xaa]); // boot_flag
    put(0x200, &[0xeb, 0x6a]); // jump: the header ends at 0x26c
    put(0x202, b"HdrS");
    put(0x206, &0x020f_u16.to_le_bytes()); // protocol 2.15
    put(0x20e, &0x0100_u16.to_le_bytes()); // kernel_version, from 0x200
    put(0x211, &[1]); // loadflags: loaded high
    put(0x214, &0x0010_0000_u32.to_le_bytes()); // code32_start
    put(0x22c, &0x7fff_ffff_u32.to_le_bytes()); // initrd_addr_max
    put(0x230, &0x0020_0000_u32.to_le_bytes()); // kernel_alignment
    put(0x234, &[1, 21]); // relocatable, min_alignment
    put(0x236, &(xloadflags | 8).to_le_bytes());
    put(0x238, &2047_u32.to_le_bytes()); // cmdline_size
    put(0x248, &64_u32.to_le_bytes()); // payload_offset
    put(0x24c, &1024_u32.to_le_bytes()); // payload_length
    put(0x258, &0x0100_0000_u64.to_le_bytes()); // pref_address
    put(0x260, &0x0200_0000_u32.to_le_bytes()); // init_size
    put(0x300, version.as_bytes());
    put(1024 + 64, &[0x1f, 0x8b, 8, 0]); // gzip
    file
}
