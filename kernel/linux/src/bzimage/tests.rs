//! What is accepted, what is refused and with which sentence.

use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::fixture::{Fixture, KERNEL_BYTES, SETUP_BYTES, VERSION};
use super::*;

fn refusal(fixture: Fixture) -> String {
    BzImage::parse(&fixture.bytes())
        .expect_err("refused")
        .to_string()
}

#[test]
fn reads_a_good_image() {
    let image = BzImage::parse(&Fixture::default().bytes()).expect("good");
    assert_eq!(image.protocol, 0x020f);
    assert_eq!(image.version.as_deref(), Some(VERSION));
    assert_eq!(image.release(), Some("6.1.0-50-cloud-amd64"));
    assert_eq!(image.setup_bytes, SETUP_BYTES as u64);
    assert_eq!(image.protected_mode_bytes, KERNEL_BYTES as u64);
    assert_eq!(image.init_size, 0x337_8000);
    assert_eq!(image.kernel_alignment, 0x20_0000);
    assert_eq!(image.pref_address, 0x100_0000);
    assert_eq!(image.cmdline_size, 2047);
    assert_eq!(image.compression, Some(Compression::Zstd));
    assert_eq!(image.header.len(), 0x26c - 0x1f1);
}

/// By what only a kernel with EFI is built with: a fake one without the letters MZ, and each flag.
#[test]
fn efi_is_told_by_the_header() {
    let mut file = Fixture {
        xloadflags: 0x3,
        ..Fixture::default()
    }
    .bytes();
    let has_efi = |file: &[u8]| BzImage::parse(file).expect("a good image").has_efi;
    assert!(has_efi(&file), "an EFI program");
    file[..2].fill(0);
    assert!(!has_efi(&file));
    for flag in [0x4, 0x8, 0x10] {
        file[0x236] = 0x3 | flag;
        assert!(has_efi(&file), "{flag:#x}");
    }
}

#[test]
fn the_version_is_the_release_s() {
    let mut image = BzImage::parse(&Fixture::default().bytes()).expect("a good image");
    for (text, expected) in [
        ("6.12.118+deb13-rt-amd64 (x) #1", Some((6, 12))),
        ("7.2-rc1", Some((7, 2))),
        ("5.10", Some((5, 10))),
        ("next", None),
        ("6", None),
    ] {
        image.version = Some(text.into());
        assert_eq!(image.major_minor(), expected, "{text}");
    }
    image.version = None;
    assert_eq!(image.major_minor(), None);
}

#[test]
fn knows_every_compression() {
    for (magic, name) in [
        ([0x1f, 0x8b, 0x08, 0x00], "gzip"),
        (*b"BZh9", "bzip2"),
        ([0x5d, 0x00, 0x00, 0x80], "lzma"),
        ([0xfd, 0x37, 0x7a, 0x58], "xz"),
        ([0x89, 0x4c, 0x5a, 0x4f], "lzo"),
        ([0x02, 0x21, 0x4c, 0x18], "lz4"),
        ([0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (*b"\x7fELF", "uncompressed"),
    ] {
        let file = Fixture {
            payload_magic: magic,
            ..Fixture::default()
        }
        .bytes();
        let compression = BzImage::parse(&file).expect(name).compression;
        assert_eq!(compression.map(|c| c.to_string()).as_deref(), Some(name));
    }
}

#[test]
fn a_payload_that_is_not_told_is_accepted() {
    let file = Fixture {
        payload_offset: 0,
        payload_length: 0,
        ..Fixture::default()
    }
    .bytes();
    assert_eq!(
        BzImage::parse(&file).map(|image| image.compression),
        Ok(None)
    );
}

#[test]
fn refusals_name_what_is_wrong() {
    let good = Fixture::default;
    for (fixture, expected) in [
        (
            Fixture {
                protocol: 0x020b,
                ..good()
            },
            "boot protocol 2.11 is too old (at least 2.12, Linux 3.8; iPXE, MEMDISK and the like are no \
             Linux: give them an entry of their own in the loader's menu)",
        ),
        (
            Fixture {
                xloadflags: 0x7e,
                ..good()
            },
            "no 64-bit entry point: a 32-bit kernel (a 64-bit one is needed)",
        ),
        (
            Fixture {
                relocatable: 0,
                ..good()
            },
            "not relocatable (a kernel with CONFIG_RELOCATABLE=y is needed)",
        ),
        (
            Fixture {
                alignment: 0x30_0000,
                ..good()
            },
            "corrupt header: alignment 0x300000 (a power of two from 4 KiB to 1 GiB is accepted)",
        ),
        (
            Fixture {
                init_size: 4095,
                ..good()
            },
            "corrupt header: init_size is 4095 (at least 4096)",
        ),
        (
            Fixture {
                cmdline_size: 0,
                ..good()
            },
            "corrupt header: cmdline_size is 0 (at least 255)",
        ),
        (
            Fixture {
                payload_length: 4096,
                ..good()
            },
            "corrupt header: the compressed kernel ends at 4812 of 4096 bytes",
        ),
        (
            Fixture {
                payload_length: 3,
                ..good()
            },
            "corrupt header: payload_length is 3 (at least 4)",
        ),
        (
            Fixture {
                payload_magic: [0xde, 0xad, 0, 1],
                ..good()
            },
            "corrupt: the compressed kernel starts with de ad 00 01, which no known compression does",
        ),
        (
            Fixture {
                unpacked: 0x337_8001,
                ..good()
            },
            "corrupt: the compressed kernel unpacks to 53968897 bytes, more than init_size 53968896",
        ),
    ] {
        assert_eq!(refusal(fixture), expected);
    }
}

#[test]
fn a_truncated_image_says_how_much_is_there() {
    let file = Fixture::default().bytes();
    let error = BzImage::parse(&file[..5000]).expect_err("truncated");
    assert_eq!(
        error.to_string(),
        "truncated: 5000 bytes of the 5120 that its header promises"
    );
    let error = BzImage::parse(&file[..0x267]).expect_err("too short");
    assert_eq!(
        error.to_string(),
        "615 bytes are too few for a bzImage (at least 616)"
    );
}

#[test]
fn magic_numbers_are_needed() {
    for offset in [0x1fe, 0x202] {
        let mut file = Fixture::default().bytes();
        file[offset] ^= 1;
        assert_eq!(BzImage::parse(&file), Err(BzImageError::NoMagic));
    }
}

#[test]
fn a_header_that_ends_too_early_is_refused() {
    let mut file = Fixture::default().bytes();
    file[0x201] = 0x60;
    assert_eq!(
        BzImage::parse(&file).expect_err("refused").to_string(),
        "corrupt header: the header's end is 610 (at least 616)"
    );
}

#[test]
fn a_long_header_is_cut_where_the_zero_page_ends_it() {
    let mut file = Fixture::default().bytes();
    file[0x201] = 0xff;
    let image = BzImage::parse(&file).expect("good");
    assert_eq!(image.header.len(), 0x290 - 0x1f1);
}

#[test]
fn a_version_that_is_no_text_is_left_out() {
    let mut file = Fixture::default().bytes();
    file[0x305] = 0x1b;
    assert_eq!(BzImage::parse(&file).expect("good").version, None);
    let mut file = Fixture::default().bytes();
    file[0x20e..0x210].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(BzImage::parse(&file).expect("good").version, None);
}

#[test]
fn tells_kernels_from_data() {
    let file = Fixture::default().bytes();
    assert!(BzImage::looks_like(&file));
    assert!(
        BzImage::looks_like(&file[..0x206]),
        "a cut one is a bad kernel, not data"
    );
    let mut pe = file.clone();
    pe[0x202] = 0;
    assert!(BzImage::looks_like(&pe));
    pe[0] = 0;
    assert!(!BzImage::looks_like(&pe));
    assert!(!BzImage::looks_like(b"070701 an initrd"));
    assert!(!BzImage::looks_like(&[]));
}

/// Makes the image's checksum right: the remainder so far, appended, makes the whole remainder 0.
fn sum(file: &mut [u8]) {
    let mut crc = u32::MAX;
    let (body, tail) = file.split_at_mut(SETUP_BYTES + KERNEL_BYTES - 4);
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    tail.copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn verifies_the_checksum() {
    let mut file = Fixture::default().bytes();
    assert_eq!(BzImage::checksum(&file), Checksum::Absent);
    sum(&mut file);
    assert_eq!(BzImage::checksum(&file), Checksum::Valid);
    file[SETUP_BYTES + 3000] ^= 1;
    assert_eq!(BzImage::checksum(&file), Checksum::Wrong);
    assert_eq!(BzImage::checksum(&file[..600]), Checksum::Wrong);
}

#[test]
fn a_signature_leaves_the_checksum_valid() {
    let mut file = Fixture::default().bytes();
    file[0x3c] = 0x40;
    file[0x40..0x44].copy_from_slice(b"PE\0\0");
    file[0x58..0x5a].copy_from_slice(&[0x0b, 0x02]);
    sum(&mut file);
    file[0x58 + 64..][..4].copy_from_slice(b"csum");
    file[0x58 + 144..][..8].copy_from_slice(b"certtabl");
    file.extend_from_slice(b"the signature itself");
    assert_eq!(BzImage::checksum(&file), Checksum::Valid);
}

proptest! {
    #[test]
    fn never_panics_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let _ = BzImage::parse(&bytes);
        let _ = BzImage::looks_like(&bytes);
        let _ = BzImage::checksum(&bytes);
    }

    #[test]
    fn never_panics_on_a_damaged_image(
        damage in prop::collection::vec((0usize..0x300, any::<u8>()), 1..12),
        cut in 0usize..=SETUP_BYTES + KERNEL_BYTES,
    ) {
        let mut file: Vec<u8> = Fixture::default().bytes();
        for (offset, byte) in damage {
            file[offset] = byte;
        }
        file.truncate(cut);
        let _ = BzImage::checksum(&file);
        if let Ok(image) = BzImage::parse(&file) {
            prop_assert!(image.setup_bytes + image.protected_mode_bytes <= file.len() as u64);
            prop_assert!(image.init_size >= image.protected_mode_bytes);
            prop_assert!(image.header.len() <= 0x290 - 0x1f1);
        }
    }
}
