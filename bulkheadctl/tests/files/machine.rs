//! A small machine, and the file of it.

use bulkheadctl::acpi::sum;
use bulkheadctl::pack::Pack;

pub(crate) fn file(pack: &Pack) -> Vec<u8> {
    let mut bytes = Vec::new();
    pack.write(&mut bytes).unwrap();
    bytes
}

/// A table whose checksum is right.
pub(crate) fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut table = signature.to_vec();
    table.extend(u32::try_from(36 + body.len()).unwrap().to_le_bytes());
    table.resize(36, 0);
    table.extend(body);
    table[9] = 0u8.wrapping_sub(sum(&table));
    table
}

/// A MADT with one I/O APIC and processors of those IDs.
pub(crate) fn madt(ids: &[u32]) -> Vec<u8> {
    let mut madt = 0xfee0_0000u32.to_le_bytes().to_vec();
    madt.extend([0; 4]);
    for id in ids {
        match u8::try_from(*id) {
            Ok(id) if id != u8::MAX => madt.extend([0, 8, id, id, 1, 0, 0, 0]),
            _ => {
                madt.extend([9, 16, 0, 0]);
                madt.extend([*id, 1, *id].map(u32::to_le_bytes).as_flattened());
            }
        }
    }
    madt.extend([1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
    table(b"APIC", &madt)
}

/// An MCFG of one segment, at `base`.
pub(crate) fn mcfg(base: u64) -> Vec<u8> {
    let mut mcfg = vec![0; 8];
    mcfg.extend(base.to_le_bytes());
    mcfg.extend([0, 0, 0, 255, 0, 0, 0, 0]);
    table(b"MCFG", &mcfg)
}

/// Two cores and 4 GiB, an NVMe disk behind a root port, and a card with an I/O BAR.
pub(crate) fn machine() -> Pack {
    let mut pack = Pack::default();
    pack.put("acpi/APIC", madt(&[0, 1]));
    pack.put("acpi/MCFG", mcfg(0xb000_0000));
    pack.put(
        "memmap",
        "0 9fbff System RAM\n9fc00 9ffff Reserved\n100000 bfffffff System RAM\n\
         b0000000 bfffffff Reserved\n100000000 13fffffff System RAM\n",
    );
    let mut port = vec![0u8; 4096];
    port[..4].copy_from_slice(&[0x36, 0x1b, 0x0c, 0]);
    port[4] = 7;
    port[0x0a..0x0c].copy_from_slice(&[4, 6]);
    port[0x0e] = 1;
    port[0x18..0x1b].copy_from_slice(&[0, 1, 1]);
    port[0x20..0x24].copy_from_slice(&[0x00, 0xfe, 0x10, 0xfe]);
    let mut disk = vec![0u8; 4096];
    disk[..4].copy_from_slice(&[0x36, 0x1b, 0x10, 0]);
    disk[4] = 6;
    disk[0x09..0x0c].copy_from_slice(&[2, 8, 1]);
    disk[0x10..0x14].copy_from_slice(&0xfe00_0004u32.to_le_bytes());
    pack.put("pci/0000:00:01.0/config", port);
    pack.put("pci/0000:00:01.0/resource", "0x0 0x0 0x0\n");
    pack.put("pci/0000:01:00.0/config", disk);
    pack.put(
        "pci/0000:01:00.0/resource",
        "0xfe000000 0xfe003fff 0x140204\n",
    );
    pack.put("cpuid", "0 0 0 1 0 0 0\n0 1 0 0 0 0 0\n");
    pack.put("ports", "3f8\n2f8\n");
    pack.put("ps2", "1c\n");
    pack
}
