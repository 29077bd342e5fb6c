//! Reset and power-off of the whole machine, and its power button, by what the tables say.
//!
//! Source: ACPI 6.5 §4.8.3.6 (reset register), §4.8.3.2 (PM1 control), §16.1 (sleeping), §4.8.2.5 (ACPI
//! mode).

// Most of it runs after the boot, when this crate's own code is given up, and so is inlined into the kernel;
// `make depth` fails if it is not.

use crate::{AddressSpace, Fadt, Firmware, Mode, Ports, SleepS5};

const SLEEP_ENABLE: u16 = 1 << 13;
const SLEEP_TYPE_SHIFT: u32 = 10;
const SLEEP_TYPE_MASK: u16 = 0b111 << SLEEP_TYPE_SHIFT;
/// Longest wait for the machine to do it, in microseconds.
const PATIENCE_US: u64 = 500_000;
/// Between two looks at the power button, in milliseconds.
const BUTTON_MS: u64 = 100;
/// The reset control register of PC chipsets, and a full reset.
const RESET_CONTROL: (u16, u8) = (0xcf9, 0x06);
/// The keyboard controller's command port, and a pulse on the reset line.
const KEYBOARD_RESET: (u16, u8) = (0x64, 0xfe);

/// What is needed of a machine's tables for its end, and its power button.
#[derive(Debug)]
pub struct Power {
    fadt: Option<Fadt>,
    sleep: Option<SleepS5>,
    /// The power button is not firmware's.
    has_button: bool,
    /// At the last look it was pressed; when the next one is due.
    was_pressed: bool,
    next_look: u64,
}

impl Power {
    /// Has firmware leave the machine's events: it would switch the machine off at a press of the power
    /// button, partitions and all. To be called on the boot processor, with the SCI masked.
    pub fn take(firmware: &Firmware, ports: &mut impl Ports) -> (Self, Mode) {
        let mode = firmware.fadt.as_ref();
        let mode = mode.map_or(Mode::Only, |fadt| fadt.enter_acpi_mode(ports));
        let power = Self {
            fadt: firmware.fadt,
            sleep: firmware.sleep,
            has_button: mode.is_acpi(),
            was_pressed: false,
            next_look: 0,
        };
        (power, mode)
    }

    /// Has the power button noted while somebody looks at it.
    #[inline(always)]
    pub fn note_button(&self, ports: &mut impl Ports, yes: bool) {
        if let Some(fadt) = self.fadt.as_ref().filter(|_| self.has_button) {
            fadt.note_power_button(ports, yes);
        }
    }

    /// Whether the power button was pressed since the last call; it is looked at ten times a second.
    /// `now` is in milliseconds.
    #[inline(always)]
    pub fn take_button(&mut self, ports: &mut impl Ports, now: u64) -> bool {
        let Some(fadt) = self.fadt.as_ref().filter(|_| self.has_button) else {
            return false;
        };
        if now < self.next_look {
            return false;
        }
        self.next_look = now.saturating_add(BUTTON_MS);
        let is_pressed = fadt.take_power_button(ports);
        // A status that can't be cleared is told once.
        let is_new = is_pressed && !self.was_pressed;
        self.was_pressed = is_pressed;
        is_new
    }

    /// Resets the machine; returns, with why, only if that failed. `to_memory` writes a byte to a physical
    /// address.
    #[inline(always)]
    pub fn reset(&self, ports: &mut impl Ports, to_memory: impl FnOnce(u64, u8)) -> &'static str {
        if let Some(register) = self.fadt.as_ref().and_then(|fadt| fadt.reset.as_ref()) {
            match (register.space, u16::try_from(register.address)) {
                (AddressSpace::Io, Ok(port)) => ports.write_byte(port, register.value),
                (AddressSpace::Memory, _) => to_memory(register.address, register.value),
                _ => {}
            }
            ports.wait_us(PATIENCE_US);
        }
        for (port, value) in [RESET_CONTROL, KEYBOARD_RESET] {
            ports.write_byte(port, value);
            ports.wait_us(PATIENCE_US);
        }
        "neither the ACPI reset register nor port 0xcf9 nor the keyboard controller did it"
    }

    /// What the tables say of how the machine is powered off.
    #[inline(always)]
    fn way_off(&self) -> Result<(&Fadt, SleepS5), &'static str> {
        let fadt = self.fadt.as_ref();
        let fadt = fadt.ok_or("firmware has no FADT, which would name the register")?;
        let sleep = self
            .sleep
            .ok_or("firmware's tables have no \\_S5 package, which would name the value")?;
        if fadt.pm1a_control == 0 {
            return Err("firmware's FADT names no PM1a control register");
        }
        Ok((fadt, sleep))
    }

    /// Why the machine can't be powered off, if the tables don't say how.
    #[inline(always)]
    pub fn lacks_off(&self) -> Option<&'static str> {
        self.way_off().err()
    }

    /// Powers the machine off; returns, with why, only if that failed.
    #[inline(always)]
    pub fn off(&self, ports: &mut impl Ports) -> &'static str {
        let (fadt, sleep) = match self.way_off() {
            Ok(way) => way,
            Err(why) => return why,
        };
        // The machine is in ACPI mode since its boot, if firmware let it.
        let registers = [
            (fadt.pm1a_control, sleep.type_a),
            (fadt.pm1b_control, sleep.type_b),
        ];
        for (port, sleep_type) in registers.into_iter().filter(|(port, _)| *port != 0) {
            let value = (ports.read(port) & !SLEEP_TYPE_MASK)
                | (u16::from(sleep_type) << SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK);
            // Without the enabling bit nothing happens yet.
            ports.write(port, value);
            ports.write(port, value | SLEEP_ENABLE);
        }
        ports.wait_us(PATIENCE_US);
        "the machine ignored the write to its PM1a control register"
    }
}
