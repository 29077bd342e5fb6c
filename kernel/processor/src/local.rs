//! A core's local APIC made ready for Bulkhead, and handed over, through its [`Registers`].
//!
//! Source: Intel SDM Vol. 3A, chapter "Advanced Programmable Interrupt Controller (APIC)".

use core::sync::atomic::{AtomicU32, Ordering};

use crate::apic::{MASKED, Mode, is_firmwares, local_vector};
use crate::rate::{self, Reference};

/// Offsets of registers, as xAPIC has them.
pub mod register {
    #![expect(missing_docs, reason = "named as in the manual")]
    pub const ID: u32 = 0x20;
    pub const VERSION: u32 = 0x30;
    pub const TASK_PRIORITY: u32 = 0x80;
    pub const EOI: u32 = 0xb0;
    pub const SPURIOUS: u32 = 0xf0;
    pub const IN_SERVICE: u32 = 0x100;
    pub const REQUEST: u32 = 0x200;
    pub const ERROR_STATUS: u32 = 0x280;
    pub const LVT_CMCI: u32 = 0x2f0;
    pub const COMMAND_LOW: u32 = 0x300;
    pub const COMMAND_HIGH: u32 = 0x310;
    pub const LVT_TIMER: u32 = 0x320;
    pub const LVT_THERMAL: u32 = 0x330;
    pub const LVT_PERFORMANCE: u32 = 0x340;
    pub const LVT_LINT0: u32 = 0x350;
    pub const LVT_LINT1: u32 = 0x360;
    pub const LVT_ERROR: u32 = 0x370;
    pub const TIMER_INITIAL: u32 = 0x380;
    pub const TIMER_CURRENT: u32 = 0x390;
    pub const TIMER_DIVIDE: u32 = 0x3e0;
    /// AMD's: how many more entries of the local vector table there are.
    pub const EXTENDED_FEATURES: u32 = 0x400;
    /// AMD's: the first of them.
    pub const EXTENDED_LVT: u32 = 0x500;
}

const BASE_X2APIC: u64 = 1 << 10;
const BASE_ENABLED: u64 = 1 << 11;
const BASE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// x2APIC register of an xAPIC offset: this plus the offset divided by 16.
const X2APIC_MSR: u32 = 0x800;

const SOFTWARE_ENABLE: u32 = 1 << 8;
const PERIODIC: u32 = 1 << 17;
const DIVIDE_BY_16: u32 = 0b0011;
/// Of the version register: there are AMD's extended registers.
const HAS_EXTENDED: u32 = 1 << 31;
/// Extended entries that are remembered; processors have four.
const EXTENDED: usize = 4;
/// Vectors, and so the most that can be pending or in service.
const VECTORS: u32 = 256;

/// The registers of the local APIC of the core that this runs on. One that is off reads as zero.
pub trait Registers {
    /// Reads one of [`register`].
    fn read(&self, register: u32) -> u32;
    /// Writes one.
    fn write(&self, register: u32, value: u32);
}

/// How a local APIC is reached at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// At this physical address.
    Memory(u64),
    /// By model-specific registers ([`msr`]).
    Registers,
    /// Not at all.
    Off,
}

impl Reached {
    /// As `IA32_APIC_BASE` says.
    #[must_use]
    pub const fn by(base: u64) -> Self {
        if base & BASE_ENABLED == 0 {
            Self::Off
        } else if base & BASE_X2APIC != 0 {
            Self::Registers
        } else {
            Self::Memory(base & BASE_ADDRESS)
        }
    }

    /// The mode, unless it is off.
    #[must_use]
    pub const fn mode(self) -> Option<Mode> {
        match self {
            Self::Memory(_) => Some(Mode::Memory),
            Self::Registers => Some(Mode::Registers),
            Self::Off => None,
        }
    }
}

/// The model-specific register that an offset is in x2APIC mode.
#[must_use]
pub const fn msr(register: u32) -> u32 {
    X2APIC_MSR + (register >> 4)
}

/// What is written to `IA32_APIC_BASE`, which is `base`, one after the other, to bring the APIC into
/// that mode: none if it is. The way from x2APIC to xAPIC is through "disabled".
pub fn into_mode(base: u64, mode: Mode) -> impl Iterator<Item = u64> {
    let off = base & !(BASE_ENABLED | BASE_X2APIC);
    let xapic = off | BASE_ENABLED;
    let steps = match (mode, base & (BASE_ENABLED | BASE_X2APIC)) {
        (Mode::Registers, now) if now & BASE_X2APIC == 0 => {
            [Some(xapic), Some(xapic | BASE_X2APIC)]
        }
        (Mode::Memory, now) if now != BASE_ENABLED => [Some(off), Some(xapic)],
        _ => [None, None],
    };
    steps.into_iter().flatten()
}

/// What firmware had in the boot processor's entries that may be its own: thermal, corrected machine
/// checks, and AMD's extended ones. Written once; any core reads it.
#[derive(Debug)]
pub struct AtBoot([AtomicU32; 2 + EXTENDED]);

impl AtBoot {
    /// Nothing is firmware's.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is for a static")]
    pub const fn new() -> Self {
        Self([const { AtomicU32::new(MASKED) }; 2 + EXTENDED])
    }

    /// Remembers what may be firmware's. To be called on the boot processor, before anything else.
    pub fn record(&self, apic: &impl Registers) {
        for (entry, at_boot) in self.entries(apic) {
            at_boot.store(apic.read(entry), Ordering::Relaxed);
        }
    }

    /// The entries that may be firmware's, of those that this APIC has, each with its value at boot.
    fn entries(&self, apic: &impl Registers) -> impl Iterator<Item = (u32, &AtomicU32)> {
        let version = apic.read(register::VERSION);
        let highest = highest_entry(version);
        let extended = if version & HAS_EXTENDED == 0 {
            0
        } else {
            apic.read(register::EXTENDED_FEATURES) >> 16 & 0xff
        };
        let (own, more) = self.0.split_at(2);
        [(register::LVT_THERMAL, 5), (register::LVT_CMCI, 6)]
            .into_iter()
            .zip(own)
            .filter(move |((_, least), _)| highest >= *least)
            .map(|((entry, _), at_boot)| (entry, at_boot))
            .chain(
                (0..extended)
                    .zip(more)
                    .map(|(number, at_boot)| (register::EXTENDED_LVT + number * 0x10, at_boot)),
            )
    }

    /// Makes this core's local APIC ready for Bulkhead: enabled, every local source masked, every
    /// priority let through, nothing in service. In that mode already.
    pub fn quiesce(&self, apic: &impl Registers, spurious: u8) {
        apic.write(register::SPURIOUS, SOFTWARE_ENABLE | u32::from(spurious));
        self.mask_local_sources(apic);
        apic.write(register::TASK_PRIORITY, 0);
        acknowledge_all(apic);
    }

    /// Stops the timer and masks every local vector table entry that this APIC has and firmware does
    /// not wait for.
    fn mask_local_sources(&self, apic: &impl Registers) {
        stop_timer(apic);
        apic.write(register::LVT_LINT0, MASKED);
        apic.write(register::LVT_LINT1, MASKED);
        apic.write(register::LVT_ERROR, MASKED);
        if highest_entry(apic.read(register::VERSION)) >= 4 {
            apic.write(register::LVT_PERFORMANCE, MASKED);
        }
        for (entry, at_boot) in self.entries(apic) {
            apic.write(entry, local_vector(at_boot.load(Ordering::Relaxed)));
        }
        apic.write(register::ERROR_STATUS, 0);
    }

    /// Leaves the local APIC as Linux finds it after a reset: software-disabled, all masked. But an
    /// entry that is firmware's would be masked by that, for good: then it is left enabled, as
    /// firmware hands it to any Linux.
    pub fn hand_over(&self, apic: &impl Registers, spurious: u8) {
        self.mask_local_sources(apic);
        acknowledge_all(apic);
        let mut entries = self.entries(apic);
        if !entries.any(|(_, at_boot)| is_firmwares(at_boot.load(Ordering::Relaxed))) {
            apic.write(register::SPURIOUS, u32::from(spurious));
        }
    }
}

/// The number of the last entry of the local vector table.
const fn highest_entry(version: u32) -> u32 {
    version >> 16 & 0xff
}

/// Whether any of the 256 bits from a register on is set.
fn any(apic: &impl Registers, first: u32) -> bool {
    (0..VECTORS / 32).any(|word| apic.read(first + word * 0x10) != 0)
}

/// Has `let_come` deliver what is still pending, until nothing is; bounded, since more may come.
pub fn drain_pending(apic: &impl Registers, mut let_come: impl FnMut()) {
    for _ in 0..VECTORS {
        if !any(apic, register::REQUEST) {
            break;
        }
        let_come();
    }
}

/// Acknowledges all that is in service: a handler of the old kernel never will.
fn acknowledge_all(apic: &impl Registers) {
    for _ in 0..VECTORS {
        if !any(apic, register::IN_SERVICE) {
            break;
        }
        end_of_interrupt(apic);
    }
}

/// Acknowledges the interrupt being handled.
pub fn end_of_interrupt(apic: &impl Registers) {
    apic.write(register::EOI, 0);
}

/// Acknowledges `vector` unless it is one that the APIC does not track (spurious, software, an
/// exception); says whether it was.
pub fn end_of_interrupt_if_in_service(apic: &impl Registers, vector: u8) -> bool {
    let word = apic.read(register::IN_SERVICE + u32::from(vector / 32) * 0x10);
    let is_in_service = word & (1 << (vector % 32)) != 0;
    if is_in_service {
        end_of_interrupt(apic);
    }
    is_in_service
}

/// The timer's ticks per millisecond; 1 if it stands still.
pub fn measure_timer(apic: &impl Registers, reference: &mut impl Reference) -> u64 {
    apic.write(register::TIMER_DIVIDE, DIVIDE_BY_16);
    apic.write(register::LVT_TIMER, MASKED);
    apic.write(register::TIMER_INITIAL, u32::MAX);
    let passed = || u64::from(u32::MAX - apic.read(register::TIMER_CURRENT));
    let rate = rate::per_ms(reference, passed);
    apic.write(register::TIMER_INITIAL, 0);
    rate.unwrap_or(1)
}

/// Stops the timer.
pub fn stop_timer(apic: &impl Registers) {
    apic.write(register::LVT_TIMER, MASKED);
    apic.write(register::TIMER_INITIAL, 0);
}

/// Starts a tick of that vector that comes every `ticks` of the timer, or as seldom as it can.
pub fn start_timer(apic: &impl Registers, vector: u8, ticks: u64) {
    apic.write(register::TIMER_DIVIDE, DIVIDE_BY_16);
    apic.write(register::LVT_TIMER, PERIODIC | u32::from(vector));
    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
    apic.write(register::TIMER_INITIAL, ticks);
}
