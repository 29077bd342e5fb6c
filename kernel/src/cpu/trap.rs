//! Traps of a core that runs Bulkhead's code.
//!
//! Any vector may come at any time: a local APIC keeps what was pending when a Linux left
//! (seen: its timer vector), and a stray IPI of a partition is aimed at a number. Each one is acknowledged,
//! counted and survived; only an exception of our own code stops the core. An IPI may even have
//! the vector of an exception, from 16 on: the local APIC knows.

use core::sync::atomic::{AtomicU32, Ordering};

use x86_64::VirtAddr;
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::idt::{Entry, HandlerFunc};

use super::{apic, cores, gdt, msr, stacks};
use crate::console::serial;
use crate::layout::vector;
use crate::panic;
use crate::partition::LIFE;

core::arch::global_asm!(include_str!("trap.S"), handler = sym handle, options(att_syntax));

unsafe extern "C" {
    static trap_stubs: u8;
}

const STUB_BYTES: u64 = 16;
/// The vector of the non-maskable interrupt.
pub(crate) const NMI: u64 = 2;
const INVALID_OPCODE: u64 = 6;
const DOUBLE_FAULT: u64 = 8;
const GENERAL_PROTECTION: u64 = 13;
const PAGE_FAULT: u64 = 14;
/// The vector of the machine check.
pub(crate) const MACHINE_CHECK: u64 = 18;
const EXCEPTIONS: usize = 32;
/// The lowest vector that a local APIC delivers.
const FIRST_INTERRUPT: u64 = 16;

#[repr(C, align(16))]
struct Table<const N: usize>([Entry<HandlerFunc>; N]);

static mut TABLE: Table<256> = Table([const { Entry::missing() }; 256]);

/// The same without emergency stacks, for a core whose task register is still a Linux's. A stack
/// that runs over there shuts the machine down: that it does not is computed (`tests/src/depth`).
/// Interrupts are off there: it has exceptions only.
static mut CALL_TABLE: Table<EXCEPTIONS> = Table([const { Entry::missing() }; EXCEPTIONS]);

/// What `core_call` loads: limit and base, as `lidt` wants them.
#[repr(C, packed)]
pub(super) struct TablePointer {
    limit: u16,
    base: *const Table<EXCEPTIONS>,
}

// SAFETY: a constant address; what it points to is written once, before any core loads it.
unsafe impl Sync for TablePointer {}

#[expect(clippy::cast_possible_truncation, reason = "the table has 512 bytes")]
pub(super) static CALL_TABLE_POINTER: TablePointer = TablePointer {
    limit: (size_of::<Table<EXCEPTIONS>>() - 1) as u16,
    base: &raw const CALL_TABLE,
};

/// What the stub and the processor left on the stack.
#[repr(C)]
struct Frame {
    vector: u64,
    error_code: u64,
    instruction: u64,
    code_segment: u64,
    flags: u64,
    stack: u64,
    stack_segment: u64,
}

/// Unexpected vectors on any core since boot, by vector.
static COUNTS: [AtomicU32; 256] = [const { AtomicU32::new(0) }; 256];

/// How often an unexpected vector came.
pub(crate) fn unexpected(vector: u8) -> u32 {
    COUNTS[usize::from(vector)].load(Ordering::Relaxed)
}

/// Fills the table that all cores share.
///
/// # Safety
/// To be called once, before any core loads it.
pub(crate) unsafe fn init() {
    let (table, call_table) = (&raw mut TABLE, &raw mut CALL_TABLE);
    // SAFETY: called once, before any other use, by the caller's contract.
    let table = unsafe { &mut *table };
    // SAFETY: the same.
    let call_table = unsafe { &mut *call_table };
    fill(table, |number| match number {
        NMI => Some(gdt::IST_NMI),
        DOUBLE_FAULT => Some(gdt::IST_DOUBLE_FAULT),
        MACHINE_CHECK => Some(gdt::IST_MACHINE_CHECK),
        _ => None,
    });
    fill(call_table, |_| None);
}

fn fill<const N: usize>(table: &mut Table<N>, stack_of: impl Fn(u64) -> Option<u16>) {
    let stubs = &raw const trap_stubs as u64;
    for (number, entry) in (0u64..).zip(table.0.iter_mut()) {
        // SAFETY: each stub leaves by `iretq` with the stack as the processor left it.
        let options = unsafe { entry.set_handler_addr(VirtAddr::new(stubs + number * STUB_BYTES)) };
        // SAFETY: the selector is the code segment of every core's table.
        unsafe { options.set_code_selector(gdt::CODE) };
        if let Some(slot) = stack_of(number) {
            // SAFETY: every core's task state has these stacks.
            unsafe { options.set_stack_index(slot) };
        }
    }
}

/// Loads the table into this core.
#[expect(clippy::cast_possible_truncation, reason = "the table has 4 KiB")]
pub(crate) fn load() {
    let pointer = DescriptorTablePointer {
        limit: (size_of::<Table<256>>() - 1) as u16,
        base: VirtAddr::from_ptr(&raw const TABLE),
    };
    // SAFETY: the table is static and was filled by `init`.
    unsafe { x86_64::instructions::tables::lidt(&pointer) };
}

/// A machine check on a core whose CR4.MCE is clear shuts the machine down; a parked core can be
/// hit by one that is broadcast (Intel SDM Vol. 3B, "Machine-Check Architecture").
pub(crate) fn enable_machine_checks() {
    use x86_64::registers::control::{Cr4, Cr4Flags};
    // SAFETY: the vector has a handler with its own stack.
    unsafe { Cr4::update(|flags| flags.insert(Cr4Flags::MACHINE_CHECK_EXCEPTION)) };
}

/// Lets non-maskable interrupts come again: after one that led here they are blocked until an `iretq`,
/// and nobody returns from that one.
pub(crate) fn unblock_nmis() {
    // SAFETY: returns to the next instruction, with the stack, the segments and the flags as they
    // are; the table is loaded, and the handler of such an interrupt has a stack of its own.
    unsafe {
        core::arch::asm!(
            "mov {stack}, rsp",
            "mov {segment:e}, ss",
            "push {segment}",
            "push {stack}",
            "pushfq",
            "mov {segment:e}, cs",
            "push {segment}",
            "lea {stack}, [rip + 2f]",
            "push {stack}",
            "iretq",
            "2:",
            stack = out(reg) _,
            segment = out(reg) _,
        );
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are 256 vectors")]
extern "C" fn handle(frame: &mut Frame) {
    if matches!(frame.vector, GENERAL_PROTECTION | INVALID_OPCODE)
        && let Some(next) = msr::after_fault(frame.instruction)
    {
        frame.instruction = next;
        return;
    }
    let number = frame.vector as u8;
    if matches!(number, vector::TIMER | vector::DOORBELL) {
        apic::end_of_interrupt();
        if number == vector::TIMER && LIFE.shell_runs() {
            serial::on_tick();
        }
        return;
    }
    COUNTS[usize::from(number)].fetch_add(1, Ordering::Relaxed);
    let is_survived = match frame.vector {
        NMI => {
            cores::note_nmi();
            true
        }
        0..FIRST_INTERRUPT => false,
        _ => {
            apic::end_of_interrupt_if_in_service(number)
                || frame.vector >= EXCEPTIONS as u64
                || frame.vector == MACHINE_CHECK && survive_machine_check()
        }
    };
    if !is_survived {
        exception(frame);
    }
}

/// Ends a machine check after which the interrupted code can go on; says whether it can. Its banks
/// are left as they are: the owner of the failing part reads them.
///
/// Source: Intel SDM Vol. 3B, "IA32_MCG_STATUS MSR".
fn survive_machine_check() -> bool {
    const MCG_STATUS: u32 = 0x17a;
    const RESTART_VALID: u64 = 1;
    // SAFETY: a processor that raises the exception has the register; reading it changes nothing.
    let can_go_on = unsafe { super::read_msr(MCG_STATUS) } & RESTART_VALID != 0;
    if can_go_on {
        // SAFETY: clearing it says that the exception was handled, without which the next one would
        // shut the machine down.
        unsafe { super::write_msr(MCG_STATUS, 0) };
    }
    can_go_on
}

/// An exception in Bulkhead's own code: a bug, or the machine is failing.
fn exception(frame: &Frame) -> ! {
    let address = x86_64::registers::control::Cr2::read_raw();
    // A page fault that finds no room for its own frame becomes a double fault.
    let is_overflow =
        matches!(frame.vector, DOUBLE_FAULT | PAGE_FAULT) && stacks::is_any_guard(address);
    panic::stop(
        [frame.vector, frame.instruction, address],
        format_args!(
            "{}{}, exception {} error {:#x} at {:#x} (cs {:#x} flags {:#x} stack {:#x} ss {:#x}, cr2 {address:#x})",
            if is_overflow { "stack overflow: " } else { "" },
            name_of(frame.vector),
            frame.vector,
            frame.error_code,
            frame.instruction,
            frame.code_segment,
            frame.flags,
            frame.stack,
            frame.stack_segment,
        ),
    )
}

/// What an exception is called, as far as it is likely.
const fn name_of(vector: u64) -> &'static str {
    match vector {
        INVALID_OPCODE => "invalid opcode",
        DOUBLE_FAULT => "double fault",
        13 => "general protection",
        PAGE_FAULT => "page fault",
        MACHINE_CHECK => "machine check",
        _ => "trap",
    }
}
