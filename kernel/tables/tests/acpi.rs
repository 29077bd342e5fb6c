//! The tables are read back by a parser that shares nothing with what made them, the `acpi` crate.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the tests run where usize has 64 bits"
)]

mod fixture;

use std::ptr::NonNull;

use acpi::fadt::Fadt;
use acpi::madt::{Madt, MadtEntry};
use acpi::mcfg::Mcfg;
use acpi::{AcpiHandler, AcpiTables, PhysicalMapping};
use bulkhead_memory::performance::Performance;
use bulkhead_tables::acpi::{Blob, NodeView, View, build};
use fixture::{IO_APICS, OVERRIDES, UARTS, nodes, performance, roots, table, view};
use proptest::prelude::*;

/// Shows the blob to the `acpi` crate at the addresses that it is made for.
#[derive(Clone)]
struct Memory<'a>(&'a Blob);

impl AcpiHandler for Memory<'_> {
    unsafe fn map_physical_region<T>(
        &self,
        address: usize,
        size: usize,
    ) -> PhysicalMapping<Self, T> {
        let offset = address - self.0.base as usize;
        let bytes = &self.0.bytes[offset..offset + size];
        let pointer = NonNull::new(bytes.as_ptr().cast_mut().cast()).expect("not null");
        // SAFETY: the bytes live as long as the blob that `self` borrows, and no alignment is asked
        // of them: every structure of the crate is packed.
        unsafe { PhysicalMapping::new(address, pointer, size, size, self.clone()) }
    }

    fn unmap_physical_region<T>(_: &PhysicalMapping<Self, T>) {}
}

fn read(blob: &Blob) -> AcpiTables<Memory<'_>> {
    // SAFETY: `Memory` panics rather than map what is outside of the blob.
    unsafe { AcpiTables::from_rsdp(Memory(blob), blob.rsdp as usize) }.expect("good checksums")
}

/// APIC IDs by the `acpi` crate's reading, with the kind of their entry.
fn processors(blob: &Blob) -> Vec<(u8, u32, u32)> {
    let tables = read(blob);
    let madt = tables.find_table::<Madt>().expect("a MADT");
    madt.get()
        .entries()
        .map(|entry| match entry {
            MadtEntry::LocalApic(entry) => (0, entry.apic_id.into(), entry.processor_id.into()),
            MadtEntry::LocalX2Apic(entry) => (9, entry.x2apic_id, entry.processor_uid),
            _ => panic!("no other kind of entry is wanted"),
        })
        .collect()
}

#[test]
fn the_madt_lists_io_apics_behind_the_cores() {
    let owner = View {
        io_apics: &IO_APICS,
        overrides: &OVERRIDES,
        ..view(&[2])
    };
    let blob = build(&owner);
    let tables = read(&blob);
    let madt = tables.find_table::<Madt>().expect("a MADT");
    let mut kinds = Vec::new();
    for entry in madt.get().entries() {
        kinds.push(match entry {
            MadtEntry::LocalApic(entry) => format!("core {}", entry.apic_id),
            MadtEntry::IoApic(entry) => {
                let (address, base) = (entry.io_apic_address, entry.global_system_interrupt_base);
                format!("io {} {address:#x} {base}", entry.io_apic_id)
            }
            MadtEntry::InterruptSourceOverride(entry) => {
                let (gsi, flags) = (entry.global_system_interrupt, entry.flags);
                format!("irq {}.{} {gsi} {flags}", entry.bus, entry.irq)
            }
            _ => panic!("no other kind of entry is wanted"),
        });
    }
    assert_eq!(
        kinds,
        [
            "core 254",
            "core 2",
            "io 8 0xfec00000 0",
            "io 9 0xfec01000 24",
            "irq 0.0 2 0",
            "irq 0.9 9 13"
        ]
    );
    // Without an I/O APIC nothing is said of where its interrupts would go.
    let other = View {
        io_apics: &[],
        ..owner
    };
    assert_eq!(processors(&build(&other)), [(0, 254, 0), (0, 2, 1)]);
}

#[test]
fn the_srat_and_the_slit_have_the_nodes() {
    let nodes = nodes();
    let told = |nodes| {
        build(&View {
            nodes,
            ..view(&[1, 300])
        })
    };
    let blob = told(&nodes[..]);
    let srat = table(&blob, b"SRAT");
    assert_eq!((srat[8], srat[36..40].to_vec()), (3, vec![1, 0, 0, 0]));
    let (cores, memory) = srat[48..].split_at(2 * 24);
    let long = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    for (core, id) in cores.chunks_exact(24).zip([1u32, 300]) {
        assert_eq!(core[..8], [2, 24, 0, 0, 0, 0, 0, 0]);
        assert_eq!(core[8..12], id.to_le_bytes());
        assert_eq!(core[12..], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    let ranges: Vec<_> = memory
        .chunks_exact(40)
        .map(|entry| {
            (
                entry[0],
                entry[2],
                long(&entry[8..16]),
                long(&entry[16..24]),
                entry[28],
            )
        })
        .collect();
    assert_eq!(
        ranges,
        [(1, 0, 1 << 32, 1 << 28, 1), (1, 1, 1 << 30, 1 << 28, 1)]
    );
    assert_eq!(
        table(&blob, b"SLIT")[36..],
        [2, 0, 0, 0, 0, 0, 0, 0, 10, 21, 22, 10]
    );
    // One is said by nobody, and distances all or not at all.
    let signatures = |blob: &Blob| blob.tables.iter().map(|table| table.0).collect::<Vec<_>>();
    assert!(!signatures(&told(&nodes[..1])).contains(b"SRAT"));
    let mut unknown = nodes.clone();
    unknown[1].distances.pop();
    let found = signatures(&told(&unknown[..]));
    assert!(found.contains(b"SRAT") && !found.contains(b"SLIT"));
}

#[test]
fn the_hmat_has_what_is_told_of_the_nodes() {
    let nodes = nodes();
    fn told(nodes: &[NodeView], performance: Option<&Performance>) -> Blob {
        build(&View {
            nodes,
            performance,
            ..view(&[1, 300])
        })
    }
    // Bytes as the specification has them.
    let domain = |flags: u8, initiator: u8, memory: u8| {
        let mut bytes = [0; 40];
        (bytes[4], bytes[8], bytes[12], bytes[16]) = (40, flags, initiator, memory);
        bytes
    };
    let matrix = [
        [1, 0, 0, 0, 48, 0, 0, 0, 0x10, 4, 64, 0, 1, 0, 0, 0],
        [2, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x34, 0x12, 0xff, 0xff],
    ];
    let cache = [
        [2, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 4, 0, 0, 0, 0x11, 0x11, 0x40, 0, 0, 0, 0, 0],
    ];
    let rest = [matrix.concat(), cache.concat()].concat();
    let blob = told(&nodes, Some(&performance(2)));
    let hmat = table(&blob, b"HMAT");
    let domains = [domain(1, 0, 0), domain(0, 0, 1)].concat();
    assert_eq!((hmat[8], &hmat[36..40]), (2, &[0; 4][..]));
    assert_eq!(hmat[40..], [domains, rest.clone()].concat());
    // Before revision 2 each domain of memory had its addresses.
    let with_addresses = |mut bytes: [u8; 40], base: u64| {
        bytes[24..32].copy_from_slice(&base.to_le_bytes());
        bytes[32..].copy_from_slice(&(1u64 << 28).to_le_bytes());
        bytes
    };
    let blob = told(&nodes, Some(&performance(1)));
    let hmat = table(&blob, b"HMAT");
    let domains = [
        with_addresses(domain(3, 0, 0), 1 << 32),
        with_addresses(domain(2, 0, 1), 1 << 30),
    ];
    assert_eq!(hmat[8], 1);
    assert_eq!(hmat[40..], [domains.concat(), rest].concat());
    // Nothing is told of one node, or of nothing.
    let empty = Performance::default();
    for blob in [
        told(&nodes[..1], Some(&performance(2))),
        told(&nodes, Some(&empty)),
        told(&nodes, None),
    ] {
        assert!(!blob.tables.iter().any(|table| &table.0 == b"HMAT"));
    }
}

#[test]
fn the_mcfg_has_every_root_bus_below_4_gib() {
    let roots = roots();
    let blob = build(&View {
        roots: &roots,
        ..view(&[1])
    });
    let tables = read(&blob);
    let mcfg = tables.find_table::<Mcfg>().expect("an MCFG");
    let entries: Vec<_> = mcfg
        .entries()
        .iter()
        .map(|entry| {
            let (base, segment) = (entry.base_address, entry.pci_segment_group);
            (base, segment, entry.bus_number_start, entry.bus_number_end)
        })
        .collect();
    assert_eq!(entries, [(0xb000_0000, 1, 1, 3)]);
    for roots in [&roots[..0], &roots[1..]] {
        let blob = build(&View {
            roots,
            ..view(&[1])
        });
        assert!(!blob.tables.iter().any(|table| &table.0 == b"MCFG"));
    }
}

#[test]
fn the_fadt_says_who_has_keyboard_and_clock() {
    for (ps2, rtc) in [(false, true), (true, false), (true, true)] {
        let blob = build(&View {
            ps2,
            rtc,
            ..view(&[1])
        });
        let tables = read(&blob);
        let fadt = tables.find_table::<Fadt>().expect("a FADT");
        let boot = fadt.iapc_boot_arch;
        assert_eq!(boot.motherboard_implements_8042(), ps2);
        assert_eq!(boot.use_time_and_alarm_namespace_for_rtc(), !rtc);
        assert!(boot.dont_probe_vga() && !boot.legacy_devices_are_accessible());
    }
}

#[test]
fn the_fadt_says_that_there_is_nothing() {
    let blob = build(&view(&[1, 2]));
    let tables = read(&blob);
    assert_eq!(tables.revision(), 2);
    let fadt = tables.find_table::<Fadt>().expect("a FADT");
    let flags = fadt.flags;
    assert!(flags.system_is_hw_reduced_acpi());
    assert!(flags.local_xapics_must_use_physical_destination_mode());
    assert!(!flags.supports_equivalent_to_wbinvd());
    assert!(flags.power_button_is_control_method());
    assert!(flags.sleep_button_is_control_method());
    assert!(!flags.supports_system_reset_via_fadt());
    let boot = fadt.iapc_boot_arch;
    assert!(boot.dont_probe_vga());
    assert!(boot.use_time_and_alarm_namespace_for_rtc());
    assert!(!boot.legacy_devices_are_accessible());
    assert!(!boot.motherboard_implements_8042());
    assert!(!boot.dont_enable_msi());
    let dsdt = blob
        .tables
        .iter()
        .find(|table| &table.0 == b"DSDT")
        .expect("listed")
        .1;
    assert_eq!(fadt.dsdt_address().expect("there"), dsdt as usize);
    let bytes = table(&blob, b"FACP");
    assert_eq!((bytes[8], bytes[131]), (6, 5));
    assert_eq!(bytes[40..44], bytes[140..144]);
    // No WBINVD, no C1: both buttons, no wake by the clock, physical destinations, reduced hardware.
    assert_eq!(bytes[112..116], 0x0018_0070u32.to_le_bytes());
}

#[test]
fn the_madt_lists_the_absent_one_first() {
    let blob = build(&view(&[2, 3, 7]));
    assert_eq!(
        processors(&blob),
        [(0, 254, 0), (0, 2, 1), (0, 3, 2), (0, 7, 3)]
    );
    let tables = read(&blob);
    let madt = tables.find_table::<Madt>().expect("a MADT");
    assert!(!madt.get().supports_8259());
    assert_eq!(table(&blob, b"APIC")[36..40], 0xfee0_0000u32.to_le_bytes());
    let alone = View {
        first_absent: None,
        ..view(&[2])
    };
    assert_eq!(processors(&build(&alone)), [(0, 2, 0)]);
}

#[test]
fn high_ids_have_the_long_entry() {
    let blob = build(&view(&[4, 254, 255, 0x1_0000]));
    let expected = [
        (0, 254, 0),
        (0, 4, 1),
        (0, 254, 2),
        (9, 255, 3),
        (9, 0x1_0000, 4),
    ];
    assert_eq!(processors(&blob), expected);
    let many: Vec<u32> = (1000..1300).collect();
    let blob = build(&view(&many));
    assert_eq!(processors(&blob).len(), 301);
    assert_eq!(processors(&blob)[300], (9, 1299, 300));
}

#[test]
fn every_table_is_summed_aligned_and_apart() {
    let roots = roots();
    let blob = build(&View {
        roots: &roots,
        ..view(&[1])
    });
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(sum(&blob.bytes[..20]), 0);
    assert_eq!(sum(&blob.bytes[..36]), 0);
    let mut end = blob.rsdp + 36;
    for (signature, address, length) in &blob.tables {
        assert!(*address >= end && address % 64 == 0);
        end = address + u64::from(*length);
        assert_eq!(sum(table(&blob, signature)), 0);
        assert_eq!(&table(&blob, signature)[10..16], b"BULKHD");
    }
    assert_eq!(end, blob.base + blob.bytes.len() as u64);
    let signatures: Vec<_> = blob.tables.iter().map(|table| &table.0).collect();
    assert_eq!(signatures, [b"DSDT", b"FACP", b"APIC", b"MCFG", b"XSDT"]);
}

proptest! {
    // A failure prints its input; there is no folder beside this file to keep it in.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn size_does_not_depend_on_the_base(
        base in any::<u64>(), cores in prop::collection::vec(any::<u32>(), 0..300),
        uarts in 0usize..=2, io_apics in 0usize..=2, has_legacy in any::<bool>(), pci in 0usize..=2,
    ) {
        let roots = roots();
        let low = View {
            uarts: &UARTS[..uarts],
            io_apics: &IO_APICS[..io_apics],
            isa_interrupts: io_apics > 0,
            ps2: has_legacy,
            rtc: has_legacy,
            roots: &roots[..pci],
            ..view(&cores)
        };
        let other = View { base, ..low };
        prop_assert_eq!(build(&low).bytes.len(), build(&other).bytes.len());
    }
}
