//! Every literal address and size of the kernel itself.
//!
//! ```text
//! virtual                               physical
//! 0 .. top of memory                    the same (identity, read/write/execute)
//! 0xffffffff80200000 .. image_end       wherever the loader put the image
//! 0xffffffff81000000 ..                 the other cores' stacks, with guard pages between them
//! ```
//!
//! The identity map is executable because three things run in it: the trampoline below 1 MiB, the
//! first instructions of a Linux, and the runtime services' first instructions on their way back.

include!("base.rs");

/// Where a copy of the multiprocessor trampoline may lie: below 64 KiB, which stock Linux never
/// uses (`reserve_bios_regions()`, "trim the first 64K"), and above the interrupt vectors.
pub(crate) const TRAMPOLINE_WINDOW: core::ops::Range<u64> = 0x1000..0x1_0000;

/// Where every core's stacks but the boot processor's are mapped, each behind a page that is not:
/// above the image, in the same gigabyte.
pub(crate) const STACK_WINDOW: u64 = 0xffff_ffff_8100_0000;

/// Stack of each core in bytes; also the stack of the services that Linux calls. The deepest path,
/// computed by `make depth` as an upper bound: 12.8 KiB for what a core does, 14.4 KiB for a service,
/// each with a trap on top in which the core stops.
pub(crate) const CORE_STACK: usize = 16 << 10;

/// Stack of the boot processor in bytes: the shell and the planning of launches run here. The
/// deepest path: 51.8 KiB while it boots, 48.9 KiB in the shell (sorting at its worst is 7 KiB of
/// it).
pub(crate) const BOOT_STACK: usize = 64 << 10;

/// Each emergency stack in bytes: double faults, non-maskable interrupts, machine checks. One page.
/// The deepest path: 3.4 KiB, which is to say on the console what happened, to fail at that, and to
/// say so.
pub(crate) const EMERGENCY_STACK: usize = 4 << 10;

/// The heap in bytes, part of the image's `.bss`: definitions, plans, the machine's description.
pub(crate) const HEAP: usize = 320 << 10;

/// Most cores that Bulkhead handles.
pub(crate) const MAX_CORES: usize = 256;

/// Most partitions that can be defined at once.
pub(crate) const MAX_PARTITIONS: usize = 32;

/// Where the decoy MP table goes: in the first KiB, which Linux scans first
/// (`docs/design.md`, "The MP table").
pub(crate) const MP_DECOY: u64 = 0x300;

/// Vectors that Bulkhead uses on its own cores.
pub(crate) mod vector {
    /// The local APIC timer of the shell's core.
    pub(crate) const TIMER: u8 = 0xe0;
    /// "Look at your mailbox": wakes a parked core.
    pub(crate) const DOORBELL: u8 = 0xf1;
    /// Spurious interrupts of the local APIC.
    pub(crate) const SPURIOUS: u8 = 0xff;
}
