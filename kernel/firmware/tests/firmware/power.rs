//! The machine's end: which registers are written, in which order, and what is said if that was no use.

use bulkhead_firmware::{AddressSpace, Firmware, Mode, Ports, Power, ResetRegister, discover};

use crate::fake::{Fake, RSDP, fadt};
use crate::fixed::{S5, dsdt};

/// Keeps what was done; reads give what was put there.
#[derive(Default)]
struct Machine {
    done: Vec<Done>,
    status: u16,
}

#[derive(Debug, PartialEq, Eq)]
enum Done {
    Word(u16, u16),
    Byte(u16, u8),
    Memory(u64, u8),
    Wait,
}
use Done::{Byte, Memory, Wait, Word};

const STATUS: u16 = 0x600;
const BUTTON: u16 = 1 << 8;

impl Ports for Machine {
    fn read(&mut self, port: u16) -> u16 {
        // PM1 control: an old sleep type, and a bit that is not this code's.
        if port == STATUS { self.status } else { 0x1401 }
    }
    fn write(&mut self, port: u16, value: u16) {
        self.done.push(Word(port, value));
    }
    fn write_byte(&mut self, port: u16, value: u8) {
        self.done.push(Byte(port, value));
    }
    fn wait_us(&mut self, _: u64) {
        self.done.push(Wait);
    }
}

fn firmware(fields: &[(usize, &[u8])]) -> Firmware {
    let mut fake = Fake::machine(&[(0x2000, fadt(fields))]);
    fake.blocks.push(dsdt(S5));
    discover(&fake, RSDP)
}

/// A machine that is in ACPI mode already, and nothing done to it yet.
fn taken(firmware: &Firmware) -> (Power, Machine) {
    let mut machine = Machine::default();
    let (power, mode) = Power::take(firmware, &mut machine);
    assert!(matches!(mode, Mode::Found | Mode::Only), "{mode:?}");
    machine.done.clear();
    (power, machine)
}

#[test]
fn a_reset_tries_the_tables_register_first_and_then_what_pcs_have() {
    let at = |space, address| {
        let mut firmware = firmware(&[]);
        let fadt = firmware.fadt.as_mut().unwrap();
        fadt.reset = Some(ResetRegister {
            space,
            address,
            value: 0x0f,
        });
        firmware
    };
    for (firmware, first) in [
        (at(AddressSpace::Io, 0xb2), Some(Byte(0xb2, 0x0f))),
        (
            at(AddressSpace::Memory, 0xfed1_0000),
            Some(Memory(0xfed1_0000, 0x0f)),
        ),
        (at(AddressSpace::PciConfig, 0), None),
        (Firmware::default(), None),
    ] {
        let has_register = firmware.fadt.is_some();
        let (power, mut machine) = taken(&firmware);
        let mut memory = Vec::new();
        let why = power.reset(&mut machine, |address, value| {
            memory.push(Memory(address, value));
        });
        assert!(why.contains("0xcf9"), "{why}");
        let wait = has_register.then_some(Wait);
        let last = [Byte(0xcf9, 6), Wait, Byte(0x64, 0xfe), Wait];
        let is_memory = matches!(first, Some(Memory(..)));
        let wanted: Vec<_> = if is_memory { None } else { first }
            .into_iter()
            .chain(wait)
            .chain(last)
            .collect();
        assert_eq!(machine.done, wanted);
        assert_eq!(memory.len(), usize::from(is_memory));
    }
}

#[test]
fn power_off_writes_the_sleep_type_and_only_then_the_bit_that_does_it() {
    let both = firmware(&[(64, &[0x04, 0x06, 0, 0]), (68, &[0x14, 0x06, 0, 0])]);
    let sleep = both.sleep.unwrap();
    let (power, mut machine) = taken(&both);
    assert_eq!(power.lacks_off(), None);
    let why = power.off(&mut machine);
    assert!(why.contains("ignored"), "{why}");
    let value = |kind: u8| 0x0001 | u16::from(kind) << 10;
    let wanted = [
        Word(0x604, value(sleep.type_a)),
        Word(0x604, value(sleep.type_a) | 1 << 13),
        Word(0x614, value(sleep.type_b)),
        Word(0x614, value(sleep.type_b) | 1 << 13),
        Wait,
    ];
    assert_eq!(machine.done, wanted);
}

#[test]
fn power_off_that_the_tables_do_not_describe_is_said_and_writes_nothing() {
    let mut without_s5 = firmware(&[]);
    without_s5.sleep = None;
    let mut without_register = firmware(&[]);
    without_register.fadt.as_mut().unwrap().pm1a_control = 0;
    for (firmware, wanted) in [
        (Firmware::default(), "no FADT"),
        (without_s5, "no \\_S5"),
        (without_register, "no PM1a"),
    ] {
        let (power, mut machine) = taken(&firmware);
        let why = power.off(&mut machine);
        assert!(why.contains(wanted), "{why}");
        assert_eq!(power.lacks_off(), Some(why));
        assert_eq!(machine.done, []);
    }
}

#[test]
fn a_press_is_told_once_and_looked_for_ten_times_a_second() {
    let button = firmware(&[(56, &[0x00, 0x06, 0, 0]), (88, &[4])]);
    let (mut power, mut machine) = taken(&button);
    assert!(!power.take_button(&mut machine, 0));
    machine.status = BUTTON;
    assert!(!power.take_button(&mut machine, 99));
    assert!(power.take_button(&mut machine, 100));
    // This machine's status can't be cleared.
    assert!(!power.take_button(&mut machine, 200));
    machine.status = 0;
    assert!(!power.take_button(&mut machine, 300));
    machine.status = BUTTON;
    assert!(power.take_button(&mut machine, 400));
}
