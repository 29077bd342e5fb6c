//! Memory that firmware wants a device to keep reaching. QEMU's tables have none: its debugger puts a DMAR with an RMRR in the
//! place of QEMU's, when firmware has made its tables and Bulkhead is not loaded yet.

use std::time::{Duration, Instant};

use bulkhead_tests::debugger::Debugger;
use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::isolation::{COPY, MARK, OTHER_PLACE, at, copied_to};
use super::walls_thin::{Hand, thin};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![story("devices::walls_rmrr", rmrr)]
}

/// RAM that no partition has: the table that is made, and what it has a device reach.
const TABLE: u64 = 0x7000_0000;
const RESERVED: u64 = 0x7000_2000;

fn rmrr() {
    let board = Board::new()
        .iommu("intel-iommu,intremap=off")
        .device(Device::edu());
    let mut machine = thin("walls_rmrr", &board, ["", ""]).start();
    put_table(&machine);
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    // It is told of, by name; its owner's devices are bare, and why; they can't be made otherwise.
    machine.expect("log", &["iommu: 1 unit in use"]);
    let what = "firmware has it reach 0x70002000-0x70002fff (RMRR): only with";
    machine.expect("devices", &["0000:01:00.0", what]);
    let why = "firmware has 0000:01:00.0 reach 0x70002000-0x70002fff, which no partition has";
    machine.expect("show web", &[&format!("(isolation=bare): {why}")]);
    COPY.iter().for_each(|line| drop(machine.linux(2, line)));
    assert!(copied_to(&mut machine, OTHER_PLACE), "bare: it lands");
    let (hand, mark) = (Hand::of(&machine), at(&machine, MARK));
    machine.expect("kill web", &[]);
    machine.expect("set web isolation=dma", &["error: ", why]);
    machine.expect("show web", &["isolation=bare"]);
    // Whose owner is at rest, it reaches nothing, not even that.
    for place in [RESERVED, OTHER_PLACE + 0x1000] {
        assert!(!hand.lands(&mut machine, &mark, place), "{place:#x}");
    }
}

/// Waits for firmware's tables, and has the RSDT lead to a DMAR with one structure more.
fn put_table(machine: &Running) {
    let (rsdt, entry) = tables(machine);
    let dmar = u64::from(machine.monitor().dword(entry));
    let length = machine.monitor().dword(dmar + 4);
    let mut table = bytes(machine, dmar, length);
    table.extend_from_slice(&structure());
    let length = u32::try_from(table.len()).expect("it is short");
    table[4..8].copy_from_slice(&length.to_le_bytes());
    table[9] = table[9].wrapping_sub(sum(&table));
    table.resize(table.len().next_multiple_of(4), 0);

    let mut debugger = Debugger::stop(machine);
    for (at, word) in (TABLE..).step_by(4).zip(table.chunks_exact(4)) {
        debugger.write(at, dword(word, 0));
    }
    let place = u32::try_from(TABLE).expect("below 4 GiB");
    debugger.write(entry, place);
    // The sum of the RSDT: byte 9, in the dword at 8.
    let mut word = machine.monitor().dword(rsdt + 8).to_le_bytes();
    let was = u32::try_from(dmar).expect("below 4 GiB");
    let more = sum(&was.to_le_bytes()).wrapping_sub(sum(&place.to_le_bytes()));
    word[1] = word[1].wrapping_add(more);
    debugger.write(rsdt + 8, u32::from_le_bytes(word));
    debugger.go_on();
}

/// The RMRR: what the card behind the port at 00:02.0 is to reach (VT-d 4.1 §8.4).
fn structure() -> Vec<u8> {
    let scope = [1, 10, 0, 0, 0, 0, 2, 0, 0, 0];
    let mut structure = vec![1, 0, 34, 0, 0, 0, 0, 0];
    structure.extend(RESERVED.to_le_bytes());
    structure.extend((RESERVED + 0xfff).to_le_bytes());
    structure.extend(scope);
    structure
}

/// The RSDT, and where in it the DMAR's address stands, as soon as `SeaBIOS` has made all that they are made of.
fn tables(machine: &Running) -> (u64, u64) {
    machine.wait_for_monitor();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(rsdt) = rsdt(machine)
            && let Some(entry) = dmar_entry(machine, rsdt)
        {
            return (rsdt, entry);
        }
        assert!(Instant::now() < end, "firmware makes no tables");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where the RSDP says that the RSDT is, if all of the latter is there.
fn rsdt(machine: &Running) -> Option<u64> {
    let file = machine.folder().join("segment");
    machine.monitor().save_ram(0xe_0000, 0x10_0000, &file);
    let segment = std::fs::read(&file).expect("it was saved");
    let mut places = segment.chunks_exact(16).enumerate();
    let (nth, _) = places.find(|(_, bytes)| bytes.starts_with(b"RSD PTR "))?;
    let rsdp = &segment[nth * 16..];
    assert_eq!(rsdp[15], 0, "of ACPI 1.0: it leads to an RSDT");
    let rsdt = u64::from(dword(rsdp, 16));
    let [signature, length] = [rsdt, rsdt + 4].map(|at| machine.monitor().dword(at));
    let is_there = signature == u32::from_le_bytes(*b"RSDT") && length < 4096;
    (is_there && sum(&bytes(machine, rsdt, length)) == 0).then_some(rsdt)
}

fn dmar_entry(machine: &Running, rsdt: u64) -> Option<u64> {
    let length = machine.monitor().dword(rsdt + 4);
    let mut entries = (rsdt + 36..rsdt + u64::from(length)).step_by(4);
    entries.find(|entry| {
        let mut monitor = machine.monitor();
        let table = monitor.dword(*entry);
        monitor.dword(table.into()) == u32::from_le_bytes(*b"DMAR")
    })
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// So many bytes of the machine's memory.
fn bytes(machine: &Running, from: u64, length: u32) -> Vec<u8> {
    let mut monitor = machine.monitor();
    let words = (from..from + u64::from(length)).step_by(4);
    let mut bytes: Vec<u8> = words
        .flat_map(|at| monitor.dword(at).to_le_bytes())
        .collect();
    bytes.truncate(length as usize);
    bytes
}

fn dword(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(bytes)
}
