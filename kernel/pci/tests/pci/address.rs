//! Names.

use bulkhead_pci::{Address, AddressError, Bus};

const FUNCTION: Address = Address {
    segment: 0,
    bus: 1,
    device: 0x1f,
    function: 7,
};

#[test]
fn names_are_read_back() {
    assert_eq!(FUNCTION.to_string(), "0000:01:1f.7");
    assert_eq!(format!("{FUNCTION:?}"), "0000:01:1f.7");
    for text in ["0000:01:1f.7", "01:1f.7", "1:1F.7", "0:1:1f.7"] {
        assert_eq!(text.parse(), Ok(FUNCTION), "{text}");
    }
    let bus = Bus {
        segment: 0xabcd,
        number: 0xef,
    };
    assert_eq!(bus.to_string(), "abcd:ef");
    assert_eq!("ABCD:EF".parse(), Ok(bus));
    assert_eq!("01".parse(), Ok(FUNCTION.bus()));
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        ":",
        "01",
        "01:00",
        "01:20.0",
        "01:00.8",
        "01:00.00",
        "001:00.0",
        "+1:00.0",
        "01:00.0 ",
        "00000:01:00.0",
        "0:0:01:00.0",
        "01:000.0",
        "g:00.0",
        "01:00.",
        "01:.0",
        ":00.0",
        "é:00.0",
    ] {
        assert_eq!(
            text.parse::<Address>(),
            Err(AddressError::NotAFunction),
            "{text}"
        );
    }
    for text in [
        "", ":", "100", "0:", ":0", "0:0:0", "-1", "00000:00", "01:00.0",
    ] {
        assert_eq!(text.parse::<Bus>(), Err(AddressError::NotABus), "{text}");
    }
}
