//! What a Linux leaves in a processor's registers, and how it is put back.
//!
//! An INIT clears what a program computes with, but hardly any model-specific register; and a core
//! that comes by ResetSystem had no INIT at all. What a Linux set there would act on Bulkhead and on
//! the next Linux: a trace that goes on writing to RAM that has another owner, counters that raise
//! interrupts, a time-stamp counter with another base.
//!
//! * [`cpuid`]: what the processor says of itself, as [`Features`].
//! * [`presence`]: which registers it has.
//! * [`mod@table`]: the registers one by one, and what becomes of each.
//! * [`boot`]: what a core had in them when it first came up.
//! * [`steps`]: from both to an ordered list of writes, and carrying it out.
//! * [`apic`]: whom an interrupt can be sent to, and what is firmware's in a local APIC.
//! * [`local`]: a local APIC made ready and handed over.
//! * [`rate`]: how fast a counter counts.
//! * [`mtrr`], [`gate`]: the registers of memory types; entries of interrupt tables.
//!
//! Nothing here touches a processor: the caller reads and writes ([`steps::Registers`]).
#![no_std]
#![forbid(unsafe_code)]

pub mod apic;
pub mod boot;
pub mod cpuid;
pub mod gate;
pub mod local;
pub mod mtrr;
pub mod presence;
pub mod rate;
pub mod steps;
pub mod table;

pub use boot::BootValues;
pub use cpuid::Features;
