//! Watchdogs: found by their function, stopped by their own registers, and by nothing else.

use bulkhead_pci::watchdog::Register::{Config8, Memory8, Memory32, Port8, Port16};
use bulkhead_pci::watchdog::{Outcome, Platform, Register, State, Watchdog};
use bulkhead_pci::{Bar, BarKind, Grant};
use proptest::prelude::*;

use crate::fake::address;
use crate::machine::machine;
use crate::watchdog_board::{Board, PLACE};

const ISA: (u8, u8) = (0x06, 0x01);
const SMBUS: (u8, u8) = (0x0c, 0x05);
const OTHER: (u8, u8) = (0x08, 0x80);

/// As QEMU's q35 has it.
fn ich9(pmbase: u32, acpi_control: u32, control: u32, gcs: u32) -> Board {
    Board::new(
        0x2918_8086,
        &[(0x40, pmbase), (0x44, acpi_control), (0xf0, 0xfed1_c001)],
        &[
            (Port16(0x660), 0x0123),
            (Port16(0x668), control),
            (Memory32(0xfed1_f410), gcs),
        ],
    )
}

#[test]
fn the_timer_of_an_lpc_bridge() {
    let board = ich9(0x601, 0x80, 0x0300, 0);
    let watchdog = board.watchdog(ISA).unwrap();
    assert_eq!(
        (watchdog.address, watchdog.driver(), watchdog.is_chipset()),
        (address(PLACE), "iTCO_wdt", true)
    );
    assert_eq!(
        board.stop(watchdog),
        (State::Armed, Outcome::Stopped, State::Halted)
    );
    // Halted, all else as it was, but for the bit that a one would change.
    assert_eq!(*board.writes.borrow(), [(Port16(0x668), 0x0a00)]);
    // Once is enough.
    assert_eq!(watchdog.stop(&board, &board), Outcome::Idle);
    assert_eq!(board.writes.borrow().len(), 1);
}

#[test]
fn one_that_may_not_reset_counts_only() {
    let board = ich9(0x601, 0x80, 0, 0x20);
    let watchdog = board.watchdog(ISA).unwrap();
    assert_eq!(
        board.stop(watchdog),
        (State::Counts, Outcome::Stopped, State::Halted)
    );
    // One that was never started.
    let board = ich9(0x601, 0x80, 0, 0);
    board.set_register(Port16(0x660), 0x0400);
    assert_eq!(watchdog.state(&board, &board), State::Counts);
    // Where that can't be read, nothing is said that is not known.
    let hidden = ich9(0x601, 0x80, 0, 0);
    for rcba in [0xfed1_c000, 0x0010_0001] {
        hidden.config.borrow_mut().insert(0xf0, rcba);
        assert_eq!(watchdog.state(&hidden, &hidden), State::Counts);
    }
}

#[test]
fn ports_that_are_not_decoded_are_not_touched() {
    for board in [
        ich9(0x601, 0x00, 0, 0),
        ich9(0x001, 0x80, 0, 0),
        ich9(0x601, 0x80, 0xffff, 0),
    ] {
        let watchdog = board.watchdog(ISA).unwrap();
        assert_eq!(
            board.stop(watchdog),
            (State::Halted, Outcome::Idle, State::Halted)
        );
        assert_eq!(*board.writes.borrow(), []);
    }
    // Another function answers in its place.
    let board = ich9(0x601, 0x80, 0, 0);
    let watchdog = board.watchdog(ISA).unwrap();
    board.config.borrow_mut().insert(0, 0x2916_8086);
    assert_eq!(watchdog.stop(&board, &board), Outcome::Idle);
}

#[test]
fn the_timer_of_an_atom() {
    for (pmbase, config, wanted) in [
        (0x402, 0x0000, State::Armed),
        (0x402, 0x0010, State::Counts),
        (0x400, 0x0000, State::Halted),
    ] {
        let board = Board::new(
            0x0f1c_8086,
            &[(0x40, pmbase), (0x44, 0xfed0_3002)],
            &[(Port16(0x468), 0), (Memory32(0xfed0_3008), config)],
        );
        let watchdog = board.watchdog(ISA).unwrap();
        assert_eq!(watchdog.state(&board, &board), wanted);
    }
}

#[test]
fn the_timer_of_an_smbus_controller() {
    for (id, control, before, written) in [
        (0xa123_8086, 0x0000, State::Counts, 0x0800),
        (0xa323_8086, 0x0000, State::Armed, 0x0800),
        (0xa323_8086, 0x0101, State::Counts, 0x0801),
    ] {
        let config = [(0x50, 0x401), (0x54, 0x100)];
        let board = Board::new(id, &config, &[(Port16(0x408), control)]);
        let watchdog = board.watchdog(SMBUS).unwrap();
        assert_eq!(
            board.stop(watchdog),
            (before, Outcome::Stopped, State::Halted)
        );
        assert_eq!(*board.writes.borrow(), [(Port16(0x408), written)]);
        board.config.borrow_mut().insert(0x54, 0);
        board.set_register(Port16(0x408), 0);
        assert_eq!(watchdog.stop(&board, &board), Outcome::Idle);
    }
}

/// Each generation tells in its own way where the two registers are.
#[test]
fn the_timer_of_an_amd_chipset() {
    let byte = |at: usize, value: u32| (0..4).map(move |n| (at + n, (value >> (8 * n)) as u8));
    let generation = |id: u32, revision: u32, base: u64| {
        let config = [(0x08, 0x0c05_0000 | revision), (0x40, 0x0800)];
        Board::new(id, &config, &[(Memory32(base), 0x8b)])
    };
    let sp5100: Vec<_> = byte(0x6c, 0xfec0_00f0).collect();
    let sb800: Vec<_> = byte(0x48, 0xfed8_0b01).collect();
    let boards = [
        generation(0x4385_1002, 0x3c, 0xfec0_00f0).indexed(&sp5100),
        generation(0x4385_1002, 0x42, 0xfed8_0b00).indexed(&sb800),
        generation(0x780b_1022, 0x16, 0xfed8_0b00).indexed(&sb800),
        generation(0x780b_1022, 0x41, 0xfeb0_0000).indexed(&[(0, 0x80)]),
        generation(0x790b_1022, 0x49, 0xfeb0_0000).indexed(&[(0, 0x80)]),
        generation(0x790b_1022, 0x61, 0xfeb0_0000),
        generation(0x790b_1d94, 0x61, 0xfeb0_0000),
    ];
    for board in &boards[5..] {
        board.set_register(Memory32(0xfed8_0300), 0x80);
    }
    for board in boards {
        let watchdog = board.watchdog(SMBUS).unwrap();
        assert_eq!(watchdog.driver(), "sp5100_tco");
        // Disabled by hardware (bit 3), whatever it says else.
        assert_eq!(watchdog.stop(&board, &board), Outcome::Idle);
        let control = *board.registers.borrow().keys().next().unwrap();
        let control = match control {
            Memory32(0xfed8_0300) => Memory32(0xfeb0_0000),
            other => other,
        };
        board.set_register(control, 0x87);
        assert_eq!(
            board.stop(watchdog),
            (State::Armed, Outcome::Stopped, State::Halted)
        );
        // That it has fired stays to be read; it is not triggered.
        assert_eq!(*board.writes.borrow(), [(control, 0x04)]);
    }
}

#[test]
fn amd_memory_that_is_not_decoded_is_not_touched() {
    // A base in RAM, which a Linux might have written; no decode; none on a new chip.
    let in_ram: Vec<_> = vec![(0x48, 0x01), (0x49, 0x00), (0x4a, 0x10), (0x4b, 0x00)];
    for (revision, id, bytes) in [
        (0x42, 0x4385_1002, in_ram),
        (0x42, 0x4385_1002, vec![(0x4a, 0xd8), (0x4b, 0xfe)]),
        (0x4a, 0x790b_1022, vec![(0, 0x7f)]),
    ] {
        let registers = [
            (Memory32(0x0010_0000), 1),
            (Memory32(0xfed8_0000), 1),
            (Memory32(0xfeb0_0000), 1),
        ];
        let board = Board::new(id, &[(0x08, revision)], &registers).indexed(&bytes);
        let watchdog = board.watchdog(SMBUS).unwrap();
        assert_eq!(watchdog.stop(&board, &board), Outcome::Idle);
        assert_eq!(*board.writes.borrow(), []);
    }
}

#[test]
fn the_6300esb_s() {
    let lock = Config8(address(PLACE), 0x68);
    let mut board = Board::new(0x25ab_8086, &[], &[(lock, 0x06)]);
    let watchdog = board.watchdog(OTHER).unwrap();
    assert_eq!(
        (watchdog.driver(), watchdog.is_chipset()),
        ("i6300esb", false)
    );
    assert_eq!(
        board.stop(watchdog),
        (State::Armed, Outcome::Stopped, State::Halted)
    );
    assert_eq!(board.writes.take(), [(lock, 0x04)]);
    // Locked until a reset.
    board.set_register(lock, 0x07);
    board.locked = Some(lock);
    assert_eq!(
        board.stop(watchdog),
        (State::Armed, Outcome::Runs, State::Armed)
    );
}

#[test]
fn that_of_a_management_processor() {
    let at = 0xf7df_0000;
    let config = [(0x04, 2), (0x14, at), (0x2c, 0x330e_103c)];
    let registers = [(Memory8(u64::from(at) + 0x72), 0x85)];
    let board = Board::new(0x3306_103c, &config, &registers);
    let mut function = board.function(OTHER);
    assert_eq!(Watchdog::of(&function), None, "it has no BAR");
    function.bars.push(Bar {
        index: 1,
        kind: BarKind::Memory32,
        size: 0x80,
        address: Some(at.into()),
        prefetchable: false,
    });
    let watchdog = Watchdog::of(&function).unwrap();
    for (offset, value) in [(0x04, 0), (0x14, 0x0010_0000), (0x2c, 0x1979_103c)] {
        let old = board.config.borrow_mut().insert(offset, value).unwrap();
        assert_eq!(watchdog.stop(&board, &board), Outcome::Idle, "{offset:#x}");
        board.config.borrow_mut().insert(offset, old);
    }
    assert_eq!(
        board.stop(watchdog),
        (State::Armed, Outcome::Stopped, State::Halted)
    );
    assert_eq!(*board.writes.borrow(), [(registers[0].0, 0x84)]);
}

#[test]
fn what_is_not_known_is_no_watchdog() {
    for (id, class) in [
        // A later LPC bridge, whose timer is found by its SMBus controller; q35's SMBus controller.
        (0xa143_8086, ISA),
        (0x2930_8086, SMBUS),
        (0x2918_8086, SMBUS),
        (0x2918_1022, ISA),
        (0x790e_1022, ISA),
        (0x25ac_8086, OTHER),
    ] {
        let board = Board::new(id, &[], &[]);
        assert_eq!(board.watchdog(class), None, "{id:#x}");
    }
}

/// A grant has those of its units, and no other.
#[test]
fn whose_bus_it_is() {
    let machine = machine();
    let functions = machine.functions();
    for (bus, wanted) in [("00", vec![address("00:1f.0")]), ("01", vec![])] {
        let grant = Grant::new(&functions, &[machine.unit(bus)]);
        let mut seen = Vec::new();
        let nothing = Board::new(0, &[], &[]);
        grant.stop_watchdogs(&machine.fake, &nothing, &mut |address, outcome| {
            assert_eq!(outcome, Outcome::Idle);
            seen.push(address);
        });
        assert_eq!(seen, wanted, "bus {bus}");
    }
}

proptest! {
    /// Whatever registers hold: nothing panics, and no memory is written that may be RAM.
    #[test]
    fn arbitrary_registers(
        dwords in prop::collection::vec(any::<u32>(), 64),
        indexed in prop::collection::vec(any::<u8>(), 256),
        all in any::<u32>(),
        which in 0usize..7,
    ) {
        struct Same<'a>(&'a Board, u32);
        impl Platform for Same<'_> {
            fn get(&self, register: Register) -> u32 {
                match register {
                    Port8(0xcd7) => self.0.get(register),
                    _ => self.1,
                }
            }
            fn set(&self, register: Register, value: u32) {
                if let Memory8(at) | Memory32(at) = register {
                    assert!((0xfe00_0000..1 << 32).contains(&at), "{at:#x}");
                }
                self.0.set(register, value);
            }
        }
        let (id, class) = [
            (0x2918_8086, ISA), (0x0f1c_8086, ISA), (0xa123_8086, SMBUS), (0xa323_8086, SMBUS),
            (0x4385_1002, SMBUS), (0x790b_1022, SMBUS), (0x25ab_8086, OTHER),
        ][which];
        let config: Vec<_> = (1..64).map(|n| (n * 4, dwords[usize::from(n)])).collect();
        let mut board = Board::new(id, &config, &[]);
        board.indexed = indexed;
        let watchdog = board.watchdog(class).unwrap();
        watchdog.stop(&board, &Same(&board, all));
    }
}
