//! A Linux that lies, and memory that was overwritten: no panic, and an end.

use bulkhead_printk::{Info, MOST_RECORDS, Ram, Root, find};
use proptest::prelude::*;

use crate::made::{BASE, INFO, Kind, Made, TABLES};

/// Looks at all that there is.
fn read_all(made: &Made) {
    for root in [None, Some(Root(made.root())), Some(Root(u64::MAX))] {
        if let Some(found) = find(made, [Made::region()].iter(), root) {
            assert!(found.ring.last_lines(made, 1 << 16).count() <= 1 << 16);
            found.ring.panic(made);
        }
    }
    // A record has 64 KiB at most, read in pieces of 64 bytes, each with a walk and a look at its state.
    assert!(made.reads.get() <= 12 * MOST_RECORDS * 1024 * 16);
}

/// An image with some lines.
fn made(dynamic: Option<u32>, levels: u32) -> Made {
    let mut made = Made::new(Kind {
        dynamic,
        levels,
        count_bits: 5,
        size_bits: 11,
    });
    for number in 0..40 {
        made.print(number, 6, &"a line\nof two".repeat(number as usize % 4));
    }
    made
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_words_anywhere_are_survived(
        dynamic in prop::option::of(0..3u32),
        levels in 4..6u32,
        changes in prop::collection::vec((0..6usize, 0..600usize, prop::num::u64::ANY), 1..40),
        shift in 0..64u32,
    ) {
        let mut made = made(dynamic, levels);
        for (area, word, value) in changes {
            // VMCOREINFO, tables, `prb`, descriptors, what they say, texts.
            let start = [INFO, TABLES, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000][area];
            let word = if area == 2 { word % 20 } else { word };
            made.set(start + word * 8, value >> shift);
        }
        read_all(&made);
    }

    #[test]
    fn numbers_of_vmcoreinfo_are_not_trusted(
        line in 0..24usize,
        value in prop_oneof![Just(u64::MAX), Just(4096), Just(4097), prop::num::u64::ANY],
        is_negative: bool,
    ) {
        let mut made = made(Some(1), 4);
        let text = made.text();
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        let line = 3 + line % (lines.len() - 3);
        let key = lines[line].split('=').next().unwrap().to_owned();
        let sign = if is_negative { "-" } else { "" };
        lines[line] = if key.starts_with('S') { format!("{key}={value:x}") } else { format!("{key}={sign}{value}") };
        let text = lines.join("\n") + "\n";
        made.bytes[INFO..INFO + 4096].fill(0);
        made.bytes[INFO..INFO + text.len()].copy_from_slice(text.as_bytes());
        read_all(&made);
    }

    #[test]
    fn arbitrary_bytes_are_no_vmcoreinfo(bytes in prop::collection::vec(any::<u8>(), 4096)) {
        let mut made = Made::new(Kind::default());
        made.bytes[INFO..INFO + 4096].copy_from_slice(&bytes);
        prop_assert!(Info::read(&made, BASE + INFO as u64).is_none());
        made.bytes[INFO..INFO + 10].copy_from_slice(b"OSRELEASE=");
        read_all(&made);
    }
}

#[test]
fn a_ram_full_of_beginnings_is_given_up() {
    let mut made = Made::new(Kind::default());
    made.print(0, 6, "hidden above all of these");
    made.bytes[INFO..INFO + 4096].fill(0);
    made.info(0x1f_f000);
    let found = |made: &Made| find(made, [Made::region()].iter(), None).map(|found| found.page);
    assert_eq!(found(&made), Some(BASE + 0x1f_f000));
    for page in (0x18_0000..0x1f_f000).step_by(4096) {
        made.bytes[page..page + 10].copy_from_slice(b"OSRELEASE=");
    }
    assert_eq!(found(&made), None);
    let mut byte = [0];
    assert!(made.read(BASE - 1, &mut byte).is_none());
}
