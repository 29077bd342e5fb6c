//! Files that a loader has brought, what is said of them, and the memory map that it tells.

use bulkhead_boot::limine::{Entry, File, Responses};
use bulkhead_boot::{BootInfo, FrameBuffer, Limits, multiboot2};
use bulkhead_describe::images::read_line;
use bulkhead_fake::{bzimage_file, cpio, pe};
use bulkhead_linux::{BzImage, Channel, FileKind, Uki, cmdline};
use bulkhead_memory::parse_size;
use bulkhead_model::{MemoryKind, MemoryRange, map};

use crate::Target;
use crate::bytes::{Plan, piece, text};

pub(crate) const TARGETS: [Target; 7] = [
    Target {
        name: "multiboot2",
        most: 1024,
        run: of_multiboot2,
        seeds: || {
            let tag = |kind: u32, body: &[u8]| {
                let size = 8 + u32::try_from(body.len()).expect("short");
                let mut tag = [&kind.to_le_bytes()[..], &size.to_le_bytes(), body].concat();
                tag.resize(tag.len().next_multiple_of(8), 0);
                tag
            };
            let mut map = [24_u32.to_le_bytes(), [0; 4]].concat();
            for (base, kind) in [(0_u64, 1_u64), (0x10_0000, 1), (0x8000_0000, 4)] {
                map.extend([base, 0x9_fc00, kind].map(u64::to_le_bytes).concat());
            }
            let mut screen = 0xfd00_0000_u64.to_le_bytes().to_vec();
            for number in [4096_u32, 1024, 768] {
                screen.extend(number.to_le_bytes());
            }
            screen.extend([32, 1, 0, 0, 16, 8, 8, 8, 0, 8]);
            vec![
                [
                    vec![0; 8],
                    tag(1, b"script=boot\0"),
                    tag(2, b"GRUB\0"),
                    tag(3, b"\0\0\x10\0\0\0\x20\0linux size=5\0"),
                    tag(6, &map),
                    tag(8, &screen),
                    tag(12, &[0; 8]),
                    tag(15, b"RSD PTR "),
                    tag(0, &[]),
                ]
                .concat(),
            ]
        },
    },
    Target {
        name: "limine",
        most: 512,
        run: of_limine,
        seeds: || {
            let base = 0xffff_8000_0000_0000_u64;
            let numbers = [base, base + 0xf_5a00, 0xf_5b00, 1 << 20, !0 << 31]
                .map(u64::to_le_bytes)
                .concat();
            let screen = [base + 0xfd00_0000, 4096, 1024, 768]
                .map(u64::to_le_bytes)
                .concat();
            let entry = [0_u64, 0x9_fc00].map(u64::to_le_bytes).concat();
            let file = [base + 0x10_0000, 4096].map(u64::to_le_bytes).concat();
            vec![
                [
                    &numbers[..],
                    &screen,
                    &[32, 0, 8, 16, 8, 8, 8, 0],
                    &piece(b"script=boot"),
                    &[0],
                    &entry,
                    &[5],
                    &file,
                    &piece(b"linux size=5"),
                    &piece(b"boot():/boot/vmlinuz"),
                ]
                .concat(),
            ]
        },
    },
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

const LIMITS: Limits = Limits {
    ranges: 24,
    images: 4,
};

/// What the rest of the kernel has room for, and can be told to a Linux.
fn is_sound(info: &BootInfo) {
    assert!(info.memory.len() <= LIMITS.ranges && info.modules.len() <= LIMITS.images);
    if let Some(screen) = info.screen {
        let used = [screen.red, screen.green, screen.blue].map(|channel| u16::from(channel.size));
        let all = used.iter().sum::<u16>() + u16::from(screen.reserved.size);
        assert!(all >= u16::from(screen.bits_per_pixel), "{screen:?}");
    }
    let modules = info.modules.iter().filter_map(|module| module.region);
    let free = map::free(&info.memory, modules.clone().chain(info.keep));
    for region in modules {
        assert!(free.iter().all(|piece| piece.intersect(region).is_none()));
    }
}

fn of_multiboot2(bytes: &[u8]) {
    let info = multiboot2::read(bytes, 0x9_0000, 0x20_0000, LIMITS);
    let end = 0x9_0000 + bytes.len() as u64;
    assert!(info.rsdp.is_none_or(|at| (0x9_0000..=end).contains(&at)));
    is_sound(&info);
}

/// Numbers, a frame buffer, a command line; then entries of the memory map, and files.
fn of_limine(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mut responses = Responses {
        direct_map: plan.u64(),
        rsdp: Some(plan.u64()),
        smbios: Some(plan.u64()),
        image: (plan.u64(), plan.u64()),
        ..Responses::default()
    };
    let mut buffer = FrameBuffer {
        address: plan.u64(),
        pitch: plan.u64(),
        width: plan.u64(),
        height: plan.u64(),
        bits_per_pixel: plan.u16(),
        ..FrameBuffer::default()
    };
    buffer.colours = [(); 3].map(|()| Channel {
        size: plan.u8(),
        position: plan.u8(),
    });
    responses.screen = Some(buffer);
    responses.command_line = plan.piece();
    let (mut entries, mut files) = (Vec::new(), Vec::new());
    while !plan.is_over() {
        match plan.u8() {
            5.. => files.push(File {
                address: plan.u64(),
                size: plan.u64(),
                command_line: plan.piece(),
                path: plan.piece(),
            }),
            kind => entries.push(Entry {
                kind: KINDS[usize::from(kind)],
                base: plan.u64(),
                length: plan.u64(),
            }),
        }
    }
    let base = 0xffff_ffff_8000_0000;
    if let Some(info) = responses.read(entries.into_iter(), files.into_iter(), base, LIMITS) {
        is_sound(&info);
    }
}

const KINDS: [MemoryKind; 5] = [
    MemoryKind::Usable,
    MemoryKind::Reserved,
    MemoryKind::AcpiTables,
    MemoryKind::AcpiNvs,
    MemoryKind::Bad,
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
    let mut plan = Plan(bytes);
    let mut ranges = Vec::new();
    while !plan.is_over() {
        let kind = KINDS[usize::from(plan.u8()) % 5];
        ranges.extend(MemoryRange::new(plan.u64(), plan.u64(), kind));
    }
    let map = map::bounded(ranges.into_iter(), 24);
    assert!(map.len() <= 24);
    let cacheable = map::cacheable(&map);
    let within = map::within_reach(&map, map::reach(&cacheable, true));
    let taken = map
        .iter()
        .filter(|range| range.kind != MemoryKind::Usable)
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
