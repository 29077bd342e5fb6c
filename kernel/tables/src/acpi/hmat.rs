//! How fast memory is for which cores.
//!
//! Source: ACPI 6.3 section 5.2.27 (Heterogeneous Memory Attribute Table). What its values mean depends
//! on the revision, so that it is firmware's.

use alloc::vec::Vec;
use bulkhead_memory::performance::{Attached, Matrix, Performance, SideCache};
use core::mem::size_of;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

use super::NodeView;
use super::header::length32;
use super::srat::table;

const HAS_INITIATOR: u16 = 1 << 0;
/// Reserved since revision 2, in which a domain of memory goes without saying.
const HAS_MEMORY: u16 = 1 << 1;

/// What every structure begins with.
#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Head {
    kind: U16,
    reserved: [u8; 2],
    length: U32,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Domain {
    flags: U16,
    reserved: [u8; 2],
    initiator: U32,
    memory: U32,
    reserved2: [u8; 4],
    /// Reserved since revision 2.
    base: U64,
    size: U64,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Locality {
    flags: u8,
    data_type: u8,
    least_transfer: u8,
    reserved: u8,
    initiators: U32,
    memories: U32,
    reserved2: [u8; 4],
    base_unit: U64,
}

/// One without SMBIOS handles: a partition's SMBIOS has no such devices.
#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Cache {
    memory: U32,
    reserved: [u8; 4],
    size: U64,
    attributes: U32,
    reserved2: [u8; 2],
    handles: U16,
}

const _: () = assert!(size_of::<Head>() + size_of::<Domain>() == 40);
const _: () = assert!(size_of::<Head>() + size_of::<Locality>() == 32);
const _: () = assert!(size_of::<Head>() + size_of::<Cache>() == 32);

/// The table, of the domains of the SRAT; `None` if there is nothing to tell.
// Not in the frame of all tables.
#[inline(never)]
pub(super) fn hmat(nodes: &[NodeView], told: Option<&Performance>) -> Option<Vec<u8>> {
    let told = told.filter(|told| nodes.len() > 1 && !told.is_empty())?;
    let mut body = [0; 4].to_vec();
    for attached in &told.attached {
        domain(&mut body, attached, nodes, told.revision);
    }
    for matrix in &told.matrices {
        locality(&mut body, matrix);
    }
    for side_cache in &told.caches {
        cache(&mut body, side_cache);
    }
    Some(table(*b"HMAT", told.revision, &body))
}

fn domain(body: &mut Vec<u8>, attached: &Attached, nodes: &[NodeView], revision: u8) {
    let mut entry = Domain {
        flags: attached.initiator.map_or(0, |_| HAS_INITIATOR).into(),
        reserved: [0; 2],
        initiator: attached.initiator.unwrap_or(0).into(),
        memory: attached.memory.into(),
        reserved2: [0; 4],
        base: U64::ZERO,
        size: U64::ZERO,
    };
    if revision == 1 {
        entry.flags |= HAS_MEMORY;
        let node = nodes.get(attached.memory as usize);
        if let Some(region) = node.and_then(|node| node.memory.iter().next()) {
            (entry.base, entry.size) = (region.start().into(), region.size().into());
        }
    }
    add(body, 0, entry.as_bytes(), &[]);
}

fn locality(body: &mut Vec<u8>, matrix: &Matrix) {
    let entry = Locality {
        flags: matrix.flags,
        data_type: matrix.data_type,
        least_transfer: matrix.least_transfer,
        reserved: 0,
        initiators: length32(matrix.initiators.len()).into(),
        memories: length32(matrix.memories.len()).into(),
        reserved2: [0; 4],
        base_unit: matrix.base_unit.into(),
    };
    let mut lists = Vec::new();
    for domain in matrix.initiators.iter().chain(&matrix.memories) {
        lists.extend_from_slice(&domain.to_le_bytes());
    }
    for value in &matrix.values {
        lists.extend_from_slice(&value.to_le_bytes());
    }
    add(body, 1, entry.as_bytes(), &lists);
}

fn cache(body: &mut Vec<u8>, cache: &SideCache) {
    let entry = Cache {
        memory: cache.memory.into(),
        reserved: [0; 4],
        size: cache.size.into(),
        attributes: cache.attributes.into(),
        reserved2: [0; 2],
        handles: U16::ZERO,
    };
    add(body, 2, entry.as_bytes(), &[]);
}

fn add(body: &mut Vec<u8>, kind: u16, entry: &[u8], lists: &[u8]) {
    let head = Head {
        kind: kind.into(),
        reserved: [0; 2],
        length: length32(size_of::<Head>() + entry.len() + lists.len()).into(),
    };
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(entry);
    body.extend_from_slice(lists);
}
