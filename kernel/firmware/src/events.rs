//! ACPI's fixed hardware as far as it raises events: whose they are, and the power button.
//!
//! A machine starts in *legacy mode*: what it has to tell goes to firmware, by SMI, and firmware acts:
//! on a press of the power button most switch the machine off at once, whatever runs. Firmware leaves
//! the registers alone for good when it is told once, by the boot processor, that an operating system
//! is there (ACPI §4.8.2.5; FADT's `SMI_CMD` and `ACPI_ENABLE`, §5.2.9; §16.3.1): *ACPI mode*. From
//! then on events raise the SCI, an interrupt, which stays masked here: the button is asked for.

use crate::Fadt;

/// The power button's bit in PM1's status and enable registers (ACPI §4.8.3.1.1).
const POWER_BUTTON: u16 = 1 << 8;
/// `SCI_EN` in PM1's control register (ACPI §4.8.3.2.1): ACPI mode.
const SCI_ENABLED: u16 = 1;
/// What a port reads as that nobody has.
const NOBODY: u16 = u16::MAX;
/// Longest wait for firmware to consent, and between two looks. ACPICA's is as long.
const PATIENCE_US: u64 = 3_000_000;
const STEP_US: u64 = 100;

// What runs after the boot must be inlined into the kernel, since the code of this crate is given up
// then; `make depth` fails if it is not.

/// I/O ports, as this module sees them.
pub trait Ports {
    /// Reads a word.
    fn read(&mut self, port: u16) -> u16;
    /// Writes a word.
    fn write(&mut self, port: u16, value: u16);
    /// Writes a byte.
    fn write_byte(&mut self, port: u16, value: u8);
    /// Returns after at least `us` microseconds.
    fn wait_us(&mut self, us: u64);
}

/// Where events are told and enabled. A port of 0 is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// PM1a's status and enable register, then PM1b's.
    pub pm1: [[u16; 2]; 2],
    /// The first of the enable registers of each block of general-purpose events, and how many bytes
    /// these are.
    pub general: [(u16, u8); 2],
    /// PM1 has the power button: it is neither a device of the DSDT nor missing.
    pub has_power_button: bool,
}

/// Whose the events are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The machine knows no other mode than ACPI's.
    Only,
    /// It was in ACPI mode already.
    Found,
    /// Firmware has left the registers.
    Entered,
    /// Firmware did not: they stay its own.
    Refused,
}

impl Mode {
    /// Whether the registers are firmware's no longer.
    #[must_use]
    pub fn is_acpi(self) -> bool {
        self != Self::Refused
    }
}

impl Fadt {
    /// Has firmware leave the registers of events, and turns all of these off. To be called on the boot
    /// processor, with the SCI masked.
    pub fn enter_acpi_mode(&self, ports: &mut impl Ports) -> Mode {
        let mode = self.ask_for_acpi_mode(ports);
        if mode.is_acpi() {
            for [status, enable] in self.pm1() {
                ports.write(enable, 0);
                // The press that switched the machine on.
                ports.write(status, POWER_BUTTON);
            }
            for (first, count) in self.events.general {
                (first..)
                    .take(count.into())
                    .for_each(|port| ports.write_byte(port, 0));
            }
        }
        mode
    }

    fn ask_for_acpi_mode(&self, ports: &mut impl Ports) -> Mode {
        if self.smi_command == 0 || self.acpi_enable == 0 || self.pm1a_control == 0 {
            return Mode::Only;
        }
        let is_acpi = |ports: &mut _| Ports::read(ports, self.pm1a_control) & SCI_ENABLED != 0;
        if is_acpi(ports) {
            return Mode::Found;
        }
        ports.write_byte(self.smi_command, self.acpi_enable);
        for _ in 0..PATIENCE_US / STEP_US {
            if is_acpi(ports) {
                return Mode::Entered;
            }
            ports.wait_us(STEP_US);
        }
        Mode::Refused
    }

    /// Has presses of the power button noted, or no longer: a status that is noted and enabled holds the
    /// SCI's line. Some machines note none that is not enabled.
    #[inline(always)]
    pub fn note_power_button(&self, ports: &mut impl Ports, yes: bool) {
        if self.events.has_power_button {
            for [_, enable] in self.pm1() {
                ports.write(enable, if yes { POWER_BUTTON } else { 0 });
            }
        }
    }

    /// Whether a press was noted; then it is no longer. In ACPI mode only.
    #[inline(always)]
    pub fn take_power_button(&self, ports: &mut impl Ports) -> bool {
        let mut is_pressed = false;
        if self.events.has_power_button {
            for [status, _] in self.pm1() {
                let found = ports.read(status);
                if found != NOBODY && found & POWER_BUTTON != 0 {
                    // Ones clear, and nothing else is to be.
                    ports.write(status, POWER_BUTTON);
                    is_pressed = true;
                }
            }
        }
        is_pressed
    }

    /// The registers that are there.
    fn pm1(&self) -> impl Iterator<Item = [u16; 2]> {
        self.events
            .pm1
            .into_iter()
            .filter(|[status, _]| *status != 0)
    }
}
