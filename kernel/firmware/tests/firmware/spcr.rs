//! SPCR: the port that firmware talks on.

use bulkhead_firmware::{
    NoSerialPort, Problem, SerialFunction, SerialPort, SerialRegisters, Signature, discover,
};

use crate::fake::{Fake, RSDP, fix_checksum, spcr};

fn read(fields: &[(usize, &[u8])]) -> Result<SerialPort, NoSerialPort> {
    let firmware = discover(&Fake::machine(&[(0x1000, spcr(fields))]), RSDP);
    assert_eq!(firmware.problems, []);
    firmware.console.expect("there is one")
}

#[test]
fn ports_and_memory() {
    let port = read(&[]).unwrap();
    assert_eq!(
        port,
        SerialPort {
            registers: SerialRegisters::Io(0x2f8),
            baud: Some(9600),
            clock: None,
            function: None,
        }
    );
    let memory = |interface: u8, width: u8, access: u8, address: u64| {
        let place = [0, width, 0, access];
        read(&[
            (36, &[interface]),
            (40, &place),
            (44, &address.to_le_bytes()),
        ])
        .map(|port| port.registers)
    };
    let at = |stride| {
        Ok(SerialRegisters::Memory {
            address: 0xfe03_2000,
            stride,
        })
    };
    assert_eq!(memory(0, 8, 1, 0xfe03_2000), at(1));
    assert_eq!(memory(0x12, 32, 3, 0xfe03_2000), at(4));
    assert_eq!(memory(0x12, 32, 0, 0xfe03_2000), at(4));
    // Registers of 32 bits can't be one byte apart, whatever the access size says.
    assert_eq!(memory(0x12, 32, 1, 0xfe03_2000), at(4));
    assert_eq!(memory(1, 16, 0, 0xfe03_2000), at(2));
    assert_eq!(memory(1, 8, 2, 0xfe03_2000), at(2));
    assert_eq!(memory(1, 0, 0, 0xfe03_2000), at(1));
    // Crooked, and past the end.
    for address in [0xfe03_2001, u64::MAX - 3] {
        assert_eq!(
            memory(0x12, 32, 3, address),
            Err(NoSerialPort::Address { space: 0, address })
        );
    }
}

#[test]
fn rates() {
    let baud = |revision: u8, code: u8, clock: u32, precise: u32| {
        let port = read(&[
            (8, &[revision]),
            (58, &[code]),
            (76, &clock.to_le_bytes()),
            (80, &precise.to_le_bytes()),
        ]);
        let port = port.unwrap();
        (port.baud, port.clock)
    };
    let codes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 255].map(|code| baud(1, code, 0, 0).0);
    let (none, some) = (None, Some);
    assert_eq!(
        codes,
        [
            none,
            none,
            none,
            some(9600),
            some(19_200),
            none,
            some(57_600),
            some(115_200),
            none,
            none
        ]
    );
    // What was reserved before is not read before.
    assert_eq!(baud(2, 7, 48_000_000, 1_500_000), (Some(115_200), None));
    assert_eq!(
        baud(3, 7, 48_000_000, 1_500_000),
        (Some(115_200), Some(48_000_000))
    );
    assert_eq!(
        baud(4, 7, 48_000_000, 1_500_000),
        (Some(1_500_000), Some(48_000_000))
    );
    assert_eq!(baud(4, 7, 0, 0), (Some(115_200), None));
    assert_eq!(baud(4, 0, 0, 0), (None, None));
}

#[test]
fn pci() {
    let function = |ids: [u8; 4], place: [u8; 3], segment: u8| {
        let port = read(&[(64, &ids), (68, &place), (75, &[segment])]);
        port.unwrap().function
    };
    assert_eq!(
        function([2, 0, 0x36, 0x1b], [1, 4, 7], 3),
        Some(SerialFunction {
            segment: 3,
            bus: 1,
            device: 4,
            function: 7
        })
    );
    assert_eq!(function([0xff, 0xff, 0x36, 0x1b], [0, 4, 0], 0), None);
    assert_eq!(function([2, 0, 0xff, 0xff], [0, 4, 0], 0), None);
    assert_eq!(function([2, 0, 0x36, 0x1b], [0, 32, 0], 0), None);
    assert_eq!(function([2, 0, 0x36, 0x1b], [0, 4, 8], 0), None);
}

#[test]
fn what_can_not_be_used_says_why() {
    let why = |fields: &[(usize, &[u8])]| read(fields).unwrap_err().to_string();
    assert_eq!(why(&[(44, &[0; 8])]), "says that the firmware uses no port");
    assert_eq!(
        why(&[(36, &[3])]),
        "names a port of interface type 0x3 (accepted: 0, 1 and 0x12, which are 16550s)"
    );
    for (space, address) in [(1u8, 0xfffcu64), (1, 0x1_02f8), (2, 0x10), (10, 0x3f8)] {
        let fields: [(usize, &[u8]); 2] = [(40, &[space]), (44, &address.to_le_bytes())];
        assert_eq!(
            why(&fields),
            format!("names {address:#x} in address space {space}, where no 16550 can be")
        );
    }
}

#[test]
fn short_ones_and_second_ones() {
    let cut = |length: u32| {
        let mut bytes = spcr(&[(8, &[4])]);
        bytes.truncate(length as usize);
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        fix_checksum(&mut bytes, 9);
        let firmware = discover(&Fake::machine(&[(0x1000, bytes)]), RSDP);
        (firmware.console.is_some(), firmware.problems)
    };
    let short = Problem::TooShort {
        table: Signature(*b"SPCR"),
        length: 79,
    };
    assert_eq!(cut(79), (false, vec![short]));
    assert_eq!(cut(80), (true, vec![]));
    // Half of the precise rate is there.
    assert_eq!(cut(82), (true, vec![]));
    let two = [(0x1000, spcr(&[])), (0x2000, spcr(&[(58, &[7])]))];
    let firmware = discover(&Fake::machine(&two), RSDP);
    assert_eq!(firmware.console.unwrap().unwrap().baud, Some(9600));
    assert!(matches!(
        firmware.problems[..],
        [Problem::SecondTable { .. }]
    ));
}
