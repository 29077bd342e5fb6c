//! Which cores and which memory belong together.
//!
//! Source: ACPI 6.5 section 5.2.16 (System Resource Affinity Table), 5.2.16.1 (Processor Local APIC),
//! 5.2.16.2 (Memory) and 5.2.16.3 (Processor Local x2APIC).
//!
//! Proximity domains are numbered from 0 on. Linux numbers its nodes densely in the order in which it
//! meets the domains, cores before memory (`drivers/acpi/numa/srat.c`, `acpi_numa_init()`), so that its
//! numbers are these as long as nodes without cores come last.

use alloc::vec::Vec;
use core::mem::size_of;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

use super::NodeView;
use super::header::{Header, seal};

const REVISION: u8 = 3;
const ENABLED: u32 = 1 << 0;
/// What a table of revision 1 had to say there, and nobody reads.
const RESERVED: [u8; 12] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A core, whatever its ID.
#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Core {
    kind: u8,
    length: u8,
    reserved: [u8; 2],
    domain: U32,
    apic_id: U32,
    flags: U32,
    clock_domain: U32,
    reserved2: [u8; 4],
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Memory {
    kind: u8,
    length: u8,
    domain: U32,
    reserved: [u8; 2],
    base: U64,
    size: U64,
    reserved2: [u8; 4],
    flags: U32,
    reserved3: [u8; 8],
}

const _: () = assert!(size_of::<Core>() == 24);
const _: () = assert!(size_of::<Memory>() == 40);

/// The table; `None` if all is of one node, which goes without saying.
// Not in the frame of all tables.
#[inline(never)]
pub(super) fn srat(nodes: &[NodeView]) -> Option<Vec<u8>> {
    if nodes.len() < 2 {
        return None;
    }
    let mut body = RESERVED.to_vec();
    for (domain, node) in (0u32..).zip(nodes) {
        for apic_id in &node.cores {
            let entry = Core {
                kind: 2,
                length: 24,
                reserved: [0; 2],
                domain: domain.into(),
                apic_id: (*apic_id).into(),
                flags: U32::new(ENABLED),
                clock_domain: U32::ZERO,
                reserved2: [0; 4],
            };
            body.extend_from_slice(entry.as_bytes());
        }
        for region in node.memory.iter() {
            let entry = Memory {
                kind: 1,
                length: 40,
                domain: domain.into(),
                reserved: [0; 2],
                base: region.start().into(),
                size: region.size().into(),
                reserved2: [0; 4],
                flags: U32::new(ENABLED),
                reserved3: [0; 8],
            };
            body.extend_from_slice(entry.as_bytes());
        }
    }
    Some(table(*b"SRAT", REVISION, &body))
}

/// A table with that behind its header.
pub(super) fn table(signature: [u8; 4], revision: u8, body: &[u8]) -> Vec<u8> {
    let header = Header::new(signature, revision, size_of::<Header>() + body.len());
    let mut table = [header.as_bytes(), body].concat();
    seal(&mut table);
    table
}
