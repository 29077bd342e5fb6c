//! As many partitions as fit, on the memory maps and with the cores of real machines.

use std::path::Path;

use bulkhead_fake::boards::{self, Board};
use bulkhead_fake::{Fake, GIB, KIB, MIB, at, bzimage, claim};
use bulkhead_linux::E820Kind;
use bulkhead_memory::{LARGE_PAGE, PAGE, Region, RegionSet};
use bulkhead_model::{Core, Image, ImageKind, Machine, MemoryKind, Resident, Told, map};

/// As the kernel has it.
const MOST_PARTITIONS: usize = 64;

/// The machine, with Bulkhead and a kernel where a loader could put them.
fn machine(board: &Board) -> Machine {
    let ranges = map::within_reach(
        &board.ranges,
        map::reach(&map::cacheable(&board.ranges), true),
    );
    let mut free = map::free(&ranges, []);
    let mut take = |start, end, size, alignment| {
        let window = Region::from_bounds(start, end).unwrap();
        let place = free.within(window).lowest_fit(size, alignment).unwrap();
        free.remove(place);
        place
    };
    let trampoline = take(PAGE, 64 * KIB, PAGE, PAGE);
    let kernel = take(MIB, 4 * GIB, MIB, LARGE_PAGE);
    let image = take(MIB, 4 * GIB, 8 * MIB, PAGE);
    let keep = |region, what: &str| Resident {
        region,
        what: what.into(),
    };
    let core = |apic_id: &u32| Core {
        apic_id: *apic_id,
        acpi_uid: *apic_id,
        package: 0,
        core: *apic_id,
        responding: true,
    };
    let mut machine = Machine {
        cores: board.ids.iter().map(core).collect(),
        boot_core: board.ids[0],
        memory: ranges,
        images: vec![Image {
            name: "linux61".into(),
            region: Some(image),
            kind: ImageKind::Kernel(bzimage(48 * MIB)),
            told: Told::default(),
        }],
        local_apic_address: 0xfee0_0000,
        tsc_khz: 2_400_000,
        ..Machine::default()
    };
    machine.cores.sort_by_key(|core| core.apic_id);
    machine.resident = vec![
        keep(trampoline, "trampoline"),
        keep(kernel, "kernel"),
        keep(image, "image \"linux61\""),
    ];
    machine
}

fn board(name: &str, path: &Path) {
    let board = Board::read(path);
    let mut fake = Fake::new();
    fake.machine = machine(&board);
    let ram = usable(&board);
    assert_eq!(
        map::ram(&fake.machine.memory).total(),
        ram.total(),
        "{name}"
    );
    let own = fake.machine.boot_core;
    let ids: Vec<u32> = fake.machine.cores.iter().map(|core| core.apic_id).collect();
    let mut names = Vec::new();
    let others = ids.into_iter().filter(|id| *id != own);
    for id in others.take(MOST_PARTITIONS) {
        let each = format!("p{id}");
        match fake.define(&each, claim(&[id], &[at(128 * MIB, None)])) {
            Ok(_) => names.push(each),
            Err(error) => panic!("{name}, {each}: {error}"),
        }
    }
    // One of these machines has 1.4 GiB below 4 GiB: the last ones lie above.
    let all = (fake.machine.cores.len() - 1).min(MOST_PARTITIONS);
    assert_eq!(names.len(), all, "{name}");

    let claims: Vec<Region> = fake
        .ledger
        .iter()
        .flat_map(|partition| partition.claim.own_regions())
        .collect();
    let all: RegionSet = claims.iter().copied().collect();
    let bytes: u64 = claims.iter().map(|region| region.size()).sum();
    assert_eq!(all.total(), bytes, "{name}: two share a byte");
    assert!(
        claims.iter().all(|region| ram.contains_region(*region)),
        "{name}"
    );
    for each in &names {
        let plan = fake.plan(each);
        let told = plan.view.e820.entries();
        let mut told = told.iter().filter(|entry| entry.kind == E820Kind::Ram);
        assert!(
            told.all(|entry| ram.contains_region(entry.region)),
            "{name}"
        );
    }
}

/// RAM by another way than the model's: ranges of real maps that overlap nothing.
fn usable(board: &Board) -> RegionSet {
    let usable = board
        .ranges
        .iter()
        .filter(|range| range.kind == MemoryKind::Usable);
    usable.map(|range| range.region).collect()
}

#[test]
fn partitions_on_memory_maps_of_real_boards() {
    let files = boards::files("partitions_on_memory_maps_of_real_boards", "maps", "txt");
    for (name, path) in files.into_iter().flatten() {
        board(&name, &path);
    }
}
