//! Tables, and functions and requests for them.

use bulkhead_iommu::{Buses, Requester};
use bulkhead_memory::Region;
use bulkhead_pci::{Address, Bridge, Function, PortType};

pub(crate) fn at(bus: u8, device: u8, function: u8) -> Address {
    Address {
        segment: 0,
        bus,
        device,
        function,
    }
}

pub(crate) fn endpoint(address: Address) -> Function {
    let mut function = Function::new(address);
    function.port = Some(PortType::Endpoint);
    function
}

pub(crate) fn bridge(address: Address, port: Option<PortType>, buses: (u8, u8)) -> Function {
    let mut function = Function::new(address);
    function.port = port;
    function.bridge = Some(Bridge {
        secondary: buses.0,
        subordinate: buses.1,
        windows: Vec::new(),
    });
    function
}

/// A table: header, `fixed` bytes up to 48, and what follows.
fn table(signature: &[u8; 4], fixed: [u8; 12], structures: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes.resize(36, 0);
    bytes.extend(fixed);
    bytes.extend(structures.concat());
    let length = (bytes.len() as u32).to_le_bytes();
    bytes[4..8].copy_from_slice(&length);
    bytes
}

pub(crate) fn dmar(flags: u8, structures: &[Vec<u8>]) -> Vec<u8> {
    let mut fixed = [0; 12];
    fixed[..2].copy_from_slice(&[38, flags]);
    table(b"DMAR", fixed, structures)
}

pub(crate) fn ivrs(blocks: &[Vec<u8>]) -> Vec<u8> {
    table(b"IVRS", [0; 12], blocks)
}

/// With its type and length of two bytes each in front.
fn structure(kind: u16, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend((4 + body.len() as u16).to_le_bytes());
    bytes.extend(body);
    bytes
}

pub(crate) fn drhd(all: bool, segment: u16, base: u64, scopes: &[Vec<u8>]) -> Vec<u8> {
    let (segment, base) = (segment.to_le_bytes(), base.to_le_bytes());
    structure(0, &[&[u8::from(all), 0], &segment, &base, &scopes.concat()])
}

pub(crate) fn rmrr(segment: u16, first: u64, last: u64, scopes: &[Vec<u8>]) -> Vec<u8> {
    let (first, last) = (first.to_le_bytes(), last.to_le_bytes());
    let segment = segment.to_le_bytes();
    structure(1, &[&[0; 2], &segment, &first, &last, &scopes.concat()])
}

pub(crate) fn atsr(scopes: &[Vec<u8>]) -> Vec<u8> {
    structure(2, &[&[0; 4], &scopes.concat()])
}

pub(crate) fn scope(kind: u8, bus: u8, path: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = vec![kind, 6 + 2 * path.len() as u8, 0, 0, 0, bus];
    bytes.extend(
        path.iter()
            .flat_map(|(device, function)| [*device, *function]),
    );
    bytes
}

/// An IVHD of a kind, with device entries.
pub(crate) fn ivhd(kind: u8, segment: u16, base: u64, entries: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0, 0x10, 0, 0x40, 0];
    bytes.extend(base.to_le_bytes());
    bytes.extend(segment.to_le_bytes());
    bytes.resize(if kind == 0x10 { 24 } else { 40 }, 0);
    bytes.extend(entries.concat());
    let length = (bytes.len() as u16).to_le_bytes();
    bytes[2..4].copy_from_slice(&length);
    bytes
}

pub(crate) fn ivmd(kind: u8, flags: u8, ids: (u16, u16), start: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![kind, flags, 32, 0];
    bytes.extend(ids.0.to_le_bytes());
    bytes.extend(ids.1.to_le_bytes());
    bytes.resize(16, 0);
    bytes.extend(start.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes
}

pub(crate) fn from(bus: u8, devfn: u8) -> Requester {
    Requester {
        segment: 0,
        bus,
        devfn,
    }
}

pub(crate) fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

pub(crate) const BUS_1: [Buses; 1] = [Buses {
    segment: 0,
    first: 1,
    last: 2,
}];
