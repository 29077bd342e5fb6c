//! Limine's responses, sound and not.

use bulkhead_boot::limine::{Entry, File, Responses};
use bulkhead_boot::{BootInfo, FrameBuffer, Limits};
use bulkhead_linux::Channel;
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryKind, MemoryRange};

const LIMITS: Limits = Limits {
    ranges: 8,
    images: 2,
};
const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
const BASE: u64 = 0xffff_ffff_8000_0000;

fn responses() -> Responses<'static> {
    let channel = |position| Channel { size: 8, position };
    Responses {
        direct_map: DIRECT_MAP,
        loader: Some(("Limine", "8.2.0")),
        is_uefi: true,
        command_line: b"script=boot",
        rsdp: Some(DIRECT_MAP + 0xf_5a00),
        smbios: Some(0xf_5b00),
        image: (0x7d00_0000, BASE),
        screen: Some(FrameBuffer {
            address: DIRECT_MAP + 0xfd00_0000,
            pitch: 5120,
            width: 1280,
            height: 800,
            bits_per_pixel: 32,
            colours: [channel(16), channel(8), channel(0)],
        }),
    }
}

fn file(line: &'static [u8], path: &'static [u8]) -> File<'static> {
    File {
        address: DIRECT_MAP + 0x100_0000,
        size: 0x1000,
        path,
        command_line: line,
    }
}

fn read(responses: &Responses<'_>, files: &[File<'_>]) -> BootInfo {
    let entry = |base, kind| Entry {
        base,
        length: 0x1000,
        kind,
    };
    let memory = [
        entry(0, MemoryKind::Usable),
        entry(0x1000, MemoryKind::AcpiNvs),
        // It can't end.
        entry(u64::MAX, MemoryKind::Usable),
    ];
    let info = responses.read(memory.into_iter(), files.iter().copied(), BASE, LIMITS);
    info.expect("its image can be there")
}

#[test]
fn what_limine_says_is_read() {
    let info = read(
        &responses(),
        &[
            file(b"linux initrd=no", b"/boot/vmlinuz"),
            file(b"", b"/boot/initrd.img"),
        ],
    );
    assert_eq!(info.loader, "Limine 8.2.0");
    assert_eq!(info.firmware, FirmwareKind::Uefi);
    assert_eq!(info.command_line, "script=boot");
    let range = |base, kind| MemoryRange::new(base, 0x1000, kind).expect("not empty");
    assert_eq!(
        info.memory,
        [
            range(0, MemoryKind::Usable),
            range(0x1000, MemoryKind::AcpiNvs)
        ]
    );
    let names: Vec<_> = info.modules.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["linux", "initrd.img"]);
    assert_eq!(info.modules[0].region, Region::new(0x100_0000, 0x1000));
    // In the direct map, as revision 2 has it, and physical, as 3.
    assert_eq!((info.rsdp, info.smbios), (Some(0xf_5a00), Some(0xf_5b00)));
    assert_eq!(info.image, 0x7d00_0000);
    let screen = info.screen.expect("it can be told");
    assert_eq!((screen.base, screen.size), (0xfd00_0000, 5120 * 800));
    assert_eq!(
        screen.reserved,
        Channel {
            size: 8,
            position: 24
        }
    );
}

#[test]
fn what_it_does_not_say_is_missing() {
    let silent = Responses {
        image: (0, BASE),
        ..Responses::default()
    };
    let info = read(&silent, &[]);
    assert_eq!(info.loader, "Limine");
    assert_eq!(info.firmware, FirmwareKind::Bios);
    assert_eq!((info.rsdp, info.smbios, info.screen), (None, None, None));
    assert!(info.modules.is_empty());
}

#[test]
fn a_file_without_bytes_has_no_place() {
    let empty = File {
        size: 0,
        ..file(b"empty", b"")
    };
    let below = File {
        address: 0x1000,
        ..file(b"below", b"")
    };
    let beyond = File {
        size: u64::MAX,
        ..file(b"beyond", b"")
    };
    for odd in [empty, below, beyond] {
        assert_eq!(
            read(&responses(), &[odd]).modules[0].region,
            None,
            "{odd:?}"
        );
    }
    let many = [file(b"a", b""), file(b"b", b""), file(b"c", b"")];
    assert_eq!(read(&responses(), &many).modules.len(), LIMITS.images);
}

#[test]
fn a_screen_that_no_linux_can_be_told_of_is_none() {
    let sound = responses().screen.expect("there is one");
    for odd in [
        FrameBuffer {
            address: 0x1000,
            ..sound
        },
        FrameBuffer {
            width: 0x1_0000,
            ..sound
        },
        FrameBuffer {
            pitch: u64::MAX,
            ..sound
        },
        FrameBuffer {
            bits_per_pixel: 256,
            ..sound
        },
    ] {
        let responses = Responses {
            screen: Some(odd),
            ..responses()
        };
        assert_eq!(read(&responses, &[]).screen, None, "{odd:?}");
    }
    // Colours beyond the pixel: nothing is left of it.
    let wide = Channel {
        size: 255,
        position: 255,
    };
    let responses = Responses {
        screen: Some(FrameBuffer {
            colours: [wide; 3],
            ..sound
        }),
        ..responses()
    };
    let rest = read(&responses, &[])
        .screen
        .expect("it can be told")
        .reserved;
    assert_eq!(rest, Channel::default());
}

#[test]
fn an_image_that_can_t_be_there_is_no_record() {
    for image in [(0, BASE + 1), (u64::MAX, BASE - 1)] {
        let odd = Responses {
            image,
            ..responses()
        };
        let info = odd.read([].into_iter(), [].into_iter(), BASE, LIMITS);
        assert!(info.is_none(), "{image:x?}");
    }
}
