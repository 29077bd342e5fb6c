//! Devices of the PC that no bus tells of: whether they are there.

use x86_64::instructions::port::PortReadOnly;

/// `IAPC_BOOT_ARCH` of the FADT (ACPI 6.5 table 5.11).
const KEYBOARD_CONTROLLER: u16 = 1 << 1;
const NO_CMOS_RTC: u16 = 1 << 5;

/// The PS/2 controller's status register; nobody there reads as all ones.
const PS2_STATUS: u16 = 0x64;

/// Whether there is a PS/2 keyboard and mouse controller. Firmware's flag alone is not enough:
/// QEMU's leaves it clear on machines that have one.
pub(crate) fn has_ps2(boot_flags: Option<u16>) -> bool {
    // SAFETY: a read of the status register changes nothing.
    let status: u8 = unsafe { PortReadOnly::new(PS2_STATUS).read() };
    boot_flags.is_some_and(|flags| flags & KEYBOARD_CONTROLLER != 0) || status != u8::MAX
}

/// Whether there is a real-time clock in the CMOS: on every PC, unless firmware says no.
pub(crate) fn has_rtc(boot_flags: Option<u16>) -> bool {
    boot_flags.is_none_or(|flags| flags & NO_CMOS_RTC == 0)
}
