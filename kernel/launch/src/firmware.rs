//! What the ACPI tables of a partition say: its cores and its devices, in the words of
//! `bulkhead-tables`.

use alloc::vec::Vec;

use bulkhead_firmware::{InterruptOverride, IoApic};
use bulkhead_model::{Claim, Com, Devices, Machine};
use bulkhead_pci::{self as pci, EcamRange, Unit, WindowKind};
use bulkhead_tables::acpi;

use crate::{links, nodes};

/// Where local APICs lie unless firmware has moved them (Intel SDM vol. 3 §11.4.1).
const DEFAULT_LOCAL_APIC: u32 = 0xfee0_0000;
/// The ISA interrupt of the real-time clock, on every PC.
const RTC_IRQ: u8 = 8;

/// The ACPI tables of a claim, to be moved to where they are to lie.
pub(crate) fn tables(machine: &Machine, claim: &Claim) -> acpi::Blob {
    let owned = &claim.devices;
    let uarts: Vec<acpi::UartView> = claim
        .ports()
        .map(|com| uart(com, owned.has_irq(machine, com.irq())))
        .collect();
    let io_apics: Vec<acpi::IoApicView> = owned_io_apics(machine, claim)
        .filter_map(|io_apic| {
            Some(acpi::IoApicView {
                id: io_apic.id,
                address: u32::try_from(io_apic.address).ok()?,
                gsi_base: io_apic.gsi_base,
            })
        })
        .collect();
    let overrides = machine.overrides.iter();
    let overrides: Vec<InterruptOverride> = overrides
        .filter(|interrupt| owned.has_gsi(machine, interrupt.gsi))
        .copied()
        .collect();
    let units = owned.units.iter();
    let roots: Vec<acpi::PciRoot> = units
        .filter_map(|unit| root(machine, owned, unit))
        .chain(links::roots(claim))
        .collect();
    let nodes = nodes::told_nodes(machine, claim);
    acpi::build(&acpi::View {
        base: 0,
        local_apic_address: u32::try_from(machine.local_apic_address).unwrap_or(DEFAULT_LOCAL_APIC),
        first_absent: first_absent(machine, claim),
        cores: &claim.cores,
        uarts: &uarts,
        nodes: &nodes,
        performance: Some(&nodes::told_performance(machine, &nodes)),
        io_apics: &io_apics,
        overrides: &overrides,
        isa_interrupts: owned.has_irq(machine, RTC_IRQ),
        ps2: owned.ps2,
        rtc: owned.rtc,
        roots: &roots,
    })
}

/// The core that its MADT lists first, in place of the machine's boot processor, which is absent or
/// that one itself. If that is its own boot core, its entry is the true one and comes first anyway; a
/// newer Linux, which knows where it runs, would try to start the absent core.
pub(crate) fn first_absent(machine: &Machine, claim: &Claim) -> Option<u32> {
    (claim.boot_core() != machine.boot_core).then(|| machine.first_of_madt())
}

/// The I/O APICs that a claim has.
pub(crate) fn owned_io_apics<'a>(
    machine: &'a Machine,
    claim: &'a Claim,
) -> impl Iterator<Item = &'a IoApic> {
    let own = claim.devices.io_apics.iter();
    own.filter_map(|number| machine.io_apics.get(usize::from(*number)))
}

/// A serial port; it interrupts by the ISA line that every PC gives it.
fn uart(com: Com, interrupts: bool) -> acpi::UartView {
    acpi::UartView {
        io_base: com.io_base(),
        uid: com.tty_index() + 1,
        irq: interrupts.then(|| com.irq()),
    }
}

/// A root bridge for a unit; `None` if its segment has no ECAM, for which there are no functions
/// either.
fn root(machine: &Machine, owned: &Devices, unit: &Unit) -> Option<acpi::PciRoot> {
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
    // Of a pin that leads to somebody else's I/O APIC nothing is said.
    let mut routes = pci::routes(&machine.functions, &machine.routes, unit);
    routes.retain(|route| owned.has_gsi(machine, route.gsi));
    Some(acpi::PciRoot {
        segment: Devices::segment_in_partition(unit.bus.segment)?,
        first_bus: unit.bus.number,
        last_bus: unit.last.min(ecam.last_bus),
        ecam_base: ecam.base,
        windows: windows.collect(),
        routes,
    })
}
