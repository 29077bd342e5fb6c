//! The memory map that a partition is told.

use bulkhead_fake::{Fake, GIB, KIB, MIB, region};
use bulkhead_launch::LaunchError;
use bulkhead_ledger::PlanError;
use bulkhead_linux::E820Kind;
use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{MemoryKind, MemoryRange, PHYSICAL};
use bulkhead_tables::efi::Kind;

/// So many that the EFI memory map takes more than a page.
#[test]
fn a_map_of_many_pieces_has_its_room() {
    let mut fake = Fake::with_web();
    add_holes(&mut fake, 100);
    let plan = fake.plan("web");
    assert!(plan.view.efi.len() > 100);
    assert!(plan.view.block.efi.size() > PAGE);
}

fn add_holes(fake: &mut Fake, count: u64) {
    let holes = (0..count).map(|n| MemoryRange {
        region: Region::new(0x80_0000_0000 + n * 8 * KIB, 4 * KIB).unwrap(),
        kind: MemoryKind::Reserved,
    });
    fake.machine.memory.extend(holes);
}

#[test]
fn the_memory_map_is_the_claim_and_nothing_else() {
    let plan = Fake::with_web().plan("web");
    let block = plan.view.block;
    let kind_at = |address| {
        let entries = plan.view.e820.entries().iter();
        let mut found = entries.filter(|entry| entry.region.contains(address));
        let kind = found.next().map(|entry| entry.kind);
        assert!(found.next().is_none());
        kind
    };
    for (address, kind) in [
        (0, Some(E820Kind::Reserved)),
        (0xffff, Some(E820Kind::Reserved)),
        (0x1_0000, Some(E820Kind::Ram)),
        (0x1_ffff, Some(E820Kind::Ram)),
        (0x2_0000, Some(E820Kind::Reserved)),
        (0xb_0000, None),
        (GIB - 1, Some(E820Kind::Reserved)),
        (GIB, Some(E820Kind::Ram)),
        (block.zero_page.start(), Some(E820Kind::Ram)),
        (block.cmdline.start(), Some(E820Kind::Ram)),
        (block.acpi.start(), Some(E820Kind::Acpi)),
        (block.efi.start(), Some(E820Kind::Reserved)),
        (block.variables.start(), Some(E820Kind::Reserved)),
        (block.printed.start(), Some(E820Kind::Reserved)),
        (block.runtime_code.start(), Some(E820Kind::Reserved)),
        (GIB + 512 * MIB, Some(E820Kind::Reserved)),
        (0x7ffd_f000, Some(E820Kind::Reserved)),
        (0x9000_0000, None),
        (0xb800_0000, Some(E820Kind::Reserved)),
        (4 * GIB, Some(E820Kind::Reserved)),
        (6 * GIB, None),
    ] {
        assert_eq!(kind_at(address), kind, "{address:#x}");
    }
    let efi = |kind| {
        let map = plan.view.efi.iter();
        map.filter(|d| d.kind == kind)
            .map(|d| d.region)
            .collect::<Vec<_>>()
    };
    assert_eq!(efi(Kind::RuntimeCode), [block.runtime_code]);
    let runtime_data = Region::from_bounds(block.efi.start(), block.variables.end());
    assert_eq!(efi(Kind::RuntimeData), Vec::from_iter(runtime_data));
    assert_eq!(efi(Kind::AcpiReclaim), [block.acpi]);
    // The initrd ends where the block begins, in whole pages.
    let initrd = plan.view.placement.initrd.unwrap();
    assert_eq!(
        efi(Kind::LoaderData),
        [region(initrd.start(), block.acpi.start())]
    );
    let free = efi(Kind::Conventional);
    assert_eq!(
        free,
        [region(64 * KIB, 128 * KIB), region(GIB, initrd.start())]
    );
}

#[test]
fn a_map_of_too_many_pieces_is_refused() {
    let mut fake = Fake::with_web();
    add_holes(&mut fake, 200);
    let error = fake.ledger.check(&fake.machine, "web").unwrap_err();
    assert!(
        matches!(error, PlanError::Launch(LaunchError::MemoryMap(_))),
        "{error}"
    );
}

#[test]
fn what_firmware_says_of_addresses_that_are_none_is_not_passed_on() {
    let end = PHYSICAL.end();
    for kind in [MemoryKind::Reserved, MemoryKind::Usable] {
        let mut fake = Fake::with_web();
        for (start, end) in [(end - PAGE, end + GIB), (end + 2 * GIB, u64::MAX)] {
            fake.machine.memory.push(MemoryRange {
                region: region(start, end),
                kind,
            });
        }
        let plan = fake.plan("web");
        let last = Region::new(end - PAGE, PAGE).unwrap();
        let told = plan.view.e820.entries().last();
        let told = told.map(|entry| (entry.region, entry.kind));
        assert_eq!(told, Some((last, E820Kind::Reserved)), "{kind:?}");
        let told = plan.view.efi.last().map(|one| (one.region, one.kind));
        assert_eq!(told, Some((last, Kind::Reserved)), "{kind:?}");
    }
}
