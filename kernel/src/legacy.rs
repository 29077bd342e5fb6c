//! Devices of the PC that no bus tells of.

use x86_64::instructions::port::PortReadOnly;

/// The PS/2 controller's status register.
const PS2_STATUS: u16 = 0x64;

/// What the PS/2 controller's status register reads as; all ones if nobody is there.
pub(crate) fn ps2_status() -> u8 {
    // SAFETY: a read of the status register changes nothing.
    unsafe { PortReadOnly::new(PS2_STATUS).read() }
}
