//! ACPI mode, and the power button.

use std::collections::BTreeMap;

use bulkhead_firmware::{Fadt, Mode, Ports, discover};

use crate::fake::{Fake, RSDP, fadt};
use crate::fixed::{S5, dsdt};

/// Registers of a machine in legacy mode, and how its firmware takes the command.
struct Machine {
    words: BTreeMap<u16, u16>,
    /// Microseconds until it answers; `None`: it does not.
    answers_in: Option<u64>,
    asked_at: Option<u64>,
    now: u64,
    bytes: Vec<(u16, u8)>,
}

const STATUS: u16 = 0x600;
const ENABLE: u16 = 0x602;
const CONTROL: u16 = 0x604;
const STATUS_B: u16 = 0x610;
const BUTTON: u16 = 1 << 8;

impl Machine {
    fn new(answers_in: Option<u64>) -> Self {
        // Firmware has the timer and the button on, and its button was pressed; it was woken.
        let words = [(STATUS, 0x8101), (ENABLE, 0x0101), (CONTROL, 0x1c00)];
        Self {
            words: words.into(),
            answers_in,
            asked_at: None,
            now: 0,
            bytes: Vec::new(),
        }
    }
}

impl Ports for Machine {
    fn read(&mut self, port: u16) -> u16 {
        let is_done = |at| self.answers_in.is_some_and(|us| self.now >= at + us);
        let mode = u16::from(port == CONTROL && self.asked_at.is_some_and(is_done));
        self.words.get(&port).copied().unwrap_or(u16::MAX) | mode
    }

    fn write(&mut self, port: u16, value: u16) {
        let register = self.words.entry(port).or_default();
        match port {
            STATUS | STATUS_B => *register &= !value,
            ENABLE | 0x612 => *register = value,
            _ => panic!("{value:#x} to {port:#x}"),
        }
    }

    fn write_byte(&mut self, port: u16, value: u8) {
        self.bytes.push((port, value));
        if (port, value) == (0xb2, 2) {
            assert_eq!(self.asked_at.replace(self.now), None, "asked twice");
        }
    }

    fn wait_us(&mut self, us: u64) {
        self.now += us;
    }
}

/// As QEMU's `q35` has it, and changed.
fn read(fields: &[(usize, &[u8])]) -> Fadt {
    let base: [(usize, &[u8]); 4] = [
        (56, &[0x00, 0x06, 0, 0]),
        (88, &[4]),
        (80, &[0x20, 0x06, 0, 0]),
        (92, &[16]),
    ];
    let all: Vec<_> = base.iter().chain(fields).copied().collect();
    let mut fake = Fake::machine(&[(0x2000, fadt(&all))]);
    fake.blocks.push(dsdt(S5));
    let firmware = discover(&fake, RSDP);
    assert_eq!(firmware.problems, []);
    firmware.fadt.unwrap()
}

#[test]
fn firmware_leaves_the_events_and_none_is_on() {
    for (answers_in, longest) in [(0, 0), (2_000, 2_100)] {
        let mut machine = Machine::new(Some(answers_in));
        assert_eq!(read(&[]).enter_acpi_mode(&mut machine), Mode::Entered);
        assert!(machine.now <= longest, "{} us", machine.now);
        // The press that switched the machine on is no event; what else is told stays.
        assert_eq!(machine.words[&STATUS], 0x8001);
        assert_eq!(machine.words[&ENABLE], 0);
        let general = (0x628..0x630).map(|port| (port, 0));
        let wanted: Vec<_> = [(0xb2, 2)].into_iter().chain(general).collect();
        assert_eq!(machine.bytes, wanted);
        // Once is enough.
        assert_eq!(read(&[]).enter_acpi_mode(&mut machine), Mode::Found);
    }
}

#[test]
fn firmware_that_does_not_answer_keeps_them() {
    let mut machine = Machine::new(None);
    let mode = read(&[]).enter_acpi_mode(&mut machine);
    assert_eq!((mode, mode.is_acpi()), (Mode::Refused, false));
    assert_eq!(machine.now, 3_000_000);
    assert_eq!(machine.words, Machine::new(None).words);
    assert_eq!(machine.bytes, [(0xb2, 2)]);
}

#[test]
fn a_machine_without_legacy_mode_is_not_asked() {
    for fields in [
        &[(48, &[0u8; 4][..])][..],
        &[(52, &[0])],
        // Reduced hardware: whatever else the table says, there are no such registers.
        &[(112, &(1u32 << 20).to_le_bytes())],
    ] {
        let mut machine = Machine::new(Some(0));
        assert_eq!(read(fields).enter_acpi_mode(&mut machine), Mode::Only);
        assert!(!machine.bytes.contains(&(0xb2, 2)));
        let is_reduced = fields[0].0 == 112;
        assert_eq!(machine.words[&ENABLE] == 0, !is_reduced);
        assert_eq!(machine.bytes.is_empty(), is_reduced);
    }
}

#[test]
fn a_press_is_told_once() {
    let fadt = read(&[]);
    let mut machine = Machine::new(Some(0));
    fadt.enter_acpi_mode(&mut machine);
    fadt.note_power_button(&mut machine, true);
    assert_eq!(machine.words[&ENABLE], BUTTON);
    assert!(!fadt.take_power_button(&mut machine));
    machine.words.insert(STATUS, 0x8001 | BUTTON);
    assert!(fadt.take_power_button(&mut machine));
    assert!(!fadt.take_power_button(&mut machine));
    assert_eq!(machine.words[&STATUS], 0x8001);
    fadt.note_power_button(&mut machine, false);
    assert_eq!(machine.words[&ENABLE], 0);
    // Of two blocks either may tell.
    let both = read(&[(60, &[0x10, 0x06, 0, 0])]);
    machine.words.insert(STATUS_B, BUTTON);
    assert!(both.take_power_button(&mut machine));
    assert_eq!(machine.words[&STATUS_B], 0);
    // Nobody at the ports.
    machine.words.clear();
    assert!(!fadt.take_power_button(&mut machine));
}

#[test]
fn a_button_that_is_a_device_is_none_of_these_registers() {
    let fadt = read(&[(112, &(1u32 << 10 | 1 << 4).to_le_bytes())]);
    let mut machine = Machine::new(Some(0));
    assert_eq!(fadt.enter_acpi_mode(&mut machine), Mode::Entered);
    fadt.note_power_button(&mut machine, true);
    assert_eq!(machine.words[&ENABLE], 0);
    machine.words.insert(STATUS, BUTTON);
    assert!(!fadt.take_power_button(&mut machine));
}

#[test]
fn registers_that_can_t_be_are_not_there() {
    // Beyond the last port, without a length, in memory.
    for fields in [
        &[(56, &[0xfe, 0xff, 0, 0][..])][..],
        &[(56, &[0, 0, 1, 0])],
        &[(88, &[0])],
        &[(88, &[1])],
    ] {
        let events = read(fields).events;
        assert_eq!(events.pm1, [[0; 2]; 2], "{fields:?}");
    }
    // The longer field counts where it names a port.
    let x = read(&[(148, &[1]), (152, &0x1800u64.to_le_bytes())]).events;
    assert_eq!(x.pm1, [[0x1800, 0x1802], [0; 2]]);
    assert_eq!(x.general, [(0x628, 8), (0, 0)]);
}
