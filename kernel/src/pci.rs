//! Configuration space of PCI functions through ECAM (PCI Express enhanced configuration).
//!
//! The legacy pair of ports 0xcf8/0xcfc is never used: all Linuxes would share it. A function is
//! only touched by the core that owns it at that moment: Bulkhead's own before its first launch,
//! its partition's boot core or whoever ends that partition afterwards.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};

use bulkhead_pci::{
    Address, Answer, Bus, Clock, ConfigSpace, EcamRange, Function, Progress, leftover,
};
use spin::Once;

use crate::boot::Alone;
use crate::console::{print, println, screen};
use crate::cpu::tsc;
use crate::layout::MAX_FUNCTIONS;
use crate::mem::{paging, phys};

/// Bytes of configuration space of a function.
const FUNCTION_BYTES: u16 = 4096;
/// What a read of nothing gives.
const ABSENT: u32 = u32::MAX;

/// Those that are mapped.
static RANGES: Once<Vec<EcamRange>> = Once::new();
/// How many are not.
static BEYOND: AtomicUsize = AtomicUsize::new(0);
/// How many functions [`count`] found.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// How many of them [`scan`] left out.
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// The machine's configuration space, once [`find`] was called. Having one proves that what is done
/// with it disturbs nobody.
pub(crate) struct Ecam<'a>(PhantomData<&'a Alone>);

impl<'a> Ecam<'a> {
    /// As long as no partition runs, all functions are Bulkhead's.
    pub(crate) const fn before_launches(_: &'a Alone) -> Self {
        Self(PhantomData)
    }
}

impl Ecam<'static> {
    /// For the functions of a partition between two of its runs.
    ///
    /// # Safety
    /// 1. Only functions of that one partition are touched.
    /// 2. No core runs its Linux, and no other core touches its functions meanwhile.
    pub(crate) const unsafe fn of_partition() -> Self {
        Self(PhantomData)
    }

    /// For a function that Bulkhead drives itself.
    ///
    /// # Safety
    /// 1. Only functions are touched that no partition has which runs, and the bridges above them.
    /// 2. This is the shell's core, which alone launches partitions.
    pub(crate) const unsafe fn of_nobody() -> Self {
        Self(PhantomData)
    }
}

impl Ecam<'_> {
    /// Where a dword of configuration space is, if it is mapped.
    pub(crate) fn register(address: Address, offset: u16) -> Option<*mut u32> {
        let Address {
            segment,
            bus,
            device,
            function,
        } = address;
        let ranges = RANGES.get()?.iter();
        let base = ranges
            .filter(|range| range.segment == segment)
            .find_map(|range| range.function_address(bus, device, function))?;
        let is_register = offset < FUNCTION_BYTES && offset.is_multiple_of(4);
        is_register.then(|| phys::pointer(base + u64::from(offset)))
    }
}

impl ConfigSpace for Ecam<'_> {
    fn read(&self, address: Address, offset: u16) -> u32 {
        Self::register(address, offset).map_or(ABSENT, |register| {
            // SAFETY: an aligned register inside a range by the contract of `find`, mapped
            // uncached; no register of the standard headers and capabilities changes by a read.
            unsafe { register.read_volatile() }
        })
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        if let Some(register) = Self::register(address, offset) {
            // SAFETY: as above. The function is in use by nobody else, as `self` proves, and what
            // `bulkhead-pci` writes keeps a device from memory or gives it back the addresses that
            // it had.
            unsafe { register.write_volatile(value) };
        }
    }
}

impl Clock for Ecam<'_> {
    fn wait_us(&self, us: u64) {
        tsc::wait_until(us, || false);
    }
}

/// Says where configuration space is, and maps what of it lies above all RAM.
///
/// # Safety
/// 1. The ranges are those of firmware's MCFG, in which there are registers and no RAM.
/// 2. To be called once, on the boot processor, before any other core is started.
pub(crate) unsafe fn find(ranges: &[EcamRange]) {
    let mut mapped = Vec::with_capacity(ranges.len());
    // SAFETY: by the caller's contract, and the page tables are active, since firmware's tables were
    // read by them.
    let map = |region| unsafe { paging::map_registers(region) };
    mapped.extend(
        ranges
            .iter()
            .filter(|range| range.region().is_some_and(map)),
    );
    BEYOND.store(ranges.len() - mapped.len(), Ordering::Relaxed);
    RANGES.call_once(|| mapped);
}

/// How many of firmware's ranges of configuration space lie where no page table leads.
pub(crate) fn beyond() -> usize {
    BEYOND.load(Ordering::Relaxed)
}

/// How many functions there are on all buses that the ranges cover. Nothing is written.
pub(crate) fn count(alone: &Alone) -> usize {
    let count = bulkhead_pci::count(&Ecam::before_launches(alone), ranges());
    COUNT.store(count, Ordering::Relaxed);
    count
}

/// How many functions have no room in the machine's description.
pub(crate) fn left_out() -> usize {
    LEFT_OUT.load(Ordering::Relaxed)
}

fn ranges() -> &'static [EcamRange] {
    RANGES.get().map_or(&[][..], Vec::as_slice)
}

/// Looks at the functions that were counted. BARs are sized by writing to them; everything is put
/// back. Tells the console how far it has come, if that takes long.
#[inline(never)] // off the stack of all that follows
pub(crate) fn scan(alone: &Alone) -> Vec<Function> {
    let most = COUNT.load(Ordering::Relaxed).min(MAX_FUNCTIONS);
    let mut progress = Progress::new(tsc::uptime_ms());
    let tell = |seen: usize, bus: Bus| {
        if let Some(step) = progress.step(tsc::uptime_ms(), seen, bus) {
            print!("{step}");
            // No function's decode is off at this moment.
            screen::draw();
        }
    };
    let scan = bulkhead_pci::scan(&Ecam::before_launches(alone), ranges(), most, tell);
    if progress.is_told() {
        println!(", {} found", scan.functions.len() + scan.left_out);
    }
    LEFT_OUT.store(scan.left_out, Ordering::Relaxed);
    scan.functions
}

/// What answers in a function's place, whoever has it: only its identity is read, which no device
/// changes by being read, and which every scan reads.
pub(crate) fn answer(function: &Function) -> Answer {
    bulkhead_pci::answer(&Ecam::<'static>(PhantomData), function)
}

/// Whether the slot below `bridge` was told to give its card up: its status is read, no more.
pub(crate) fn removal_asked(bridge: &Function) -> bool {
    bulkhead_pci::removal_asked(&Ecam::<'static>(PhantomData), bridge)
}

/// Keeps disks and networks that firmware used from writing to RAM that is free now, and others from
/// interrupt lines.
pub(crate) fn quiet_leftovers(alone: &Alone, functions: &[Function]) {
    leftover::quiet(&Ecam::before_launches(alone), functions);
}
