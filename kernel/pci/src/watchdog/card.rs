//! Watchdogs that are functions of their own: the 6300ESB's, which emulators have, and that of HPE's
//! management processors (iLO).

use super::{Platform, Register, State};
use crate::config::{Registers, high, low};
use crate::register::{BARS, MEMORY_DECODE};
use crate::{Address, BarKind, Function};

/// Whether a function is the 6300ESB's watchdog.
pub(super) fn is_esb(f: &Function) -> bool {
    (f.vendor, f.device_id) == (0x8086, 0x25ab)
}

/// The 6300ESB's registers (Intel 300641, "Watchdog timer").
pub(super) struct Esb<'a> {
    lock: Register,
    platform: &'a dyn Platform,
}

/// WDT lock register. QEMU's does nothing at an access of another width.
const LOCK: u16 = 0x68;
/// It runs. Bit 0 locks that until a reset.
const ENABLE: u32 = 1 << 1;

impl<'a> Esb<'a> {
    pub(super) fn new(address: Address, platform: &'a dyn Platform) -> Self {
        let lock = Register::Config8(address, LOCK);
        Self { lock, platform }
    }

    fn value(&self) -> u32 {
        self.platform.get(self.lock) & 0xff
    }

    pub(super) fn state(&self) -> State {
        let value = self.value();
        if value != 0xff && value & ENABLE != 0 {
            State::Armed
        } else {
            State::Halted
        }
    }

    /// Asks it to stop.
    pub(super) fn halt(&self) {
        self.platform.set(self.lock, self.value() & !ENABLE);
    }
}

const HP: u16 = 0x103c;
const HP_3PAR: u16 = 0x1590;
const COMPAQ: u16 = 0x0e11;
/// Subsystem vendor (low half) and subsystem (PCI §6.2.4).
const SUBSYSTEM: u16 = 0x2c;
/// The BAR with the watchdog's registers, and the timer's control in it.
const ILO_BAR: u8 = 1;
const ILO_CONTROL: u64 = 0x72;
const ILO_RUN: u32 = 1 << 0;

/// HPE's management processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ilo {
    /// The BAR's address, as it was found at boot.
    base: u32,
}

impl Ilo {
    pub(super) fn of(f: &Function) -> Option<Self> {
        let is_one = matches!(
            (f.vendor, f.device_id),
            (COMPAQ, 0xb203) | (HP, 0x3306) | (HP_3PAR, 0x0389)
        );
        let is_meant = |bar: &&crate::Bar| bar.index == ILO_BAR && bar.kind == BarKind::Memory32;
        let bar = is_one.then(|| f.bars.iter().find(is_meant))??;
        let base = bar.address.filter(|_| bar.size > ILO_CONTROL)?;
        Some(Self {
            base: u32::try_from(base).ok()?,
        })
    }

    /// Its timer; `None` if it does not answer where it did at boot, or is none that Linux knows.
    pub(super) fn find<'a>(
        self,
        registers: Registers<'_>,
        platform: &'a dyn Platform,
    ) -> Option<IloTimer<'a>> {
        let subsystem = registers.read(SUBSYSTEM);
        let is_known = match (low(subsystem), high(subsystem)) {
            // An auxiliary one, and one without a watchdog.
            (HP, 0x1979) | (HP_3PAR, 0x0289) => false,
            (vendor, _) => matches!(vendor, HP | HP_3PAR),
        };
        let is_here = registers.command() & MEMORY_DECODE != 0
            && registers.read(BARS + u16::from(ILO_BAR) * 4) & !0xf == self.base;
        let control = Register::Memory8(u64::from(self.base) + ILO_CONTROL);
        let timer = IloTimer { control, platform };
        (is_known && is_here && timer.value() != 0xff).then_some(timer)
    }
}

/// The register of an iLO's timer.
pub(super) struct IloTimer<'a> {
    control: Register,
    platform: &'a dyn Platform,
}

impl IloTimer<'_> {
    fn value(&self) -> u32 {
        self.platform.get(self.control) & 0xff
    }

    pub(super) fn state(&self) -> State {
        if self.value() & ILO_RUN != 0 {
            State::Armed
        } else {
            State::Halted
        }
    }

    /// Asks it to stop.
    pub(super) fn halt(&self) {
        self.platform.set(self.control, self.value() & !ILO_RUN);
    }
}
