//! What is read out of a made image of a Linux's RAM.
#![expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits where the tests run, and what is made is small"
)]

mod direct;
mod follow;
mod followed;
mod kept;
mod made;
mod properties;

use bulkhead_printk::{Ring, Root, find, found_at};
use made::{BASE, INFO, Kind, Made, TABLES};

/// The ring of an image.
pub(crate) fn ring(made: &Made) -> Option<Ring> {
    find(made, [Made::region()].iter(), Some(Root(made.root()))).map(|found| found.ring)
}

pub(crate) fn lines(made: &Made) -> String {
    let ring = ring(made).expect("there is a ring");
    String::from_utf8(ring.lines(made).collect()).unwrap()
}

#[test]
fn records_come_as_a_console_would_show_them() {
    let mut made = Made::new(Kind::default());
    made.print(0, 5, "Linux version 6.1.0-made");
    made.print(1_234_567_890, 6, "two\nlines");
    made.print(2_000_000_000, 4, "");
    made.print(3_000_001_000, 3, "last");
    assert_eq!(
        lines(&made),
        "[    0.000000] Linux version 6.1.0-made\n[    1.234567] two\n[    1.234567] lines\n\
         [    2.000000] \n[    3.000001] last\n"
    );
    let ring = ring(&made).unwrap();
    let records = ring.records(&made);
    let seen: Vec<_> = records
        .map(|r| (r.sequence, r.level, r.time / 1_000_000_000))
        .collect();
    assert_eq!(seen, [(0, 5, 0), (1, 6, 1), (2, 4, 2), (3, 3, 3)]);
    // One that is being written is not there yet.
    made.reopen();
    assert!(!lines(&made).contains("last"));
}

#[test]
fn a_text_that_is_not_as_its_record_says_is_left_out_or_cut() {
    let mut made = Made::new(Kind::default());
    made.print(0, 6, "ends with one\n");
    made.print(0, 6, "short");
    let [_, info, block] = made.newest();
    // Longer than its block: what follows is another's.
    made.bytes[info + 16..info + 18].copy_from_slice(&500u16.to_le_bytes());
    let expected = "[    0.000000] ends with one\n[    0.000000] short";
    let text = lines(&made);
    assert!(
        text.starts_with(expected) && text.len() < expected.len() + 10,
        "{text}"
    );
    // Overwritten: its block is that of another record.
    made.set(block, 7);
    assert_eq!(lines(&made), "[    0.000000] ends with one\n");
    // Without its beginning VMCOREINFO is none.
    assert!(found_at(&made, BASE + INFO as u64, None).is_some());
    made.bytes[INFO..INFO + 10].fill(b'X');
    assert!(found_at(&made, BASE + INFO as u64, None).is_none());
}

#[test]
fn a_record_is_no_longer_than_a_kernel_makes_them() {
    let mut made = Made::new(Kind {
        size_bits: 12,
        ..Kind::default()
    });
    made.print(0, 6, &"x".repeat(3000));
    assert_eq!(lines(&made).matches('x').count(), 2048);
}

#[test]
fn the_bit_of_encrypted_memory_is_no_address() {
    let mut made = Made::new(Kind {
        dynamic: Some(0),
        ..Kind::default()
    });
    made.print(0, 6, "first");
    made.encrypt(1 << 47);
    assert_eq!(lines(&made), "[    0.000000] first\n");
}

#[test]
fn both_rings_go_round() {
    let mut made = Made::new(Kind {
        count_bits: 6,
        size_bits: 12,
        ..Kind::default()
    });
    for number in 0..1000u64 {
        made.print(
            number * 1_000_000_000,
            6,
            &format!("line {number} {}", "x".repeat(number as usize % 70)),
        );
        let text = lines(&made);
        let last = text.lines().last().unwrap();
        assert!(
            last.starts_with(&format!("[{number:5}.000000] line {number} ")),
            "{last}"
        );
        // What is left is whole, and without a gap.
        let first: u64 = text[1..6].trim().parse().unwrap();
        let expected: Vec<String> = (first..=number)
            .map(|n| format!("[{n:5}.000000] line {n} {}", "x".repeat(n as usize % 70)))
            .collect();
        assert_eq!(Vec::from_iter(text.lines()), expected);
        assert!(text.lines().count() as u64 >= (number + 1).min(30));
    }
}

#[test]
fn rings_in_the_direct_map_are_found_by_the_page_tables() {
    for levels in [4, 5] {
        for dynamic in [0, 1, 2] {
            let mut made = Made::new(Kind {
                dynamic: Some(dynamic),
                levels,
                ..Kind::default()
            });
            made.print(0, 6, "first");
            assert_eq!(lines(&made), "[    0.000000] first\n", "{levels} {dynamic}");
            // Without the top table there is no way.
            made.bytes[TABLES..TABLES + 4096].fill(0);
            assert!(find(&made, [Made::region()].iter(), None).is_none());
        }
    }
}

#[test]
fn of_several_that_counts_which_leads_to_a_ring_of_the_kernel_that_runs() {
    let mut made = Made::new(Kind::default());
    made.print(0, 6, "here");
    // Another one's, below: it says less, or leads nowhere, or to another kernel's tables.
    let text = made.text();
    let less = text.replace("SYMBOL(prb)", "SYMBOL(pr_)");
    let astray = text.replace("NUMBER(phys_base)=", "NUMBER(phys_base)=9");
    let empty = "OSRELEASE=\n".to_owned();
    for other in [less, astray, empty] {
        let at = 0x2000;
        made.bytes[at..INFO].fill(0);
        made.bytes[at..at + other.len()].copy_from_slice(other.as_bytes());
        let found = find(&made, [Made::region()].iter(), Some(Root(made.root()))).unwrap();
        assert_eq!(found.page, BASE + INFO as u64);
        assert_eq!(lines(&made), "[    0.000000] here\n");
    }
    // A kernel with other tables than those in use is not it.
    let other = BASE + 0x1_8000;
    assert!(find(&made, [Made::region()].iter(), Some(Root(other))).is_none());
    assert!(find(&made, [Made::region()].iter(), None).is_some());
}

#[test]
fn the_last_panic_is_the_reason() {
    let mut made = Made::new(Kind::default());
    made.print(0, 6, "nothing yet, not even: Kernel panic - not syncing: x");
    let reason = |made: &Made| {
        let ring = ring(made).unwrap();
        ring.panic(made).map(|reason| reason.as_str().to_owned())
    };
    assert_eq!(reason(&made), None);
    made.print(
        1,
        0,
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
    );
    made.print(2, 4, "CPU: 0 PID: 1 Comm: sh Not tainted");
    let expected = "Attempted to kill init! exitcode=0x00000100";
    made.print(
        3,
        0,
        &format!("---[ end Kernel panic - not syncing: {expected} ]---"),
    );
    assert_eq!(reason(&made).as_deref(), Some(expected));
    made.print(4, 0, "Kernel panic - not syncing: sysrq triggered crash");
    assert_eq!(reason(&made).as_deref(), Some("sysrq triggered crash"));
}
