//! Intel's TCO timer ("total cost of ownership"), of ICH6 to today.
//!
//! It counts down twice, and the second time resets the machine, unless `NO_REBOOT` is set. Where its
//! ports are, the power management base of the LPC bridge tells up to the 9 series (ICH9 datasheet
//! §13.1.9 `PMBASE`, §13.9 TCO registers), and a register of the SMBus controller from the 100 series
//! on (100 series datasheet, vol. 2, `TCOBASE`, `TCOCTL`).
//!
//! Earlier chipsets have no memory-mapped configuration space, so that no partition gets a device
//! there.

use super::{Platform, Register, State, chipset_memory};
use crate::Function;
use crate::config::{Registers, low};

const INTEL: u16 = 0x8086;
/// `TCO_RLD`, the first TCO port: what is left to count. It is 0 where the timer was never started,
/// though it is not halted (QEMU's after a reset).
const COUNT: u16 = 0x3ff;
/// `TCO1_CNT` from the first TCO port.
const CONTROL: u16 = 0x08;
/// `TCO1_CNT`: `TCO_TMR_HLT`, the timer is halted.
const HALT: u16 = 1 << 11;
/// `TCO1_CNT`: `NMI_NOW`, which a one changes.
const NMI_NOW: u16 = 1 << 8;
/// `TCO1_CNT`, from the 300 series on: `NO_REBOOT`.
const CONTROL_NO_REBOOT: u16 = 1 << 0;

/// LPC bridge: `PMBASE`, and the dword with `ACPI_EN`, or on Atoms `PBASE`.
const PMBASE: u16 = 0x40;
const ACPI_CONTROL: u16 = 0x44;
const ACPI_ENABLED: u32 = 1 << 7;
/// The TCO ports from `PMBASE`.
const TCO_OFFSET: u16 = 0x60;
/// LPC bridge: `RCBA`, in which `GCS` is.
const RCBA: u16 = 0xf0;
const RCBA_ENABLED: u32 = 1 << 0;
const GCS: u32 = 0x3410;
/// `GCS`: `NO_REBOOT`.
const GCS_NO_REBOOT: u32 = 1 << 5;
/// Atoms: `PMC_CFG` from `PBASE`, and its `NO_REBOOT`.
const PMC_CFG: u32 = 0x08;
const PMC_NO_REBOOT: u32 = 1 << 4;

/// SMBus controller: `TCOBASE`, `TCOCTL`.
const TCOBASE: u16 = 0x50;
const TCOCTL: u16 = 0x54;
const TCO_ENABLED: u32 = 1 << 8;

/// How a generation tells where its timer is, and whether it may reset the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// LPC bridge; `NO_REBOOT` in `GCS`.
    Lpc,
    /// LPC bridge of an Atom; `NO_REBOOT` in `PMC_CFG`.
    LpcOfAtom,
    /// SMBus controller, 100 and 200 series; `NO_REBOOT` is behind a function that firmware hides.
    Smbus,
    /// SMBus controller, 300 series and later; `NO_REBOOT` in `TCO1_CNT`.
    SmbusWithControl,
}

/// Device IDs of LPC bridges, first and last of each range.
const LPC: [(u16, u16); 22] = [
    (0x2640, 0x2642), // ICH6
    (0x2670, 0x267f), // 631xESB, 632xESB
    (0x27b0, 0x27b0), // ICH7
    (0x27b8, 0x27b9),
    (0x27bc, 0x27bd), // NM10, ICH7-M
    (0x2810, 0x2815), // ICH8
    (0x2912, 0x2919), // ICH9
    (0x3a14, 0x3a1a), // ICH10
    (0x3b00, 0x3b16), // 5 series, 3400
    (0x5031, 0x5031), // EP80579
    (0x1c41, 0x1c5f), // 6 series
    (0x1d40, 0x1d41), // X79, C600
    (0x2310, 0x2310), // DH89xxCC
    (0x2390, 0x2390), // DH895xCC
    (0x1e40, 0x1e5f), // 7 series
    (0x8c40, 0x8c5f), // 8 series
    (0x8cc1, 0x8cc6), // 9 series
    (0x8d40, 0x8d5f), // X99, C610
    (0x9c40, 0x9c47), // 8 series, low power
    (0x9cc1, 0x9cc3), // 9 series, low power
    (0x9cc5, 0x9cc7),
    (0x9cc9, 0x9cc9),
];
/// Those of Atoms: E3800 and Z3700, x5 and x7, C2000.
const ATOMS: [u16; 6] = [0x0f1c, 0x229c, 0x1f38, 0x1f39, 0x1f3a, 0x1f3b];

/// Device IDs of SMBus controllers of the 100 and 200 series and what is built like them.
const SMBUS: [u16; 7] = [
    0xa123, 0x9d23, 0xa1a3, 0xa223, 0xa2a3, 0xa3a3, 0x19df, // 100, C620, 200, Atom C3000
];
/// Of the 300 series and later, in the order of Linux's `i2c-i801`.
const SMBUS_WITH_CONTROL: [u16; 23] = [
    0x18df, 0x1bc9, 0xa323, 0x9da3, 0x34a3, 0x38a3, 0x02a3, 0x06a3, 0x4b23, 0xa0a3, 0x43a3, 0x4da3,
    0x7aa3, 0x51a3, 0x54a3, 0x7a23, 0x7e22, 0xae22, 0x7f23, 0x7722, 0xe322, 0xe422, 0x4d22,
];

impl Kind {
    pub(super) fn of(f: &Function) -> Option<Self> {
        if f.vendor != INTEL {
            return None;
        }
        let id = f.device_id;
        match (f.class, f.subclass) {
            (0x06, 0x01) if ATOMS.contains(&id) => Some(Self::LpcOfAtom),
            (0x06, 0x01) => LPC
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&id))
                .then_some(Self::Lpc),
            (0x0c, 0x05) if SMBUS.contains(&id) => Some(Self::Smbus),
            (0x0c, 0x05) => SMBUS_WITH_CONTROL
                .contains(&id)
                .then_some(Self::SmbusWithControl),
            _ => None,
        }
    }

    /// Its timer; `None` where no ports are decoded for it.
    pub(super) fn find<'a>(
        self,
        registers: Registers<'a>,
        platform: &'a dyn Platform,
    ) -> Option<Tco<'a>> {
        let is_on = |at: u16, bit: u32| registers.read(at) & bit != 0;
        let base = match self {
            Self::Lpc | Self::LpcOfAtom => {
                // An Atom has another register in the place of `ACPI_CNTL`, and `EN` in `PMBASE`.
                let is_enabled = match self {
                    Self::LpcOfAtom => is_on(PMBASE, 1 << 1),
                    _ => is_on(ACPI_CONTROL, ACPI_ENABLED),
                };
                let base = low(registers.read(PMBASE)) & 0xff80;
                (is_enabled && base != 0).then(|| base + TCO_OFFSET)?
            }
            Self::Smbus | Self::SmbusWithControl => {
                let base = low(registers.read(TCOBASE)) & 0xffe0;
                (is_on(TCOCTL, TCO_ENABLED) && base != 0).then_some(base)?
            }
        };
        let timer = Tco {
            kind: self,
            count: Register::Port16(base),
            control: Register::Port16(base + CONTROL),
            registers,
            platform,
        };
        (timer.value() != u16::MAX).then_some(timer)
    }
}

/// The registers of a timer.
pub(super) struct Tco<'a> {
    kind: Kind,
    count: Register,
    control: Register,
    registers: Registers<'a>,
    platform: &'a dyn Platform,
}

impl Tco<'_> {
    fn value(&self) -> u16 {
        low(self.platform.get(self.control))
    }

    /// Whether `NO_REBOOT` is set, where that can be read.
    fn is_harmless(&self) -> Option<bool> {
        let is_set = |base: u32, offset: u32, bit: u32| {
            let at = chipset_memory(base.checked_add(offset)?)?;
            Some(self.platform.get(Register::Memory32(at)) & bit != 0)
        };
        match self.kind {
            Kind::Lpc => {
                let base = self.registers.read(RCBA);
                let is_enabled = base & RCBA_ENABLED != 0;
                is_enabled.then(|| is_set(base & 0xffff_c000, GCS, GCS_NO_REBOOT))?
            }
            Kind::LpcOfAtom => {
                let base = self.registers.read(ACPI_CONTROL) & 0xffff_fe00;
                is_set(base, PMC_CFG, PMC_NO_REBOOT)
            }
            Kind::Smbus => None,
            Kind::SmbusWithControl => Some(self.value() & CONTROL_NO_REBOOT != 0),
        }
    }

    pub(super) fn state(&self) -> State {
        match self.is_harmless() {
            _ if self.value() & HALT != 0 => State::Halted,
            Some(false) if low(self.platform.get(self.count)) & COUNT != 0 => State::Armed,
            _ => State::Counts,
        }
    }

    /// Asks it to stop.
    pub(super) fn halt(&self) {
        let value = self.value() & !NMI_NOW | HALT;
        self.platform.set(self.control, u32::from(value));
    }
}
