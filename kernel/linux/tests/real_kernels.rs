//! Stock kernels, where there are any: `BULKHEAD_TEST_KERNELS` holds paths of bzImages, separated
//! by colons. Without it this says that it was skipped.

use bulkhead_linux::{BzImage, BzImageError, Checksum};

#[test]
fn stock_kernels_are_read_and_whole() {
    let Some(paths) = std::env::var_os("BULKHEAD_TEST_KERNELS") else {
        println!("skipped: BULKHEAD_TEST_KERNELS is not set");
        return;
    };
    for path in std::env::split_paths(&paths) {
        let file = std::fs::read(&path).expect("a readable file");
        assert!(BzImage::looks_like(&file));
        let image = BzImage::parse(&file).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let release = image.release().expect("a version");
        let compression = image.compression.expect("a payload");
        let checksum = BzImage::checksum(&file);
        assert_ne!(checksum, Checksum::Wrong, "{release}");
        println!(
            "{release}: protocol {:#06x}, {compression}, setup {}, kernel {}, init_size {}, checksum {checksum:?}",
            image.protocol, image.setup_bytes, image.protected_mode_bytes, image.init_size
        );
        damaged_copies_are_refused(&file, &image, checksum);
    }
}

fn damaged_copies_are_refused(file: &[u8], image: &BzImage, checksum: Checksum) {
    let need = image.setup_bytes + image.protected_mode_bytes;
    let cut = &file[..file.len() / 2];
    let truncated = BzImageError::Truncated {
        have: cut.len() as u64,
        need,
    };
    assert_eq!(BzImage::parse(cut), Err(truncated));

    let mut flipped = file.to_vec();
    flipped[file.len() / 2] ^= 0x10;
    if checksum == Checksum::Valid {
        assert_eq!(BzImage::checksum(&flipped), Checksum::Wrong);
    }
}
