//! Where the shell's serial port may be.

use bulkhead_describe::ports::{Candidate, Ports, where_it_is};
use bulkhead_fake::{address, region};
use bulkhead_firmware::{SerialFunction, SerialPort, SerialRegisters};
use bulkhead_model::{Com, MemoryKind, MemoryRange};
use bulkhead_pci::{Bar, BarKind, Function};
use bulkhead_terminal::serial::Speed;

/// What is RAM, and what is not.
fn memory() -> [MemoryRange; 3] {
    [
        (0, 0x8000_0000, MemoryKind::Usable),
        (0x8000_0000, 0x8001_0000, MemoryKind::AcpiNvs),
        (0xf000_0000, 0x1_0000_0000, MemoryKind::Reserved),
    ]
    .map(|(start, end, kind)| MemoryRange {
        region: region(start, end),
        kind,
    })
}

/// A function of class 07 00 `interface`, with that BAR.
fn card(interface: u8, kind: BarKind, size: u64, at: Option<u64>) -> Function {
    let mut card = Function::new(address("02:00.0"));
    (card.class, card.subclass, card.interface) = (7, 0, interface);
    let bar = |index, size, address| Bar {
        index,
        kind,
        prefetchable: false,
        size,
        address,
    };
    // What is too small for a 16550 is passed over.
    card.bars = vec![bar(0, 4, Some(0x10)), bar(1, size, at)];
    card
}

fn with<T>(functions: &[Function], look: impl FnOnce(&Ports<'_>) -> T) -> T {
    look(&Ports {
        firmware: None,
        functions,
        memory: &memory(),
        reach: 0x1_0000_0000,
    })
}

fn memory_at(address: u64, stride: u8) -> SerialRegisters {
    SerialRegisters::Memory { address, stride }
}

#[test]
fn a_card_s_registers_are_tried_where_they_may_be() {
    use BarKind::{Io, Memory32};
    let places = |kind, size, at| {
        let card = card(2, kind, size, Some(at));
        with(&[card], |ports| ports.of_pci(address("02:00.0"))).map(|pci| pci.places)
    };
    assert_eq!(places(Io, 8, 0xc000), Ok(vec![SerialRegisters::Io(0xc000)]));
    assert_eq!(places(Io, 8, 0xfff8), Ok(vec![SerialRegisters::Io(0xfff8)]));
    // The last of eight would be no port any more.
    for at in [0xfff9, 0x1_0000, u64::MAX] {
        assert_eq!(places(Io, 8, at), Ok(vec![]), "{at:#x}");
    }
    assert_eq!(
        places(Memory32, 0x1000, 0xf000_0000),
        Ok(vec![memory_at(0xf000_0000, 1), memory_at(0xf000_0000, 4)])
    );
    assert_eq!(
        places(Memory32, 8, 0xf000_0000),
        Ok(vec![memory_at(0xf000_0000, 1)])
    );
    // Between the ranges of the map, where devices are too.
    assert_eq!(
        places(Memory32, 8, 0xe000_0000),
        Ok(vec![memory_at(0xe000_0000, 1)])
    );
}

#[test]
fn what_is_no_port_is_refused_with_the_reason() {
    let refusal = |card: Function, at: &str| {
        with(&[card], |ports| ports.of_pci(address(at))).expect_err("refused")
    };
    let memory = |size, at| refusal(card(2, BarKind::Memory32, size, at), "02:00.0");
    assert_eq!(
        refusal(card(2, BarKind::Io, 8, Some(0xc000)), "03:00.0"),
        "there is no PCI function 0000:03:00.0"
    );
    for interface in [0, 1, 7] {
        assert_eq!(
            refusal(card(interface, BarKind::Io, 8, Some(0xc000)), "02:00.0"),
            format!(
                "PCI function 0000:02:00.0 is of class 07000{interface}, no 16550 \
                 (accepted: 070002 to 070006)"
            )
        );
    }
    assert_eq!(
        memory(7, Some(0xf000_0000)),
        "PCI function 0000:02:00.0 has no registers"
    );
    assert_eq!(
        memory(8, None),
        "PCI function 0000:02:00.0 was given no address for its registers"
    );
    // RAM of any kind, and the last byte of the BAR counts.
    assert_eq!(memory(0x1000, Some(0x1000)), "0x1000 is RAM");
    assert_eq!(memory(8, Some(0x8000_fff9)), "0x8000fff9 is RAM");
    assert_eq!(
        memory(0x1000, Some(0xffff_f001)),
        "0xfffff001 is out of reach"
    );
    assert_eq!(
        memory(0x1000, Some(u64::MAX - 8)),
        "0xfffffffffffffff7 is out of reach"
    );
}

#[test]
fn firmware_s_port() {
    let port = |registers, baud, clock| SerialPort {
        registers,
        baud,
        clock,
        function: Some(SerialFunction {
            segment: 0,
            bus: 2,
            device: 0,
            function: 0,
        }),
    };
    let of = |port: SerialPort, speed, functions: &[Function]| {
        with(functions, |ports| ports.of_firmware(&port, speed))
    };
    let io = SerialRegisters::Io(0xc000);
    let card = [card(2, BarKind::Io, 8, Some(0xc000))];
    assert_eq!(
        of(port(io, Some(9600), None), None, &card),
        Ok(Candidate {
            registers: io,
            speed: Speed::new(9600, 1_843_200).unwrap(),
            function: Some(address("02:00.0")),
        })
    );
    // A function that is not there is not the shell's, whatever the table says.
    let alone = of(port(io, None, None), None, &[]).unwrap();
    assert_eq!((alone.function, alone.speed), (None, Speed::KEEP));
    // A rate that the clock can't make is firmware's own affair; one that was asked for counts.
    let odd = port(io, Some(115_200), Some(1));
    assert_eq!(of(odd, None, &card).unwrap().speed, Speed::KEEP);
    let wanted = Speed::new(57_600, 1_843_200).unwrap();
    assert_eq!(of(odd, Some(wanted), &card).unwrap().speed, wanted);
    assert_eq!(
        of(port(memory_at(0x7fff_fff0, 4), None, None), None, &card),
        Err("0x7ffffff0 is RAM".into())
    );
    assert!(of(port(memory_at(0xf000_0000, 4), None, None), None, &card).is_ok());
}

#[test]
fn a_port_s_name_and_function() {
    let card = [card(2, BarKind::Io, 8, Some(0xc000))];
    let at = |registers| with(&card, |ports| ports.function_at(registers));
    assert_eq!(at(SerialRegisters::Io(0xc000)), Some(address("02:00.0")));
    assert_eq!(at(SerialRegisters::Io(0xc008)), None);
    // The same number, but of memory.
    assert_eq!(at(memory_at(0xc000, 1)), None);
    let com2 = Candidate::of_com(Com::Com2, None);
    assert_eq!(com2.registers, SerialRegisters::Io(0x2f8));
    assert_eq!(where_it_is(com2.registers), "com2");
    assert_eq!(where_it_is(SerialRegisters::Io(0xc000)), "I/O port 0xc000");
    assert_eq!(where_it_is(memory_at(0xf000_0000, 1)), "memory 0xf0000000");
}
