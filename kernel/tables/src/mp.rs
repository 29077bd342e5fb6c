//! An MP table that says nothing: what a stock kernel finds instead of the BIOS's own.
//!
//! A kernel with `CONFIG_X86_MPPARSE` that has no I/O APIC from its MADT reads the MP table. One
//! that is malformed makes newer kernels (seen with 6.12) use a single core, so this one is well
//! formed: no processor (those of the MADT stand), no I/O APIC, and one bus with one interrupt,
//! since a kernel makes up the ISA interrupts of a table that has none.
//!
//! Source: Intel MultiProcessor Specification 1.4, chapter 4.

use alloc::vec::Vec;

const POINTER_BYTES: u8 = 16;
const HEADER_BYTES: u16 = 44;
const ENTRY_BYTES: u16 = 8;
const TABLE_BYTES: u16 = HEADER_BYTES + 2 * ENTRY_BYTES;
/// Where each local APIC is after a reset (Intel SDM Vol. 3A, "IA32_APIC_BASE MSR").
const LOCAL_APIC_AT_RESET: u32 = 0xfee0_0000;
/// Specification 1.4.
const REVISION: u8 = 4;

/// The floating pointer and the table behind it, to lie at physical address `base`.
///
/// `local_apic_address` is that of the MADT. A table of this kind has 32 bits for it: one beyond is told
/// as the one that processors begin with. Linux goes by its MADT, but takes a table with a 0 there for
/// malformed. `base` must be a multiple of 16, as Linux looks for the pointer there only.
#[must_use]
pub fn decoy(base: u32, local_apic_address: u64) -> Vec<u8> {
    let local_apic_address = u32::try_from(local_apic_address).unwrap_or(LOCAL_APIC_AT_RESET);
    let mut table = Vec::with_capacity(usize::from(TABLE_BYTES));
    table.extend_from_slice(b"PCMP");
    table.extend_from_slice(&TABLE_BYTES.to_le_bytes());
    table.extend_from_slice(&[REVISION, 0]);
    table.extend_from_slice(b"BULKHEAD");
    table.extend_from_slice(b"NOTHING     ");
    table.extend_from_slice(&[0; 6]); // no OEM table
    table.extend_from_slice(&2u16.to_le_bytes()); // entries
    table.extend_from_slice(&local_apic_address.to_le_bytes()); // one that is 0 is malformed
    table.extend_from_slice(&[0; 4]); // no extended table
    table.extend_from_slice(&[1, 0]); // a bus, number 0 ...
    table.extend_from_slice(b"ISA   ");
    // ... and an interrupt of it, vectored, to input 0 of an I/O APIC that is not there.
    table.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0xff, 0]);
    table[7] = checksum(&table);

    let mut bytes = Vec::with_capacity(usize::from(POINTER_BYTES) + usize::from(TABLE_BYTES));
    bytes.extend_from_slice(b"_MP_");
    bytes.extend_from_slice(&(base + u32::from(POINTER_BYTES)).to_le_bytes());
    bytes.extend_from_slice(&[1, REVISION, 0, 0, 0, 0, 0, 0]); // one paragraph
    bytes[10] = checksum(&bytes);
    bytes.extend_from_slice(&table);
    bytes
}

/// What makes the sum of all bytes 0.
fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_sub(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_apic_beyond_4_gib_does_not_make_it_malformed() {
        assert_eq!(decoy(0x300, 1 << 32), decoy(0x300, 0xfee0_0000));
        assert_eq!(decoy(0x300, 0x12_fee0_0000), decoy(0x300, 0xfee0_0000));
    }

    #[test]
    fn is_well_formed_and_names_no_io_apic() {
        let bytes = decoy(0x300, 0xfee0_0000);
        assert_eq!(&bytes[..4], b"_MP_");
        assert_eq!(
            u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            0x310
        );
        assert_eq!(checksum(&bytes[..16]), 0);
        let table = &bytes[16..];
        assert_eq!(&table[..4], b"PCMP");
        let length = usize::from(u16::from_le_bytes([table[4], table[5]]));
        assert_eq!(length, table.len());
        assert_eq!(checksum(table), 0);
        let entries = u16::from_le_bytes([table[34], table[35]]);
        let kinds: Vec<u8> = table[usize::from(HEADER_BYTES)..]
            .chunks(usize::from(ENTRY_BYTES))
            .map(|e| e[0])
            .collect();
        assert_eq!(
            kinds,
            [1, 3],
            "a bus and an interrupt, no processor (0), no I/O APIC (2)"
        );
        assert_eq!(usize::from(entries), kinds.len());
        assert!(0x300 + bytes.len() <= 0x400, "it fits the first KiB");
    }
}
