//! Who a partition is: what its SMBIOS tables say of it.
//!
//! Its UUID is one by name (RFC 9562 section 5.5, version 5): of its own name in the namespace that is
//! the machine's UUID. So it is the same after every boot, others have others, and anybody can compute
//! it: `uuidgen --sha1 --namespace MACHINE --name NAME`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bulkhead_memory::sort_ascending;
use core::fmt::Write as _;

use bulkhead_model::{Claim, Definition, Machine};
use bulkhead_tables::smbios::{self, Package};
use uuid::{Uuid, uuid};

/// The namespace of machines whose firmware gives them no UUID of their own.
const MACHINES: Uuid = uuid!("5ff01f3c-6b1b-4e0e-8a3e-6a0f5c6b1d52");

/// The SMBIOS tables of a partition, to be moved to where they are to lie.
pub(crate) fn tables(machine: &Machine, definition: &Definition, claim: &Claim) -> smbios::Blob {
    let uuid = Uuid::new_v5(&machine_uuid(machine), definition.name.as_bytes());
    smbios::build(&smbios::View {
        base: 0,
        name: &definition.name,
        uuid: uuid.into_bytes(),
        serial: &serial(machine, &definition.name, uuid),
        processor: &machine.cpu_model,
        mhz: machine.tsc_khz / 1000,
        packages: &packages(machine, claim),
        memory: &claim.regions(),
    })
}

/// The machine's serial number with the partition's name; without one, the partition's UUID, but not
/// alone: cloud-init takes a machine whose serial number is its UUID and begins with `ec2` for Amazon's.
fn serial(machine: &Machine, name: &str, uuid: Uuid) -> String {
    match machine.identity.serial.as_str() {
        "" => format!("BH-{uuid}"),
        serial => format!("{serial}-{name}"),
    }
}

/// The machine's UUID by its firmware; else one of its serial number, or, where there is none of
/// either, of what does not change from boot to boot, which a twin of it would have too.
fn machine_uuid(machine: &Machine) -> Uuid {
    let identity = &machine.identity;
    if let Some(uuid) = identity.uuid {
        return Uuid::from_bytes_le(uuid);
    }
    let facts = if identity.serial.is_empty() {
        facts(machine)
    } else {
        format!(
            "{}\n{}\n{}",
            identity.vendor, identity.product, identity.serial
        )
    };
    Uuid::new_v5(&MACHINES, facts.as_bytes())
}

/// Processor, cores and chipset.
fn facts(machine: &Machine) -> String {
    let mut facts = format!("{}\n{}\n", machine.cpu_model, machine.boot_core);
    for core in &machine.cores {
        // A `String` takes whatever is written to it.
        let _ = writeln!(facts, "core {}", core.apic_id);
    }
    for io_apic in &machine.io_apics {
        let _ = writeln!(facts, "I/O APIC {} {:x}", io_apic.id, io_apic.address);
    }
    let on_board = |number| number == 0;
    let functions = machine.functions.iter();
    for function in functions.filter(|function| on_board(function.address.bus)) {
        let (vendor, device) = (function.vendor, function.device_id);
        let _ = writeln!(facts, "{} {vendor:04x}:{device:04x}", function.address);
    }
    facts
}

/// What the claim has of each package, ascending.
fn packages(machine: &Machine, claim: &Claim) -> Vec<Package> {
    let mut cores: Vec<(u32, u32)> = claim
        .cores
        .iter()
        .map(|id| machine.core(*id).map_or((0, *id), |c| (c.package, c.core)))
        .collect();
    sort_ascending(&mut cores);
    let mut packages: Vec<Package> = Vec::new();
    let mut last = None;
    for core in cores {
        if packages
            .last()
            .is_none_or(|package| package.number != core.0)
        {
            packages.push(Package {
                number: core.0,
                cores: 0,
                threads: 0,
            });
        }
        if let Some(package) = packages.last_mut() {
            package.threads += 1;
            package.cores += usize::from(last != Some(core));
        }
        last = Some(core);
    }
    packages
}
