//! Segments and the task state of a core that runs Bulkhead's code.
//!
//! The first three entries are those that the 64-bit Linux boot protocol wants (`__BOOT_CS` 0x10,
//! `__BOOT_DS` 0x18: `Documentation/arch/x86/boot.rst`), so that one table serves Bulkhead and the
//! first instructions of a Linux.

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

const IST_STACK: usize = 2048;
const ENTRIES: usize = 6;
/// Size of a core's descriptor table, in bytes.
pub(crate) const TABLE_BYTES: usize = ENTRIES * size_of::<u64>();

const _: () = assert!(core::mem::offset_of!(Segments, table) == 0);

/// A core's own descriptor table, task state and emergency stacks.
#[repr(C, align(16))]
pub(crate) struct Segments {
    table: [u64; ENTRIES],
    task: TaskStateSegment,
    stacks: [[u8; IST_STACK]; 3],
}

impl Segments {
    /// Address of the descriptor table of the segments at `this`.
    pub(crate) const fn table_address(this: *const Self) -> *const u64 {
        this.cast()
    }

    /// Builds the table anew (the processor marks a loaded task state busy) and loads it.
    ///
    /// # Safety
    /// `this` must point to memory that is this core's alone and stays valid for ever.
    pub(crate) unsafe fn load(this: *mut Self) {
        // SAFETY: by the caller's contract this core alone uses it.
        let segments = unsafe { &mut *this };
        segments.task = TaskStateSegment::new();
        for (slot, stack) in segments.stacks.iter().enumerate() {
            let top = VirtAddr::from_ptr(stack.as_ptr_range().end).align_down(16u64);
            segments.task.interrupt_stack_table[slot] = top;
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
