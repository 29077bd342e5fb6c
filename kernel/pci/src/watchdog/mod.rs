//! Watchdogs that are reached through a PCI function: a timer that resets the whole machine unless a
//! Linux keeps it from doing so.
//!
//! No reset of the function stops one: it is the chipset's, or a management processor's. So it must
//! be stopped by its own registers at each end of a run of its owner, or the neighbours end with it.
//!
//! Known are Intel's TCO timer (`tco`), that of AMD's and Hygon's chipsets (`fch`), and two that
//! cards have (`card`). What is known of them is from the registers that Linux's drivers use
//! (`drivers/watchdog/`: `iTCO_wdt`, `sp5100_tco`, `i6300esb`, `hpwdt`) and Intel's and AMD's
//! datasheets. Only functions that are known by their IDs are touched.

mod card;
mod fch;
mod tco;

use crate::config::{ConfigSpace, Registers};
use crate::{Address, Function};

/// Memory-mapped registers of chipsets are here and up to 4 GiB, where no PC has RAM. An address that
/// a register names is only believed in it, since a Linux may have written it.
const CHIPSET_MEMORY: u64 = 0xfe00_0000;
const MEMORY_END: u64 = 1 << 32;

/// A register that is not a dword of configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Register {
    /// An I/O port of 8 bits.
    Port8(u16),
    /// An I/O port of 16 bits, at an even address.
    Port16(u16),
    /// 8 bits at a physical address.
    Memory8(u64),
    /// 32 bits at a physical address that is a multiple of 4.
    Memory32(u64),
    /// 8 bits of a function's configuration space, for registers that take no dword.
    Config8(Address, u16),
}

/// Registers that are not dwords of configuration space.
pub trait Platform {
    /// What a register holds, in the low bits; all ones (of its width) where there is none.
    fn get(&self, register: Register) -> u32;
    /// Writes the low bits to a register.
    fn set(&self, register: Register, value: u32);
}

/// What a watchdog is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there, is not answered for, or does not run.
    Halted,
    /// It may count; whether it would reset the machine in the end can't be told, or it would not.
    Counts,
    /// It counts, and resets the machine unless somebody keeps it from it.
    Armed,
}

/// What became of stopping a watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did not run: nothing was written.
    Idle,
    /// It ran, and does not any more.
    Stopped,
    /// It runs on.
    Runs,
}

/// A watchdog, by the function through which it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// The function.
    pub address: Address,
    /// The function's first dword: one that answers with another is not touched.
    identity: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tco(tco::Kind),
    Fch,
    Esb,
    Ilo(card::Ilo),
}

/// The registers of one that answers.
enum Timer<'a> {
    Tco(tco::Tco<'a>),
    Fch(fch::Fch<'a>),
    Esb(card::Esb<'a>),
    Ilo(card::IloTimer<'a>),
}

impl Timer<'_> {
    fn state(&self) -> State {
        match self {
            Self::Tco(timer) => timer.state(),
            Self::Fch(timer) => timer.state(),
            Self::Esb(timer) => timer.state(),
            Self::Ilo(timer) => timer.state(),
        }
    }

    /// Asks it to stop.
    fn halt(&self) {
        match self {
            Self::Tco(timer) => timer.halt(),
            Self::Fch(timer) => timer.halt(),
            Self::Esb(timer) => timer.halt(),
            Self::Ilo(timer) => timer.halt(),
        }
    }
}

impl Watchdog {
    /// The one that is reached by a function, if it is known.
    #[must_use]
    pub fn of(f: &Function) -> Option<Self> {
        let kind = tco::Kind::of(f)
            .map(Kind::Tco)
            .or_else(|| fch::is_one(f).then_some(Kind::Fch))
            .or_else(|| card::is_esb(f).then_some(Kind::Esb))
            .or_else(|| card::Ilo::of(f).map(Kind::Ilo))?;
        Some(Self {
            address: f.address,
            identity: u32::from(f.device_id) << 16 | u32::from(f.vendor),
            kind,
        })
    }

    /// The Linux driver that serves it.
    #[must_use]
    pub const fn driver(&self) -> &'static str {
        match self.kind {
            Kind::Tco(_) => "iTCO_wdt",
            Kind::Fch => "sp5100_tco",
            Kind::Esb => "i6300esb",
            Kind::Ilo(_) => "hpwdt",
        }
    }

    /// Whether it is part of the chipset, and not of a card.
    #[must_use]
    pub const fn is_chipset(&self) -> bool {
        matches!(self.kind, Kind::Tco(_) | Kind::Fch)
    }

    /// What it is doing. Nothing is written, but the index of AMD's indexed ports.
    #[must_use]
    pub fn state(&self, config: &dyn ConfigSpace, platform: &dyn Platform) -> State {
        let timer = self.timer(config, platform);
        timer.map_or(State::Halted, |timer| timer.state())
    }

    /// Stops it, if it runs. Waits for nothing.
    pub fn stop(&self, config: &dyn ConfigSpace, platform: &dyn Platform) -> Outcome {
        let Some(timer) = self.timer(config, platform) else {
            return Outcome::Idle;
        };
        if timer.state() == State::Halted {
            return Outcome::Idle;
        }
        timer.halt();
        match timer.state() {
            State::Halted => Outcome::Stopped,
            State::Counts | State::Armed => Outcome::Runs,
        }
    }

    /// Finds the registers anew each time: where they are is itself in registers, which a Linux or
    /// a reset may have changed.
    fn timer<'a>(
        &self,
        config: &'a dyn ConfigSpace,
        platform: &'a dyn Platform,
    ) -> Option<Timer<'a>> {
        let registers = Registers::new(config, self.address);
        if registers.identity() != Some(self.identity) {
            return None;
        }
        match self.kind {
            Kind::Tco(kind) => kind.find(registers, platform).map(Timer::Tco),
            Kind::Fch => fch::find(registers, platform).map(Timer::Fch),
            Kind::Esb => Some(Timer::Esb(card::Esb::new(self.address, platform))),
            Kind::Ilo(ilo) => ilo.find(registers, platform).map(Timer::Ilo),
        }
    }
}

/// An address in the memory of chipsets.
fn chipset_memory(address: u32) -> Option<u64> {
    let address = u64::from(address);
    (CHIPSET_MEMORY..MEMORY_END)
        .contains(&address)
        .then_some(address)
}
