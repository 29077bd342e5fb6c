//! The machine's IOMMUs: switched on once, then told by whichever core launches or ends a partition.
//!
//! What is written where, `bulkhead-iommu` decides; here it is done.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_firmware::Firmware;
use bulkhead_iommu::{Fabric, Fault, Iommus, Physical};
use bulkhead_launch::Domain;
use bulkhead_model::Iommu;
use bulkhead_pci::{Address, Function};
use spin::Once;

use crate::boot::Alone;
use crate::cpu::tsc;
use crate::mem::{frames, phys};
use crate::pci::Ecam;
use crate::usb;

/// All units; none if they are not used.
static FABRIC: Once<Fabric> = Once::new();

/// Physical memory and registers through the identity map.
///
/// Who has one proves that what `bulkhead-iommu` touches by it is Bulkhead's: the units' registers, their
/// tables and logs, and the room in a partition's RAM that is reserved for tables.
struct Identity(());

impl Physical for Identity {
    fn load32(&self, address: u64) -> u32 {
        // SAFETY: an aligned register, mapped uncached; no register that is read changes by it.
        unsafe { phys::pointer::<u32>(address).read_volatile() }
    }

    fn store32(&self, address: u64, value: u32) {
        // SAFETY: an aligned register; as the type says.
        unsafe { phys::pointer::<u32>(address).write_volatile(value) };
    }

    fn load64(&self, address: u64) -> u64 {
        // SAFETY: as `load32`.
        unsafe { phys::pointer::<u64>(address).read_volatile() }
    }

    fn store64(&self, address: u64, value: u64) {
        // SAFETY: an aligned register or entry of a table; as the type says.
        unsafe { phys::pointer::<u64>(address).write_volatile(value) };
    }

    fn write_back(&self, address: u64, bytes: u64) {
        for line in (address..address + bytes).step_by(64) {
            // SAFETY: mapped, as what was just written there.
            unsafe { core::arch::x86_64::_mm_clflush(phys::pointer::<u8>(line)) };
        }
        // SAFETY: it only orders.
        unsafe { core::arch::x86_64::_mm_mfence() };
    }

    fn within(&self, us: u64, done: impl FnMut() -> bool) -> bool {
        tsc::wait_until(us, done)
    }
}

/// Switches the units on, if the machine has some that can be used. From now on a device reaches what its
/// owner's launch lets it, and nothing if it is nobody's. Else why not, if there are some.
#[inline(never)] // off the stack of all that follows
pub(crate) fn start(
    alone: &Alone,
    firmware: &Firmware,
    functions: &[Function],
) -> Result<Option<Iommu>, String> {
    let iommus = Iommus::read(&phys::FirmwareMemory::new(alone), &firmware.tables);
    for problem in &iommus.problems {
        log::warn!("iommu: firmware: {problem}");
    }
    let own: Vec<Address> = usb::addresses();
    // No partition runs, and functions do not master the bus.
    let take = |bytes| frames::take(bytes, "IOMMU").start();
    let found = Fabric::start(&Identity(()), &iommus, &own, phys::reaches, take);
    let found = found.inspect_err(|why| log::warn!("iommu: not used: {why}"));
    let fabric = found.map_err(|why| why.to_string())?;
    Ok(fabric.map(|mut fabric| {
        let iommu = Iommu::of(fabric.shape(), &iommus, functions);
        let names: Vec<_> = iommu.elsewhere.iter().map(|(_, name)| *name).collect();
        fabric.reserve(&Identity(()), &names, take);
        let fabric = FABRIC.call_once(|| fabric);
        let ports = bulkhead_pci::redirect(&Ecam::before_launches(alone), functions);
        log::info!("iommu: {fabric}; ACS on at {ports} ports");
        iommu
    }))
}

/// Lets a partition's devices reach what they are to, once its memory is written.
pub(crate) fn attach(number: usize, domain: Option<&Domain>) {
    let (Some(fabric), Some(domain)) = (FABRIC.get(), domain) else {
        return;
    };
    let (hw, number, memory) = (Identity(()), of(number), domain.memory.as_deref());
    let attached = fabric.attach(&hw, &domain.buses, memory, domain.room, number);
    if let Err(why) = attached {
        log::error!("iommu: {why}: its devices reach nothing");
    }
    fabric.pass(&hw, &domain.names, number, true);
}

/// Keeps them from all memory; `false`: a unit did not say so. Without an IOMMU there is nothing to do.
pub(crate) fn detach(number: usize, domain: Option<&Domain>) -> bool {
    let (Some(fabric), Some(domain)) = (FABRIC.get(), domain) else {
        return true;
    };
    let has_forgotten = fabric.pass(&Identity(()), &domain.names, of(number), false);
    fabric.detach(&Identity(()), &domain.buses) && has_forgotten
}

/// The number of a partition's domain; 0 is none's.
fn of(partition: usize) -> u16 {
    u16::try_from(partition + 1).unwrap_or(u16::MAX)
}

/// The next request that was blocked; for the shell's core.
pub(crate) fn take_fault() -> Option<Fault> {
    FABRIC.get()?.take_fault(&Identity(()))
}
