//! Where a Linux finds the seeds of its random numbers. They are not in force until a launch has
//! filled them in; Linux wipes each when it has read it.
//!
//! Both lie among the EFI tables, in memory that is no RAM to Linux: in RAM, an entry of `setup_data`
//! would divide it into three in `/proc/iomem`.

/// Bytes of a seed: as many as Linux takes at least, and credits with as many bits.
pub const SEED_BYTES: usize = 32;

/// Bytes of `struct setup_data` before its data: the next one's address (none), type, length.
pub(super) const SETUP_DATA_HEADER: usize = 16;
pub(super) const SETUP_DATA_BYTES: usize = SETUP_DATA_HEADER + SEED_BYTES;
/// Bytes of `struct linux_efi_random_seed` before its data: the length.
pub(super) const TABLE_HEADER: usize = 4;
pub(super) const TABLE_BYTES: usize = TABLE_HEADER + SEED_BYTES;

/// `SETUP_RNG_SEED` (Linux `asm/setup_data.h`; since 6.0).
const RNG_SEED: u8 = 9;

#[expect(clippy::cast_possible_truncation, reason = "it is 32")]
const LENGTH: u8 = SEED_BYTES as u8;

/// The entry of `setup_data` (Linux `Documentation/arch/x86/boot.rst`, `setup_data`), with no seed.
pub(super) const fn setup_data() -> [u8; SETUP_DATA_BYTES] {
    let mut bytes = [0; SETUP_DATA_BYTES];
    bytes[8] = RNG_SEED;
    bytes[12] = LENGTH;
    bytes
}

/// What the EFI configuration table leads to (Linux `include/linux/efi.h`,
/// `LINUX_EFI_RANDOM_SEED_TABLE_GUID`; since 4.10), with no seed.
pub(super) const fn table() -> [u8; TABLE_BYTES] {
    let mut bytes = [0; TABLE_BYTES];
    bytes[0] = LENGTH;
    bytes
}
