//! No bytes whatever make the parsers panic or run on.

use crate::fake::{
    Fake, ROOT, RSDP, fadt, fix_checksum, local_apic, madt, mcfg, spcr, table, x2apic, xsdt,
};
use bulkhead_firmware::{discover, find_rsdp};
use proptest::collection::vec;
use proptest::prelude::*;

/// A table of a kind that is parsed, with any body.
fn any_table() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec![
        *b"APIC", *b"MCFG", *b"FACP", *b"DSDT", *b"XSDT", *b"SPCR", *b"SRAT", *b"SLIT", *b"HMAT",
    ]);
    (kind, vec(any::<u8>(), 0..400)).prop_map(|(kind, body)| table(kind, &body))
}

/// Entries that look like a MADT's.
fn any_entries() -> impl Strategy<Value = Vec<u8>> {
    let entry = (0u8..18, 0u8..20, vec(any::<u8>(), 0..20))
        .prop_map(|(kind, length, rest)| [vec![kind, length], rest].concat());
    vec(entry, 0..20).prop_map(|entries| entries.concat())
}

fn sound_machine() -> Fake {
    let mut fake = Fake::machine(&[
        (0x1000, madt(&[&local_apic(0, 0, 1), &x2apic(1, 300, 1)])),
        (0x2000, fadt(&[])),
        (0x3000, mcfg(&[(0xb000_0000, 0, 0, 255)])),
        (0x4000, spcr(&[])),
    ]);
    let s5 = b"\x08_S5_\x12\x06\x04\x0a\x05\x00\x00\x00";
    fake.blocks.push((0x7fd_0000, table(*b"DSDT", s5)));
    fake
}

proptest! {
    #[test]
    fn any_tables_are_survived(tables in vec(any_table(), 0..6)) {
        let placed: Vec<_> = tables
            .into_iter()
            .enumerate()
            .map(|(index, table)| (0x1000 * (index as u64 + 1), table))
            .collect();
        let firmware = discover(&Fake::machine(&placed), RSDP);
        prop_assert!(firmware.tables.len() <= placed.len() + 2);
    }

    /// Whatever was read, asking for it is no trouble either.
    #[test]
    fn any_affinity_is_survived(
        entries in any_entries(), matrix in vec(9u8..=255, 0..40), count in 0u64..8, revision in 0u8..4,
    ) {
        let mut srat = table(*b"SRAT", &[&[0; 12][..], &entries].concat());
        srat[8] = revision;
        fix_checksum(&mut srat, 9);
        let slit = table(*b"SLIT", &[&count.to_le_bytes()[..], &matrix].concat());
        let firmware = discover(&Fake::machine(&[(0x1000, srat), (0x3000, slit)]), RSDP);
        for from in [0, 1, 7, 8, u32::MAX] {
            let own = firmware.distances.between(from, from);
            prop_assert!(own.is_none_or(|own| own == 10));
        }
        for (region, _) in &firmware.affinity.memory {
            prop_assert!(region.start() < region.end());
        }
    }

    /// Structures of all kinds, cut, with bytes turned over.
    #[test]
    fn any_performance_is_survived(
        kinds in vec((0u16..4, vec(0u8..9, 0..90)), 0..12), revision in 1u8..3,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let structures: Vec<Vec<u8>> = kinds
            .iter()
            .map(|(kind, body)| crate::hmat::structure(*kind, body))
            .collect();
        let mut hmat = crate::hmat::hmat(revision, &structures);
        for (at, value) in damage {
            *at.get_mut(&mut hmat[8..]) = value;
        }
        fix_checksum(&mut hmat, 9);
        let entries: Vec<Vec<u8>> = (0..8).map(|id| crate::numa::x2apic(id, id, 1)).collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let srat = crate::numa::srat(3, &entries);
        let found = discover(&Fake::machine(&[(0x1000, srat), (0x3000, hmat)]), RSDP).performance;
        for matrix in &found.matrices {
            let cells = matrix.initiators.len() * matrix.memories.len();
            prop_assert_eq!(cells, matrix.values.len());
            prop_assert!(matrix.initiators.iter().chain(&matrix.memories).all(|domain| *domain < 8));
        }
        let even = |domain: u32| domain.is_multiple_of(2).then_some(domain / 2);
        prop_assert!(found.renumbered(even, even).bytes() <= found.bytes());
    }

    #[test]
    fn any_entries_are_survived(entries in any_entries()) {
        let firmware = discover(&Fake::machine(&[(0x1000, madt(&[&entries]))]), RSDP);
        let madt = firmware.madt.unwrap();
        let mut ids: Vec<_> = madt.processors.iter().map(|p| p.apic_id).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        prop_assert_eq!(ids.len(), count, "an ID twice");
    }

    /// Bytes of a sound machine turned over, root and pointers included.
    #[test]
    fn damage_is_survived(
        damage in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..12),
        mend in any::<bool>(),
    ) {
        let mut fake = sound_machine();
        for (block, byte, value) in damage {
            let (_, bytes) = block.get_mut(&mut fake.blocks);
            *byte.get_mut(bytes) = value;
        }
        if mend {
            fake.blocks.iter_mut().filter(|(at, _)| *at != RSDP).for_each(|(_, b)| fix_checksum(b, 9));
        }
        let firmware = discover(&fake, RSDP);
        prop_assert!(firmware.tables.iter().filter(|t| !t.checksum_ok).count() <= firmware.problems.len());
        prop_assert!(firmware.problems.iter().all(|p| !p.to_string().is_empty()));
    }

    /// Cut off anywhere.
    #[test]
    fn truncation_is_survived(block in any::<prop::sample::Index>(), length in any::<prop::sample::Index>()) {
        let mut fake = sound_machine();
        let (_, bytes) = block.get_mut(&mut fake.blocks);
        let length = length.index(bytes.len());
        bytes.truncate(length);
        prop_assert!(!discover(&fake, RSDP).problems.is_empty());
    }

    #[test]
    fn any_root_is_survived(entries in vec(any::<u64>(), 0..40), rsdp in any::<u64>()) {
        let mut fake = sound_machine();
        fake.blocks.push((ROOT, xsdt(&entries)));
        prop_assert!(discover(&fake, RSDP).tables.len() <= entries.len() + 2);
        let _ = discover(&fake, rsdp);
    }

    #[test]
    fn any_bios_area_is_survived(area in vec(any::<u8>(), 0x400), ebda in any::<u16>()) {
        let fake = Fake { blocks: vec![
            (0x40e, ebda.to_le_bytes().to_vec()),
            (u64::from(ebda) << 4, area),
        ] };
        let _ = find_rsdp(&fake);
    }
}
