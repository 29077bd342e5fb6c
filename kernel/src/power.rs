//! Reset and power-off of the whole machine, and its power button.
//!
//! Source: ACPI 6.5 §4.8.3.6 (reset register), §4.8.3.2 (PM1 control), §16.1 (sleeping), §4.8.2.5 (ACPI
//! mode).

use alloc::string::{String, ToString};

use bulkhead_firmware::{AddressSpace, Fadt, Firmware, Mode, Ports, SleepS5};
use x86_64::instructions::port::Port;

use crate::boot::Alone;
use crate::cpu::tsc;
use crate::mem::phys;

const SLEEP_ENABLE: u16 = 1 << 13;
const SLEEP_TYPE_SHIFT: u32 = 10;
const SLEEP_TYPE_MASK: u16 = 0b111 << SLEEP_TYPE_SHIFT;
/// Longest wait for the machine to do it, in microseconds.
const PATIENCE_US: u64 = 500_000;

/// Between two looks at the power button, in milliseconds.
const BUTTON_MS: u64 = 100;

/// What firmware's tables say about power.
pub(crate) struct Power {
    fadt: Option<Fadt>,
    sleep: Option<SleepS5>,
    /// The power button is not firmware's.
    has_button: bool,
    /// At the last look it was pressed; when that was.
    was_pressed: bool,
    looked: u64,
}

/// Ports of the fixed hardware that firmware's FADT names. Only the shell's core uses them.
struct Fixed;

impl Ports for Fixed {
    fn read(&mut self, port: u16) -> u16 {
        // SAFETY: a register that firmware names; reading it changes nothing.
        unsafe { Port::new(port).read() }
    }

    fn write(&mut self, port: u16, value: u16) {
        // SAFETY: a status or enable register of events, which are nobody's but Bulkhead's.
        unsafe { Port::new(port).write(value) };
    }

    fn write_byte(&mut self, port: u16, value: u8) {
        // SAFETY: the register and the command that firmware names for ACPI mode, or the enable
        // registers of events.
        unsafe { Port::new(port).write(value) };
    }

    fn wait_us(&mut self, us: u64) {
        tsc::delay_us(us);
    }
}

impl Power {
    /// Remembers what is needed, and has firmware leave the machine's events: it would switch the
    /// machine off at a press of the power button, partitions and all. The SCI's pin is masked.
    #[inline(never)] // off the stack of all that follows
    pub(crate) fn take(_: &Alone, firmware: &Firmware) -> Self {
        let start = tsc::now();
        let mode = firmware.fadt.as_ref();
        let mode = mode.map_or(Mode::Only, |fadt| fadt.enter_acpi_mode(&mut Fixed));
        let us = tsc::us(tsc::now() - start);
        let said = match mode {
            Mode::Only => "there is no mode but ACPI's",
            Mode::Found => "firmware has left ACPI mode on",
            Mode::Entered => "ACPI mode",
            Mode::Refused => "firmware keeps the power button for itself",
        };
        log::info!("power: {said}, after {us} us");
        Self {
            fadt: firmware.fadt,
            sleep: firmware.sleep,
            has_button: mode.is_acpi(),
            was_pressed: false,
            looked: 0,
        }
    }

    /// Has the power button noted while this core looks at it.
    pub(crate) fn note_button(&self, yes: bool) {
        if let Some(fadt) = self.fadt.as_ref().filter(|_| self.has_button) {
            fadt.note_power_button(&mut Fixed, yes);
        }
    }

    /// Whether the power button was pressed since the last call.
    pub(crate) fn take_button(&mut self) -> bool {
        let now = tsc::uptime_ms();
        let Some(fadt) = self.fadt.as_ref().filter(|_| self.has_button) else {
            return false;
        };
        if now < self.looked + BUTTON_MS {
            return false;
        }
        self.looked = now;
        let is_pressed = fadt.take_power_button(&mut Fixed);
        // A status that can't be cleared is told once.
        let is_new = is_pressed && !self.was_pressed;
        self.was_pressed = is_pressed;
        is_new
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
        // The machine is in ACPI mode since its boot, if firmware let it.
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
