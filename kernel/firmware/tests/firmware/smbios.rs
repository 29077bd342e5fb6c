//! Which machine it is, by a BIOS and by EFI, and whatever its bytes are.

use crate::fake::{Fake, fix_checksum};
use bulkhead_firmware::{find_smbios, read_identity, smbios_of_efi};
use proptest::collection::vec;
use proptest::prelude::*;

const ENTRY: u64 = 0xf_0040;
const TABLE: u64 = 0x7fd_0000;
const SYSTEM_TABLE: u64 = 0x7fc_0000;
const UUID: [u8; 16] = *b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";

/// A firmware, then a system with that UUID and serial number.
fn structures(uuid: [u8; 16], serial: &str) -> Vec<u8> {
    let mut bytes = b"\x00\x05\x00\x00\x01Maker of BIOS\0\0".to_vec();
    bytes.extend(b"\x01\x1b\x01\x00\x01\x02\x00\x03");
    bytes.extend(uuid);
    bytes.extend(b"\x06\x00\x00Vendor\0Product \xff1\0");
    bytes.extend(serial.as_bytes());
    bytes.extend(b"\0\0\x7f\x04\x02\x00\0\0");
    bytes
}

/// An entry point of version 3 or 2.
fn entry(version: u8, length: u32) -> Vec<u8> {
    if version == 3 {
        let mut bytes = b"_SM3_\0\x18\x03\x07\x00\x01\x00".to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(TABLE.to_le_bytes());
        fix_checksum(&mut bytes, 5);
        bytes.resize(0x20, 0);
        return bytes;
    }
    let mut bytes = b"_SM_\0\x1f\x02\x08\0\0\0\0\0\0\0\0_DMI_\0".to_vec();
    bytes.extend(u16::try_from(length).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(TABLE).unwrap().to_le_bytes());
    bytes.extend([3, 0, 0x28]);
    fix_checksum(&mut bytes, 4);
    bytes
}

fn machine(version: u8, table: &[u8]) -> Fake {
    let mut area = vec![0; 0x1_0000];
    let entry = entry(version, u32::try_from(table.len()).unwrap());
    area[0x40..0x40 + entry.len()].copy_from_slice(&entry);
    Fake {
        blocks: vec![(0xf_0000, area), (TABLE, table.to_vec())],
    }
}

#[test]
fn a_machine_says_who_it_is() {
    for version in [2, 3] {
        let fake = machine(version, &structures(UUID, "S/N 77"));
        assert_eq!(find_smbios(&fake), Some(ENTRY));
        let identity = read_identity(&fake, ENTRY).unwrap();
        assert_eq!(identity.uuid, Some(UUID));
        assert_eq!(identity.serial, "S/N 77");
        assert_eq!(
            (&*identity.vendor, &*identity.product),
            ("Vendor", "Product 1")
        );
    }
}

#[test]
fn what_many_machines_say_tells_nothing() {
    let shipped = [0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9];
    for uuid in [[0; 16], [0xff; 16], shipped] {
        let fake = machine(3, &structures(uuid, "Default string"));
        let identity = read_identity(&fake, ENTRY).unwrap();
        assert_eq!((identity.uuid, &*identity.serial), (None, ""));
    }
}

#[test]
fn efi_leads_to_it() {
    let mut system = b"IBI SYST".to_vec();
    system.resize(104, 0);
    system.extend(2u64.to_le_bytes());
    system.extend(0x7fb_0000u64.to_le_bytes());
    let mut list = vec![7; 24];
    list.extend(b"\x44\x15\xfd\xf2\x94\x97\x2c\x4a\x99\x2e\xe5\xbb\xcf\x20\xe3\x94");
    list.extend(ENTRY.to_le_bytes());
    let mut fake = machine(3, &structures(UUID, ""));
    fake.blocks.push((SYSTEM_TABLE, system));
    fake.blocks.push((0x7fb_0000, list));
    assert_eq!(smbios_of_efi(&fake, SYSTEM_TABLE), Some(ENTRY));
    assert_eq!(smbios_of_efi(&fake, TABLE), None);
}

proptest! {
    #[test]
    fn any_structures_are_survived(bytes in vec(any::<u8>(), 0..400), version in 2u8..=3) {
        let fake = machine(version, &bytes);
        let _ = read_identity(&fake, ENTRY);
    }

    #[test]
    fn damage_is_survived(
        damage in vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut fake = machine(3, &structures(UUID, "S/N"));
        for (of_entry, at, value) in damage {
            if of_entry {
                fake.blocks[0].1[0x40 + at.index(24)] = value;
            } else {
                *at.get_mut(&mut fake.blocks[1].1) = value;
            }
        }
        fix_checksum(&mut fake.blocks[0].1[0x40..0x58], 5);
        let length = cut.index(fake.blocks[1].1.len() + 1);
        fake.blocks[1].1.truncate(length);
        let _ = find_smbios(&fake);
        let _ = read_identity(&fake, ENTRY);
    }

    #[test]
    fn any_efi_table_is_survived(bytes in vec(any::<u8>(), 120)) {
        let mut table = b"IBI SYST".to_vec();
        table.extend(&bytes[8..]);
        let fake = Fake { blocks: vec![(SYSTEM_TABLE, table)] };
        let _ = smbios_of_efi(&fake, SYSTEM_TABLE);
    }
}
