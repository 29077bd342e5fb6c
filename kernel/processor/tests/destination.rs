//! Whom an interrupt command reaches.
#![allow(missing_docs, reason = "a test has no public interface")]

use bulkhead_processor::apic::{
    Command, Destination, MASKED, Mode, OwnId, is_firmwares, local_vector, own_id,
};

#[test]
fn an_id_that_a_mode_cannot_address_is_refused() {
    // 256 would be core 0, and 255 all of them.
    for id in [255, 256, 257, 511, 0x100_0000, u32::MAX] {
        assert_eq!(Destination::new(id, Mode::Memory), None, "{id}");
    }
    for id in [0, 1, 254] {
        assert!(Destination::new(id, Mode::Memory).is_some(), "{id}");
    }
    for id in [0, 255, 256, u32::MAX - 1] {
        assert!(Destination::new(id, Mode::Registers).is_some(), "{id}");
    }
    assert_eq!(Destination::new(u32::MAX, Mode::Registers), None);
}

#[test]
fn a_command_names_its_destination_alone() {
    let command = |id, mode| Destination::new(id, mode).map(|to| to.command(0x4500));
    let memory = Command::Memory {
        high: 0xfe00_0000,
        low: 0x4500,
    };
    assert_eq!(command(254, Mode::Memory), Some(memory));
    let registers = Command::Registers(0x0000_0100_0000_4500);
    assert_eq!(command(256, Mode::Registers), Some(registers));
}

#[test]
fn a_cores_own_id_is_what_its_apic_says() {
    // AMD before Zen: firmware has moved the IDs up, and CPUID does not know.
    assert_eq!(own_id(OwnId::Low(16), || 0), 16);
    assert_eq!(own_id(OwnId::Low(32), || 0), 32);
    assert_eq!(own_id(OwnId::Low(0), || 16), 0);
    // In xAPIC mode, where a Linux may have switched to it, the register has the low bits only.
    assert_eq!(own_id(OwnId::Low(0), || 256), 256);
    assert_eq!(own_id(OwnId::Low(1), || 0x101), 0x101);
    assert_eq!(own_id(OwnId::Low(2), || 0x101), 2);
    let unasked = || unreachable!("CPUID is asked although the APIC tells all");
    assert_eq!(own_id(OwnId::Whole(257), unasked), 257);
    assert_eq!(own_id(OwnId::Nothing, || 257), 257);
}

#[test]
fn only_firmwares_own_entries_stay() {
    const SMI: u32 = 0b010 << 8;
    const NMI: u32 = 0b100 << 8;
    assert_eq!(local_vector(SMI), SMI);
    assert!(is_firmwares(SMI));
    // As after a reset; one with a vector that nobody here handles; an NMI; a masked SMI.
    for at_boot in [MASKED, 0xfa, NMI, MASKED | SMI] {
        assert_eq!(local_vector(at_boot), MASKED, "{at_boot:#x}");
        assert!(!is_firmwares(at_boot), "{at_boot:#x}");
    }
}
