//! Files that a loader has brought, what is said of them, and the memory map that it tells.

use bulkhead_describe::images::read_line;
use bulkhead_fake::{bzimage_file, cpio, pe};
use bulkhead_linux::{BzImage, FileKind, Uki, cmdline};
use bulkhead_memory::parse_size;
use bulkhead_model::{MemoryKind, MemoryRange, map};

use crate::Target;
use crate::bytes::{Plan, text};

pub(crate) const TARGETS: [Target; 5] = [
    Target {
        name: "bzimage",
        most: 4096,
        run: bzimage,
        seeds: || vec![bzimage_file()[..0x310].to_vec()],
    },
    Target {
        name: "uki",
        most: 8192,
        run: uki,
        seeds: || {
            let linux = &bzimage_file()[..0x310];
            let parts: [(&str, &[u8]); 3] = [
                (".linux", linux),
                (".cmdline", b" a b\n\0"),
                (".initrd", b"070701"),
            ];
            vec![
                pe(&parts),
                cpio("a", b"b"),
                b"\x7fELF\x02\x01\x01".to_vec(),
                b"MZ".to_vec(),
            ]
        },
    },
    Target {
        name: "module_line",
        most: 256,
        run: |bytes| {
            let text = text(bytes);
            let _ = (read_line(&text), parse_size(&text));
        },
        seeds: || {
            vec![
                b"linux size=123 cksum=4294967295".to_vec(),
                b"512M".to_vec(),
            ]
        },
    },
    Target {
        name: "memory_map",
        most: 1024,
        run: memory_map,
        seeds: || {
            let range = |start: u64, size: u64, kind: u8| {
                [&[kind][..], &start.to_le_bytes(), &size.to_le_bytes()].concat()
            };
            vec![
                [
                    range(0, 0x9_fc00, 0),
                    range(0x10_0000, 1 << 30, 0),
                    range(0x20_0000, 0x3000, 1),
                ]
                .concat(),
            ]
        },
    },
    Target {
        name: "kernel_line",
        most: 512,
        run: kernel_line,
        seeds: || {
            vec![
                b"root=/dev/sda1 console=ttyS0 quiet mem=100M\0BOOT_IMAGE=x ro memmap=1M$2M -- single".to_vec(),
                b"earlycon=uart8250,io,0x3f8 nr_cpus=1 \"a b\"=c\0".to_vec(),
            ]
        },
    },
];

fn bzimage(bytes: &[u8]) {
    // Headers that say more than is there are made whole, so that what follows is reached, too.
    let mut file = bytes.to_vec();
    file.resize(file.len().max(0x2_0000), 0);
    for file in [bytes, &file] {
        if let Ok(image) = BzImage::parse(file) {
            let (setup, rest) = (image.setup_bytes, image.protected_mode_bytes);
            assert!(setup + rest <= file.len() as u64);
            let _ = (image.release(), image.major_minor(), image.runs_above_4g());
        }
        let _ = (BzImage::looks_like(file), BzImage::checksum(file));
    }
}

fn uki(bytes: &[u8]) {
    let kind = FileKind::of(bytes);
    assert!(!kind.to_string().is_empty());
    let Some(Ok(uki)) = Uki::parse(bytes) else {
        return;
    };
    for part in uki.initrds().chain([&uki.linux]) {
        assert!(bytes.get(part.clone()).is_some());
    }
}

/// Seventeen bytes for each range.
fn memory_map(bytes: &[u8]) {
    use MemoryKind::{AcpiNvs, AcpiTables, Bad, Reserved, Usable};
    let mut plan = Plan(bytes);
    let mut ranges = Vec::new();
    while !plan.is_over() {
        let kind = [Usable, Reserved, AcpiTables, AcpiNvs, Bad][usize::from(plan.u8()) % 5];
        ranges.extend(MemoryRange::new(plan.u64(), plan.u64(), kind));
    }
    let map = map::bounded(ranges.into_iter(), 24);
    assert!(map.len() <= 24);
    let cacheable = map::cacheable(&map);
    let within = map::within_reach(&map, map::reach(&cacheable, true));
    let taken = map
        .iter()
        .filter(|range| range.kind != Usable)
        .map(|range| range.region);
    for free in map::free(&within, None).iter() {
        for other in taken.clone() {
            assert!(
                free.intersect(other).is_none(),
                "{free:?} is {other:?}'s, too"
            );
        }
    }
    let _ = map::ram(&map);
}

/// An operator's line, and behind a zero that of an entry which the running Linux is to enter.
fn kernel_line(bytes: &[u8]) {
    let text = text(bytes);
    let (user, entry) = text.split_once('\0').unwrap_or((&text, ""));
    let _ = cmdline::check_user(user, 64 << 20);
    let _ = cmdline::check_ports(user, &[0x3f8], false);
    let _ = cmdline::may_enter(user);
    let entered = cmdline::Entered {
        running: user,
        entry,
        own: &["bulkhead.name"],
        absent_apic_id: Some(7),
        kernel: Some((6, 1)),
        limit: 2047,
    };
    if let Ok(carried) = cmdline::carry(&entered) {
        assert!(carried.line.len() <= 2047);
    }
}
