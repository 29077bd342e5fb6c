//! A Linux's RAM, in which its printk ring is looked for.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bulkhead_memory::Region;
use bulkhead_printk::kept::{Book, Kept, ROOM_BYTES, RUN_BYTES, Room};
use bulkhead_printk::{Follower, MOST_RECORDS, Piece, Root, Source, direct_map, find};
use bulkheadctl::inside::dump::elf::head;
use bulkheadctl::inside::dump::kernel::known;

use crate::Target;
use crate::bytes::{Plan, piece};
use crate::made::printk::{BASE, INFO, Kind, Made, TABLES};

pub(crate) const TARGETS: [Target; 3] = [
    Target {
        name: "printk",
        most: 512,
        run: printk,
        seeds: || vec![vec![0], vec![5, 2, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8], vec![7]],
    },
    Target {
        name: "kept",
        most: 1024,
        run: kept,
        seeds: || {
            let text = piece(b"[    1.0] a line\n\x1b[31mred\0");
            vec![[&[3, 0][..], &text, &piece(b"Fatal \"exception\"\n")].concat()]
        },
    },
    Target {
        name: "vmcoreinfo",
        most: 2048,
        run: vmcoreinfo,
        seeds: || vec![Made::new(Kind::default()).text().into_bytes()],
    },
];

fn made(kind: u8) -> Made {
    let mut made = Made::new(Kind {
        dynamic: (kind & 3).checked_sub(1).map(u32::from),
        levels: 4 + u32::from(kind >> 2 & 1),
        count_bits: 5,
        size_bits: 11,
    });
    for number in 0..20_u8 {
        made.print(
            u64::from(number),
            6,
            &"a line\nof two".repeat(usize::from(number) % 4),
        );
    }
    made
}

/// Three runs that are kept, over which the Linux whose RAM it is then writes anything.
fn kept(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let made = made(1);
    let pieces: [Region; 1] = [Made::region()];
    let found = find(&made, pieces.iter(), Some(Root(made.root()))).expect("it is there");
    let room: Box<Room> = Box::new([const { AtomicU8::new(0) }; ROOM_BYTES]);
    let book = Book::new();
    let kept = Kept::new(&room, &book);
    let last = u32::from(plan.u8());
    for run in last..last + 3 {
        kept.keep(run, &found.ring, &made);
    }
    while !plan.is_over() {
        // In the texts, or in the page of reasons.
        let start = [0, 3 * RUN_BYTES][usize::from(plan.u8()) % 2] + plan.below(4096);
        for (to, byte) in room.iter().skip(start).zip(plan.piece()) {
            to.store(*byte, Ordering::Relaxed);
        }
        for run in [0, last, last + 2, u32::MAX] {
            let text = kept.text_of(run).into_iter().flatten();
            let is_shown = |byte: &u8| *byte == b'\n' || (b' '..=b'~').contains(byte);
            assert!(text.take(RUN_BYTES + 1).filter(is_shown).count() <= RUN_BYTES);
            assert!(
                kept.text_of(run)
                    .into_iter()
                    .flatten()
                    .all(|byte| is_shown(&byte))
            );
            let reason = kept.reason(run);
            let reason = reason.as_ref().map_or("", |reason| reason.as_str());
            assert!(
                reason
                    .bytes()
                    .all(|byte| is_shown(&byte) && !b"\n\"".contains(&byte))
            );
        }
    }
}

fn read_all(made: &Made) {
    let pieces: [Region; 1] = [Made::region()];
    for root in [None, Some(Root(made.root()))] {
        if let Some(found) = find(made, pieces.iter(), root) {
            assert!(found.ring.last_lines(made, 1 << 16).count() <= 1 << 16);
            found.ring.panic(made);
            let _ = direct_map(made, found.page);
            let (mut follower, mut piece) = (Follower::new(), Piece::new());
            let source = Source {
                run: 1,
                is_live: true,
                kept: None,
                ram: made,
                regions: &pieces,
                root,
                tells_root: true,
                found: &AtomicU64::new(found.page),
            };
            for _ in 0..4 {
                let _ = follower.read(&source, 0, &mut piece);
            }
        }
    }
    assert!(made.reads.get() <= 24 * MOST_RECORDS * 1024 * 16);
}

/// What kind, and words that are changed: in which area, which, and to what.
fn printk(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mut made = made(plan.u8());
    while !plan.is_over() {
        // VMCOREINFO, tables, `prb`, descriptors, what they say, texts.
        let area = usize::from(plan.u8()) % 6;
        let start = [INFO, TABLES, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000][area];
        let word = plan.below(if area == 2 { 20 } else { 2048 });
        made.set(start + word * 8, plan.u64());
    }
    read_all(&made);
}

fn vmcoreinfo(bytes: &[u8]) {
    let mut made = made(1);
    let page = &mut made.bytes[INFO..INFO + 4096];
    page.fill(0);
    page[..bytes.len().min(4096)].copy_from_slice(&bytes[..bytes.len().min(4096)]);
    page[..10].copy_from_slice(b"OSRELEASE=");
    read_all(&made);
    // What a dump says of it.
    let pieces = [Made::region()];
    let known = known(&made, &pieces, BASE + INFO as u64, made.root());
    let head = head(&pieces, &known);
    assert!(head.total >= head.bytes.len() as u64 + Made::region().size());
    assert!(made.root() > BASE);
}
