//! FADT and DSDT: reset, power-off, the timer.

use bulkhead_firmware::{Problem, Signature, discover};

use crate::fake::{Fake, RSDP, fadt, table};

/// Where the DSDT lies.
pub(crate) const DSDT: u64 = 0x7fd_0000;

pub(crate) fn dsdt(aml: &[u8]) -> (u64, Vec<u8>) {
    (DSDT, table(*b"DSDT", aml))
}

/// `Name (_S5_, Package () { 5, 0, 0, 0 })` as QEMU has it.
pub(crate) const S5: &[u8] = &[
    0x08, b'_', b'S', b'5', b'_', 0x12, 0x07, 0x04, 0x0a, 5, 0, 0, 0,
];

#[test]
fn soft_off_is_found_in_all_its_forms() {
    let sleep = |aml: &[u8]| {
        let mut fake = Fake::machine(&[(0x2000, fadt(&[]))]);
        fake.blocks.push(dsdt(aml));
        let firmware = discover(&fake, RSDP);
        let is_told = firmware.problems == [Problem::NoSleepState];
        assert_eq!(is_told, firmware.sleep.is_none());
        firmware.sleep.map(|sleep| (sleep.type_a, sleep.type_b))
    };
    let named = |tail: &[u8]| [b"\x08\\_S5_", tail].concat();
    assert_eq!(sleep(S5), Some((5, 0)));
    assert_eq!(sleep(&named(&[0x12, 6, 2, 0x0a, 7, 0x0a, 6])), Some((7, 6)));
    assert_eq!(sleep(&named(&[0x12, 4, 2, 1, 0])), Some((1, 0)));
    assert_eq!(sleep(&named(&[0x12, 4, 1, 1])), Some((1, 1)));
    assert_eq!(
        sleep(&named(&[0x12, 9, 2, 0x0b, 5, 5, 0x0c, 4, 0, 0, 0])),
        Some((5, 4))
    );
    assert_eq!(sleep(&named(&[0x12, 0x47, 0, 2, 1, 1])), Some((1, 1)));
    // A reference to the name, a value that can't be, no package, cut off.
    assert_eq!(sleep(&[b"\x70_S5_", S5].concat()), Some((5, 0)));
    assert_eq!(sleep(&named(&[0x12, 4, 2, 0x0a, 8, 0])), None);
    assert_eq!(sleep(&named(&[0x0a, 5])), None);
    assert_eq!(sleep(&named(&[0x12, 0xff])), None);
    assert_eq!(sleep(&S5[..9]), None);
    assert_eq!(sleep(b""), None);
}

#[test]
fn soft_off_may_be_in_any_ssdt() {
    let sleep = |own: &[u8], others: &[&[u8]]| {
        let mut tables = vec![(0x2000, fadt(&[]))];
        let placed = others.iter().zip(1u64..);
        tables.extend(placed.map(|(aml, at)| (at << 20, table(*b"SSDT", aml))));
        let mut fake = Fake::machine(&tables);
        fake.blocks.push(dsdt(own));
        let firmware = discover(&fake, RSDP);
        assert_eq!(firmware.problems, []);
        firmware.sleep.map(|sleep| sleep.type_a)
    };
    let other = &[b"\x08\\_S5_", &[0x12, 4, 2, 1, 0][..]].concat();
    assert_eq!(sleep(b"", &[b"", other]), Some(1));
    // What is loaded first counts.
    assert_eq!(sleep(S5, &[other]), Some(5));
}

#[test]
fn wrong_fixed_hardware_is_told() {
    let read = |fields: &[(usize, &[u8])]| {
        let mut fake = Fake::machine(&[(0x2000, fadt(fields))]);
        fake.blocks.push(dsdt(S5));
        let firmware = discover(&fake, RSDP);
        (firmware.fadt.unwrap(), firmware.problems)
    };
    let bad = |register, address| Problem::BadRegister { register, address };
    let (fadt, problems) = read(&[(116, &[7])]);
    assert_eq!(
        (fadt.reset, problems),
        (None, vec![bad("RESET_REG", 0xcf9)])
    );
    let (fadt, problems) = read(&[(120, &0x1_0000u64.to_le_bytes())]);
    assert_eq!(
        (fadt.reset, problems),
        (None, vec![bad("RESET_REG", 0x1_0000)])
    );
    let (fadt, problems) = read(&[(64, &0x1_0604u32.to_le_bytes())]);
    assert_eq!(
        (fadt.pm1a_control, problems),
        (0, vec![bad("PM1a_CNT", 0x1_0604)])
    );
    // No reset register, and none said to be there.
    let (fadt, problems) = read(&[(112, &[0; 4]), (116, &[0; 12])]);
    assert_eq!((fadt.reset, problems), (None, vec![]));
    // Extended fields count where they are filled.
    let (fadt, _) = read(&[(172, &[1]), (176, &0x1804u64.to_le_bytes()), (91, &[0])]);
    assert_eq!((fadt.pm1a_control, fadt.pm_timer_port), (0x1804, None));
    // PM1a may be in the extended field alone.
    let (fadt, problems) = read(&[(64, &[0; 4]), (172, &[1]), (176, &0x1804u64.to_le_bytes())]);
    assert_eq!((fadt.pm1a_control, problems), (0x1804, vec![]));
    let (fadt, problems) = read(&[(140, &0x123_0000u64.to_le_bytes())]);
    assert_eq!(fadt.dsdt, 0x123_0000);
    assert_eq!(
        problems,
        [Problem::Unreachable {
            named_by: Signature(*b"FACP"),
            address: 0x123_0000
        }]
    );
    // A DSDT that is none.
    let (_, problems) = read(&[(40, &0x2000u32.to_le_bytes())]);
    assert!(matches!(problems[..], [Problem::WrongSignature { .. }]));
}
