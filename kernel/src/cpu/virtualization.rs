//! What a Linux that ran virtual machines leaves on: VMX or SVM.
//!
//! Linux itself switches both off before it powers off, reboots, panics or starts another kernel. A core that is
//! led out of it by an interrupt comes as it was.

use super::{msr, read_msr};

const EFER: u32 = 0xc000_0080;
const EFER_SVME: u64 = 1 << 12;

/// Leaves VMX operation, in which an INIT is blocked, so that the next Linux's would be in vain; with SVM
/// enabled, sets the global interrupt flag. An INIT that was held meanwhile comes at this point.
///
/// To be called with Bulkhead's interrupt table loaded.
pub(crate) fn leave() {
    use x86_64::registers::control::{Cr4, Cr4Flags};
    if Cr4::read().contains(Cr4Flags::VIRTUAL_MACHINE_EXTENSIONS) {
        // SAFETY: 1. By the caller. 2. The bit was just seen.
        let is_outside = unsafe { msr::leave_vmx() };
        if is_outside {
            // SAFETY: the core is not in VMX operation, where the bit must stay.
            unsafe { Cr4::update(|flags| flags.remove(Cr4Flags::VIRTUAL_MACHINE_EXTENSIONS)) };
        }
    }
    // SAFETY: every processor with long mode has it; reading changes nothing.
    if unsafe { read_msr(EFER) } & EFER_SVME != 0 {
        // Before the bit is cleared (`state::put_back`): with the flag clear, what that does is
        // undefined (AMD APM Vol. 2, "Enabling SVM").
        // SAFETY: with the bit set there is the instruction, which only lets interrupts come for which
        // there are handlers.
        unsafe { core::arch::asm!("stgi", options(nomem, nostack, preserves_flags)) };
    }
}
