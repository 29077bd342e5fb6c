//! Pieces that are absurd, and as large as a file can have them: they are described, or passed over with a
//! line, and neither time nor memory goes.

use bulkheadctl::operator::Operator;
use bulkheadctl::pack::Pack;
use bulkheadctl::survey::survey;

use crate::machine::{machine, table};

/// The report of the machine with that piece in place of its own.
fn report(name: &str, bytes: Vec<u8>) -> String {
    let mut pack = machine();
    pack.put(name, bytes);
    survey(&pack).0
}

/// Entries of a table with `before` zeroes between its header and them.
fn entries(signature: &[u8; 4], before: usize, entries: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut body = vec![0; before];
    body.extend(entries.flatten());
    table(signature, &body)
}

#[track_caller]
fn has(report: &str, wanted: &str) {
    assert!(report.contains(wanted), "no {wanted:?} in\n{report}");
}

#[test]
fn madts_with_twenty_thousand_entries() {
    let core = |id: u32| {
        let words = [id, 1, id].map(u32::to_le_bytes);
        [&[9, 16, 0, 0][..], words.as_flattened()].concat()
    };
    let ascending = entries(b"APIC", 8, (0..20_000).map(core));
    has(
        &report("acpi/APIC", ascending),
        "APIC has more than 8192 entries",
    );
    let same = entries(b"APIC", 8, (0..20_000).map(|_| core(7)));
    has(&report("acpi/APIC", same), "\n7     ");
    let io_apic = |n: u32| {
        let words = [n << 12, n].map(u32::to_le_bytes);
        [&[1, 12, n.to_le_bytes()[0], 0][..], words.as_flattened()].concat()
    };
    let all = entries(b"APIC", 8, (0..20_000).map(io_apic));
    has(&report("acpi/APIC", all), "APIC lists too many I/O APICs");
    // Entries without a length are no entries.
    let none = entries(b"APIC", 8, (0..1 << 20).map(|_| vec![0, 0]));
    has(&report("acpi/APIC", none), "there is one core");
}

#[test]
fn ranges_of_configuration_space_one_over_the_other() {
    let range = |base: u64, first: u8, last: u8| {
        [&base.to_le_bytes()[..], &[0, 0, first, last, 0, 0, 0, 0]].concat()
    };
    let stairs = (0..20_000u64).map(|n| range(0xb000_0000 + (n << 20), n.to_le_bytes()[0], 255));
    let said = report("acpi/MCFG", entries(b"MCFG", 8, stairs));
    has(&said, "MCFG has more than 256 entries");
    // Each function is there once.
    assert_eq!(said.matches("0000:01:00.0  ").count(), 1, "{said}");
    for (base, first, last) in [(u64::MAX << 20, 0, 255), (0xb000_0000, 255, 0), (0, 0, 0)] {
        let one = entries(b"MCFG", 8, [range(base, first, last)].into_iter());
        has(&report("acpi/MCFG", one), "--- verdict");
    }
}

#[test]
fn nodes_one_over_the_other() {
    let memory = |domain: u32, base: u64, length: u64| {
        let mut entry = vec![0; 40];
        entry[..2].copy_from_slice(&[1, 40]);
        entry[2..6].copy_from_slice(&domain.to_le_bytes());
        entry[8..16].copy_from_slice(&base.to_le_bytes());
        entry[16..24].copy_from_slice(&length.to_le_bytes());
        entry[28] = 1;
        entry
    };
    let all = (0..10_000).map(|domain| memory(domain, 0, u64::MAX));
    has(&report("acpi/SRAT", entries(b"SRAT", 12, all)), "SRAT");
    let stairs = (0..10_000u32).map(|n| memory(n % 64, u64::from(n) << 21, 2 << 40));
    has(&report("acpi/SRAT", entries(b"SRAT", 12, stairs)), "SRAT");
    let ends = [
        (0, u64::MAX),
        (u64::MAX, u64::MAX),
        (1 << 63, 1 << 63),
        (5, 0),
    ];
    let ends = ends.map(|(base, length)| memory(3, base, length));
    has(
        &report("acpi/SRAT", entries(b"SRAT", 12, ends.into_iter())),
        "--- verdict",
    );
    for domains in [1 << 63, u64::MAX, 2000] {
        let mut body = domains.to_le_bytes().to_vec();
        body.resize(2000 * 2000 + 8, 10);
        has(&report("acpi/SLIT", table(b"SLIT", &body)), "SLIT");
    }
}

/// Blocks in blocks, as many as a megabyte has room for.
fn nested(head: &[u8], name: &[u8]) -> Vec<u8> {
    let mut heads = Vec::new();
    let mut length = 0usize;
    while length < 1 << 20 {
        let whole = name.len() + length + 4;
        let bytes = (whole >> 4).to_le_bytes();
        let lead = 0xc0 | whole.to_le_bytes()[0] & 0x0f;
        heads.push([head, &[lead], &bytes[..3], name].concat());
        length += head.len() + 4 + name.len();
    }
    heads.reverse();
    heads.concat()
}

#[test]
fn aml_that_is_nested_without_end() {
    // Scopes, devices, conditions, loops, packages, buffers, methods.
    let kinds: [(&[u8], &[u8]); 7] = [
        (&[0x10], b"ABCD"),
        (&[0x5b, 0x82], b"ABCD"),
        (&[0xa0], &[1]),
        (&[0xa2], &[1]),
        (&[0x12], &[1]),
        (&[0x11], &[0x0a, 0]),
        (&[0x14], b"ABCD\0"),
    ];
    for (head, name) in kinds {
        let nested = nested(head, name);
        let whole = report("acpi/DSDT", table(b"DSDT", &nested));
        has(&whole, "--- verdict");
        // In a method that is run.
        let method = [b"_PRT\0", &nested[..]].concat();
        let id = [
            &b"PCI0\x08_HID\x0c\x41\xd0\x0a\x08"[..],
            &block(0x14, &method),
        ]
        .concat();
        let device = [&[0x5b][..], &block(0x82, &id)].concat();
        has(&report("acpi/DSDT", table(b"DSDT", &device)), "--- verdict");
    }
}

fn block(opcode: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len() + 4;
    let bytes = (length >> 4).to_le_bytes();
    let lead = 0xc0 | length.to_le_bytes()[0] & 0x0f;
    [&[opcode, lead], &bytes[..3], contents].concat()
}

#[test]
fn memory_maps_of_twenty_thousand_ranges() {
    let lines = |line: &dyn Fn(u64) -> String| (0..20_000).map(line).collect::<String>();
    let maps = [
        lines(&|n| format!("{:x} {:x} System RAM\n", n << 20, (n << 20) + 0xfff)),
        lines(&|n| {
            format!(
                "{:x} {:x} System RAM\n",
                (20_000 - n) << 20,
                ((20_000 - n) << 20) + 0xfff
            )
        }),
        lines(&|n| {
            let kind = ["System RAM", "Reserved"][usize::from(n % 2 == 1)];
            format!("{:x} {:x} {kind}\n", n << 12, (40_000 - n) << 12)
        }),
        lines(&|_| {
            String::from(
                "0 ffffffffffffffff System RAM\n0 ffffffffffffffff Reserved\n0 0 System RAM\n",
            )
        }),
    ];
    for map in maps {
        has(&report("memmap", map.into_bytes()), "--- verdict");
    }
}

/// A bridge of that bus to those.
fn bridge(primary: u8, secondary: u8, subordinate: u8) -> Vec<u8> {
    let mut config = vec![0; 4096];
    config[..8].copy_from_slice(&[0x86, 0x80, 1, 0, 7, 0, 0, 0]);
    config[0x0a..0x0c].copy_from_slice(&[4, 6]);
    config[0x0e] = 0x81;
    config[0x18..0x1b].copy_from_slice(&[primary, secondary, subordinate]);
    config
}

fn with_bridges(buses: impl Fn(u8, u8) -> (u8, u8)) -> Pack {
    let mut pack = machine();
    for bus in 0..=255u8 {
        for device in 0..4 {
            let (secondary, subordinate) = buses(bus, device);
            let name = format!("pci/0000:{bus:02x}:{device:02x}.0/config");
            pack.put(name, bridge(bus, secondary, subordinate));
        }
    }
    pack
}

#[test]
fn bridges_that_lead_in_circles() {
    // To themselves, to each other, to all, back to the root, from one to the next.
    for buses in [
        |bus: u8, _: u8| (bus, 255),
        |bus: u8, _: u8| (bus ^ 1, 255),
        |_: u8, device: u8| (device, 255),
        |_: u8, _: u8| (0, 0),
        |bus: u8, _: u8| (bus.wrapping_add(1), 255),
    ] {
        let pack = with_bridges(buses);
        let (said, _) = survey(&pack);
        has(&said, "0000:00:01.0  ");
        let machine = bulkheadctl::board::board(&pack, Some(&[])).machine;
        drop(Operator::new(machine, Vec::new()).run("x", "devices\nmachine\n"));
    }
}

#[test]
fn lists_of_capabilities_that_lead_in_circles() {
    let lists: [fn(&mut [u8]); 4] = [
        // To itself; over all places, backwards; outside; extended ones to themselves.
        |config| config[0x40..0x42].copy_from_slice(&[0x05, 0x40]),
        |config| {
            for at in (0x40..0xfc).step_by(4) {
                config[at] = 0x11;
                config[at + 1] = u8::try_from(at).unwrap().wrapping_sub(4);
            }
        },
        |config| config[0x40..0x42].copy_from_slice(&[0x10, 0x03]),
        |config| config[0x100..0x104].copy_from_slice(&0x1001_0001u32.to_le_bytes()),
    ];
    for list in lists {
        let mut pack = machine();
        for device in 0..32 {
            let mut config = vec![0; 4096];
            config[..4].copy_from_slice(&[0x86, 0x80, 1, 0]);
            config[6] = 0x10;
            config[0x34] = 0x40;
            list(&mut config);
            pack.put(format!("pci/0000:00:{device:02x}.0/config"), config);
        }
        let (said, _) = survey(&pack);
        assert_eq!(said.matches("\n  0000:00:").count(), 32, "{said}");
    }
}
