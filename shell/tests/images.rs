//! `images`: what is said of each.

mod support;

use bulkhead_memory::Region;
use bulkhead_model::{Image, ImageKind, Told, ToldKey};
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
            region: Region::new(start, file.len() as u64),
            kind: ImageKind::Kernel(kernel),
            told: Told::default(),
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
    // What came with a file counts for every kind of it.
    for (name, bytes, told, kind, sum) in [
        ("right", "123456789", (9, 930_766_865), "data", "ok"),
        ("changed", "123456780", (9, 930_766_865), "data", "bad"),
        ("unpacked", "123456789", (5, 930_766_865), "bad", "ok"),
    ] {
        session.kernel.add_script(name, bytes);
        let image = session.kernel.machine.images.last_mut().unwrap();
        (image.told.bytes, image.told.cksum) = (Some(told.0), Some(told.1));
        let said = session.line("images");
        let row = said.lines().find(|row| row.starts_with(name)).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words[2..4], [kind, sum], "{row}");
    }
    let said = session.line("define db cores=4 memory=64M kernel=linux61 initrd=unpacked");
    assert!(said.contains("has 9 bytes, not the 5 that"), "{said}");
    // What nobody can compare is no reason to believe it.
    let image = session.kernel.machine.images.last_mut().unwrap();
    image.told = Told {
        unreadable: Some(ToldKey::Cksum),
        ..Told::default()
    };
    let takes = "cksum= takes what cksum(1) prints, in decimal digits below 2^32";
    let said = session.line("images");
    let row = said.lines().find(|row| row.starts_with("unpacked"));
    let row = row.unwrap();
    assert!(
        row.contains(" bad ") && row.ends_with(&format!("can't be used: {takes}")),
        "{row}"
    );
    let said = session.line("define db cores=4 memory=64M kernel=linux61 initrd=unpacked");
    assert!(said.contains(takes), "{said}");
    // What is no kernel has none; what can't be launched is not read.
    assert_eq!(checksum("demo"), "-");
    assert_eq!(checksum("old"), "-");
}

/// How that is seen of a file, the tests of `bulkhead-linux` have.
#[test]
fn a_kernel_without_efi_is_warned_of_wherever_it_is_looked_at() {
    let mut session = Session::new();
    let images = &mut session.kernel.machine.images;
    let linux = images.iter_mut().find(|image| image.name == "linux61");
    let ImageKind::Kernel(kernel) = &mut linux.unwrap().kind else {
        panic!("it is a kernel");
    };
    kernel.has_efi = false;
    let warning = "warning: web: kernel linux61 has no EFI: Bulkhead is not told of its power-off, and \
                   its reboot resets the whole machine unless the BIOS's reset entry is Bulkhead's\n";
    for line in [
        "define web cores=2-3 memory=512M kernel=linux61",
        "set web cmdline=quiet",
        "check web",
        "show web",
        "start web",
    ] {
        let said = session.line(line);
        assert!(said.contains(warning), "{line}: {said}");
    }
    let said = session.line("define db cores=4 memory=512M kernel=linux612");
    assert!(!said.contains("has no EFI"), "{said}");
}
