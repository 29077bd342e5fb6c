//! Reset and power-off of the whole machine.
//!
//! Source: ACPI 6.5 §4.8.3.6 (reset register), §4.8.3.2 (PM1 control), §16.1 (sleeping).

use alloc::string::{String, ToString};

use bulkhead_firmware::{AddressSpace, Fadt, Firmware, SleepS5};
use x86_64::instructions::port::Port;

use crate::cpu::tsc;
use crate::mem::phys;

const SCI_ENABLED: u16 = 1;
const SLEEP_ENABLE: u16 = 1 << 13;
const SLEEP_TYPE_SHIFT: u32 = 10;
const SLEEP_TYPE_MASK: u16 = 0b111 << SLEEP_TYPE_SHIFT;
/// Longest wait for the machine to do it, in microseconds.
const PATIENCE_US: u64 = 500_000;

/// What firmware's tables say about power.
pub(crate) struct Power {
    fadt: Option<Fadt>,
    sleep: Option<SleepS5>,
}

impl Power {
    /// Remembers what is needed.
    pub(crate) fn new(firmware: &Firmware) -> Self {
        Self {
            fadt: firmware.fadt,
            sleep: firmware.sleep,
        }
    }

    /// Resets the machine; returns only if that failed.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the FADT is read so that a port has 16 bits"
    )]
    pub(crate) fn reset(&self) -> String {
        if let Some(register) = self.fadt.as_ref().and_then(|fadt| fadt.reset.as_ref()) {
            match register.space {
                // SAFETY: firmware says that this write resets the machine, which is what is wanted.
                AddressSpace::Io => unsafe {
                    Port::new(register.address as u16).write(register.value);
                },
                // SAFETY: the same.
                AddressSpace::Memory => unsafe {
                    phys::pointer::<u8>(register.address).write_volatile(register.value);
                },
                AddressSpace::PciConfig => {}
            }
            tsc::delay_us(PATIENCE_US);
        }
        // SAFETY: the reset control register of PC chipsets (full reset).
        unsafe { Port::<u8>::new(0xcf9).write(0x06) };
        tsc::delay_us(PATIENCE_US);
        // SAFETY: the keyboard controller's pulse on the reset line.
        unsafe { Port::<u8>::new(0x64).write(0xfe) };
        tsc::delay_us(PATIENCE_US);
        "neither the ACPI reset register nor port 0xcf9 nor the keyboard controller did it"
            .to_string()
    }

    /// Powers the machine off; returns only if that failed.
    pub(crate) fn off(&self) -> String {
        let Some(fadt) = &self.fadt else {
            return "firmware has no FADT, which would name the register".to_string();
        };
        let Some(sleep) = self.sleep else {
            return "firmware's tables have no \\_S5 package, which would name the value"
                .to_string();
        };
        if fadt.pm1a_control == 0 {
            return "firmware's FADT names no PM1a control register".to_string();
        }
        enable_acpi(fadt);
        // SAFETY: the register and the value that firmware names for entering S5.
        unsafe { enter(fadt.pm1a_control, sleep.type_a) };
        if fadt.pm1b_control != 0 {
            // SAFETY: the same of the second register, which there is.
            unsafe { enter(fadt.pm1b_control, sleep.type_b) };
        }
        tsc::delay_us(PATIENCE_US);
        "the machine ignored the write to its PM1a control register".to_string()
    }
}

/// Asks firmware for ACPI mode, unless the machine is in it.
fn enable_acpi(fadt: &Fadt) {
    if fadt.smi_command == 0 || fadt.acpi_enable == 0 {
        return;
    }
    let mut control = Port::<u16>::new(fadt.pm1a_control);
    // SAFETY: the register that firmware names; reading it changes nothing.
    let mut is_enabled = || unsafe { control.read() } & SCI_ENABLED != 0;
    if !is_enabled() {
        // SAFETY: the register and the command that firmware names for it.
        unsafe { Port::<u8>::new(fadt.smi_command).write(fadt.acpi_enable) };
        let _ = tsc::wait_until(PATIENCE_US, is_enabled);
    }
}

/// # Safety
/// `port` must be a PM1 control register.
unsafe fn enter(port: u16, sleep_type: u8) {
    let mut control = Port::<u16>::new(port);
    // SAFETY: by the caller's contract; reading it changes nothing.
    let value = (unsafe { control.read() } & !SLEEP_TYPE_MASK)
        | (u16::from(sleep_type) << SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK);
    // SAFETY: by the caller's contract; without the enabling bit nothing happens yet.
    unsafe { control.write(value) };
    // SAFETY: by the caller's contract; to sleep is what is wanted.
    unsafe { control.write(value | SLEEP_ENABLE) };
}
