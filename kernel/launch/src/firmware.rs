//! What the ACPI tables of a partition say: its cores and its devices, in the words of
//! `bulkhead-tables`.

use alloc::vec::Vec;

use bulkhead_firmware::IoApic;
use bulkhead_model::{Claim, Com, Devices, Machine};
use bulkhead_pci::{self as pci, EcamRange, Unit, WindowKind};
use bulkhead_tables::acpi;

/// Where local APICs lie unless firmware has moved them (Intel SDM vol. 3 §11.4.1).
const DEFAULT_LOCAL_APIC: u32 = 0xfee0_0000;

/// The ACPI tables of a claim, to be moved to where they are to lie.
pub(crate) fn tables(machine: &Machine, claim: &Claim) -> acpi::Blob {
    let has_io_apic = claim.devices.io_apic;
    let uarts: Vec<acpi::UartView> = claim.ports().map(|com| uart(com, has_io_apic)).collect();
    let io_apics: Vec<acpi::IoApicView> = owned_io_apics(machine, claim)
        .filter_map(|io_apic| {
            Some(acpi::IoApicView {
                id: io_apic.id,
                address: u32::try_from(io_apic.address).ok()?,
                gsi_base: io_apic.gsi_base,
            })
        })
        .collect();
    let units = claim.devices.units.iter();
    let roots: Vec<acpi::PciRoot> = units
        .filter_map(|unit| root(machine, unit, has_io_apic))
        .collect();
    acpi::build(&acpi::View {
        base: 0,
        local_apic_address: u32::try_from(machine.local_apic_address).unwrap_or(DEFAULT_LOCAL_APIC),
        first_absent: first_absent(machine, claim),
        cores: &claim.cores,
        uarts: &uarts,
        io_apics: &io_apics,
        overrides: &machine.overrides,
        ps2: claim.devices.ps2,
        rtc: claim.devices.rtc,
        roots: &roots,
    })
}

/// The core that its MADT lists first, in place of the machine's boot processor, which is absent or
/// that one itself. If that is its own boot core, its entry is the true one and comes first anyway; a
/// newer Linux, which knows where it runs, would try to start the absent core.
pub(crate) fn first_absent(machine: &Machine, claim: &Claim) -> Option<u32> {
    (claim.boot_core() != machine.boot_core).then(|| machine.first_of_madt())
}

/// The I/O APICs that a claim has: all or none.
pub(crate) fn owned_io_apics<'a>(
    machine: &'a Machine,
    claim: &Claim,
) -> impl Iterator<Item = &'a IoApic> {
    let is_owner = claim.devices.io_apic;
    machine.io_apics.iter().filter(move |_| is_owner)
}

/// A serial port; it interrupts by the ISA line that every PC gives it.
fn uart(com: Com, has_io_apic: bool) -> acpi::UartView {
    acpi::UartView {
        io_base: com.io_base(),
        uid: com.tty_index() + 1,
        irq: has_io_apic.then(|| com.irq()),
    }
}

/// A root bridge for a unit; `None` if its segment has no ECAM, for which there are no functions
/// either.
fn root(machine: &Machine, unit: &Unit, has_io_apic: bool) -> Option<acpi::PciRoot> {
    let has_bus = |range: &&EcamRange| {
        range.segment == unit.bus.segment
            && (range.first_bus..=range.last_bus).contains(&unit.bus.number)
    };
    let ecam = machine.ecam.iter().find(has_bus)?;
    let windows = unit.windows.iter().map(|window| acpi::PciWindow {
        kind: match window.kind {
            WindowKind::Io => acpi::PciWindowKind::Io,
            WindowKind::Memory => acpi::PciWindowKind::Memory,
            WindowKind::Prefetchable => acpi::PciWindowKind::Prefetchable,
        },
        start: window.region.start(),
        end: window.region.end(),
    });
    let routes = has_io_apic.then(|| pci::routes(&machine.functions, &machine.routes, unit));
    Some(acpi::PciRoot {
        segment: Devices::segment_in_partition(unit.bus.segment)?,
        first_bus: unit.bus.number,
        last_bus: unit.last.min(ecam.last_bus),
        ecam_base: ecam.base,
        windows: windows.collect(),
        routes: routes.unwrap_or_default(),
    })
}
