//! A machine's physical memory with firmware tables in it, built byte by byte.

use bulkhead_firmware::PhysicalMemory;

/// Where the RSDP of [`Fake::machine`] lies.
pub(crate) const RSDP: u64 = 0xf_0000;
/// Where its root table lies.
pub(crate) const ROOT: u64 = 0x7fe_0000;

/// Blocks of memory; all else is unreachable. A block hides those added before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    pub(crate) blocks: Vec<(u64, Vec<u8>)>,
}

impl PhysicalMemory for Fake {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        self.blocks.iter().rev().find_map(|(start, block)| {
            let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
            block.get(offset..)?.get(..length)
        })
    }
}

impl Fake {
    /// A machine whose XSDT lists `tables`, which lie where their list says.
    pub(crate) fn machine(tables: &[(u64, Vec<u8>)]) -> Self {
        let mut fake = Self {
            blocks: tables.to_vec(),
        };
        let addresses: Vec<u64> = tables.iter().map(|(address, _)| *address).collect();
        fake.blocks.push((ROOT, xsdt(&addresses)));
        fake.blocks.push((RSDP, rsdp(2, 0, ROOT)));
        fake
    }
}

/// An RSDP of that revision.
pub(crate) fn rsdp(revision: u8, rsdt: u32, xsdt: u64) -> Vec<u8> {
    let mut bytes = b"RSD PTR \0BULKHD".to_vec();
    bytes.push(revision);
    bytes.extend(rsdt.to_le_bytes());
    fix_checksum(&mut bytes, 8);
    if revision >= 2 {
        bytes.extend(36u32.to_le_bytes());
        bytes.extend(xsdt.to_le_bytes());
        bytes.extend([0; 4]);
        fix_checksum(&mut bytes, 32);
    }
    bytes
}

pub(crate) fn xsdt(entries: &[u64]) -> Vec<u8> {
    let body: Vec<u8> = entries
        .iter()
        .flat_map(|entry| entry.to_le_bytes())
        .collect();
    table(*b"XSDT", &body)
}

pub(crate) fn rsdt(entries: &[u32]) -> Vec<u8> {
    let body: Vec<u8> = entries
        .iter()
        .flat_map(|entry| entry.to_le_bytes())
        .collect();
    table(*b"RSDT", &body)
}

/// A table with a right header and checksum.
pub(crate) fn table(signature: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes.extend((36 + body.len() as u32).to_le_bytes());
    bytes.extend([3, 0]);
    bytes.extend(b"BOCHS BXPC    ");
    bytes.extend([0; 12]);
    bytes.extend(body);
    fix_checksum(&mut bytes, 9);
    bytes
}

pub(crate) fn fix_checksum(bytes: &mut [u8], at: usize) {
    bytes[at] = 0;
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[at] = sum.wrapping_neg();
}

/// A MADT with PCAT_COMPAT and these entries.
pub(crate) fn madt(entries: &[&[u8]]) -> Vec<u8> {
    let mut body = 0xfee0_0000u32.to_le_bytes().to_vec();
    body.extend(1u32.to_le_bytes());
    body.extend(entries.concat());
    table(*b"APIC", &body)
}

/// A type 0 entry.
pub(crate) fn local_apic(uid: u8, id: u8, flags: u8) -> Vec<u8> {
    vec![0, 8, uid, id, flags, 0, 0, 0]
}

/// A type 9 entry.
pub(crate) fn x2apic(uid: u32, id: u32, flags: u32) -> Vec<u8> {
    let mut entry = vec![9, 16, 0, 0];
    for value in [id, flags, uid] {
        entry.extend(value.to_le_bytes());
    }
    entry
}

/// An MCFG with these entries: base, segment, first bus, last bus.
pub(crate) fn mcfg(entries: &[(u64, u16, u8, u8)]) -> Vec<u8> {
    let mut body = vec![0; 8];
    for (base, segment, first, last) in entries {
        body.extend(base.to_le_bytes());
        body.extend(segment.to_le_bytes());
        body.extend([*first, *last, 0, 0, 0, 0]);
    }
    table(*b"MCFG", &body)
}

/// A FADT of 276 bytes like QEMU's q35 has, and whose fields can be set by offset.
pub(crate) fn fadt(fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = table(*b"FACP", &[0; 240]);
    let mut set = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    set(40, &0x7fd_0000u32.to_le_bytes());
    set(48, &0xb2u32.to_le_bytes());
    set(52, &[2]);
    set(64, &0x604u32.to_le_bytes());
    set(76, &0x608u32.to_le_bytes());
    set(91, &[4]);
    set(112, &(1u32 << 10).to_le_bytes());
    set(116, &[1, 8, 0, 0]);
    set(120, &0xcf9u64.to_le_bytes());
    set(128, &[0x0f]);
    for (offset, value) in fields {
        set(*offset, value);
    }
    fix_checksum(&mut bytes, 9);
    bytes
}

/// An SPCR that names COM2 at 9600 baud, and whose fields can be set by offset.
pub(crate) fn spcr(fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = table(*b"SPCR", &[0; 54]);
    let mut set = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    set(8, &[2]);
    set(40, &[1, 8, 0, 1]);
    set(44, &0x2f8u64.to_le_bytes());
    set(58, &[3]);
    set(64, &[0xff; 4]);
    for (offset, value) in fields {
        set(*offset, value);
    }
    fix_checksum(&mut bytes, 9);
    bytes
}
