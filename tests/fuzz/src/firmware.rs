//! Firmware's tables: ACPI, AML, DMAR and IVRS, SPCR, SMBIOS, and where they are found.

use bulkhead_firmware::{discover, find_rsdp, find_smbios, read_identity, smbios_of_efi};
use bulkhead_iommu::{Iommus, Routes, requesters};
use bulkhead_pci::{Function, PortType};

use crate::Target;
use crate::bytes::{Plan, piece};
use crate::made::firmware::{
    Fake, RSDP, fadt, fix_checksum, local_apic, madt, mcfg, spcr, table, x2apic,
};
use crate::made::iommu::{at, bridge, dmar, drhd, endpoint, ivrs, rmrr, scope};

pub(crate) const TARGETS: [Target; 7] = [
    Target {
        name: "acpi",
        most: 4096,
        run: acpi,
        seeds: acpi_seeds,
    },
    Target {
        name: "aml",
        most: 2048,
        run: aml,
        seeds: aml_seeds,
    },
    Target {
        name: "spcr",
        most: 256,
        run: of_spcr,
        seeds: || vec![spcr(&[])[36..].to_vec(), vec![0; 54]],
    },
    Target {
        name: "root",
        most: 1024,
        run: root,
        seeds: root_seeds,
    },
    Target {
        name: "smbios",
        most: 1024,
        run: smbios,
        seeds: smbios_seeds,
    },
    Target {
        name: "dmar",
        most: 1024,
        run: |bytes| look(&Iommus::of_dmar(bytes)),
        seeds: || {
            let scopes = [scope(1, 0, &[(3, 0)]), scope(2, 0, &[(1, 0)])];
            let all = [
                drhd(true, 0, 0xfed9_0000, &scopes),
                rmrr(0, 0x1000, 0x1fff, &scopes),
            ];
            vec![dmar(1, &all)]
        },
    },
    Target {
        name: "ivrs",
        most: 1024,
        run: |bytes| look(&Iommus::of_ivrs(bytes)),
        seeds: || {
            let mut block = vec![0x11, 0, 48, 0];
            block.resize(40, 0);
            block.extend([3, 8, 0, 0, 4, 0xff, 0, 0]);
            let mut memory = vec![0x20, 0, 32, 0];
            memory.resize(32, 1);
            vec![ivrs(&[block, memory])]
        },
    },
];

const KINDS: [[u8; 4]; 14] = [
    *b"APIC", *b"MCFG", *b"FACP", *b"DSDT", *b"SPCR", *b"SRAT", *b"SLIT", *b"HMAT", *b"XSDT",
    *b"SSDT", *b"DBG2", *b"DMAR", *b"IVRS", *b"FACS",
];

/// Tables of kinds that are parsed, with any bodies.
fn acpi(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mut tables = Vec::new();
    while !plan.is_over() && tables.len() < 12 {
        let kind = KINDS[usize::from(plan.u8()) % KINDS.len()];
        let revision = plan.u8();
        let mut one = table(kind, plan.piece());
        one[8] = revision;
        fix_checksum(&mut one, 9);
        // A FADT points to a DSDT there.
        let place = if kind == *b"DSDT" {
            0x7fd_0000
        } else {
            0x2_0000 * (tables.len() as u64 + 1)
        };
        tables.push((place, one));
    }
    let count = tables.len();
    let firmware = discover(&Fake::machine(&tables), RSDP);
    assert!(firmware.tables.len() <= count + 2);
    for from in [0, 1, 7, 8, u32::MAX] {
        let own = firmware.distances.between(from, from);
        assert!(own.is_none_or(|own| own == 10));
    }
    for (region, _) in &firmware.affinity.memory {
        assert!(region.start() < region.end());
    }
    for matrix in &firmware.performance.matrices {
        let cells = matrix.initiators.len() * matrix.memories.len();
        assert_eq!(cells, matrix.values.len());
    }
    let even = |domain: u32| domain.is_multiple_of(2).then_some(domain / 2);
    let _ = firmware.performance.renumbered(even, even);
    if let Some(madt) = &firmware.madt {
        let mut ids: Vec<u32> = madt.processors.iter().map(|one| one.apic_id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|two| two[0] != two[1]), "an ID twice");
    }
    for problem in &firmware.problems {
        assert!(!problem.to_string().is_empty());
    }
}

fn acpi_seeds() -> Vec<Vec<u8>> {
    let of = |tables: &[Vec<u8>]| {
        let each = tables.iter().flat_map(|one| {
            let kind = KINDS
                .iter()
                .position(|kind| one.starts_with(kind))
                .unwrap_or(0);
            [&[kind.to_le_bytes()[0], one[8]][..], &piece(&one[36..])].concat()
        });
        each.collect::<Vec<u8>>()
    };
    let s5 = table(*b"DSDT", b"\x08_S5_\x12\x06\x04\x0a\x05\x00\x00\x00");
    let madt = madt(&[&local_apic(0, 0, 1), &x2apic(1, 300, 1)]);
    let mut srat = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    srat.extend([
        2, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    let slit = [&2u64.to_le_bytes()[..], &[10, 20, 20, 10]].concat();
    vec![
        of(&[
            madt,
            fadt(&[]),
            s5,
            mcfg(&[(0xb000_0000, 0, 0, 255)]),
            spcr(&[]),
        ]),
        of(&[
            table(*b"SRAT", &srat),
            table(*b"SLIT", &slit),
            table(*b"HMAT", &[0; 44]),
        ]),
    ]
}

/// A machine whose DSDT that is.
fn aml(bytes: &[u8]) {
    let tables = [
        (0x1000, madt(&[&local_apic(0, 0, 1)])),
        (0x2000, fadt(&[])),
        (0x7fd_0000, table(*b"DSDT", bytes)),
    ];
    let firmware = discover(&Fake::machine(&tables), RSDP);
    let pins = firmware.routes.iter();
    let pins: Vec<_> = pins
        .map(|route| (route.bus.segment, route.bus.number, route.device, route.pin))
        .collect();
    assert!(pins.is_sorted_by(|one, next| one < next), "{pins:?}");
    for route in &firmware.routes {
        assert!(route.device < 32 && (1..=4).contains(&route.pin) && route.gsi != 0);
    }
}

fn aml_seeds() -> Vec<Vec<u8>> {
    // Scope(\_SB) { Device(PCI0) { Name(_HID, EisaId("PNP0A03")) Name(_PRT, Package(1) { Package(4) {0xffff, 0, 0, 16} }) } }
    let entry = b"\x12\x0b\x04\x0b\xff\xff\x00\x00\x0a\x10";
    let entry = [&[0x12, 0x09][..], &entry[2..]].concat();
    let list = [&[0x12, 2 + entry.len().to_le_bytes()[0], 1][..], &entry].concat();
    let prt = [&b"\x08_PRT"[..], &list].concat();
    let inside = [&b"PCI0\x08_HID\x0c\x41\xd0\x0a\x03"[..], &prt].concat();
    let device = [
        &[0x5b, 0x82, 1 + inside.len().to_le_bytes()[0]][..],
        &inside,
    ]
    .concat();
    let scope = [&b"_SB_"[..], &device].concat();
    let whole = [&[0x10, 1 + scope.len().to_le_bytes()[0]][..], &scope].concat();
    let s5 = b"\x08_S5_\x12\x06\x04\x0a\x05\x00\x00\x00".to_vec();
    let method = b"\x14\x10_PRT\x00\xa0\x07PICM\xa4APIC\xa4".to_vec();
    vec![[&whole[..], &s5].concat(), s5, method]
}

fn of_spcr(bytes: &[u8]) {
    let fake = Fake::machine(&[(0x1000, table(*b"SPCR", bytes)), (0x2000, fadt(&[]))]);
    let firmware = discover(&fake, RSDP);
    for problem in &firmware.problems {
        assert!(!problem.to_string().is_empty());
    }
}

/// Root pointer and root tables of any bytes; each of them twice, found by their addresses and by a search.
fn root(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mends = plan.u8();
    let mut rsdp = plan.take(36).to_vec();
    let mut list = plan.piece().to_vec();
    let other = plan.piece().to_vec();
    if mends & 1 != 0 && rsdp.len() == 36 {
        fix_checksum(&mut rsdp[..20], 8);
        fix_checksum(&mut rsdp, 32);
    }
    if mends & 2 != 0 && list.len() >= 36 {
        fix_checksum(&mut list, 9);
    }
    let mut area = vec![0; 0x2_0000];
    area[0x1_0000..0x1_0000 + rsdp.len()].copy_from_slice(&rsdp);
    let blocks = vec![(0xe_0000, area), (0x7fe_0000, list), (0x1000, other)];
    let fake = Fake { blocks };
    drop(discover(&fake, RSDP));
    if let Some(place) = find_rsdp(&fake) {
        drop(discover(&fake, place));
    }
}

fn root_seeds() -> Vec<Vec<u8>> {
    let fake = Fake::machine(&[(0x1000, local_table())]);
    let of = |place: u64| {
        let found = fake.blocks.iter().find(|(at, _)| *at == place);
        found.map(|(_, bytes)| bytes.clone()).unwrap_or_default()
    };
    let (rsdp, list, other) = (of(RSDP), of(0x7fe_0000), of(0x1000));
    [0, 3]
        .map(|mends| [&[mends][..], &rsdp, &piece(&list), &piece(&other)].concat())
        .to_vec()
}

fn local_table() -> Vec<u8> {
    madt(&[&local_apic(0, 0, 1)])
}

/// An entry point, its structures, and an EFI system table.
fn smbios(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mends = plan.u8();
    let mut entry = plan.take(32).to_vec();
    if mends & 1 != 0 && entry.len() > 24 {
        fix_checksum(&mut entry[..24], 5);
    }
    if mends & 2 != 0 && entry.len() > 31 {
        fix_checksum(&mut entry[..31], 4);
        fix_checksum(&mut entry[16..31], 5);
    }
    let system = plan.take(120).to_vec();
    let sum =
        |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.iter().fold(0u8, |a, b| a.wrapping_add(*b)));
    // Of the newer kind all of it, of the older one the part whose length it says, or the newer's within.
    let mut padded = entry.clone();
    padded.resize(256, 0);
    let lengths = [6, 5].map(|at| usize::from(padded[at]));
    let sums = lengths.map(|length| sum(padded.get(..length)) == Some(0));
    let is_sound = match entry.first_chunk() {
        Some(b"_SM3_") => sums[0],
        Some([b'_', b'S', b'M', b'_', _]) => sums[1],
        _ => false,
    };
    let mut area = vec![0; 0x1_0000];
    area[..entry.len()].copy_from_slice(&entry);
    let blocks = vec![
        (0xf_0000, area),
        (0x5_0000, system),
        (0x6_0000, plan.0.to_vec()),
    ];
    let fake = Fake { blocks };
    let found = [
        find_smbios(&fake),
        smbios_of_efi(&fake, 0x5_0000),
        Some(0xf_0000),
    ];
    for place in found.into_iter().flatten() {
        let identity = read_identity(&fake, place);
        assert!(
            is_sound || place != 0xf_0000 || identity.is_none(),
            "by a wrong checksum"
        );
    }
}

fn smbios_seeds() -> Vec<Vec<u8>> {
    let mut entry = b"_SM3_\0\x18\x03\x03\0\x01\0".to_vec();
    let one = [
        &[1, 27, 1, 0, 1, 2, 3, 4][..],
        &[7; 16],
        &[6, 5, 6],
        b"QEMU\0PC\0x\0y\0z\0w\0\0",
    ]
    .concat();
    let end = [127, 4, 2, 0, 0, 0];
    let all = [&one[..], &end].concat();
    entry.extend(u32::try_from(all.len()).unwrap_or(0).to_le_bytes());
    entry.extend(0x6_0000u64.to_le_bytes());
    entry.resize(32, 0);
    let mut system = b"IBI SYST".to_vec();
    system.resize(120, 0);
    vec![[&[1][..], &entry, &system, &all].concat()]
}

/// Whose requests go where, by the tables.
fn look(iommus: &Iommus) {
    assert!(iommus.units.len() <= 128 && iommus.reserved.len() <= 256);
    assert!(iommus.problems.len() <= 65);
    let functions = functions();
    let routes = Routes::new(iommus, &functions);
    for function in &functions {
        let _ = routes.unit_of(function.address);
        let _ = routes.reserved_for(function.address).count();
        assert!(requesters(&functions, function.address).len() <= 10);
    }
}

fn functions() -> Vec<Function> {
    vec![
        endpoint(at(0, 0, 0)),
        bridge(at(0, 1, 0), Some(PortType::ToPci), (1, 2)),
        bridge(at(0, 2, 0), Some(PortType::Downstream), (3, 3)),
        endpoint(at(0, 3, 0)),
        bridge(at(1, 0, 0), None, (2, 2)),
        endpoint(at(2, 5, 1)),
        endpoint(at(3, 0, 0)),
    ]
}
