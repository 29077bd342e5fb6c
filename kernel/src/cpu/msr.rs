//! Model-specific registers of which it is not certain that they are there: a virtual machine often
//! has less than its CPUID promises, and answers with a general-protection fault.
//!
//! And the way out of VMX operation: no register and no bit of CPUID tells whether a core is in it.
//!
//! Three instructions may fault, each at a known address; the handler goes on behind them
//! ([`after_fault`]). That is a table of exceptions with three entries.

core::arch::global_asm!(include_str!("msr.S"), options(att_syntax),);

/// What `guarded_read_msr` leaves in rax and rdx.
#[repr(C)]
struct Answer {
    value: u64,
    is_there: u64,
}

unsafe extern "C" {
    fn guarded_read_msr(register: u32) -> Answer;
    fn guarded_write_msr(register: u32, value: u64) -> Answer;
    fn guarded_leave_vmx() -> Answer;
    static guarded_rdmsr: u8;
    static guarded_wrmsr: u8;
    static guarded_vmxoff: u8;
    static guarded_fault: u8;
}

/// Reads a register; `None` if the processor refuses.
///
/// # Safety
/// 1. This core must have loaded Bulkhead's interrupt table.
/// 2. Reading the register, if it is there, must change nothing.
pub(super) unsafe fn read(register: u32) -> Option<u64> {
    // SAFETY: a fault is caught, by the caller's first duty; nothing is changed, by the second.
    let answer = unsafe { guarded_read_msr(register) };
    (answer.is_there != 0).then_some(answer.value)
}

/// Writes a register; `false` if the processor refuses.
///
/// # Safety
/// 1. This core must have loaded Bulkhead's interrupt table.
/// 2. The value must be one that keeps the running code and all other owners of the machine safe.
pub(super) unsafe fn write(register: u32, value: u64) -> bool {
    // SAFETY: a fault is caught, by the caller's first duty; the value is safe, by the second.
    unsafe { guarded_write_msr(register, value) }.is_there != 0
}

/// Leaves VMX operation, if this core is in it; whether it is outside now.
///
/// # Safety
/// 1. This core must have loaded Bulkhead's interrupt table.
/// 2. CR4.VMXE must be set: else it may fault in a virtual machine, and there is nothing to leave.
pub(super) unsafe fn leave_vmx() -> bool {
    // SAFETY: a fault is caught, by the caller's first duty.
    let answer = unsafe { guarded_leave_vmx() };
    answer.is_there == 0 || answer.value != 0
}

/// Where to go on after a general-protection fault or an invalid opcode at `instruction`, if that is
/// one of those that may have one.
pub(super) fn after_fault(instruction: u64) -> Option<u64> {
    let may_fault = [
        &raw const guarded_rdmsr,
        &raw const guarded_wrmsr,
        &raw const guarded_vmxoff,
    ];
    may_fault
        .into_iter()
        .any(|at| at as u64 == instruction)
        .then_some(&raw const guarded_fault as u64)
}
