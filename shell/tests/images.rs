//! `images`: what is said of each.

mod support;

use bulkhead_memory::Region;
use bulkhead_model::{Image, ImageKind};
use support::{Session, image};

#[test]
fn images_are_verified_when_they_are_listed() {
    let mut session = Session::new();
    let version = "6.1.0 (builder)";
    let mut damaged = image::whole(version);
    damaged[3000] ^= 0x10;
    for (name, file) in [
        ("whole", image::whole(version)),
        ("damaged", damaged),
        ("new", image::without_checksum(version)),
        ("vast", image::whole(version)),
    ] {
        let start = 0x2_0000_0000 + 0x10_0000 * session.kernel.files.len() as u64;
        let mut kernel = image::kernel(version);
        if name == "vast" {
            // Too many to be read, whatever they are.
            kernel.protected_mode_bytes = 256 << 20;
        }
        session.kernel.machine.images.push(Image {
            name: name.into(),
            region: Region::new(start, file.len() as u64).unwrap(),
            kind: ImageKind::Kernel(kernel),
        });
        session.kernel.files.push((start, file));
    }
    let said = session.line("images");
    let checksum = |name: &str| {
        let row = said.lines().find(|row| row.starts_with(name)).unwrap();
        row.split_whitespace().nth(3).unwrap()
    };
    assert_eq!(checksum("NAME"), "CHECKSUM");
    assert_eq!(checksum("whole"), "ok");
    assert_eq!(checksum("damaged"), "bad");
    assert_eq!(checksum("new"), "none");
    assert_eq!(checksum("vast"), "unread");
    // What is no kernel has none; what can't be launched is not read.
    assert_eq!(checksum("demo"), "-");
    assert_eq!(checksum("old"), "-");
}
