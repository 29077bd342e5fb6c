//! DMAR: the table of Intel's VT-d units (VT-d §8).

use alloc::vec::Vec;

use bulkhead_firmware::Signature;
use bulkhead_firmware::bytes::{u8_at, u16_at, u64_at};
use bulkhead_memory::Region;

use crate::find::{Iommus, Reserved, Unit, Who};
use crate::{Scope, ScopeKind, structures};

const TABLE: Signature = Signature(*b"DMAR");
/// DRHD.
const UNIT: u8 = 0;
const FLAGS: usize = 37;
const INTERRUPT_REMAPPING: u8 = 1;
const X2APIC_OPT_OUT: u8 = 1 << 1;
const WANTS_PROTECTION: u8 = 1 << 2;
/// More units than any machine has: one for each stack of each socket.
pub(crate) const MAX_UNITS: usize = 128;
/// More reserved ranges than any machine has.
pub(crate) const MAX_RESERVED: usize = 256;
/// More ways than any machine's table has.
const MAX_SCOPES: usize = 1024;
/// Bridges on a way, and what is at its end: bus numbers rise.
const MAX_PATH: usize = 124;
const PAGE: u64 = 4096;

/// Adds what the table says to `iommus`.
pub(crate) fn parse(table: &[u8], iommus: &mut Iommus) {
    let flags = u8_at(table, FLAGS).filter(|_| table.len() >= structures::OFFSET);
    let flags = flags.unwrap_or(0);
    iommus.remaps_interrupts = flags & INTERRUPT_REMAPPING != 0;
    iommus.refuses_x2apic = iommus.remaps_interrupts && flags & X2APIC_OPT_OUT != 0;
    iommus.wants_protection = flags & WANTS_PROTECTION != 0;
    let mut left = MAX_SCOPES;
    let is_unit = |kind| kind == UNIT;
    structures::each(TABLE, table, iommus, is_unit, |structure, iommus| {
        add(structure, iommus, &mut left)
    });
}

/// Adds one structure; `None` if it can't be used. `left` is how many ways may still be read.
fn add(structure: &[u8], iommus: &mut Iommus, left: &mut usize) -> Option<()> {
    match u16_at(structure, 0)? {
        kind if kind == u16::from(UNIT) => {
            let unit = unit(structure, left)?;
            let is_same = |other: &Unit| other.registers.overlaps(unit.registers);
            if iommus.units.len() == MAX_UNITS || iommus.units.iter().any(is_same) {
                return None;
            }
            iommus.units.push(unit);
        }
        1 => {
            let (first, last) = (u64_at(structure, 8)?, u64_at(structure, 16)?);
            if iommus.reserved.len() == MAX_RESERVED {
                return None;
            }
            iommus.reserved.push(Reserved {
                region: Region::from_bounds(first, last.checked_add(1)?)?,
                segment: Some(u16_at(structure, 6)?),
                who: Who::Scopes(scopes(structure.get(24..)?, left)?),
            });
        }
        // ATSR, SATC: root ports and devices in the root complex. All ports: no list follows.
        2 | 5 => iommus.caching.extend(scopes(structure.get(8..)?, left)?),
        // RHSA (which node a unit is near to), ANDD (names of ACPI devices), SIDP, what is to come.
        _ => {}
    }
    Some(())
}

/// DRHD (VT-d §8.3).
fn unit(structure: &[u8], left: &mut usize) -> Option<Unit> {
    const ALL_OTHERS: u8 = 1;
    let pages = 1u64 << (u8_at(structure, 5)? & 0xf);
    let base = u64_at(structure, 8)?;
    let scopes = scopes(structure.get(16..)?, left)?;
    let is_page = base != 0 && base.is_multiple_of(PAGE);
    Some(Unit {
        segment: u16_at(structure, 6)?,
        registers: Region::new(base, pages * PAGE).filter(|_| is_page)?,
        who: if u8_at(structure, 4)? & ALL_OTHERS == 0 {
            Who::Scopes(scopes)
        } else {
            Who::ScopesOrRest(scopes)
        },
        flags: 0,
        senders: Vec::new(),
    })
}

/// A list of device scopes (VT-d §8.3.1); `None` if a length in it can't be true. Kinds that are not
/// known are passed over.
fn scopes(mut list: &[u8], left: &mut usize) -> Option<Vec<Scope>> {
    let mut scopes = Vec::new();
    while !list.is_empty() {
        let length = usize::from(u8_at(list, 1)?);
        let (entry, behind) = list.split_at_checked(length).filter(|_| length >= 6)?;
        list = behind;
        *left = left.checked_sub(1)?;
        let kind = match u8_at(entry, 0)? {
            1 => ScopeKind::Endpoint,
            2 => ScopeKind::Bridge,
            3 => ScopeKind::IoApic,
            4 => ScopeKind::Hpet,
            5 => ScopeKind::Named,
            _ => continue,
        };
        let path = entry.get(6..)?.chunks_exact(2);
        let path: Vec<(u8, u8)> = path.take(MAX_PATH).map(|step| (step[0], step[1])).collect();
        let is_place = |(device, function): &(u8, u8)| *device < 32 && *function < 8;
        if path.is_empty() || !path.iter().all(is_place) {
            return None;
        }
        scopes.push(Scope {
            kind,
            enumeration: u8_at(entry, 4)?,
            bus: u8_at(entry, 5)?,
            path,
        });
    }
    Some(scopes)
}
