//! Files of all kinds, right, broken and arbitrary.

use bulkhead_describe::images::read_line;
use bulkhead_fake::{bzimage_file, pe};
use bulkhead_linux::{BzImage, BzImageError, Compression, FileKind, Uki, UkiError};
use bulkhead_model::{Told, ToldKey};
use proptest::prelude::*;

/// The headers of [`pe`].
const HEADERS: usize = 0x400;

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn uki(sections: &[(&str, &[u8])]) -> Result<Uki, UkiError> {
    Uki::parse(&pe(sections)).expect("a UKI")
}

#[test]
fn each_kind_is_told_by_its_first_bytes() {
    let with = |at: usize, magic: &[u8]| {
        let mut file = vec![0; 0x9000];
        put(&mut file, at, magic);
        file
    };
    let elf = |class: u8, order: u8, machine: [u8; 2]| {
        let mut file = vec![0x7f, b'E', b'L', b'F', class, order];
        file.resize(18, 0);
        file.extend_from_slice(&machine);
        file
    };
    let mut zboot = with(0, b"MZ");
    put(&mut zboot, 4, b"zimg");
    let table = [
        (Vec::new(), "empty"),
        (elf(2, 1, [62, 0]), "a 64-bit ELF file for x86-64"),
        (elf(1, 1, [3, 0]), "a 32-bit ELF file for i386"),
        (elf(2, 2, [0, 183]), "a 64-bit ELF file for arm64"),
        (
            b"\x7fELF".to_vec(),
            "a 32-bit ELF file for another processor",
        ),
        (pe(&[(".text", b"x")]), "an EFI program for x86-64"),
        (b"MZ".to_vec(), "an EFI program for another processor"),
        (with(0x38, b"ARM\x64"), "a kernel for arm64"),
        (with(0x38, b"RSC\x05"), "a kernel for RISC-V"),
        (zboot, "an EFI zboot kernel, which x86 has not"),
        (with(0, b"\x1f\x8b\x08"), "a gzip file"),
        (with(0, b"\x28\xb5\x2f\xfd"), "a zstd file"),
        (with(0, b"\xfd7zXZ\0"), "an xz file"),
        (with(0, b"\x02\x21\x4c\x18"), "an lz4 file"),
        (with(0, b"\x04\x22\x4d\x18"), "an lz4 file"),
        (with(0, b"BZh9"), "a bzip2 file"),
        (with(0, b"070701"), "a cpio archive"),
        (with(0x8001, b"CD001"), "an ISO 9660 image"),
        (with(0, b"hsqs"), "a squashfs file system"),
        (with(0, b"#!/bin/sh"), "of no known kind"),
    ];
    for (file, kind) in table {
        assert_eq!(FileKind::of(&file).to_string(), kind);
        assert!(!BzImage::looks_like(&file), "{kind}");
        assert_eq!(Uki::parse(&file), None, "{kind}");
        assert!(!FileKind::of(&file).instead().is_empty());
    }
    assert!(FileKind::Packed(Compression::Gzip).may_be_initrd());
    assert!(!FileKind::Empty.may_be_initrd() && !FileKind::Arm64.may_be_initrd());
}

#[test]
fn memtest_is_no_linux() {
    let mut file = bzimage_file();
    put(&mut file, 0x300, b"Memtest86+ v6.10\0");
    assert_eq!(BzImage::parse(&file), Err(BzImageError::Memtest));
}

#[test]
fn a_uki_is_its_sections() {
    let kernel = bzimage_file();
    let file = pe(&[
        (".osrel", b"PRETTY_NAME=x"),
        (".cmdline", b" console=ttyS1\tquiet \n\0\0"),
        (".initrd", b"070701 initrd"),
        (".ucode", b"070701 microcode"),
        (".linux", &kernel),
    ]);
    // A signature is put behind all of it.
    let signed = [&file[..], &[0xaa; 1000]].concat();
    let uki = Uki::parse(&signed).expect("a UKI").expect("good");
    assert_eq!(uki.kernel.version.as_deref(), Some("6.1.0"));
    assert_eq!(signed[uki.linux.clone()], kernel);
    let initrds: Vec<&[u8]> = uki.initrds().map(|part| &signed[part.clone()]).collect();
    assert_eq!(initrds, [&b"070701 microcode"[..], b"070701 initrd"]);
    assert_eq!(uki.cmdline.as_deref(), Ok("console=ttyS1 quiet"));
}

#[test]
fn a_uki_without_more_than_a_kernel_is_one() {
    let kernel = bzimage_file();
    let found = uki(&[(".linux", &kernel), (".initrd", b"")]).expect("good");
    assert_eq!(
        (found.initrds().count(), found.cmdline.as_deref()),
        (0, Ok(""))
    );
}

#[test]
fn the_first_profile_counts() {
    let kernel = bzimage_file();
    let found = uki(&[
        (".linux", &kernel),
        (".cmdline", b"common"),
        (".profile", b"ID=main"),
        (".cmdline", b"main"),
        (".profile", b"ID=rescue"),
        (".cmdline", b"rescue"),
        (".initrd", b"rescue"),
    ])
    .expect("good");
    assert_eq!(
        (found.initrds().count(), found.cmdline.as_deref()),
        (0, Ok("main"))
    );
}

#[test]
fn broken_ukis_say_what_is_wrong() {
    let kernel = bzimage_file();
    let mut old = kernel.clone();
    put(&mut old, 0x236, &[0, 0]); // xloadflags
    let error = uki(&[(".linux", &old)]).expect_err("32 bits").to_string();
    assert!(
        error.starts_with("UKI, its .linux: no 64-bit entry point"),
        "{error}"
    );
    let file = pe(&[(".linux", &kernel), (".initrd", &[1; 1000])]);
    let cut = Uki::parse(&file[..file.len() - 600]).expect("a UKI");
    let error = cut.expect_err("cut").to_string();
    assert_eq!(error, "truncated UKI: .initrd ends at byte 7144 of 6568");
    let long = [b'a'; 2048];
    // A command line that can't be used is no reason to refuse the rest.
    let cmdline =
        |text: &[u8]| uki(&[(".linux", &kernel), (".cmdline", text)]).map(|uki| uki.cmdline);
    let error = Err(UkiError::LongCmdline { bytes: 2048 });
    assert_eq!(cmdline(&long), Ok(error));
    assert_eq!(cmdline(b"a\x1b[2J"), Ok(Err(UkiError::StrangeCmdline)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_survived(file: Vec<u8>) {
        let _ = FileKind::of(&file);
        let _ = Uki::parse(&file);
    }

    #[test]
    fn bent_ukis_are_survived_and_their_parts_lie_inside(
        bends in prop::collection::vec((0usize..HEADERS, any::<u8>()), 0..12), keep in any::<u16>(),
    ) {
        let kernel = bzimage_file();
        let mut file = pe(&[(".linux", &kernel), (".cmdline", b"quiet"), (".initrd", b"070701")]);
        for (at, value) in bends {
            file[at] = value;
        }
        file.truncate(usize::from(keep));
        if let Some(Ok(uki)) = Uki::parse(&file) {
            for part in uki.initrds().chain([&uki.linux]) {
                prop_assert!(file.get(part.clone()).is_some());
            }
        }
        let _ = FileKind::of(&file);
    }
}

#[test]
fn what_is_said_of_a_file_is_a_number_or_told() {
    let right = Told {
        bytes: Some(9),
        cksum: Some(930_766_865),
        unreadable: None,
    };
    assert_eq!(
        read_line("demo size=9 other cksum=930766865"),
        (Some("demo"), right)
    );
    for (line, key) in [
        ("demo size=", ToldKey::Size),
        ("demo size=9k", ToldKey::Size),
        ("demo size=+9", ToldKey::Size),
        ("demo size=0x9", ToldKey::Size),
        ("demo size=18446744073709551616 cksum=1", ToldKey::Size),
        ("demo size=9 cksum=4294967296", ToldKey::Cksum),
        ("demo size=9 cksum=-1", ToldKey::Cksum),
        ("demo cksum=37a5cb11", ToldKey::Cksum),
    ] {
        let (name, told) = read_line(line);
        assert_eq!((name, told.unreadable), (Some("demo"), Some(key)), "{line}");
    }
    assert_eq!(read_line(""), (None, Told::default()));
}
