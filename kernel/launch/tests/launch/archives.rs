//! Several initrds, and those of a UKI.

use bulkhead_fake::{Fake, GIB, KIB, MIB, RESIDENT, at, bzimage, claim};
use bulkhead_launch::{LaunchError, Write};
use bulkhead_ledger::PlanError;
use bulkhead_linux::{FileKind, Uki, UkiError};
use bulkhead_memory::Region;
use bulkhead_model::{Change, Image, ImageKind, Told};

/// Where images are put.
const PLACE: u64 = 0x7200_0000;

fn add(fake: &mut Fake, name: &str, start: u64, bytes: u64, kind: ImageKind) {
    fake.machine.images.push(Image {
        name: name.into(),
        region: Region::new(start, bytes),
        kind,
        told: Told::default(),
    });
}

/// With archives "a" of 5 bytes, "b" of 8 and "c" of 1.
fn with_archives() -> Fake {
    let mut fake = Fake::new();
    for (name, offset, bytes) in [("a", 0, 5), ("b", 0x1000, 8), ("c", 0x2000, 1)] {
        let kind = ImageKind::Data(FileKind::Cpio);
        add(&mut fake, name, PLACE + offset, bytes, kind);
    }
    fake
}

fn change(initrds: &[&str]) -> Change {
    let mut change = claim(&[2], &[at(512 * MIB, GIB)]);
    change.initrds = Some(initrds.iter().map(|name| String::from(*name)).collect());
    change
}

#[test]
fn archives_follow_each_other_in_order_with_zeros_between_them() {
    let mut fake = with_archives();
    fake.define("web", change(&["b", "a", "c"])).unwrap();
    let plan = fake.plan("web");
    let initrd = plan.view.placement.initrd.unwrap();
    assert_eq!(initrd.size(), 8 + 5 + 3 + 1);
    let start = initrd.start();
    let copies: Vec<(u64, u64, u64)> = plan.copies[1..]
        .iter()
        .map(|copy| (copy.from.start() - PLACE, copy.from.size(), copy.to - start))
        .collect();
    assert_eq!(copies, [(0x1000, 8, 0), (0, 5, 8), (0x2000, 1, 16)]);
    let inside = |write: &&Write| initrd.contains_region(write.target().unwrap());
    let gaps: Vec<&Write> = plan.writes.iter().filter(inside).collect();
    let [gap] = gaps[..] else { panic!("{gaps:?}") };
    assert_eq!(gap.zeroes(), Region::new(start + 13, 3));
}

#[test]
fn the_archives_of_a_uki_come_first_and_its_command_line_counts_where_none_is_given() {
    let mut fake = with_archives();
    let uki = |cmdline: Result<&str, UkiError>| {
        ImageKind::Uki(Uki {
            kernel: bzimage(40 * MIB),
            linux: 0x400..0x400 + (8 << 20),
            ucode: Some(0x80_1000..0x80_1003),
            initrd: Some(0x80_2000..0x80_2001),
            cmdline: cmdline.map(String::from),
        })
    };
    let start = PLACE + MIB;
    add(&mut fake, "uki", start, 9 * MIB, uki(Ok("root=/dev/x")));
    add(&mut fake, "wall", start, 9 * MIB, uki(Ok("acpi=off")));
    let strange = Err(UkiError::StrangeCmdline);
    add(&mut fake, "strange", start, 9 * MIB, uki(strange));
    let given = Change {
        kernel: Some("uki".into()),
        ..change(&["a"])
    };
    fake.define("web", given).unwrap();
    let plan = fake.plan("web");
    let copies: Vec<(u64, u64)> = plan
        .copies
        .iter()
        .map(|copy| (copy.from.start(), copy.from.size()))
        .collect();
    assert_eq!(
        copies,
        [
            (start + KIB + 0x4000, 8 * MIB - 0x4000),
            (start + 0x80_1000, 3),
            (start + 0x80_2000, 1),
            (PLACE, 5),
        ]
    );
    assert!(plan.view.cmdline.contains("root=/dev/x"));
    let own = |cmdline: &str| Change {
        cmdline: Some(cmdline.into()),
        ..Change::default()
    };
    fake.set("web", own("quiet")).unwrap();
    let cmdline = fake.plan("web").view.cmdline;
    assert!(
        cmdline.contains("quiet") && !cmdline.contains("root="),
        "{cmdline}"
    );

    let wall = Change {
        kernel: Some("wall".into()),
        ..own("")
    };
    let error = fake.set("web", wall).unwrap_err();
    assert!(
        matches!(error, PlanError::Launch(LaunchError::UkiCmdline { .. })),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.starts_with("the .cmdline of image \"wall\": "),
        "{said}"
    );

    // One that can't be used matters only where it would be.
    let strange = |cmdline| Change {
        kernel: Some("strange".into()),
        ..own(cmdline)
    };
    fake.set("web", strange("quiet")).unwrap();
    assert!(fake.plan("web").view.cmdline.contains("quiet"));
    let said = fake.set("web", own("")).unwrap_err().to_string();
    assert!(said.contains("not printable ASCII"), "{said}");
}

#[test]
fn a_large_initrd_lies_above_four_gib_where_there_is_no_room_below() {
    let mut fake = with_archives();
    let kind = ImageKind::Data(FileKind::Cpio);
    add(&mut fake, "large", 0x1_0000_0000, 700 * MIB, kind);
    fake.machine.resident.push(bulkhead_model::Resident {
        region: Region::new(256 * MIB, 0x7000_0000 - 256 * MIB).unwrap(),
        what: "what leaves little below".into(),
    });
    fake.machine.resident.push(bulkhead_model::Resident {
        region: Region::new(0x1_0000_0000, 700 * MIB).unwrap(),
        what: "image \"large\"".into(),
    });
    let mut change = change(&["large"]);
    change.memory = Some(vec![at(GIB, None)]);
    fake.define("web", change).unwrap();
    let plan = fake.ledger.plan(&fake.machine, &RESIDENT, "web").unwrap();
    let placement = plan.view.placement;
    assert!(placement.kernel.end() <= 256 * MIB && placement.firmware.end() <= 256 * MIB);
    let initrd = placement.initrd.unwrap();
    assert!(initrd.start() > 4 * GIB, "{initrd}");
    // `ext_ramdisk_image` and `ext_ramdisk_size` (zero-page.rst).
    let zero_page = bulkhead_fake::written(&plan, plan.view.block.zero_page);
    assert_eq!(zero_page[0xc0..0xc4], [1, 0, 0, 0]);
    assert_eq!(zero_page[0xc4..0xc8], [0; 4]);
}
