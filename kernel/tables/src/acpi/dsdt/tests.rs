//! Small examples, byte by byte, and what holds for every resource descriptor.

use alloc::vec;

use bulkhead_pci::{Bus, Route};
use proptest::prelude::*;

use super::*;
use crate::acpi::{IoApicView, PciRoot, PciWindow, PciWindowKind, UartView};

const NOTHING: View<'static> = View {
    base: 0,
    local_apic_address: 0xfee0_0000,
    first_absent: None,
    nodes: &[],
    performance: None,
    cores: &[],
    io_apics: &[],
    isa_interrupts: false,
    overrides: &[],
    uarts: &[],
    ps2: false,
    rtc: false,
    roots: &[],
};
const IO_APIC: IoApicView = IoApicView {
    id: 0,
    address: 0xfec0_0000,
    gsi_base: 0,
};

/// The table's devices, without header and scope, and without the one that is always there, which
/// comes last.
fn devices(view: &View<'_>) -> Vec<u8> {
    let table = dsdt(view);
    let scope = table.windows(5).position(|bytes| bytes == b"\\_SB_");
    let devices = &table[scope.expect("a scope") + 5..];
    let devices = devices.strip_suffix(hex(SLEEP).as_slice());
    devices.expect("it can't be put to sleep").to_vec()
}

/// Present and enabled, can be enabled, and fails to be disabled: Local0 = 0; Local0 = 1 % Local0.
const SLEEP: &str = "
    5b 82 47 04 53 4c 45 50
    08 5f 48 49 44 0c 3a 63 60 01
    08 5f 43 49 44 0c 41 d0 0c 02
    08 5f 55 49 44 01
    08 5f 53 54 41 0a 0f
    08 5f 43 52 53 11 05 0a 02 79 00
    14 06 5f 53 52 53 01
    14 0d 5f 44 49 53 00 70 00 60 85 01 60 60";

fn hex(text: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).expect("hexadecimal");
    text.split_ascii_whitespace().map(byte).collect()
}

/// The `_CRS` that follows `after`, as tags and contents, and whether it ends as it has to.
fn descriptors(aml: &[u8], after: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let find = |from: usize, what: &[u8]| {
        let found = aml[from..].windows(what.len()).position(|w| w == what);
        from + found.expect("there") + what.len()
    };
    // BufferOp, package length, length of the buffer as an integer.
    let mut rest = &aml[find(find(0, after), b"_CRS")..];
    assert_eq!(rest[0], 0x11);
    rest = &rest[2 + usize::from(rest[1] >> 6)..];
    rest = match rest[0] {
        0x0a => &rest[2..2 + usize::from(rest[1])],
        0x0b => &rest[3..3 + usize::from(u16::from_le_bytes([rest[1], rest[2]]))],
        other => panic!("{other:#x} is no length"),
    };
    let mut found = Vec::new();
    loop {
        let (header, length) = match rest[0] {
            0x79 => {
                assert_eq!(rest, [0x79, 0]);
                return found;
            }
            small @ 0..=0x7f => (1, usize::from(small & 7)),
            _ => (3, usize::from(u16::from_le_bytes([rest[1], rest[2]]))),
        };
        found.push((rest[0], rest[header..header + length].to_vec()));
        rest = &rest[header + length..];
    }
}

/// An address space: its kind (0 memory, 1 I/O, 2 buses), general flags, special flags, first and
/// last address. Its other fields are checked.
fn address_space((tag, content): &(u8, Vec<u8>)) -> (u8, u8, u8, u64, u64) {
    let width = match tag {
        0x88 => 2,
        0x87 => 4,
        0x8a => 8,
        other => panic!("{other:#x} is no address space"),
    };
    let fields: Vec<u64> = content[3..]
        .chunks(width)
        .map(|bytes| {
            bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte))
        })
        .collect();
    let [granularity, minimum, maximum, translation, length] = fields[..] else {
        panic!("five fields are wanted: {fields:x?}");
    };
    assert_eq!((granularity, translation), (0, 0));
    assert_eq!(maximum - minimum + 1, length);
    assert_eq!(content[1] & 0xe, 0xc, "both ends are fixed");
    (content[0], content[1], content[2], minimum, maximum)
}

fn route(device: u8, pin: u8, gsi: u32) -> Route {
    Route {
        bus: Bus {
            segment: 0,
            number: 1,
        },
        device,
        pin,
        gsi,
    }
}

fn root(windows: Vec<PciWindow>, routes: Vec<Route>) -> PciRoot {
    PciRoot {
        segment: 1,
        first_bus: 1,
        last_bus: 2,
        ecam_base: 0xb000_0000,
        windows,
        routes,
    }
}

fn window(kind: PciWindowKind, start: u64, end: u64) -> PciWindow {
    PciWindow { kind, start, end }
}

#[test]
fn nothing_is_an_empty_scope_but_for_what_keeps_awake() {
    assert_eq!(devices(&NOTHING), []);
}

#[test]
fn a_port_with_an_interrupt_byte_by_byte() {
    let uart = UartView {
        io_base: 0x2f8,
        uid: 2,
        irq: Some(3),
    };
    let aml = devices(&View {
        uarts: &[uart],
        ..NOTHING
    });
    let expected = "
        5b 82 33 55 41 30 32
        08 5f 48 49 44 0c 41 d0 05 01
        08 5f 55 49 44 0a 02
        08 5f 53 54 41 0a 0f
        08 5f 43 52 53 11 10 0a 0d
        47 01 f8 02 f8 02 01 08
        22 08 00
        79 00";
    assert_eq!(aml, hex(expected));
}

#[test]
fn a_polled_port_has_no_interrupt() {
    let uart = UartView {
        io_base: 0x3f8,
        uid: 1,
        irq: None,
    };
    let aml = devices(&View {
        uarts: &[uart],
        ..NOTHING
    });
    let ports = hex("01 f8 03 f8 03 01 08");
    assert_eq!(descriptors(&aml, b"UA01"), [(0x47, ports)]);
}

#[test]
fn an_interrupt_beyond_those_of_isa() {
    let uart = UartView {
        io_base: 0x3f8,
        uid: 1,
        irq: Some(20),
    };
    let aml = devices(&View {
        uarts: &[uart],
        ..NOTHING
    });
    // Consumer, edge-triggered, active high, exclusive; one interrupt.
    let interrupt = hex("03 01 14 00 00 00");
    assert_eq!(descriptors(&aml, b"UA01")[1], (0x89, interrupt));
}

#[test]
fn keyboard_mouse_and_clock() {
    let view = View {
        io_apics: &[IO_APIC],
        isa_interrupts: true,
        ps2: true,
        rtc: true,
        ..NOTHING
    };
    let aml = devices(&view);
    let port = |text| (0x47, hex(text));
    let irq = |text| (0x22, hex(text));
    assert_eq!(
        descriptors(&aml, b"KBD_\x08_HID\x0c\x41\xd0\x03\x03"),
        [
            port("01 60 00 60 00 01 01"),
            port("01 64 00 64 00 01 01"),
            irq("02 00")
        ]
    );
    assert_eq!(
        descriptors(&aml, b"MOU_\x08_HID\x0c\x41\xd0\x0f\x13"),
        [irq("00 10")]
    );
    let clock = port("01 70 00 70 00 01 02");
    assert_eq!(
        descriptors(&aml, b"RTC_\x08_HID\x0c\x41\xd0\x0b\x00"),
        [clock.clone(), irq("00 01")]
    );
    let aml = devices(&View {
        isa_interrupts: false,
        ..view
    });
    assert_eq!(descriptors(&aml, b"RTC_"), [clock]);
    assert_eq!(descriptors(&aml, b"MOU_"), []);
}

#[test]
fn a_root_bus_byte_by_byte() {
    let windows = vec![window(PciWindowKind::Memory, 0xfe80_0000, 0xfea0_0000)];
    let routes = vec![route(3, 2, 17)];
    let aml = devices(&View {
        roots: &[root(windows, routes)],
        ..NOTHING
    });
    let expected = "
        5b 82 45 07 50 30 30 30
        08 5f 48 49 44 0c 41 d0 0a 08
        08 5f 43 49 44 0c 41 d0 0a 03
        08 5f 55 49 44 00
        08 5f 53 45 47 01
        08 5f 42 42 4e 01
        08 5f 43 52 53 11 2f 0a 2c
        88 0d 00 02 0c 00 00 00 01 00 02 00 00 00 02 00
        87 17 00 00 0c 01 00 00 00 00 00 00 80 fe ff ff 9f fe 00 00 00 00 00 00 20 00
        79 00
        08 5f 50 52 54 12 0e 01
        12 0b 04 0c ff ff 03 00 01 00 0a 11
        5b 82 2c 45 43 41 4d
        08 5f 48 49 44 0c 41 d0 0c 02
        08 5f 55 49 44 00
        08 5f 43 52 53 11 11 0a 0e
        86 09 00 01 00 00 10 b0 00 00 20 00
        79 00";
    assert_eq!(aml, hex(expected));
}

#[test]
fn every_window_has_the_descriptor_that_fits_it() {
    use PciWindowKind::{Io, Memory, Prefetchable};
    let windows = vec![
        window(Io, 0xc000, 0xd000),
        window(Io, 0, 0x1_0000),
        window(Io, 0xfff0, 0x1_0000),
        window(Memory, 0xfff0_0000, 1 << 32),
        window(Prefetchable, 0x38_0000_0000, 0x3c_0000_0000),
        window(Prefetchable, 0xfff0_0000, 0x1_0010_0000),
        window(Memory, 0, 1 << 32),
        window(Memory, 0, u64::MAX),
        // Not listed.
        window(Io, 0xfff0, 0x1_0001),
        window(Io, 5, 5),
        window(Memory, 6, 5),
        window(Memory, 0, 0),
    ];
    let aml = devices(&View {
        roots: &[root(windows, vec![])],
        ..NOTHING
    });
    let found: Vec<_> = descriptors(&aml, b"P000")
        .iter()
        .map(|descriptor| (descriptor.0, address_space(descriptor)))
        .collect();
    assert_eq!(
        found,
        [
            (0x88, (2, 0x0c, 0, 1, 2)),
            (0x88, (1, 0x0c, 3, 0xc000, 0xcfff)),
            (0x87, (1, 0x0c, 3, 0, 0xffff)),
            (0x88, (1, 0x0c, 3, 0xfff0, 0xffff)),
            (0x87, (0, 0x0c, 1, 0xfff0_0000, 0xffff_ffff)),
            (0x8a, (0, 0x0c, 7, 0x38_0000_0000, 0x3b_ffff_ffff)),
            (0x8a, (0, 0x0c, 7, 0xfff0_0000, 0x1_000f_ffff)),
            (0x8a, (0, 0x0c, 1, 0, 0xffff_ffff)),
            (0x8a, (0, 0x0c, 1, 0, u64::MAX - 1)),
        ]
    );
}

#[test]
fn configuration_space_is_that_of_the_buses() {
    let high = PciRoot {
        segment: 2,
        first_bus: 0x80,
        last_bus: 0xff,
        ecam_base: 0x20_0000_0000,
        ..root(vec![], vec![])
    };
    let all = PciRoot {
        first_bus: 0,
        last_bus: 255,
        ecam_base: 0xf000_0000,
        ..root(vec![], vec![])
    };
    let aml = devices(&View {
        roots: &[root(vec![], vec![]), high, all],
        ..NOTHING
    });
    let found = descriptors(&aml, b"ECAM");
    assert_eq!(found[0], (0x86, hex("01 00 00 10 b0 00 00 20 00")));
    assert_eq!(
        address_space(&found[1]),
        (0, 0x0d, 1, 0x20_0800_0000, 0x20_0fff_ffff)
    );
    assert_eq!(found[2], (0x86, hex("01 00 00 00 f0 00 00 00 10")));
    assert_eq!(found.len(), 3);
    // Only the one that the MCFG does not have tells its address itself.
    let addresses = aml.windows(4).filter(|name| name == b"_CBA").count();
    assert_eq!(addresses, 1);
    let address = hex("5f 43 42 41 0e 00 00 00 00 20 00 00 00");
    assert!(aml.windows(address.len()).any(|bytes| bytes == address));
}

#[test]
fn a_route_is_listed_once_and_only_if_it_can_be() {
    let routes = vec![
        route(31, 4, 0x123),
        route(31, 4, 9),
        route(0, 1, 16),
        route(0, 0, 1),
        route(0, 5, 1),
        route(32, 1, 1),
    ];
    let aml = devices(&View {
        roots: &[root(vec![], routes)],
        ..NOTHING
    });
    let expected = hex("5f 50 52 54 12 1a 02
         12 09 04 0b ff ff 00 00 0a 10
         12 0d 04 0c ff ff 1f 00 0a 03 00 0b 23 01");
    assert!(aml.windows(expected.len()).any(|bytes| bytes == expected));
    let none = devices(&View {
        roots: &[root(vec![], vec![route(0, 0, 1)])],
        ..NOTHING
    });
    assert!(!none.windows(4).any(|name| name == b"_PRT"));
}

#[test]
fn all_routes_of_a_bus_fit() {
    let routes = (0..32)
        .flat_map(|device| (1..=4).map(move |pin| route(device, pin, 16)))
        .collect();
    let aml = devices(&View {
        roots: &[root(vec![], routes)],
        ..NOTHING
    });
    let name = aml.windows(4).position(|name| name == b"_PRT");
    let package = &aml[name.expect("there") + 4..];
    // PackageOp, a length of two bytes, 128 elements.
    assert_eq!((package[0], package[1] >> 6, package[3]), (0x12, 1, 128));
}

fn kind() -> impl Strategy<Value = PciWindowKind> {
    prop_oneof![
        Just(PciWindowKind::Io),
        Just(PciWindowKind::Memory),
        Just(PciWindowKind::Prefetchable)
    ]
}

proptest! {
    /// Whatever the numbers, nothing overflows and every descriptor is in order.
    #[test]
    fn never_panics(
        first_bus in any::<u8>(), last_bus in any::<u8>(), ecam_base in any::<u64>(),
        windows in prop::collection::vec((kind(), any::<u64>(), any::<u64>()), 0..8),
        shift in 0u32..64,
    ) {
        let windows = windows
            .into_iter()
            .map(|(kind, start, end)| window(kind, start >> shift, end >> shift))
            .collect();
        let root = PciRoot { first_bus, last_bus, ecam_base, ..root(windows, vec![]) };
        let aml = devices(&View { roots: &[root], ..NOTHING });
        for descriptor in descriptors(&aml, b"P000") {
            address_space(&descriptor);
        }
        descriptors(&aml, b"ECAM");
    }
}
