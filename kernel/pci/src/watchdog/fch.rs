//! The watchdog of AMD's chipsets, from the SP5100 on, and of Hygon's.
//!
//! Two registers in memory, control and count (AMD 45482, SB800 register reference, "Watchdog Timer
//! registers"). Where they are stands in the power management registers: behind a pair of ports, or
//! from the Zen processors on in memory.

use super::{Platform, Register, State, chipset_memory};
use crate::Function;
use crate::config::{Registers, high, low};
use crate::register::CLASS;

const ATI: u16 = 0x1002;
const AMD: u16 = 0x1022;
const HYGON: u16 = 0x1d94;
/// SMBus controllers: SB600 to SB900, Hudson-2, and those since.
const SBX00: u16 = 0x4385;
const HUDSON2: u16 = 0x780b;
const KERNCZ: u16 = 0x790b;

/// Index and data of the power management registers.
const PM_INDEX: Register = Register::Port8(0xcd6);
const PM_DATA: Register = Register::Port8(0xcd7);
/// The same in memory.
const PM_MEMORY: u64 = 0xfed8_0300;

/// Newer chips: `DECODEEN`, and in it `WDT_TMREN`, without which the timer stands still.
const DECODE: u8 = 0x00;
const TIMER_DECODED: u32 = 1 << 7;
/// Where the watchdog is in those.
const WATCHDOG: u32 = 0xfeb0_0000;

/// SB800: the watchdog's base, with its decode enable in bit 0.
const SB800_BASE: u8 = 0x48;
/// SP5100: the watchdog's base; its decode enable is in configuration space, in byte 0x41.
const SP5100_BASE: u8 = 0x6c;
const SP5100_MISC: u16 = 0x40;
const SP5100_DECODED: u32 = 1 << 11;

/// Control: it runs; it has fired, which a one clears; it is disabled by hardware; begin anew.
const RUN: u32 = 1 << 0;
const FIRED: u32 = 1 << 1;
const DISABLED: u32 = 1 << 3;
const TRIGGER: u32 = 1 << 7;

/// Whether a function is the SMBus controller of such a chipset.
pub(super) fn is_one(f: &Function) -> bool {
    matches!(
        (f.vendor, f.device_id),
        (ATI, SBX00) | (AMD, HUDSON2 | KERNCZ) | (HYGON, KERNCZ)
    )
}

/// Its timer; `None` where no memory is decoded for it.
pub(super) fn find<'a>(registers: Registers<'_>, platform: &'a dyn Platform) -> Option<Fch<'a>> {
    let id = registers.identity()?;
    let (vendor, device) = (low(id), high(id));
    // The revision is the lowest byte.
    let revision = registers.read(CLASS) & 0xff;
    let read = |index: u8| {
        platform.set(PM_INDEX, u32::from(index));
        platform.get(PM_DATA) & 0xff
    };
    let base_at = |index: u8| {
        (0..4)
            .rev()
            .fold(0, |base, at| base << 8 | read(index + at))
    };
    let new = |decode: u32| (decode & TIMER_DECODED != 0).then_some(WATCHDOG);
    let base = match (vendor, device) {
        (ATI, _) if revision < 0x40 => {
            let is_decoded = registers.read(SP5100_MISC) & SP5100_DECODED != 0;
            is_decoded.then(|| base_at(SP5100_BASE) & !7)?
        }
        (AMD | HYGON, KERNCZ) if revision >= 0x51 => {
            new(platform.get(Register::Memory32(PM_MEMORY)))?
        }
        (AMD | HYGON, KERNCZ) if revision >= 0x49 => new(read(DECODE))?,
        (AMD | HYGON, HUDSON2) if revision >= 0x41 => new(read(DECODE))?,
        _ => {
            let base = base_at(SB800_BASE);
            (base & 1 != 0).then_some(base & !7)?
        }
    };
    let control = Register::Memory32(chipset_memory(base & !3)?);
    let timer = Fch { control, platform };
    (timer.value() != u32::MAX).then_some(timer)
}

/// The registers of a timer.
pub(super) struct Fch<'a> {
    control: Register,
    platform: &'a dyn Platform,
}

impl Fch<'_> {
    fn value(&self) -> u32 {
        self.platform.get(self.control)
    }

    pub(super) fn state(&self) -> State {
        if self.value() & (RUN | DISABLED) == RUN {
            State::Armed
        } else {
            State::Halted
        }
    }

    /// Asks it to stop.
    pub(super) fn halt(&self) {
        let value = self.value() & !(RUN | FIRED | TRIGGER);
        self.platform.set(self.control, value);
    }
}
