//! How much heap reading the tables takes at most, whatever firmware says: the kernel does it with what
//! it has before it knows the machine.

#[path = "firmware/fake.rs"]
#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "not all tables are needed here, and what is cast is made up and fits"
)]
mod fake;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bulkhead_firmware::{Firmware, READING_BYTES, discover};
use fake::{Fake, RSDP, fix_checksum, madt, table};

/// The system's allocator, with what each thread holds and held at most.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// Bytes as the kernel's allocator rounds them.
fn rounded(layout: Layout) -> isize {
    layout.size().next_multiple_of(8).max(16).cast_signed()
}

// SAFETY: all of it is done by the system's allocator; beside that numbers change.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + rounded(layout));
        MOST.set(MOST.get().max(HELD.get()));
        // SAFETY: by the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - rounded(layout));
        // SAFETY: by the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is read of these tables, and the most bytes that it took.
fn read(tables: Vec<Vec<u8>>) -> (Firmware, usize) {
    let place = |(number, table)| (0x1000_0000 * (number as u64 + 1), table);
    let tables: Vec<_> = tables.into_iter().enumerate().map(place).collect();
    let machine = Fake::machine(&tables);
    let before = HELD.get();
    MOST.set(before);
    let firmware = discover(&machine, RSDP);
    let most = MOST.get() - before;
    (firmware, most.unsigned_abs())
}

fn x2apic(id: u32, enabled: u8) -> Vec<u8> {
    let id = id.to_le_bytes();
    [&[9, 16, 0, 0][..], &id, &[enabled, 0, 0, 0], &id].concat()
}

fn srat(entries: &[Vec<u8>]) -> Vec<u8> {
    table(*b"SRAT", &[&[0; 12][..], &entries.concat()].concat())
}

/// A core, or a range of memory, of that domain.
fn affinity(id: u32, domain: u32) -> [Vec<u8>; 2] {
    let (id, domain) = (id.to_le_bytes(), domain.to_le_bytes());
    let core = [&[2, 24, 0, 0][..], &domain, &id, &[1, 0, 0, 0], &[0; 8]].concat();
    let mut memory = [&[1, 40][..], &domain, &[0; 34]].concat();
    memory[8 + 3..][..4].copy_from_slice(&id);
    (memory[18], memory[28]) = (1, 1);
    [core, memory]
}

fn slit(count: usize) -> Vec<u8> {
    let mut matrix = vec![20; count * count];
    (0..count).for_each(|own| matrix[own * count + own] = 10);
    table(
        *b"SLIT",
        &[&(count as u64).to_le_bytes()[..], &matrix].concat(),
    )
}

/// Matrices of as many domains as may be known.
fn hmat() -> Vec<u8> {
    let domains: Vec<u8> = (0..64u32).flat_map(u32::to_le_bytes).collect();
    let mut matrix = vec![1, 0, 0, 0];
    matrix.extend((32u32 + 2 * 4 * 64 + 2 * 64 * 64).to_le_bytes());
    matrix.extend([0, 0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0]);
    matrix.extend([0; 12]);
    matrix.extend([&domains[..], &domains, &[1; 2 * 64 * 64]].concat());
    let mut hmat = table(*b"HMAT", &[&[0; 4][..], &matrix.repeat(20)].concat());
    hmat[8] = 2;
    fix_checksum(&mut hmat, 9);
    hmat
}

#[track_caller]
fn fits(what: &str, tables: Vec<Vec<u8>>) -> Firmware {
    let (firmware, bytes) = read(tables);
    println!(
        "{what}: {bytes} bytes, {} problems",
        firmware.problems.len()
    );
    assert!(bytes <= READING_BYTES, "{what}: {bytes}");
    assert!(
        firmware
            .problems
            .iter()
            .all(|problem| !problem.to_string().is_empty())
    );
    firmware
}

#[test]
fn more_of_everything_than_any_machine_has() {
    let processors: Vec<Vec<u8>> = (0..9000).map(|id| x2apic(id, 1)).collect();
    let processors: Vec<&[u8]> = processors.iter().map(Vec::as_slice).collect();
    let all = (0..9000u32).flat_map(|id| affinity(id, id % 64));
    let entries: Vec<Vec<u8>> = all.collect();
    for count in [64, 128, 256] {
        let tables = vec![madt(&processors), srat(&entries), slit(count), hmat()];
        let firmware = fits("much", tables);
        assert!(firmware.madt.unwrap().processors.len() >= 1024);
        assert!(firmware.affinity.processors.len() >= 1024);
        assert!(!firmware.performance.is_empty());
    }
}

#[test]
fn nothing_but_mistakes() {
    // Entries too short for their type, IDs twice, IDs of nobody.
    let short: Vec<Vec<u8>> = (0..9000).map(|_| vec![9, 4, 0, 0]).collect();
    let twice: Vec<Vec<u8>> = (0..9000).map(|_| x2apic(7, 1)).collect();
    let nobody: Vec<Vec<u8>> = (0..9000).map(|_| x2apic(u32::MAX, 1)).collect();
    for (what, entries) in [("short", short), ("twice", twice), ("nobody", nobody)] {
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        assert!(!fits(what, vec![madt(&entries)]).problems.is_empty());
    }
    let short: Vec<Vec<u8>> = (0..9000).map(|_| vec![0, 4, 0, 0]).collect();
    let firmware = fits("short entries of an SRAT", vec![srat(&short)]);
    assert!(!firmware.problems.is_empty());
    let null = fake::xsdt(&[0; 512]);
    let mut machine = Fake::machine(&[]);
    machine.blocks.push((fake::ROOT, null));
    assert!(!discover(&machine, RSDP).problems.is_empty());
}
