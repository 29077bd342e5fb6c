// The one number that the linker script, the assembly and Rust share: included by `layout.rs` and by
// `build.rs`, which hands it to the linker.

/// Virtual address of the image's first byte: in the top 2 GiB, as the Limine protocol demands, and
/// so the code model wants it.
pub(crate) const KERNEL_BASE: u64 = 0xffff_ffff_8020_0000;
