//! The legacy interrupt controllers: silenced, since no partition is given one unasked.

use pic8259::ChainedPics;

use crate::mem::phys;

const IOAPIC_SELECT: u64 = 0x00;
const IOAPIC_WINDOW: u64 = 0x10;
const IOAPIC_VERSION: u32 = 0x01;
const REDIRECTION: u32 = 0x10;
const MASKED: u32 = 1 << 16;

/// Moves the two 8259 away from the exceptions and masks every line.
pub(crate) fn mask_pics() {
    // SAFETY: the vectors are no exceptions', and have handlers.
    let mut pics = unsafe { ChainedPics::new(0x20, 0x28) };
    // SAFETY: the standard ports; the masks stay as they are.
    unsafe { pics.initialize() };
    // SAFETY: the standard ports; nothing is unmasked afterwards.
    unsafe { pics.disable() };
}

/// Masks every pin of the I/O APIC at `address`.
///
/// # Safety
/// `address` must be the register page of an I/O APIC (MADT) that no partition owns.
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the index register and its window are used in pairs"
)]
pub(crate) unsafe fn mask_io_apic(address: u64) {
    let select = phys::pointer::<u32>(address + IOAPIC_SELECT);
    let window = phys::pointer::<u32>(address + IOAPIC_WINDOW);
    // SAFETY: by the caller's contract; a masked pin delivers nothing.
    unsafe {
        select.write_volatile(IOAPIC_VERSION);
        let last = (window.read_volatile() >> 16) & 0xff;
        for pin in 0..=last {
            select.write_volatile(REDIRECTION + pin * 2);
            window.write_volatile(MASKED);
        }
    }
}
