//! The tables are read back field by field, at the offsets of the specification.

use alloc::string::ToString;

use bulkhead_memory::Region;
use proptest::prelude::*;

use super::crc::crc32;
use super::*;

const BASE: u64 = 0x5fff_0000;
const RSDP: u64 = 0x5ffe_0000;
const SMBIOS: u64 = 0x5ffe_0400;

fn descriptor(start: u64, end: u64, kind: Kind) -> Descriptor {
    Descriptor {
        region: Region::from_bounds(start, end).expect("not empty"),
        kind,
    }
}

fn map() -> [Descriptor; 4] {
    [
        descriptor(0x1_0000, 0x2_0000, Kind::Conventional),
        descriptor(0x4000_0000, 0x5ffe_0000, Kind::Conventional),
        descriptor(0x5fff_0000, 0x5fff_2000, Kind::RuntimeData),
        descriptor(0x5fff_2000, 0x5fff_3000, Kind::RuntimeCode),
    ]
}

fn blob(map: &[Descriptor]) -> Blob {
    let services = Services::from_array(core::array::from_fn(|n| 0x5fff_2000 + 16 * n as u64));
    build(&View {
        base: BASE,
        map,
        rsdp: RSDP,
        smbios: SMBIOS,
        services,
    })
}

/// Memory as Linux sees it.
struct Memory<'a>(&'a Blob);

impl<'a> Memory<'a> {
    fn bytes(&self, address: u64, length: usize) -> &'a [u8] {
        &self.0.bytes[usize::try_from(address - self.0.base).expect("small")..][..length]
    }

    fn u32(&self, address: u64) -> u32 {
        u32::from_le_bytes(self.bytes(address, 4).try_into().expect("four"))
    }

    fn u64(&self, address: u64) -> u64 {
        u64::from_le_bytes(self.bytes(address, 8).try_into().expect("eight"))
    }

    /// Whether the table there has this signature, is of UEFI 2.10 and has a right CRC-32.
    fn assert_table(&self, address: u64, signature: u64, size: u32) {
        assert_eq!(self.u64(address), signature);
        assert_eq!(self.u32(address + 8), 0x0002_0064);
        assert_eq!(self.u32(address + 12), size);
        let mut table = self.bytes(address, size as usize).to_vec();
        table[16..20].fill(0);
        assert_eq!(self.u32(address + 16), crc32(&table));
    }
}

#[test]
fn the_system_table_leads_to_everything() {
    let blob = blob(&map());
    let memory = Memory(&blob);
    let system = blob.system_table;
    memory.assert_table(system, 0x5453_5953_2049_4249, 120);
    let vendor = memory.bytes(memory.u64(system + 24), 18);
    let vendor: Vec<u16> = vendor
        .chunks(2)
        .map(|c| u16::from_le_bytes([c[0], c[1]]))
        .collect();
    assert_eq!(
        alloc::string::String::from_utf16_lossy(&vendor),
        "Bulkhead\0"
    );
    assert!(
        memory.bytes(system + 40, 48).iter().all(|byte| *byte == 0),
        "no consoles"
    );
    assert_eq!(memory.u64(system + 96), 0, "no boot services");

    let runtime = memory.u64(system + 88);
    memory.assert_table(runtime, 0x5652_4553_544e_5552, 136);
    for n in 0..14 {
        assert_eq!(memory.u64(runtime + 24 + 8 * n), 0x5fff_2000 + 16 * n);
    }

    assert_eq!(memory.u64(system + 104), 4);
    let configuration = memory.u64(system + 112);
    // 8868e871-e4f1-11d3-bc22-0080c73c8881: three little-endian fields, then eight bytes.
    assert_eq!(memory.u32(configuration), 0x8868_e871);
    assert_eq!(memory.u32(configuration + 4), 0x11d3_e4f1);
    assert_eq!(
        memory.bytes(configuration + 8, 8),
        [0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81]
    );
    assert_eq!(memory.u64(configuration + 16), RSDP);
    // f2fd1544-9794-4a2c-992e-e5bbcf20e394.
    assert_eq!(memory.u32(configuration + 24), 0xf2fd_1544);
    assert_eq!(memory.u32(configuration + 28), 0x4a2c_9794);
    assert_eq!(
        memory.bytes(configuration + 32, 8),
        [0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94]
    );
    assert_eq!(memory.u64(configuration + 40), SMBIOS);
}

#[test]
fn services_that_are_not_there_are_told() {
    let blob = blob(&map());
    let memory = Memory(&blob);
    let entry = memory.u64(blob.system_table + 112) + 3 * 24;
    // eb66918a-7eef-402a-842e-931d21c38ae9.
    assert_eq!(memory.u32(entry), 0xeb66_918a);
    assert_eq!(memory.u32(entry + 4), 0x402a_7eef);
    assert_eq!(
        memory.bytes(entry + 8, 8),
        [0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9]
    );
    let table = memory.u64(entry + 16);
    assert_eq!(table % 8, 0);
    // Version 1, eight bytes; time, variables, the address map, reset.
    assert_eq!(memory.u32(table), 0x0008_0001);
    assert_eq!(memory.u32(table + 4), 0x24f3);
}

#[test]
fn the_seeds_are_where_linux_looks() {
    let blob = blob(&map());
    let memory = Memory(&blob);
    // struct setup_data: next, type, length.
    assert_eq!(memory.u64(blob.setup_data), 0);
    assert_eq!(memory.u32(blob.setup_data + 8), 9);
    assert_eq!(memory.u32(blob.setup_data + 12), 32);
    assert_eq!(blob.seeds[0], blob.setup_data + 16);
    // 1ce1e5bc-7ceb-42f2-81e5-8aadf180f57b.
    let entry = memory.u64(blob.system_table + 112) + 48;
    assert_eq!(memory.u32(entry), 0x1ce1_e5bc);
    assert_eq!(memory.u32(entry + 4), 0x42f2_7ceb);
    assert_eq!(
        memory.bytes(entry + 8, 8),
        [0x81, 0xe5, 0x8a, 0xad, 0xf1, 0x80, 0xf5, 0x7b]
    );
    let table = memory.u64(entry + 16);
    assert_eq!(memory.u32(table), 32);
    assert_eq!(blob.seeds[1], table + 4);
    assert!(
        blob.seeds[1] + 32 <= memory.u64(blob.system_table + 24),
        "before the vendor"
    );
    for seed in blob.seeds {
        assert!(memory.bytes(seed, 32).iter().all(|byte| *byte == 0));
    }
}

#[test]
fn services_are_in_uefi_order() {
    let services = Services::from_array(core::array::from_fn(|n| n as u64));
    assert_eq!(services.get_time, 0);
    assert_eq!(services.set_virtual_address_map, 4);
    assert_eq!(services.get_variable, 6);
    assert_eq!(services.set_variable, 8);
    assert_eq!(services.reset_system, 10);
    assert_eq!(services.query_variable_info, 13);
    assert_eq!(services.to_array(), core::array::from_fn(|n| n as u64));
}

#[test]
fn the_memory_map_is_as_given() {
    let map = map();
    let blob = blob(&map);
    let memory = Memory(&blob);
    assert_eq!((blob.descriptor_bytes, blob.descriptor_version), (48, 1));
    assert_eq!(blob.memory_map_bytes, 4 * 48);
    assert_eq!(blob.memory_map % 8, 0);
    for (n, (expected, (kind, attribute))) in map
        .iter()
        .zip([(7, 8), (7, 8), (6, 1 << 63 | 8), (5, 1 << 63 | 8)])
        .enumerate()
    {
        let at = blob.memory_map + 48 * n as u64;
        assert_eq!(memory.u32(at), kind);
        assert_eq!(memory.u64(at + 8), expected.region.start());
        assert_eq!(memory.u64(at + 16), 0);
        assert_eq!(memory.u64(at + 24) * 4096, expected.region.size());
        assert_eq!(memory.u64(at + 32), attribute);
    }
}

#[test]
fn a_bad_map_is_named() {
    let error = |map: &[Descriptor]| check_map(map).expect_err("bad").to_string();
    assert_eq!(
        error(&[descriptor(0x1000, 0x1800, Kind::Reserved)]),
        "the EFI memory map has 0x1000-0x17ff, which is not made of whole pages"
    );
    assert_eq!(
        error(&[
            descriptor(0x1000, 0x3000, Kind::Reserved),
            descriptor(0x2000, 0x4000, Kind::Conventional)
        ]),
        "the EFI memory map has 0x1000-0x2fff before 0x2000-0x3fff"
    );
    assert_eq!(check_map(&map()), Ok(()));
}

proptest! {
    #[test]
    fn sizes_are_told_beforehand(gaps in prop::collection::vec((0u64..4, 1u64..64), 0..40)) {
        let mut next = 0x10_0000;
        let map: Vec<Descriptor> = gaps
            .into_iter()
            .map(|(gap, pages)| {
                let start = next + gap * 4096;
                next = start + pages * 4096;
                descriptor(start, next, Kind::Reserved)
            })
            .collect();
        let blob = blob(&map);
        prop_assert_eq!(blob.bytes.len() as u64, size_for(map.len()));
        prop_assert_eq!(blob.memory_map_bytes as usize, map.len() * 48);
    }
}
