//! What a Linux leaves in a core's registers is put back here; `bulkhead_processor` says what.
//!
//! Each core remembers firmware's values when it first comes up, in a record that only it writes. It
//! may be reset by INIT at any instruction: a record counts once its mark is set, and putting back
//! begins anew with each entry.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use bulkhead_processor::cpuid::{Leaf, Output};
use bulkhead_processor::steps::{self, Registers, TSC_ADJUST};
use bulkhead_processor::table::Acknowledgement;
use bulkhead_processor::{BootValues, Features};

use super::{apic, cores, msr, tsc};
use crate::mem::{frames, phys};

/// What one core remembers.
struct Record {
    /// Whether the rest is written. Stored last.
    is_written: AtomicBool,
    saved: UnsafeCell<MaybeUninit<Saved>>,
}

struct Saved {
    boot: BootValues,
    /// The base of this core's time, if it can be moved.
    time: Option<u64>,
}

/// Eight fit a page.
const _: () = assert!(size_of::<Record>() == 512);

// SAFETY: only the core that a record belongs to touches it, and no handler of that core does.
unsafe impl Sync for Record {}

/// One record for each core of the table, in its order.
static RECORDS: AtomicPtr<Record> = AtomicPtr::new(core::ptr::null_mut());

/// Writes that processors refused since boot.
static REFUSED: AtomicU32 = AtomicU32::new(0);

/// Makes room for so many cores; before any of them is started.
pub(super) fn init(cores: usize) {
    let bytes = cores * size_of::<Record>();
    // All zero is a record that is not written.
    let region = frames::take(bytes as u64, "processor state at boot");
    RECORDS.store(phys::pointer(region.start()), Ordering::Release);
}

/// How many writes were refused.
pub(crate) fn refused() -> u32 {
    REFUSED.load(Ordering::Relaxed)
}

/// This core's record.
fn record() -> Option<&'static Record> {
    let records = RECORDS.load(Ordering::Acquire);
    let index = cores::find(apic::id())?;
    (!records.is_null()).then(|| {
        // SAFETY: `init` made one for each core of the table.
        let record = unsafe { records.add(index) };
        // SAFETY: it was zeroed, which is a record, and stays for ever.
        unsafe { &*record }
    })
}

impl Record {
    fn saved(&self) -> Option<&Saved> {
        self.is_written.load(Ordering::Acquire).then(|| {
            // SAFETY: this core's own, which writes it once and has done so.
            let saved = unsafe { &*self.saved.get() };
            // SAFETY: it is written.
            unsafe { saved.assume_init_ref() }
        })
    }

    fn write(&self, saved: Saved) {
        // SAFETY: not written yet, so nobody has a reference; this core's own.
        unsafe { (*self.saved.get()).write(saved) };
        self.is_written.store(true, Ordering::Release);
    }
}

/// The registers of this core.
struct Core;

impl Registers for Core {
    fn read(&mut self, register: u32) -> Option<u64> {
        // SAFETY: 1. `put_back` and `OwnTime` come after the table's load. 2. None of the table's
        // registers, nor of those that say which there are, changes by being read.
        unsafe { msr::read(register) }
    }

    fn write(&mut self, register: u32, value: u64) -> bool {
        // SAFETY: 1. As above. 2. The values are those of the table: what the core had at boot, or
        // what switches a thing off; long mode and no-execute, which the code needs, stay.
        unsafe { msr::write(register, value) }
    }

    fn wait_for(&mut self, what: Acknowledgement) {
        tsc::wait_until(u64::from(what.us), || {
            self.read(what.register)
                .is_some_and(|value| value >> what.bit & 1 == 1)
        });
    }
}

fn features() -> Features {
    let query = |leaf, sub| {
        let answer = core::arch::x86_64::__cpuid_count(leaf, sub);
        [answer.eax, answer.ebx, answer.ecx, answer.edx]
    };
    Features::read(query, |register| Core.read(register))
}

/// The first time on a core: remembers what it has. Each other time: puts that back, and what else a
/// Linux left.
///
/// To be called with Bulkhead's interrupt table loaded and interrupts off, before anything is timed
/// and before the local APIC is set up.
pub(crate) fn put_back() {
    let Some(record) = record() else { return };
    let features = features();
    match record.saved() {
        None => {
            let boot = BootValues::read(&features, |register| Core.read(register));
            let time = boot.get(&features, TSC_ADJUST);
            record.write(Saved { boot, time });
        }
        Some(saved) => {
            let steps = steps::put_back(&features, &saved.boot);
            REFUSED.fetch_add(steps::apply(steps, &mut Core), Ordering::Relaxed);
            reset_break_points();
            if features.has(Leaf::Version, Output::Ecx, XSAVE) {
                reset_states();
            }
        }
    }
}

/// How many registers this core remembers.
pub(crate) fn remembered() -> u32 {
    let saved = record().and_then(Record::saved);
    saved.map_or(0, |saved| saved.boot.count())
}

/// Gives the break points their values after a reset. None is armed any more.
///
/// Source: Intel SDM Vol. 3A, table "IA-32 and Intel 64 Processor States Following Power-up, Reset,
/// or INIT".
fn reset_break_points() {
    const STATUS: u64 = 0xffff_0ff0;
    const CONTROL: u64 = 0x400;
    // SAFETY: Bulkhead uses no break point; these values arm none.
    unsafe {
        core::arch::asm!(
            "mov dr7, {control}",
            "mov dr0, {zero}",
            "mov dr1, {zero}",
            "mov dr2, {zero}",
            "mov dr3, {zero}",
            "mov dr6, {status}",
            control = in(reg) CONTROL,
            status = in(reg) STATUS,
            zero = in(reg) 0u64,
            options(nomem, nostack, preserves_flags),
        );
    }
}

/// CPUID 1: ECX.
const XSAVE: u8 = 26;

/// Leaves only the x87's states enabled, as after a reset.
fn reset_states() {
    use x86_64::registers::control::{Cr4, Cr4Flags};
    let before = Cr4::read();
    // SAFETY: a processor that has the states has the bit, which is as before at once.
    unsafe { Cr4::write(before | Cr4Flags::OSXSAVE) };
    // SAFETY: with the bit set there is the register; no code of Bulkhead uses any of the states.
    unsafe {
        core::arch::asm!(
            "xsetbv",
            in("ecx") 0, in("eax") 1, in("edx") 0,
            options(nomem, nostack, preserves_flags),
        );
    }
    // SAFETY: the value that it had.
    unsafe { Cr4::write(before) };
}

/// While it lives this core's time has the base that it had at boot; then Linux's again.
///
/// For a call of a runtime service, whose times other cores compare with theirs. Linux has interrupts
/// off and sees nothing of it, but perhaps a timer interrupt that comes early: its TSC deadline is
/// compared with the counter as it is.
pub(crate) struct OwnTime {
    linuxs: Option<u64>,
}

/// Takes this core's time from the Linux that called.
pub(crate) fn own_time() -> OwnTime {
    let own = record()
        .and_then(Record::saved)
        .and_then(|saved| saved.time);
    let change = own.and_then(|own| {
        let linuxs = Core.read(TSC_ADJUST).filter(|now| *now != own)?;
        Core.write(TSC_ADJUST, own).then_some(linuxs)
    });
    OwnTime { linuxs: change }
}

impl Drop for OwnTime {
    fn drop(&mut self) {
        if let Some(value) = self.linuxs {
            Core.write(TSC_ADJUST, value);
        }
    }
}
