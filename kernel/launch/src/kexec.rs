//! Whether a Linux can enter another kernel by `kexec` with the low memory that it has.
//!
//! The kernel that is entered copies its real-mode code below 640 KiB as every kernel does, 28 KiB. But
//! `kexec_file_load(2)` puts what it enters it by below 640 KiB too, if there is room: up to 6.7 it fills the
//! lowest RAM first, with its own code (24 KiB in 5.10, 20 KiB in 6.1) at the end of it and 8 KiB of
//! parameters before that, of whose second page the entered kernel keeps what is called its setup data. What
//! is below that page is left for the real-mode code: 56 KiB do for 5.10. From 6.8 on the highest RAM
//! is filled first (`walk_system_ram_res_rev()`), and the real-mode code has all.

use bulkhead_linux::BzImage;
use bulkhead_model::Claim;

/// With so much low memory every kernel can, in bytes.
pub const LOW_BYTES: u64 = 64 << 10;

/// From this version on `kexec_file_load(2)` leaves low memory alone.
const LOADS_HIGH: (u32, u32) = (6, 8);

/// Whether the partition's Linux may do it. One that shares its low memory never does: Bulkhead could not
/// have it wait for its turn.
#[must_use]
pub fn is_possible(claim: &Claim, kernel: &BzImage) -> bool {
    let loads_high = || kernel.major_minor().is_some_and(|v| v >= LOADS_HIGH);
    !claim.shares_low_chunk && (claim.low_chunk.size() >= LOW_BYTES || loads_high())
}
