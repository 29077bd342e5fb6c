//! Boot information as GRUB writes it, and as nobody should.

use bulkhead_boot::multiboot2::{read, size};
use bulkhead_boot::{BootInfo, Limits};
use bulkhead_linux::Channel;
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryKind, MemoryRange};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    ranges: 8,
    images: 3,
};
const AT: u64 = 0x9_0000;
const IMAGE: u64 = 0x20_0000;

/// A tag, up to where the next one may begin.
fn tag(kind: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).expect("short");
    let mut bytes = [&kind.to_le_bytes()[..], &size.to_le_bytes(), body].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0xee);
    bytes
}

/// All of them, with a head and an end.
fn information(tags: &[Vec<u8>]) -> Vec<u8> {
    let tags = [&tags.concat()[..], &tag(0, &[])].concat();
    let size = u32::try_from(8 + tags.len()).expect("short");
    [&size.to_le_bytes()[..], &[0; 4], &tags].concat()
}

fn told(tags: &[Vec<u8>]) -> BootInfo {
    read(&information(tags), AT, IMAGE, LIMITS)
}

fn module(start: u32, end: u32, line: &str) -> Vec<u8> {
    let line = format!("{line}\0");
    tag(
        3,
        &[
            &start.to_le_bytes()[..],
            &end.to_le_bytes(),
            line.as_bytes(),
        ]
        .concat(),
    )
}

fn memory_map(entry_bytes: u32, entries: &[(u64, u64, u32)]) -> Vec<u8> {
    let mut body = [entry_bytes.to_le_bytes(), [0; 4]].concat();
    for (base, length, kind) in entries {
        let entry = [
            &base.to_le_bytes()[..],
            &length.to_le_bytes(),
            &kind.to_le_bytes(),
        ]
        .concat();
        let mut entry = entry;
        entry.resize(usize::try_from(entry_bytes).expect("small").max(20), 0x55);
        body.extend(entry);
    }
    tag(6, &body)
}

fn frame_buffer(kind: u8) -> Vec<u8> {
    let mut body = 0xfd00_0000_u64.to_le_bytes().to_vec();
    for number in [4096_u32, 1024, 768] {
        body.extend(number.to_le_bytes());
    }
    body.extend([32, kind, 0, 0, 16, 8, 8, 8, 0, 8]);
    tag(8, &body)
}

fn range(base: u64, length: u64, kind: MemoryKind) -> MemoryRange {
    MemoryRange::new(base, length, kind).expect("not empty")
}

#[test]
fn what_grub_says_is_read() {
    let info = told(&[
        tag(1, b"script=boot quiet\0"),
        tag(2, b"GRUB 2.06\0"),
        module(0x100_0000, 0x100_4000, "linux"),
        module(0x200_0000, 0x200_0000, "empty"),
        memory_map(
            24,
            &[
                (0, 0x9_fc00, 1),
                (0x9_fc00, 0x400, 2),
                (0x10_0000, 0x100_0000, 3),
                (0x200_0000, 0x1000, 4),
                (0x300_0000, 0x1000, 5),
                (0x400_0000, 0x1000, 77),
                (0x500_0000, 0, 1),
            ],
        ),
        frame_buffer(1),
        tag(14, b"RSD PTR old"),
        tag(15, b"RSD PTR new"),
    ]);
    assert_eq!(info.loader, "GRUB 2.06");
    assert_eq!(info.firmware, FirmwareKind::Bios);
    assert_eq!(info.command_line, "script=boot quiet");
    assert_eq!(
        info.memory,
        [
            range(0, 0x9_fc00, MemoryKind::Usable),
            range(0x9_fc00, 0x400, MemoryKind::Reserved),
            range(0x10_0000, 0x100_0000, MemoryKind::AcpiTables),
            range(0x200_0000, 0x1000, MemoryKind::AcpiNvs),
            range(0x300_0000, 0x1000, MemoryKind::Bad),
            range(0x400_0000, 0x1000, MemoryKind::Reserved),
        ]
    );
    let files: Vec<_> = info
        .modules
        .iter()
        .map(|file| (file.name.as_str(), file.region))
        .collect();
    assert_eq!(
        files,
        [("linux", Region::new(0x100_0000, 0x4000)), ("empty", None)]
    );
    let screen = info.screen.expect("it can be told");
    assert_eq!((screen.base, screen.size), (0xfd00_0000, 4096 * 768));
    assert_eq!(
        (screen.width, screen.height, screen.pitch),
        (1024, 768, 4096)
    );
    let channel = |size, position| Channel { size, position };
    assert_eq!(
        [screen.red, screen.green, screen.blue, screen.reserved],
        [channel(8, 16), channel(8, 8), channel(8, 0), channel(8, 24)]
    );
    assert_eq!(info.image, IMAGE);
    let bytes = info.keep.expect("it is somewhere");
    assert_eq!(bytes.start(), AT);
    // The newer copy of the root pointer, where the information itself has it.
    let offset = usize::try_from(info.rsdp.expect("there is one") - AT).expect("inside");
    let all = information(&[]);
    assert!(offset > all.len() && offset < usize::try_from(bytes.size()).expect("small"));
}

#[test]
fn the_root_pointer_lies_in_its_tag() {
    for tags in [
        vec![tag(15, b"new!"), tag(14, b"old!")],
        vec![tag(14, b"old!"), tag(15, b"new!")],
    ] {
        let all = information(&tags);
        let found = read(&all, AT, IMAGE, LIMITS).rsdp.expect("there is one");
        let offset = usize::try_from(found - AT).expect("inside");
        assert_eq!(&all[offset..offset + 4], b"new!");
    }
    assert_eq!(told(&[tag(14, b"old!")]).rsdp, Some(AT + 16));
    assert_eq!(told(&[]).rsdp, None);
}

#[test]
fn uefi_is_told_by_any_of_three_tags() {
    for (kind, table) in [(11, None), (12, Some(0x7f00_0000)), (17, None)] {
        let info = told(&[tag(kind, &0x7f00_0000_u64.to_le_bytes())]);
        assert_eq!(info.firmware, FirmwareKind::Uefi, "{kind}");
        assert_eq!(info.efi_system_table, table, "{kind}");
    }
}

/// The specification lets entries grow: `entry_size` says how long each is.
#[test]
fn entries_may_be_longer_than_what_is_known_of_them() {
    let entries = [(0, 0x1000, 1), (0x1000, 0x1000, 4)];
    let wanted = [
        range(0, 0x1000, MemoryKind::Usable),
        range(0x1000, 0x1000, MemoryKind::AcpiNvs),
    ];
    for bytes in [20, 24, 32, 40] {
        assert_eq!(
            told(&[memory_map(bytes, &entries)]).memory,
            wanted,
            "{bytes}"
        );
    }
    // No size that an entry can have.
    for bytes in [0, 1, 19, u32::MAX] {
        let mut map = memory_map(24, &entries);
        map[8..12].copy_from_slice(&bytes.to_le_bytes());
        assert_eq!(told(&[map]).memory, [], "{bytes}");
    }
    assert_eq!(told(&[tag(6, &[24, 0, 0])]).memory, []);
}

#[test]
fn more_than_there_is_room_for_is_left_out() {
    let many: Vec<_> = (0..5)
        .map(|nth| module(nth * 0x1000, (nth + 1) * 0x1000, "x"))
        .collect();
    assert_eq!(told(&many).modules.len(), LIMITS.images);
    let ranges: Vec<_> = (0..50).map(|nth| (nth * 0x2000, 0x1000, 1)).collect();
    assert!(told(&[memory_map(24, &ranges)]).memory.len() <= LIMITS.ranges);
}

#[test]
fn a_screen_that_no_linux_can_be_told_of_is_none() {
    for kind in [0, 2, 3] {
        assert_eq!(told(&[frame_buffer(kind)]).screen, None, "{kind}");
    }
    let whole = frame_buffer(1);
    for bytes in 0..30 {
        assert_eq!(
            told(&[tag(8, &whole[8..8 + bytes])]).screen,
            None,
            "{bytes}"
        );
    }
    // Wider than 65535 pixels.
    let mut wide = whole;
    wide[8 + 12..8 + 16].copy_from_slice(&0x1_0000_u32.to_le_bytes());
    assert_eq!(told(&[wide]).screen, None);
}

#[test]
fn words_without_an_end_or_of_no_language_are_words() {
    assert_eq!(told(&[tag(1, b"no zero")]).command_line, "no zero");
    assert_eq!(told(&[tag(1, b"")]).command_line, "");
    assert_eq!(told(&[tag(2, b"a\xffb\0c")]).loader, "a\u{fffd}b");
    assert_eq!(told(&[module(0, 1, "")]).modules[0].name, "");
    // Too short for both addresses.
    assert!(told(&[tag(3, &[0; 7])]).modules.is_empty());
}

/// What is before a tag that can't be is read; nothing behind it.
#[test]
fn a_tag_that_is_no_tag_ends_them() {
    let [before, behind] = [tag(1, b"before\0"), tag(2, b"behind\0")];
    for size in [0, 7, 0x1000, u32::MAX] {
        let mut wrong = tag(77, b"any");
        wrong[4..8].copy_from_slice(&size.to_le_bytes());
        let info = told(&[before.clone(), wrong, behind.clone()]);
        assert_eq!(
            (info.command_line.as_str(), info.loader.as_str()),
            ("before", ""),
            "{size}"
        );
    }
    // Nor behind the end.
    let info = told(&[before, tag(0, &[]), behind]);
    assert_eq!(
        (info.command_line.as_str(), info.loader.as_str()),
        ("before", "")
    );
}

#[test]
fn the_size_is_the_first_word() {
    assert_eq!(size([1, 2, 0, 0, 9, 9, 9, 9]), 0x201);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..300), at in any::<u64>()) {
        let info = read(&bytes, at, IMAGE, LIMITS);
        prop_assert!(info.modules.len() <= LIMITS.images && info.memory.len() <= LIMITS.ranges);
    }

    #[test]
    fn any_tags_are_read(tags in vec((0_u32..20, vec(any::<u8>(), 0..60)), 0..9), cut in any::<usize>()) {
        let tags: Vec<_> = tags.iter().map(|(kind, body)| tag(*kind, body)).collect();
        let all = information(&tags);
        let cut = &all[..cut % (all.len() + 1)];
        let info = read(cut, AT, IMAGE, LIMITS);
        let end = AT + cut.len() as u64;
        prop_assert!(info.rsdp.is_none_or(|at| (AT..=end).contains(&at)));
    }
}
