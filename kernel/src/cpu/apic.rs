//! The local APIC: who am I, acknowledge, be quiet; [`ipi`]: send to another.
//!
//! The mode (xAPIC registers in memory, or x2APIC as model-specific registers) is read at each
//! use, because a Linux may have changed it on the core that comes back.
//!
//! Source: Intel SDM Vol. 3A, chapter "Advanced Programmable Interrupt Controller (APIC)".

mod id;
mod ipi;

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use bulkhead_processor::apic::{MASKED, is_firmwares, local_vector};

use super::{read_msr, tsc, write_msr};
use crate::layout::vector;
use crate::mem::phys;

pub(crate) use id::id;
pub(crate) use ipi::{reaches, send_doorbell, send_fixed, send_init, send_nmi, send_startup};

const APIC_BASE: u32 = 0x1b;
const BASE_X2APIC: u64 = 1 << 10;
const BASE_ENABLED: u64 = 1 << 11;
const BASE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// x2APIC register of an xAPIC offset: this plus the offset divided by 16.
const X2APIC_MSR: u32 = 0x800;

/// Register offsets (xAPIC).
mod register {
    pub(super) const ID: u32 = 0x20;
    pub(super) const VERSION: u32 = 0x30;
    pub(super) const TASK_PRIORITY: u32 = 0x80;
    pub(super) const EOI: u32 = 0xb0;
    pub(super) const SPURIOUS: u32 = 0xf0;
    pub(super) const IN_SERVICE: u32 = 0x100;
    pub(super) const REQUEST: u32 = 0x200;
    pub(super) const ERROR_STATUS: u32 = 0x280;
    pub(super) const LVT_CMCI: u32 = 0x2f0;
    pub(super) const COMMAND_LOW: u32 = 0x300;
    pub(super) const COMMAND_HIGH: u32 = 0x310;
    pub(super) const LVT_TIMER: u32 = 0x320;
    pub(super) const LVT_THERMAL: u32 = 0x330;
    pub(super) const LVT_PERFORMANCE: u32 = 0x340;
    pub(super) const LVT_LINT0: u32 = 0x350;
    pub(super) const LVT_LINT1: u32 = 0x360;
    pub(super) const LVT_ERROR: u32 = 0x370;
    pub(super) const TIMER_INITIAL: u32 = 0x380;
    pub(super) const TIMER_CURRENT: u32 = 0x390;
    pub(super) const TIMER_DIVIDE: u32 = 0x3e0;
    /// AMD's: how many more entries of the local vector table there are.
    pub(super) const EXTENDED_FEATURES: u32 = 0x400;
    /// AMD's: the first of them.
    pub(super) const EXTENDED_LVT: u32 = 0x500;
}

const SOFTWARE_ENABLE: u32 = 1 << 8;
const PERIODIC: u32 = 1 << 17;
const DIVIDE_BY_16: u32 = 0b0011;

/// Whether firmware had switched to x2APIC before we came.
static X2APIC_AT_BOOT: AtomicBool = AtomicBool::new(false);

/// Of the version register: there are AMD's extended registers.
const HAS_EXTENDED: u32 = 1 << 31;
/// Extended entries that are remembered; processors have four.
const EXTENDED: usize = 4;

/// What firmware had in the boot processor's entries that may be its own: thermal, corrected machine
/// checks, and AMD's extended ones.
static AT_BOOT: [AtomicU32; 2 + EXTENDED] = [const { AtomicU32::new(MASKED) }; 2 + EXTENDED];

static TIMER_TICKS_PER_MS: AtomicU64 = AtomicU64::new(0);

enum Mode {
    Memory(u64),
    Registers,
    Off,
}

fn mode() -> Mode {
    // SAFETY: every processor with long mode has this register.
    let base = unsafe { read_msr(APIC_BASE) };
    if base & BASE_ENABLED == 0 {
        Mode::Off
    } else if base & BASE_X2APIC != 0 {
        Mode::Registers
    } else {
        Mode::Memory(base & BASE_ADDRESS)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each register that is read has 32 bits"
)]
fn read(register: u32) -> u32 {
    match mode() {
        // SAFETY: the register page is mapped uncached; reading these has no side effect.
        Mode::Memory(base) => unsafe {
            phys::pointer::<u32>(base + u64::from(register)).read_volatile()
        },
        // SAFETY: the x2APIC mode has this register.
        Mode::Registers => unsafe { read_msr(X2APIC_MSR + (register >> 4)) as u32 },
        Mode::Off => 0,
    }
}

fn write(register: u32, value: u32) {
    match mode() {
        // SAFETY: the core's own register page; callers write values of the manual.
        Mode::Memory(base) => unsafe {
            phys::pointer::<u32>(base + u64::from(register)).write_volatile(value);
        },
        // SAFETY: as above.
        Mode::Registers => unsafe { write_msr(X2APIC_MSR + (register >> 4), u64::from(value)) },
        Mode::Off => {}
    }
}

/// Makes this core's local APIC ready for Bulkhead: enabled, every local source masked, every
/// priority let through, nothing in service.
pub(crate) fn quiesce() {
    restore_mode();
    write(
        register::SPURIOUS,
        SOFTWARE_ENABLE | u32::from(vector::SPURIOUS),
    );
    mask_local_sources();
    write(register::TASK_PRIORITY, 0);
    acknowledge_all();
}

/// Remembers the mode in which firmware left the boot processor's APIC, and what may be firmware's
/// in it. To be called before [`quiesce`].
pub(crate) fn record() {
    X2APIC_AT_BOOT.store(matches!(mode(), Mode::Registers), Ordering::Relaxed);
    for (entry, at_boot) in entries_of_firmware() {
        at_boot.store(read(entry), Ordering::Relaxed);
    }
}

/// The entries that may be firmware's, of those that this APIC has, each with its value at boot.
fn entries_of_firmware() -> impl Iterator<Item = (u32, &'static AtomicU32)> {
    let version = read(register::VERSION);
    let highest = version >> 16 & 0xff;
    let extended = if version & HAS_EXTENDED == 0 {
        0
    } else {
        read(register::EXTENDED_FEATURES) >> 16 & 0xff
    };
    let (own, more) = AT_BOOT.split_at(2);
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

/// Brings this core's APIC into the mode that firmware chose for the machine: a Linux may have
/// changed it. The way from x2APIC to xAPIC is through "disabled".
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one way through the manual's state diagram"
)]
fn restore_mode() {
    // SAFETY: the register exists, and the transitions are those of the manual's state diagram.
    unsafe {
        let base = read_msr(APIC_BASE);
        let off = base & !(BASE_ENABLED | BASE_X2APIC);
        if X2APIC_AT_BOOT.load(Ordering::Relaxed) {
            if base & BASE_X2APIC == 0 {
                write_msr(APIC_BASE, off | BASE_ENABLED);
                write_msr(APIC_BASE, off | BASE_ENABLED | BASE_X2APIC);
            }
        } else if base & (BASE_ENABLED | BASE_X2APIC) != BASE_ENABLED {
            write_msr(APIC_BASE, off);
            write_msr(APIC_BASE, off | BASE_ENABLED);
        }
    }
}

/// Lets everything that is still pending from the old kernel come now, into our own handlers.
/// To be called with interrupts off, in our interrupt table.
pub(crate) fn drain_pending() {
    for _ in 0..256 {
        if (0..8).all(|word| read(register::REQUEST + word * 0x10) == 0) {
            break;
        }
        x86_64::instructions::interrupts::enable();
        x86_64::instructions::nop();
        x86_64::instructions::interrupts::disable();
    }
}

/// Stops the timer and masks every local vector table entry that this APIC has and firmware does not
/// wait for.
fn mask_local_sources() {
    write(register::LVT_TIMER, MASKED);
    write(register::TIMER_INITIAL, 0);
    let highest = (read(register::VERSION) >> 16) & 0xff;
    write(register::LVT_LINT0, MASKED);
    write(register::LVT_LINT1, MASKED);
    write(register::LVT_ERROR, MASKED);
    if highest >= 4 {
        write(register::LVT_PERFORMANCE, MASKED);
    }
    for (entry, at_boot) in entries_of_firmware() {
        write(entry, local_vector(at_boot.load(Ordering::Relaxed)));
    }
    write(register::ERROR_STATUS, 0);
}

/// Acknowledges all that is in service: a handler of the old kernel never will.
fn acknowledge_all() {
    for _ in 0..256 {
        if (0..8).all(|word| read(register::IN_SERVICE + word * 0x10) == 0) {
            break;
        }
        end_of_interrupt();
    }
}

/// Leaves the local APIC as Linux finds it after a reset: software-disabled, all masked. But an entry
/// that is firmware's would be masked by that, for good: then it is left enabled, as firmware hands it
/// to any Linux.
pub(crate) fn hand_over() {
    mask_local_sources();
    acknowledge_all();
    let has_firmwares =
        entries_of_firmware().any(|(_, at_boot)| is_firmwares(at_boot.load(Ordering::Relaxed)));
    if !has_firmwares {
        write(register::SPURIOUS, u32::from(vector::SPURIOUS));
    }
}

/// Acknowledges the interrupt being handled.
pub(crate) fn end_of_interrupt() {
    write(register::EOI, 0);
}

/// Acknowledges `vector` unless it is one that the APIC does not track (spurious, software, an
/// exception); says whether it was.
pub(crate) fn end_of_interrupt_if_in_service(vector: u8) -> bool {
    let word = read(register::IN_SERVICE + u32::from(vector / 32) * 0x10);
    let is_in_service = word & (1 << (vector % 32)) != 0;
    if is_in_service {
        end_of_interrupt();
    }
    is_in_service
}

/// Measures the timer's rate against the time-stamp counter.
pub(crate) fn calibrate_timer() {
    const MS: u64 = 10;
    write(register::TIMER_DIVIDE, DIVIDE_BY_16);
    write(register::LVT_TIMER, MASKED);
    write(register::TIMER_INITIAL, u32::MAX);
    tsc::delay_us(MS * 1000);
    let passed = u32::MAX - read(register::TIMER_CURRENT);
    write(register::TIMER_INITIAL, 0);
    TIMER_TICKS_PER_MS.store((u64::from(passed) / MS).max(1), Ordering::Relaxed);
}

/// Stops this core's tick.
pub(crate) fn stop_timer() {
    write(register::LVT_TIMER, MASKED);
    write(register::TIMER_INITIAL, 0);
}

/// Starts a tick on this core: that vector every `us` microseconds.
pub(crate) fn start_timer(number: u8, us: u64) {
    let ticks = TIMER_TICKS_PER_MS.load(Ordering::Relaxed) * us / 1000;
    write(register::TIMER_DIVIDE, DIVIDE_BY_16);
    write(register::LVT_TIMER, PERIODIC | u32::from(number));
    write(
        register::TIMER_INITIAL,
        u32::try_from(ticks).unwrap_or(u32::MAX).max(1),
    );
}
