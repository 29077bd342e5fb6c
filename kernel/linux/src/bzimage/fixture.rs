//! A small fake bzImage for tests: a handful of stores at the offsets of `boot.rst`.

use alloc::vec;
use alloc::vec::Vec;

/// What a fake image says of itself; every field can be bent by a test.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) protocol: u16,
    pub(crate) xloadflags: u16,
    pub(crate) relocatable: u8,
    pub(crate) alignment: u32,
    pub(crate) init_size: u32,
    pub(crate) cmdline_size: u32,
    pub(crate) payload_offset: u32,
    pub(crate) payload_length: u32,
    pub(crate) payload_magic: [u8; 4],
    pub(crate) unpacked: u32,
}

/// Boot sector and one sector of setup.
pub(crate) const SETUP_BYTES: usize = 1024;
/// The protected-mode kernel.
pub(crate) const KERNEL_BYTES: usize = 4096;
/// The version text.
pub(crate) const VERSION: &str = "6.1.0-50-cloud-amd64 (builder) #1 SMP";

impl Default for Fixture {
    fn default() -> Self {
        Self {
            protocol: 0x020f,
            xloadflags: 0x7f,
            relocatable: 1,
            alignment: 0x20_0000,
            init_size: 0x337_8000,
            cmdline_size: 2047,
            payload_offset: 0x2cc,
            payload_length: 1024,
            payload_magic: [0x28, 0xb5, 0x2f, 0xfd],
            unpacked: 0x300_0000,
        }
    }
}

impl Fixture {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0; SETUP_BYTES + KERNEL_BYTES];
        let mut put = |offset: usize, bytes: &[u8]| {
            file[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0x000, b"MZ");
        put(0x1f1, &[1]); // setup_sects
        put(
            0x1f4,
            &u32::to_le_bytes(u32::try_from(KERNEL_BYTES / 16).expect("small")),
        ); // syssize
        put(0x1fe, &[0x55, 0xaa]); // boot_flag
        put(0x200, &[0xeb, 0x6a]); // jump: the header ends at 0x26c
        put(0x202, b"HdrS");
        put(0x206, &self.protocol.to_le_bytes());
        put(0x20e, &u16::to_le_bytes(0x100)); // kernel_version: at 0x300
        put(0x211, &[1]); // loadflags: LOADED_HIGH
        put(0x230, &self.alignment.to_le_bytes()); // kernel_alignment
        put(0x234, &[self.relocatable]); // relocatable_kernel
        put(0x236, &self.xloadflags.to_le_bytes());
        put(0x238, &self.cmdline_size.to_le_bytes());
        put(0x248, &self.payload_offset.to_le_bytes());
        put(0x24c, &self.payload_length.to_le_bytes());
        put(0x258, &u64::to_le_bytes(0x100_0000)); // pref_address
        put(0x260, &self.init_size.to_le_bytes());
        put(0x300, VERSION.as_bytes());
        let payload = SETUP_BYTES + 0x2cc;
        put(payload, &self.payload_magic);
        put(payload + 1024 - 4, &self.unpacked.to_le_bytes());
        file
    }
}
