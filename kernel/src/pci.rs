//! Configuration space of PCI functions through ECAM (PCI Express enhanced configuration).
//!
//! The legacy pair of ports 0xcf8/0xcfc is never used: all Linuxes would share it. A function is
//! only touched by the core that owns it at that moment: Bulkhead's own before its first launch,
//! its partition's boot core or whoever ends that partition afterwards.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use bulkhead_memory::Region;
use bulkhead_pci::EcamRange;
use bulkhead_pci::{Address, Bus, Clock, ConfigSpace, Function};
use spin::Once;

use crate::cpu::tsc;
use crate::layout::MAX_FUNCTIONS;
use crate::mem::phys;

/// Bytes of configuration space of a function.
const FUNCTION_BYTES: u16 = 4096;
/// What a read of nothing gives.
const ABSENT: u32 = u32::MAX;

static RANGES: Once<Vec<EcamRange>> = Once::new();
/// How many functions [`count`] found.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// How many of them [`scan`] left out.
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// The machine's configuration space, once [`count`] was called.
pub(crate) struct Ecam;

impl Ecam {
    fn register(address: Address, offset: u16) -> Option<*mut u32> {
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
        let at = base + u64::from(offset);
        (is_register && phys::reaches(Region::new(at, 4)?)).then(|| phys::pointer(at))
    }
}

impl ConfigSpace for Ecam {
    fn read(&self, address: Address, offset: u16) -> u32 {
        Self::register(address, offset).map_or(ABSENT, |register| {
            // SAFETY: an aligned register inside an ECAM range of the firmware's MCFG, mapped
            // uncached; no register of the standard headers and capabilities changes by a read.
            unsafe { register.read_volatile() }
        })
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        if let Some(register) = Self::register(address, offset) {
            // SAFETY: as above. The function is not in use by anybody else (see the module), and
            // what `bulkhead-pci` writes keeps a device from memory or gives it back the
            // addresses that it had.
            unsafe { register.write_volatile(value) };
        }
    }
}

impl Clock for Ecam {
    fn wait_us(&self, us: u64) {
        tsc::wait_until(us, || false);
    }
}

/// How many functions there are on all buses that the ranges cover.
pub(crate) fn count(ranges: &[EcamRange]) -> usize {
    let ranges = RANGES.call_once(|| ranges.to_vec());
    let count = bulkhead_pci::count(&Ecam, ranges);
    COUNT.store(count, Ordering::Relaxed);
    count
}

/// How many functions have no room in the machine's description.
pub(crate) fn left_out() -> usize {
    LEFT_OUT.load(Ordering::Relaxed)
}

/// Looks at the functions that were counted, and gives addresses to what the
/// firmware left without.
pub(crate) fn scan(ranges: &[EcamRange]) -> Vec<Function> {
    let most = COUNT.load(Ordering::Relaxed).min(MAX_FUNCTIONS);
    let bulkhead_pci::Scan {
        mut functions,
        left_out,
    } = bulkhead_pci::scan(&Ecam, ranges, most);
    LEFT_OUT.store(left_out, Ordering::Relaxed);
    functions.iter().for_each(stop_leftover);
    let below: Vec<Bus> = functions.iter().filter_map(bus_below).collect();
    for bus in below {
        if let Ok(unit) = bulkhead_pci::unit(&functions, bus) {
            // What can't be given an address stays without; a claim of it is refused, with the
            // reason.
            let _ = bulkhead_pci::assign(&mut functions, &unit);
        }
    }
    functions
}

/// Keeps a disk or network controller that firmware used from writing to memory that it takes for
/// its own still. USB controllers are left alone until they are claimed: firmware may be making a
/// PS/2 keyboard of them.
fn stop_leftover(function: &Function) {
    const COMMAND: u16 = 0x04;
    const BUS_MASTER: u32 = 1 << 2;
    const STATUS: u32 = 0xffff_0000;
    const STORAGE: u8 = 0x01;
    const NETWORK: u8 = 0x02;
    const WIRELESS: u8 = 0x0d;
    if matches!(function.class, STORAGE | NETWORK | WIRELESS) {
        let command = Ecam.read(function.address, COMMAND);
        // Ones in the status register would be cleared by being written.
        Ecam.write(function.address, COMMAND, command & !BUS_MASTER & !STATUS);
    }
}

fn bus_below(function: &Function) -> Option<Bus> {
    let bridge = function.bridge.as_ref()?;
    Some(Bus {
        segment: function.address.segment,
        number: bridge.secondary,
    })
}
