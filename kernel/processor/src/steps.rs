//! From what a processor has and had to an ordered list of writes, and carrying it out.

use crate::boot::BootValues;
use crate::cpuid::{Features, Leaf, Output, Vendor};
use crate::presence::Count;
use crate::table::{Acknowledgement, Action, Row, TABLE};

/// The register that moves a core's time-stamp counter.
///
/// Source: Intel SDM Vol. 3B, "`IA32_TSC_ADJUST` MSR".
pub const TSC_ADJUST: u32 = 0x3b;

/// One thing to do with one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write it, whatever it holds.
    Write {
        /// Its number.
        register: u32,
        /// What to write.
        value: u64,
    },
    /// Write it unless it holds that: a write may have costs.
    Restore {
        /// Its number.
        register: u32,
        /// What it is to hold.
        value: u64,
    },
    /// Clear those bits if any of them is set.
    Clear {
        /// Its number.
        register: u32,
        /// Which.
        bits: u64,
    },
    /// Write 0 unless it holds that, and then wait.
    Stop {
        /// Its number.
        register: u32,
        /// For what.
        until: Acknowledgement,
    },
}

impl Step {
    /// The number of the register that is written.
    #[must_use]
    pub const fn register(self) -> u32 {
        match self {
            Self::Write { register, .. }
            | Self::Restore { register, .. }
            | Self::Clear { register, .. }
            | Self::Stop { register, .. } => register,
        }
    }
}

/// What is done with a core that comes back from a Linux, in order: first the time's base, then
/// whatever acts by itself is stopped, then the rest is put back, and last what had been stopped.
pub fn put_back(features: &Features, boot: &BootValues) -> impl Iterator<Item = Step> {
    let pass = move |step: fn(&Row, u32, &Features, &BootValues) -> Option<Step>| {
        TABLE.iter().flat_map(move |row| {
            row.registers(features)
                .filter_map(move |register| step(row, register, features, boot))
        })
    };
    pass(restore_first)
        .chain(pass(stop))
        .chain(pass(reset))
        .chain(pass(restore_stopped))
}

fn restore(register: u32, features: &Features, boot: &BootValues) -> Option<Step> {
    let value = boot.get(features, register)?;
    Some(Step::Restore { register, value })
}

fn restore_first(row: &Row, register: u32, features: &Features, boot: &BootValues) -> Option<Step> {
    (row.action == Action::RestoreFirst)
        .then(|| restore(register, features, boot))
        .flatten()
}

fn stop(row: &Row, register: u32, _: &Features, _: &BootValues) -> Option<Step> {
    match row.action {
        Action::Stop | Action::StopThenRestore => Some(Step::Write { register, value: 0 }),
        Action::StopAndAwait(until) => Some(Step::Stop { register, until }),
        _ => None,
    }
}

fn reset(row: &Row, register: u32, features: &Features, boot: &BootValues) -> Option<Step> {
    match row.action {
        Action::Restore => restore(register, features, boot),
        Action::Rewrite => {
            let value = boot.get(features, register)?;
            Some(Step::Write { register, value })
        }
        Action::Set(value) => Some(Step::Write { register, value }),
        Action::Clear(bits) => Some(Step::Clear { register, bits }),
        Action::AcknowledgeCounters => Some(Step::Write {
            register,
            value: overflows(features),
        }),
        Action::RestoreFirst
        | Action::Stop
        | Action::StopAndAwait(_)
        | Action::StopThenRestore
        | Action::Leave => None,
    }
}

fn restore_stopped(
    row: &Row,
    register: u32,
    features: &Features,
    boot: &BootValues,
) -> Option<Step> {
    (row.action == Action::StopThenRestore)
        .then(|| restore(register, features, boot))
        .flatten()
}

/// The bits of the overflow register that this processor has; any other is a fault.
///
/// Source: Intel SDM Vol. 3B, "`IA32_PERF_GLOBAL_STATUS_RESET` MSR"; AMD APM Vol. 2, "Performance
/// Counter Global Status Clear".
fn overflows(features: &Features) -> u64 {
    const TRACE: u64 = 1 << 55;
    const FROZEN: u64 = 0b11 << 58;
    const STORE: u64 = 1 << 62;
    const CHANGED: u64 = 1 << 63;
    let ones = |count: Count| (1u64 << count.of(features)) - 1;
    if features.vendor() == Vendor::Amd {
        return ones(Count::AmdCounters) | FROZEN;
    }
    let version = features.get(Leaf::Performance, Output::Eax) & 0xff;
    let has_trace = features.has(Leaf::Extended, Output::Ebx, 25);
    let has_store = features.has(Leaf::Version, Output::Edx, 21);
    let optional = [
        (has_trace && version >= 4, TRACE),
        (version >= 4, FROZEN),
        (has_store, STORE),
    ];
    let optional = optional.into_iter().filter(|(is_there, _)| *is_there);
    optional.fold(
        ones(Count::Counters) | ones(Count::FixedCounters) << 32 | CHANGED,
        |bits, (_, bit)| bits | bit,
    )
}

/// The registers of a core.
pub trait Registers {
    /// Reads one; `None` if the processor refuses: a virtual one often has less than it promises.
    fn read(&mut self, register: u32) -> Option<u64>;
    /// Writes one; `false` if the processor refuses.
    fn write(&mut self, register: u32, value: u64) -> bool;
    /// Waits until that is so, or too long.
    fn wait_for(&mut self, what: Acknowledgement);
}

/// Carries the steps out; says how many writes were refused. The rest is done all the same.
pub fn apply(steps: impl Iterator<Item = Step>, registers: &mut impl Registers) -> u32 {
    steps
        .map(|step| u32::from(!carry_out(step, registers)))
        .sum()
}

fn carry_out(step: Step, registers: &mut impl Registers) -> bool {
    match step {
        Step::Write { register, value } => registers.write(register, value),
        Step::Restore { register, value } => {
            registers.read(register) == Some(value) || registers.write(register, value)
        }
        Step::Clear { register, bits } => match registers.read(register) {
            Some(value) => value & bits == 0 || registers.write(register, value & !bits),
            None => false,
        },
        Step::Stop { register, until } => {
            if registers.read(register) == Some(0) {
                return true;
            }
            let is_done = registers.write(register, 0);
            if is_done {
                registers.wait_for(until);
            }
            is_done
        }
    }
}
