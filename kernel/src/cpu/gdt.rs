//! Segments and the task state of a core that runs Bulkhead's code.
//!
//! The first three entries are those that the 64-bit Linux boot protocol wants (`__BOOT_CS` 0x10,
//! `__BOOT_DS` 0x18: `Documentation/arch/x86/boot.rst`), so that one table serves Bulkhead and the
//! first instructions of a Linux.

use core::sync::atomic::{AtomicU32, Ordering};

use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, DS, ES, FS, GS, SS, Segment};
use x86_64::instructions::tables::{lgdt, load_tss};
use x86_64::registers::segmentation::SegmentSelector;
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::Descriptor;
use x86_64::structures::tss::TaskStateSegment;

/// Code segment, as the Linux boot protocol numbers it.
pub(crate) const CODE: SegmentSelector = SegmentSelector(0x10);
/// Data segment, as the Linux boot protocol numbers it.
pub(crate) const DATA: SegmentSelector = SegmentSelector(0x18);
const TSS: SegmentSelector = SegmentSelector(0x20);

/// Interrupt stack table slots (numbers as in the IDT, from 0).
pub(crate) const IST_DOUBLE_FAULT: u16 = 0;
/// Non-maskable interrupts.
pub(crate) const IST_NMI: u16 = 1;
/// Machine checks.
pub(crate) const IST_MACHINE_CHECK: u16 = 2;

const ENTRIES: usize = 6;
/// Size of a core's descriptor table, in bytes.
pub(crate) const TABLE_BYTES: usize = ENTRIES * size_of::<u64>();

const _: () = assert!(core::mem::offset_of!(Segments, table) == 0);

/// A core's own descriptor table and task state.
#[repr(C, align(16))]
pub(crate) struct Segments {
    table: [u64; ENTRIES],
    task: TaskStateSegment,
    /// How often the core has stopped since the table was loaded.
    stops: AtomicU32,
}

impl Segments {
    /// Address of the descriptor table of the segments at `this`.
    pub(crate) const fn table_address(this: *const Self) -> *const u64 {
        this.cast()
    }

    /// Counts one more stop of the core; how many there were before.
    ///
    /// # Safety
    /// `this` must point to segments that were loaded.
    pub(super) unsafe fn count_stop(this: *const Self) -> u32 {
        // SAFETY: by the caller's contract; an atomic word, which only its core uses.
        unsafe { (*this).stops.fetch_add(1, Ordering::Relaxed) }
    }

    /// Builds the table anew (the processor marks a loaded task state busy) and loads it, with the
    /// tops of the emergency stacks in the order of their slots.
    ///
    /// # Safety
    /// 1. `this` must point to memory that is this core's alone and stays valid for ever.
    /// 2. So must the stacks below `emergencies`, which are aligned to 16 bytes.
    #[expect(clippy::cast_possible_truncation, reason = "the table has 48 bytes")]
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "the selectors belong to the table just loaded"
    )]
    pub(crate) unsafe fn load(this: *mut Self, emergencies: [u64; 3]) {
        // SAFETY: by the caller's contract this core alone uses it.
        let segments = unsafe { &mut *this };
        segments.task = TaskStateSegment::new();
        segments.stops = AtomicU32::new(0);
        for (slot, top) in emergencies.into_iter().enumerate() {
            segments.task.interrupt_stack_table[slot] = VirtAddr::new(top);
        }
        // SAFETY: the task state lives as long as the table, by the caller's contract.
        let task = unsafe { Descriptor::tss_segment_unchecked(&raw const segments.task) };
        let Descriptor::SystemSegment(low, high) = task else {
            unreachable!("a TSS is one")
        };
        segments.table = [
            0,
            0,
            0x00af_9b00_0000_ffff,
            0x00cf_9300_0000_ffff,
            low,
            high,
        ];
        let pointer = DescriptorTablePointer {
            limit: (size_of_val(&segments.table) - 1) as u16,
            base: VirtAddr::from_ptr(&raw const segments.table),
        };
        // SAFETY: the table is complete; its code and data entries are flat and of ring 0.
        unsafe {
            lgdt(&pointer);
            CS::set_reg(CODE);
            SS::set_reg(DATA);
            DS::set_reg(DATA);
            ES::set_reg(DATA);
            FS::set_reg(DATA);
            GS::set_reg(DATA);
            load_tss(TSS);
        }
    }
}
