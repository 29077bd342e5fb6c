//! Takes out of the inputs what tells one machine from another of its model.

use crate::pack::Pack;
use crate::secrets::Secrets;
use crate::{acpi, config};

/// Tables that are read, or say what Bulkhead will learn to read. Of all others only the header is kept:
/// a licence key (MSDM, SLIC), an asset tag or a host's name may be in them.
const KEPT: [&[u8; 4]; 14] = [
    b"APIC", b"DSDT", b"FACP", b"MCFG", b"SPCR", b"SRAT", b"SLIT", b"HMAT", b"DMAR", b"IVRS",
    b"HPET", b"WDAT", b"SSDT", b"PSDT",
];
/// What vendors have before the MAC address of a laptop, in AML.
const MARK: &[u8] = b"AUXMAC";
/// Digits of a MAC address.
const DIGITS: usize = 12;
/// How far behind the mark the digits may begin.
const NEAR: usize = 8;

/// Takes serial numbers, MAC addresses and licence keys out, and all `secrets`.
pub fn scrub(pack: &mut Pack, secrets: &Secrets) {
    for (name, bytes) in pack.pieces_mut() {
        if name.starts_with("acpi/") {
            table(bytes, secrets);
            continue;
        }
        secrets.remove_from(bytes);
        if name.starts_with("pci/") && name.ends_with("/config") {
            config::scrub(bytes);
        }
    }
}

/// The sum of the bytes stays what it was: whether a checksum is right is worth knowing.
fn table(bytes: &mut [u8], secrets: &Secrets) {
    let before = acpi::sum(bytes);
    let is_kept = KEPT.iter().any(|signature| bytes.starts_with(*signature));
    if is_kept {
        addresses(bytes);
    } else if let Some(body) = bytes.get_mut(acpi::HEADER_BYTES..) {
        body.fill(0);
    }
    if let Some(body) = bytes.get_mut(acpi::HEADER_BYTES..) {
        secrets.remove_from(body);
    }
    acpi::keep_sum(bytes, before);
}

/// Replaces the digits behind each mark by zeroes.
fn addresses(bytes: &mut [u8]) {
    let marks: Vec<usize> = bytes
        .windows(MARK.len())
        .enumerate()
        .filter_map(|(at, window)| (window == MARK).then_some(at + MARK.len()))
        .collect();
    for mark in marks {
        let all_digits = |at: &usize| {
            let digits = bytes.get(*at..at + DIGITS);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        if let Some(start) = (mark..mark + NEAR).find(all_digits) {
            bytes[start..start + DIGITS].fill(b'0');
        }
    }
}
