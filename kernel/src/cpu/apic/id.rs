//! Who this core is.

use bulkhead_processor::apic::{OwnId, own_id};
use bulkhead_processor::local::{Reached, Registers, register};

use super::{Own, reached};
use crate::mem::paging;

/// The local APIC ID of this core: what interrupts are sent to. It is what the APIC says; CPUID may say
/// another (`bulkhead_processor::apic::own_id`), and is all that there is before Bulkhead's page tables
/// are active and where a Linux has switched the APIC off.
pub(crate) fn id() -> u32 {
    let said = match reached() {
        Reached::Registers => OwnId::Whole(Own.read(register::ID)),
        Reached::Memory(_) if paging::is_active() => {
            OwnId::Low(Own.read(register::ID).to_le_bytes()[3])
        }
        Reached::Memory(_) | Reached::Off => OwnId::Nothing,
    };
    own_id(said, id_by_cpuid)
}

/// What CPUID says that this core's ID is: all 32 bits, where it has the leaf for that.
fn id_by_cpuid() -> u32 {
    let cpuid = raw_cpuid::CpuId::new();
    let extended = cpuid.get_extended_topology_info().and_then(|mut levels| {
        levels
            .next()
            .filter(|level| level.processors() != 0)
            .map(|level| level.x2apic_id())
    });
    extended
        .or_else(|| {
            cpuid
                .get_feature_info()
                .map(|f| u32::from(f.initial_local_apic_id()))
        })
        .unwrap_or(0)
}
