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

use bulkhead_firmware::READING_BYTES;
use bulkhead_memory::performance::MAX_PERFORMANCE_BYTES;
use bulkhead_model::budget::Extent;

include!("base.rs");

/// Where a copy of the multiprocessor trampoline may lie: below 64 KiB, which stock Linux never
/// uses (`reserve_bios_regions()`, "trim the first 64K"), and above the interrupt vectors.
pub(crate) const TRAMPOLINE_WINDOW: core::ops::Range<u64> = 0x1000..0x1_0000;

/// Where every core's stacks but the boot processor's are mapped, each behind a page that is not:
/// above the image, in the same gigabyte.
pub(crate) const STACK_WINDOW: u64 = 0xffff_ffff_8100_0000;

/// Stack of each core in bytes; also the stack of the services that Linux calls. The deepest path,
/// computed by `make depth` as an upper bound: 11.8 KiB for what a core does, 14.6 KiB for a service,
/// each with a trap on top in which the core stops.
pub(crate) const CORE_STACK: usize = 16 << 10;

/// Stack of the boot processor in bytes: the shell and the planning of launches run here. The
/// deepest path: 50.8 KiB while it boots, 44.1 KiB in the shell.
pub(crate) const BOOT_STACK: usize = 52 << 10;

/// Each emergency stack in bytes: double faults, non-maskable interrupts, machine checks. One page.
/// The deepest path: 3.8 KiB, which is to say on the console what happened, to fail at that, and to
/// say so.
pub(crate) const EMERGENCY_STACK: usize = 4 << 10;

/// The heap's early arena in bytes, part of the image's `.bss`: what is needed before RAM is known.
///
/// ```text
/// the loader's memory map   192 ranges of 24 bytes                                      4.5 KiB
/// free RAM, as a set        regions of 16 bytes, while one is taken out: three times    4.5 KiB
/// what to map cached        regions of 16 bytes, growing: one and a half times          4.5 KiB
/// command lines, options, names of images                                                 8 KiB
/// ```
///
/// The rest of the heap is RAM that the boot takes for it, as much as `bulkhead_model::budget` says,
/// line by line, for this machine.
pub(crate) const EARLY_HEAP: usize = 24 << 10;

/// The heap's main arena in bytes until the machine is known: firmware's tables are read with it.
///
/// ```text
/// the memory map as it is described    192 ranges of 24 bytes, growing                13.5 KiB
/// firmware's tables                    whatever they say (`kernel/firmware/tests/heap.rs`)    96 KiB
/// interrupt routes of the DSDT         512 of 12 bytes, growing, and what reads them    30 KiB
/// ```
pub(crate) const BOOT_HEAP: usize = READING_BYTES + (48 << 10);

/// What there is of it from the start, enough for the firmware of most machines.
pub(crate) const FIRST_HEAP: usize = 48 << 10;

/// Most ranges of the loader's memory map.
pub(crate) const MAX_RANGES: usize = 192;

/// Most cores that Bulkhead handles.
pub(crate) const MAX_CORES: usize = 512;

/// Most PCI functions that Bulkhead handles.
pub(crate) const MAX_FUNCTIONS: usize = 2048;

/// Most images that the loader may bring.
pub(crate) const MAX_IMAGES: usize = 64;

/// Most partitions that can be defined at once.
pub(crate) const MAX_PARTITIONS: usize = 64;

/// The largest machine that Bulkhead handles.
pub(crate) const LARGEST: Extent = Extent {
    cores: MAX_CORES,
    functions: MAX_FUNCTIONS,
    images: MAX_IMAGES,
    ranges: MAX_RANGES,
    partitions: MAX_PARTITIONS,
    performance: MAX_PERFORMANCE_BYTES,
};

/// Where the decoy MP table goes: in the first KiB, which Linux scans first
/// (`docs/design.md`, "The MP table").
pub(crate) const MP_DECOY: u64 = 0x300;

/// Vectors that Bulkhead uses on its own cores.
pub(crate) mod vector {
    /// The local APIC timer of the shell's core, and of no other: who that is need not be asked then.
    pub(crate) const TIMER: u8 = 0xe0;
    /// "Look at your mailbox": wakes a parked core.
    pub(crate) const DOORBELL: u8 = 0xf1;
    /// Spurious interrupts of the local APIC.
    pub(crate) const SPURIOUS: u8 = 0xff;
}
