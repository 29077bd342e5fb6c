//! The tables are read back by a parser that shares nothing with what made them, the `dmidecode`
//! crate.

use bulkhead_memory::Region;
use bulkhead_tables::smbios::{Blob, Package, View, build};
use dmidecode::{EntryPoint, Structure};
use proptest::prelude::*;

const BASE: u64 = 0x5ffe_0440;
const UUID: [u8; 16] = [
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
];

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).expect("not empty")
}

fn ram() -> [Region; 3] {
    [
        region(0x1_0000, 0x2_0000),
        region(0x4000_0000, 0x6000_0000),
        region(1 << 42, (1 << 42) + (40 << 30)),
    ]
}

const PACKAGES: [Package; 2] = [
    Package {
        number: 0,
        cores: 2,
        threads: 3,
    },
    Package {
        number: 1,
        cores: 300,
        threads: 300,
    },
];

fn view(memory: &[Region]) -> View<'_> {
    View {
        base: BASE,
        name: "web",
        uuid: UUID,
        serial: "ABC-web",
        processor: "Intel(R) Xeon(R)",
        mhz: 2400,
        packages: &PACKAGES,
        memory,
    }
}

/// The structures by the crate's reading, each well formed.
fn read(blob: &Blob) -> Vec<Structure<'_>> {
    // Nothing behind it: the crate takes the buffer's length modulo 256.
    let entry =
        EntryPoint::search(&blob.bytes[..24]).expect("an entry point with a right checksum");
    assert_eq!((entry.major(), entry.minor()), (3, 7));
    let at = usize::try_from(entry.smbios_address() - blob.base).expect("inside");
    let structures = &blob.bytes[at..];
    assert_eq!(entry.smbios_len() as usize, structures.len());
    let read: Result<Vec<_>, _> = entry.structures(structures).collect();
    read.expect("well formed")
}

fn kinds(blob: &Blob) -> Vec<(u8, u8, u16)> {
    let mut rest = &blob.bytes[32..];
    let mut kinds = Vec::new();
    while let [kind, length, low, high, ..] = *rest {
        kinds.push((kind, length, u16::from_le_bytes([low, high])));
        let strings = &rest[usize::from(length)..];
        let end = strings.windows(2).position(|pair| pair == [0, 0]);
        rest = &strings[end.expect("it ends") + 2..];
    }
    kinds
}

/// Lengths are those of the specification's tables for version 3.7; type 3's and 11's are the least.
#[test]
fn every_type_is_there_and_whole() {
    let ram = ram();
    let kinds = kinds(&build(&view(&ram)));
    let lengths: Vec<(u8, u8)> = kinds
        .iter()
        .map(|(kind, length, _)| (*kind, *length))
        .collect();
    let (one, several) = ([(0, 26), (1, 27), (2, 15), (3, 22)], [(17, 0x64), (19, 31)]);
    let mut wanted = one.to_vec();
    wanted.extend([(4, 0x32); 2]);
    wanted.extend([(11, 5), (16, 23)]);
    wanted.extend(several.into_iter().flat_map(|kind| [kind; 3]));
    wanted.extend([(32, 11), (127, 4)]);
    assert_eq!(lengths, wanted);
    let mut handles: Vec<u16> = kinds.iter().map(|(_, _, handle)| *handle).collect();
    handles.sort_unstable();
    handles.dedup();
    assert_eq!(handles.len(), kinds.len(), "each handle is one structure's");
}

#[test]
fn who_it_is() {
    let ram = ram();
    let blob = build(&view(&ram));
    let mut seen = 0;
    for structure in read(&blob) {
        match structure {
            Structure::Bios(bios) => {
                assert_eq!(
                    (bios.vendor, bios.bios_version),
                    ("Bulkhead", env!("CARGO_PKG_VERSION"))
                );
                seen += 1;
            }
            Structure::System(system) => {
                assert_eq!(
                    (system.manufacturer, system.product),
                    ("Bulkhead", "Bulkhead partition")
                );
                assert_eq!((system.serial, system.sku), ("ABC-web", Some("web")));
                let uuid = system.uuid.expect("set").to_string();
                assert_eq!(uuid, "00112233-4455-6677-8899-aabbccddeeff");
                seen += 1;
            }
            Structure::OemStrings(strings) => {
                let strings: Vec<&str> = strings.strings.collect();
                assert_eq!(strings, ["bulkhead.partition=web"]);
                seen += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn what_it_has() {
    let ram = ram();
    let blob = build(&view(&ram));
    let mut cores = Vec::new();
    let mut sizes = Vec::new();
    let mut ranges = Vec::new();
    for structure in read(&blob) {
        match structure {
            Structure::Processor(p) => {
                assert_eq!((p.processor_manufacturer, p.current_speed), ("Intel", 2400));
                cores.push((p.core_count, p.thread_count));
            }
            Structure::PhysicalMemoryArray(array) => {
                assert_eq!(array.number_of_memory_devices, 3);
                let bytes: u64 = ram.iter().map(|region| region.size()).sum();
                assert_eq!(array.extended_maximum_capacity, Some(bytes));
            }
            Structure::MemoryDevice(device) => sizes.push((device.size, device.extended_size)),
            Structure::MemoryArrayMappedAddress(range) => ranges.push((
                range.starting_address,
                range.ending_address,
                range.extended_starting_address,
            )),
            _ => {}
        }
    }
    assert_eq!(cores, [(Some(2), Some(3)), (Some(300), Some(300))]);
    // 64 KiB, 512 MiB, and 40 GiB, which are too many MiB for the short field.
    assert_eq!(
        sizes,
        [(Some(0x8040), 0), (Some(512), 0), (Some(0x7fff), 40 << 10)]
    );
    let long = u32::MAX;
    assert_eq!(
        ranges,
        [
            (0x40, 0x7f, Some(0)),
            (0x10_0000, 0x17_ffff, Some(0)),
            (long, long, Some(1 << 42))
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a machine is called, the structures can be read, and are as long wherever they lie.
    #[test]
    fn any_texts_are_well_formed(
        name in ".{0,80}", serial in "\\PC{0,200}", processor in any::<String>(), base in any::<u64>(),
        mhz in any::<u64>(),
    ) {
        let ram = ram();
        let (name, serial, processor) = (name.as_str(), serial.as_str(), processor.as_str());
        let view = View { name, serial, processor, mhz, ..view(&ram) };
        let blob = build(&view);
        prop_assert_eq!(read(&blob).len(), kinds(&blob).len());
        prop_assert_eq!(build(&View { base, ..view }).bytes.len(), blob.bytes.len());
    }
}
