//! What a Linux prints is read on as it prints.

use std::sync::atomic::{AtomicU8, AtomicU64};

use bulkhead_memory::Region;
use bulkhead_printk::kept::{Book, Kept, ROOM_BYTES, Room};
use bulkhead_printk::{Follower, Note, Piece, Root, Source};

use crate::made::{Kind, Made};
use crate::{BASE, ring};

/// One who follows one partition, and all that was seen.
pub(crate) struct Seen {
    follower: Follower,
    room: Box<Room>,
    book: Book,
    found: AtomicU64,
    regions: [Region; 1],
    pub(crate) now_ms: u64,
    pub(crate) run: u32,
    pub(crate) is_live: bool,
    pub(crate) text: String,
    notes: Vec<Note>,
}

impl Seen {
    pub(crate) fn new() -> Self {
        let bytes: Vec<AtomicU8> = (0..ROOM_BYTES).map(|_| AtomicU8::new(b'#')).collect();
        Self {
            follower: Follower::new(),
            room: bytes.into_boxed_slice().try_into().unwrap(),
            book: Book::new(),
            found: AtomicU64::new(0),
            regions: [Made::region()],
            now_ms: 0,
            run: 1,
            is_live: true,
            text: String::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn kept(&self) -> Kept<'_> {
        Kept::new(&self.room, &self.book)
    }

    /// One step; whether there was anything.
    pub(crate) fn step(&mut self, made: &Made) -> bool {
        let source = Source {
            run: self.run,
            is_live: self.is_live,
            kept: Some(Kept::new(&self.room, &self.book)),
            ram: made,
            regions: &self.regions,
            root: Some(Root(made.root())),
            tells_root: true,
            found: &self.found,
        };
        let mut piece = Piece::new();
        let note = self.follower.read(&source, self.now_ms, &mut piece);
        self.text.push_str(piece.as_str());
        if let Some(note) = note {
            assert!(
                self.text.is_empty() || self.text.ends_with('\n'),
                "{note:?}"
            );
            self.text.push_str(&format!("({note:?})\n"));
            self.notes.push(note);
        }
        note.is_some() || !piece.as_bytes().is_empty()
    }

    /// Steps until there is nothing more; what they had.
    pub(crate) fn all(&mut self, made: &Made) -> String {
        // The first one only begins.
        self.step(made);
        while self.step(made) {}
        std::mem::take(&mut self.text)
    }

    /// The run ends, and is kept.
    pub(crate) fn end(&mut self, made: &Made) {
        self.kept().keep(self.run, &ring(made).unwrap(), made);
        self.is_live = false;
    }

    pub(crate) fn start(&mut self) {
        self.run += 1;
        self.is_live = true;
    }
}

#[test]
fn it_begins_with_the_last_screenful_and_goes_on() {
    let mut made = Made::new(Kind::default());
    for number in 0..100u64 {
        made.print(number * 1_000_000_000, 6, &format!("line {number}"));
    }
    let mut seen = Seen::new();
    let text = seen.all(&made);
    assert!(text.starts_with("[   80.000000] line 80\n"), "{text}");
    assert_eq!(text.lines().count(), 20);
    made.print(100_000_000_000, 6, "one\ntwo\x1b[2J\u{e9}");
    made.print(100_000_000_000, 6, "");
    let expected = "[  100.000000] one\n[  100.000000] two?[2J??\n[  100.000000] \n";
    assert_eq!(seen.all(&made), expected);
    assert_eq!(seen.all(&made), "");
    assert_eq!(seen.notes, []);
}

#[test]
fn what_is_not_complete_is_waited_for() {
    let mut made = Made::new(Kind::default());
    let mut seen = Seen::new();
    made.print(0, 6, "first");
    made.reopen();
    assert_eq!(seen.all(&made), "");
    made.commit();
    assert_eq!(seen.all(&made), "");
    // A line that may go on is shown after a while, and its end when it is there.
    seen.now_ms += 250;
    assert_eq!(seen.all(&made), "[    0.000000] first");
    made.go_on(" and its end");
    assert_eq!(seen.all(&made), " and its end\n");
    // Of whom is never said more: those behind it are shown all the same.
    made.print(0, 6, "never");
    made.reopen();
    made.print(1, 6, "behind");
    assert_eq!(seen.all(&made), "");
    seen.now_ms += 1000;
    assert_eq!(seen.all(&made), "(Lost(Some(1)))\n[    0.000000] behind\n");
}

#[test]
fn what_was_overwritten_is_counted() {
    let mut made = Made::new(Kind {
        count_bits: 6,
        size_bits: 12,
        ..Kind::default()
    });
    let mut seen = Seen::new();
    made.print(0, 6, "seen");
    assert_eq!(seen.all(&made), "[    0.000000] seen\n");
    for number in 1..=1000u64 {
        made.print(
            number * 1_000_000_000,
            6,
            &format!("line {number} {}", "x".repeat(50)),
        );
    }
    let text = seen.all(&made);
    let lost: u64 = text["(Lost(Some(".len()..text.find(')').unwrap()]
        .parse()
        .unwrap();
    assert_eq!(text.lines().count() as u64 - 1, 1000 - lost, "{text}");
    assert!(
        text.contains(&format!("] line {} x", lost + 1)),
        "{lost}: {text}"
    );
    assert!(lost > 900 && text.ends_with('\n'));
}

#[test]
fn the_end_of_a_run_is_read_where_it_is_kept_and_the_next_one_from_its_start() {
    let mut made = Made::new(Kind::default());
    let mut seen = Seen::new();
    for number in 0..50 {
        made.print(number * 1000, 6, &format!("line {number}"));
    }
    let text = seen.all(&made);
    assert!(text.ends_with("line 49\n"));
    made.print(60_000, 0, "Kernel panic - not syncing: x");
    made.print(61_000, 0, "last words");
    seen.end(&made);
    // The next kernel lies over the ring, and has not come far.
    seen.start();
    seen.found = AtomicU64::new(0);
    let mut next = Made::new(Kind::default());
    assert_eq!(
        seen.all(&next),
        "[    0.000060] Kernel panic - not syncing: x\n[    0.000061] last words\n\
         (Ended(1))\n(Began(2))\n"
    );
    for number in 0..30 {
        next.print(number * 1000, 6, "the next one");
    }
    let text = seen.all(&next);
    assert_eq!(text.lines().count(), 30, "{text}");
    seen.end(&next);
    assert_eq!(seen.all(&next), "(Ended(2))\n");
    assert_eq!(seen.all(&next), "");
    // One that never had a ring keeps nothing.
    seen.start();
    let none = Made::new(Kind::default());
    assert_eq!(seen.all(&none), "(Began(3))\n");
    seen.is_live = false;
    assert_eq!(seen.all(&none), "(Ended(3))\n");
    // Runs that came and went unseen.
    for _ in 4..=9 {
        seen.start();
        seen.end(&made);
    }
    let text = seen.all(&made);
    let begun: Vec<&str> = text.lines().filter(|line| line.starts_with("(B")).collect();
    assert_eq!(begun, ["(Began(7))", "(Began(8))", "(Began(9))"]);
}

#[test]
fn of_one_that_has_ended_the_last_lines_are_shown() {
    let mut made = Made::new(Kind::default());
    let mut seen = Seen::new();
    seen.run = 0;
    assert_eq!(seen.all(&made), "");
    seen.run = 1;
    for number in 0..50 {
        made.print(number * 1000, 6, &format!("line {number}"));
    }
    seen.end(&made);
    let text = seen.all(&made);
    assert!(text.starts_with("[    0.000030] line 30\n"), "{text}");
    assert!(text.ends_with("line 49\n(Ended(1))\n"), "{text}");
}

#[test]
fn more_than_is_kept_is_said_to_be_lost() {
    let mut made = Made::new(Kind {
        count_bits: 12,
        size_bits: 18,
        ..Kind::default()
    });
    let mut seen = Seen::new();
    made.print(0, 6, "seen");
    seen.all(&made);
    for number in 0..3000u64 {
        made.print(
            number * 1_000_000_000,
            6,
            &format!("some line, number {number}"),
        );
    }
    seen.end(&made);
    let text = seen.all(&made);
    assert!(text.starts_with("(Lost(None))\n["), "{text}");
    assert!(text.ends_with(" 2999\n(Ended(1))\n"));
    // And so is what is cleared while it is read.
    seen.start();
    seen.end(&made);
    seen.step(&made);
    seen.step(&made);
    seen.step(&made);
    seen.book.clear();
    assert!(seen.all(&made).ends_with("(Lost(None))\n"));
}

#[test]
fn another_kernel_in_the_same_run_is_told_of() {
    let mut made = Made::new(Kind::default());
    let mut seen = Seen::new();
    made.print(0, 6, "one");
    made.print(1000, 6, "two");
    seen.all(&made);
    let mut next = Made::new(Kind::default());
    next.print(0, 6, "another");
    assert_eq!(seen.all(&next), "(Another)\n[    0.000000] another\n");
    // As many records as the one before had.
    let mut next = Made::new(Kind::default());
    next.print(7000, 6, "a third");
    next.print(8000, 6, "its second");
    assert!(
        seen.all(&next)
            .starts_with("(Another)\n[    0.000007] a third\n")
    );
}

#[test]
fn nothing_is_looked_for_before_there_can_be_anything_and_then_by_steps() {
    let mut made = Made::new(Kind::default());
    made.print(0, 6, "here");
    let found = AtomicU64::new(0);
    let region = Region::new(BASE - (1 << 30), (1 << 30) + (2 << 20)).unwrap();
    let mut source = Source {
        run: 1,
        is_live: true,
        kept: None,
        ram: &made,
        regions: &[region],
        root: None,
        tells_root: true,
        found: &found,
    };
    let mut follower = Follower::new();
    let mut piece = Piece::new();
    let steps = |source: &Source<'_, Made>, follower: &mut Follower, piece: &mut Piece| {
        let mut steps = 0u64;
        while piece.as_bytes().is_empty() && steps < 1000 {
            assert_eq!(follower.read(source, 0, piece), None);
            steps += 1;
            let reads = made.reads.replace(0);
            assert!(reads <= 4096 + 500, "{reads}");
        }
        steps
    };
    assert_eq!(steps(&source, &mut follower, &mut piece), 1000);
    source.tells_root = false;
    // 1 GiB that does not answer comes before.
    assert_eq!(steps(&source, &mut follower, &mut piece), 65);
    assert_eq!(piece.as_str(), "[    0.000000] here\n");
}
