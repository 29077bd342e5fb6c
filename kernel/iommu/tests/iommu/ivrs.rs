//! What an IVRS says, and what is wrong with one.

use bulkhead_iommu::{IdRange, Iommus, Kind, Problem, Who};

use crate::made::{ivhd, ivmd, ivrs};

fn ids(first: u16, last: u16, alias: Option<u16>) -> IdRange {
    IdRange {
        first,
        last,
        alias,
        settings: 0,
    }
}

#[test]
fn a_whole_table() {
    let entries: [&[u8]; 8] = [
        // Select 00:02.0; from 01:00.0 to 02:ff; a pad.
        &[2, 0x10, 0x00, 0],
        &[3, 0x00, 0x01, 0],
        &[4, 0xff, 0x02, 0],
        &[0, 0, 0, 0],
        // 05:00.0 to 05:1f.7 send 04:00.0.
        &[67, 0x00, 0x05, 0, 0, 0x00, 0x04, 0],
        &[4, 0xff, 0x05, 0],
        // The I/O APIC; a device that only ACPI names.
        &[72, 0, 0, 0xd7, 33, 0xa0, 0, 1],
        &[
            240, 0xa5, 0x00, 0x40, b'A', b'M', b'D', b'I', b'0', b'0', b'2', b'0', 0, 0, 0, 0, 0,
            0, 0, 0, 2, 3, b'a', b'b', b'c',
        ],
    ];
    let iommus = Iommus::of_ivrs(&ivrs(&[
        ivhd(0x10, 0, 0xfeb8_0000, &[&[1, 0, 0, 0]]),
        ivhd(0x11, 0, 0xfeb8_0000, &entries),
        ivhd(
            0x40,
            1,
            0xfec8_0000,
            &[&[66, 0x08, 0x01, 0, 0, 0x10, 0x01, 0]],
        ),
        ivhd(0x10, 1, 0xfec8_0000, &[&[1, 0, 0, 0]]),
        ivmd(0x22, 0x7, (0x0010, 0x0017), 0x7b80_0000, 0x1000),
        ivmd(0x20, 0x6, (0, 0), 0x7b90_0000, 0x1000),
        vec![0x99, 0, 4, 0],
    ]));
    assert_eq!(iommus.problems, []);
    assert_eq!(iommus.kind, Some(Kind::AmdVi));
    let units: Vec<(u16, u64, &Who)> = iommus
        .units
        .iter()
        .map(|unit| (unit.segment, unit.registers.start(), &unit.who))
        .collect();
    let first = Who::Ids(vec![
        ids(0x0010, 0x0010, None),
        ids(0x0100, 0x02ff, None),
        ids(0x0500, 0x05ff, Some(0x0400)),
    ]);
    let second = Who::Ids(vec![ids(0x0108, 0x0108, Some(0x0110))]);
    assert_eq!(units, [(0, 0xfeb8_0000, &first), (1, 0xfec8_0000, &second)]);
    let [reserved] = &iommus.reserved[..] else {
        panic!("{:?}", iommus.reserved);
    };
    assert_eq!(reserved.region.to_string(), "0x7b800000-0x7b800fff");
    assert_eq!(reserved.who, Who::Ids(vec![ids(0x0010, 0x0017, None)]));
}

#[test]
fn what_cannot_be_is_a_problem_and_the_rest_is_read() {
    let bad = [
        // Ranges without a beginning, without an end, backwards; a length that can't be.
        ivhd(0x10, 0, 0xfeb8_0000, &[&[4, 0, 1, 0]]),
        ivhd(0x10, 0, 0xfeb8_0000, &[&[3, 0, 1, 0]]),
        ivhd(0x10, 0, 0xfeb8_0000, &[&[3, 0, 1, 0], &[4, 0, 0, 0]]),
        ivhd(0x10, 0, 0xfeb8_0000, &[&[2, 0, 1]]),
        ivhd(0x10, 0, 0xfeb8_0000, &[&[200, 0, 1, 0]]),
        // No address; the same unit twice.
        ivhd(0x10, 0, 0, &[]),
        ivhd(0x10, 0, 0xfed0_0000, &[]),
        // Memory of no bytes, of all; functions backwards.
        ivmd(0x21, 1, (1, 0), 0x1000, 0),
        ivmd(0x21, 1, (1, 0), 0x1000, u64::MAX),
        ivmd(0x22, 1, (2, 1), 0x1000, 0x1000),
    ];
    let unit = ivhd(0x10, 0, 0xfed0_0000, &[]);
    for block in bad {
        let last = ivmd(0x21, 1, (1, 0), 0x1000, 0x1000);
        let iommus = Iommus::of_ivrs(&ivrs(&[unit.clone(), block.clone(), last]));
        assert_eq!(
            (iommus.units.len(), iommus.reserved.len()),
            (1, 1),
            "{block:x?}"
        );
        let problems = &iommus.problems[..];
        assert!(
            matches!(problems, [Problem::BadStructure { offset: 72, .. }]),
            "{block:x?}: {problems:?}"
        );
    }
}
