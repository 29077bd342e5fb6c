//! The processor: descriptor tables, traps, local APIC, bringing cores up.
//!
//! * [`gdt`], [`trap`]: what a core that runs Bulkhead's code uses.
//! * [`apic`]: the local APIC in either mode.
//! * [`cores`]: the table of all cores and what each is doing.
//! * [`stacks`]: every core's stacks and their guard pages.
//! * [`smp`]: INIT-SIPI-SIPI and the trampoline below 1 MiB.
//! * [`state`]: what a Linux leaves in a core's registers, put back; [`msr`]: those that may not be there.
//! * [`virtualization`]: VMX and SVM, switched off.
//! * [`mtrr`]: memory types, made the same on every core.
//! * [`tsc`] keeps time; [`rtc`] says what time it is.
//! * [`entropy`]: seeds for random numbers.
//! * [`pic`]: the two 8259 and the I/O APIC pins, masked.

pub(crate) mod apic;
pub(crate) mod cores;
pub(crate) mod entropy;
pub(crate) mod gdt;
mod msr;
pub(crate) mod mtrr;
pub(crate) mod pic;
pub(crate) mod rtc;
pub(crate) mod smp;
pub(crate) mod stacks;
pub(crate) mod state;
pub(crate) mod trap;
pub(crate) mod tsc;
pub(crate) mod virtualization;

/// Stops this core for ever: nothing is left that it could do without harm.
pub(crate) fn halt_for_ever() -> ! {
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

/// Reads a model-specific register.
///
/// # Safety
/// The register must exist on this processor.
pub(crate) unsafe fn read_msr(register: u32) -> u64 {
    // SAFETY: by the caller's contract.
    unsafe { x86_64::registers::model_specific::Msr::new(register).read() }
}

/// Writes a model-specific register.
///
/// # Safety
/// The register must exist on this processor, and the value must be one that keeps the running
/// code and all other owners of the machine safe.
pub(crate) unsafe fn write_msr(register: u32, value: u64) {
    // SAFETY: by the caller's contract.
    unsafe { x86_64::registers::model_specific::Msr::new(register).write(value) }
}
