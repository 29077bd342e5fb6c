//! IOMMUs that translate before Bulkhead is loaded, as firmware that guards memory before boot leaves
//! them (QEMU's debugger switches them on): firmware and loader work through them, Bulkhead takes them over, and then all is as it is
//! with one that was off (`isolation.rs`).

use bulkhead_tests::debugger::Debugger;
use libtest_mimic::Trial;

use super::folder;
use super::isolation::{AMD_TOLD, INTEL_TOLD, board, play_on};
use crate::{long_story, story};

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::isolation_left_intel", left_intel),
        long_story("devices::isolation_left_amd", left_amd),
    ]
}

/// Firmware's tables: RAM that no partition has.
const TABLES: u32 = 0x7000_0000;

/// With these qwords at [`TABLES`], and these dwords in a unit's registers before Bulkhead is loaded.
fn play(
    name: &'static str,
    iommu: &'static str,
    told: &str,
    words: &[u64],
    base: u64,
    registers: &[(u64, u32)],
) {
    let mut board = board(name).iommu(iommu);
    let file = folder(name).join("tables");
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(&file, bytes).expect("the tables can be written");
    board = board.left_file(TABLES.into(), &file);
    play_on(name, &board, told, |machine| {
        let mut debugger = Debugger::stop(machine);
        for (register, value) in registers {
            debugger.write(base + register, *value);
        }
        debugger.go_on();
        " that firmware left translating"
    });
}

fn left_intel() {
    let name = "isolation_left_intel";
    // A root table whose buses all lead to one context table, by which every function passes.
    let context = u64::from(TABLES) + 0x1000;
    let root = [context | 1, 0].repeat(256);
    let passing = [0b1001, 1 << 8 | 2].repeat(256);
    // A queue with one command, which waits and writes a word: as a queue is once it was used. QEMU's unit
    // does not give up one of another kind.
    let queue = [1 << 32 | 0x25, u64::from(TABLES) + 0x3000];
    let registers = [
        (0x20, TABLES),
        (0x24, 0),
        // The root table is set; a queue; on.
        (0x18, 1 << 30),
        (0x90, TABLES + 0x2000),
        (0x94, 0),
        (0x18, 1 << 26),
        (0x88, 16),
        (0x18, 1 << 31 | 1 << 26),
    ];
    let iommu = "intel-iommu,intremap=off";
    let words = [root, passing, queue.to_vec()].concat();
    play(name, iommu, INTEL_TOLD, &words, 0xfed9_0000, &registers);
}

fn left_amd() {
    let name = "isolation_left_amd";
    // A device table by which every function passes.
    let words = [0b11 | 3 << 61, 1, 0, 0].repeat(0x1_0000);
    let registers = [
        (0, TABLES | 511),
        (4, 0),
        (0x08, TABLES + 0x20_0000),
        (0x0c, 8 << 24),
        (0x10, TABLES + 0x20_1000),
        (0x14, 8 << 24),
        (0x18, 1 << 12 | 1 << 2 | 1),
    ];
    let iommu = "amd-iommu,dma-remap=on";
    play(name, iommu, AMD_TOLD, &words, 0xfed8_0000, &registers);
}
