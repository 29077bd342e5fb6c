//! Entries of an interrupt table.
//!
//! Source: Intel SDM Vol. 3A, "64-Bit Mode IDT".

/// An interrupt gate to `handler` in the code segment of that selector, on the current stack, in the
/// bytes that the processor reads.
#[must_use]
pub fn interrupt_gate(handler: u64, selector: u16) -> [u8; 16] {
    const PRESENT_INTERRUPT: u64 = 0x8e00;
    let low = handler & 0xffff
        | u64::from(selector) << 16
        | PRESENT_INTERRUPT << 32
        | (handler >> 16 & 0xffff) << 48;
    (u128::from(low) | u128::from(handler >> 32) << 64).to_le_bytes()
}
