//! What is kept of the last runs.

use std::sync::atomic::AtomicU8;

use bulkhead_printk::kept::{Book, Kept, ROOM_BYTES, RUN_BYTES, Room};

use crate::made::{Kind, Made};
use crate::ring;

fn room() -> Box<Room> {
    let bytes: Vec<AtomicU8> = (0..ROOM_BYTES).map(|_| AtomicU8::new(b'#')).collect();
    bytes.into_boxed_slice().try_into().unwrap()
}

fn shown(kept: Kept<'_>, run: u32) -> Option<String> {
    Some(String::from_utf8(kept.text_of(run)?.collect()).unwrap())
}

#[test]
fn the_last_three_runs_are_kept_with_their_reasons() {
    let (room, book) = (room(), Book::new());
    let kept = Kept::new(&room, &book);
    assert_eq!(shown(kept, 0), None);
    for run in 1..=5 {
        let mut made = Made::new(Kind::default());
        made.print(0, 6, &format!("run {run}\tof it\x1b[2J"));
        if run != 4 {
            made.print(1, 0, &format!("Kernel panic - not syncing: {run}"));
        }
        kept.keep(run, &ring(&made).unwrap(), &made);
    }
    assert_eq!(book.runs(), [Some(3), Some(4), Some(5)]);
    assert_eq!(shown(kept, 2), None);
    assert_eq!(
        shown(kept, 4).as_deref(),
        Some("[    0.000000] run 4 of it?[2J\n")
    );
    let reasons = [2, 3, 4, 5].map(|run| kept.reason(run).map(|r| r.as_str().to_owned()));
    assert_eq!(reasons, [None, Some("3".into()), None, Some("5".into())]);
    // Its Linux can write there, and nothing comes of it but what is shown.
    room.iter()
        .for_each(|byte| byte.store(0xff, std::sync::atomic::Ordering::Relaxed));
    assert!(shown(kept, 5).unwrap().chars().all(|c| c == '?'));
    assert!(kept.reason(5).unwrap().as_str().chars().all(|c| c == '?'));
    book.clear();
    assert_eq!((book.runs(), shown(kept, 5)), ([None; 3], None));
}

#[test]
fn of_more_than_there_is_room_for_the_last_whole_lines_are_kept() {
    let (room, book) = (room(), Book::new());
    let kept = Kept::new(&room, &book);
    let mut made = Made::new(Kind {
        count_bits: 12,
        size_bits: 18,
        ..Kind::default()
    });
    for number in 0..3000u64 {
        made.print(
            number * 1_000_000_000,
            6,
            &format!("some line, number {number}"),
        );
    }
    kept.keep(7, &ring(&made).unwrap(), &made);
    let text = shown(kept, 7).unwrap();
    assert!(
        text.len() <= RUN_BYTES && text.len() > RUN_BYTES - 100,
        "{}",
        text.len()
    );
    assert!(text.starts_with('[') && text.ends_with(" 2999\n"));
    let first: u64 = text[1..6].trim().parse().unwrap();
    assert_eq!(text.lines().count() as u64, 3000 - first);
}
