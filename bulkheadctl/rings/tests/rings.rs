//! Two sides, in order and out of order, and one that lies.

use std::sync::atomic::{AtomicU64, Ordering};

use bulkhead_rings::{Channel, MOST_BYTES, Need, State};
use proptest::prelude::*;

/// Words that are enough for rings of about two and a half of the longest records.
const WORDS: usize = 41_000;

fn memory() -> Vec<AtomicU64> {
    (0..WORDS).map(|_| AtomicU64::new(0)).collect()
}

fn pair(cells: &[AtomicU64]) -> (Channel<'_>, Channel<'_>) {
    let mut first = Channel::open(cells, false, true).unwrap();
    let mut second = Channel::open(cells, true, false).unwrap();
    meet(&mut first, &mut second);
    (first, second)
}

fn meet(first: &mut Channel<'_>, second: &mut Channel<'_>) {
    for _ in 0..3 {
        first.poll();
        second.poll();
    }
    assert!(first.is_up() && second.is_up());
}

#[test]
fn too_little_memory_is_no_channel() {
    let cells = memory();
    assert!(Channel::open(&cells[..64], false, true).is_none());
    assert!(Channel::open(&[], true, false).is_none());
    assert!(Channel::open(&cells[..32_000], true, false).is_none());
}

#[test]
fn alone_nothing_goes() {
    let cells = memory();
    let mut first = Channel::open(&cells, false, true).unwrap();
    assert_eq!(first.poll(), State::Down);
    assert!(!first.send(&[b"x"]));
    assert_eq!(first.receive(&mut [0; 8]), None);
}

#[test]
fn records_come_as_they_were_sent_over_the_end_of_the_ring() {
    let cells = memory();
    let (mut first, mut second) = pair(&cells);
    let mut into = vec![0; MOST_BYTES];
    for round in 0..500_usize {
        let bytes: Vec<u8> = (0..round * 131 % MOST_BYTES)
            .map(|i| (i ^ round).to_le_bytes()[0])
            .collect();
        let (a, b) = bytes.split_at(bytes.len() / 3);
        let (from, to) = if round % 2 == 0 {
            (&mut first, &mut second)
        } else {
            (&mut second, &mut first)
        };
        assert!(from.send(&[a, b"-", b]), "{round}");
        assert!(to.has_more());
        let length = to.receive(&mut into).unwrap();
        assert_eq!(into[..length], [a, b"-", b].concat(), "{round}");
        assert_eq!(to.receive(&mut into), None);
    }
}

#[test]
fn what_is_too_long_or_has_no_room_is_not_sent() {
    let cells = memory();
    let (mut first, mut second) = pair(&cells);
    let most = vec![7; MOST_BYTES];
    assert!(!first.send(&[&most, b"x"]));
    assert!(first.send(&[&most]) && first.send(&[&most]));
    assert!(!first.send(&[&most]));
    let mut into = vec![0; MOST_BYTES];
    assert_eq!(second.receive(&mut into), Some(MOST_BYTES));
    assert!(first.send(&[&most]));
    assert_eq!((first.lies(), second.lies()), (0, 0));
}

#[test]
fn a_restart_of_either_begins_anew() {
    let cells = memory();
    let (mut first, mut second) = pair(&cells);
    assert!(first.send(&[b"lost"]));
    assert!(second.send(&[b"lost, too"]));
    let mut again = Channel::open(&cells, true, false).unwrap();
    assert_eq!(again.poll(), State::Down);
    // It has been seen already: what it sends from now on is not lost.
    assert_eq!(first.poll(), State::Begun);
    assert_eq!(again.poll(), State::Begun);
    assert_eq!(first.poll(), State::Up);
    let mut into = [0; 16];
    assert_eq!(again.receive(&mut into), None);
    assert_eq!(first.receive(&mut into), None);
    assert!(first.send(&[b"new"]));
    assert_eq!(again.receive(&mut into), Some(3));
    assert_eq!(again.lies() + first.lies(), 0);
}

#[test]
fn a_count_that_comes_round_is_noticed() {
    let cells = memory();
    let (mut first, _) = pair(&cells);
    // The second side's epoch: the next one would be the one that the first side has seen.
    cells[32].store(u64::MAX, Ordering::Relaxed);
    assert!(first.send(&[b"to the one before"]));
    let mut again = Channel::open(&cells, true, false).unwrap();
    meet(&mut again, &mut first);
    assert_eq!(again.receive(&mut [0; 32]), None);
}

/// Found by the search of tests/fuzz.
#[test]
fn who_is_written_over_begins_again() {
    for word in [0, 1, 8, 16, 24] {
        let cells = memory();
        let (mut first, mut second) = pair(&cells);
        assert!(first.send(&[b"one"]));
        assert_eq!(second.receive(&mut [0; 8]), Some(3));
        let honest = cells[word].load(Ordering::Relaxed);
        cells[word].store(honest + 1000, Ordering::Relaxed);
        first.poll();
        assert_eq!(first.lies(), 1, "{word}");
        let mut again = Channel::open(&cells, true, false).unwrap();
        meet(&mut again, &mut first);
        assert!(first.send(&[b"still"]), "{word}");
        assert_eq!(again.receive(&mut [0; 8]), Some(5));
    }
}

#[test]
fn what_is_written_over_a_sides_own_words_does_not_stay() {
    for word in [0, 1, 2, 8, 16, 24] {
        let cells = memory();
        let (mut first, mut second) = pair(&cells);
        cells[word].store(2, Ordering::Relaxed);
        // Each may find that the other one has lied, and then the other one that it has begun.
        for _ in 0..6 {
            second.receive(&mut [0; 8]);
            second.has_room(8);
            first.has_room(8);
            first.poll();
            second.poll();
        }
        assert!(first.is_up() && second.is_up(), "{word}");
        assert!(first.send(&[b"x"]) && second.is_rung(), "{word}");
        assert_eq!(second.receive(&mut [0; 8]), Some(1), "{word}");
    }
}

#[test]
fn who_sleeps_is_rung_once() {
    let cells = memory();
    let (mut first, mut second) = pair(&cells);
    assert!(!first.is_waited_for());
    second.doze();
    assert!(first.is_waited_for());
    assert!(!first.is_waited_for());
    second.wake();
    assert!(!first.is_waited_for());
    second.doze();
    second.doze();
    assert!(first.is_waited_for());
}

#[test]
fn who_needs_room_is_not_kept_awake_by_records() {
    let cells = memory();
    let (mut first, mut second) = pair(&cells);
    let most = vec![7; MOST_BYTES];
    assert!(second.send(&[b"asked"]));
    assert!(first.send(&[&most]) && first.send(&[&most]));
    let room = Need::Room(MOST_BYTES);
    assert!(first.has(Need::Record) && !first.has(room));
    let mut into = vec![0; MOST_BYTES];
    assert_eq!(second.receive(&mut into), Some(MOST_BYTES));
    assert!(first.has(room) && !first.has(Need::Room(MOST_BYTES + MOST_BYTES)));
    let mut alone = Channel::open(&cells, false, true).unwrap();
    assert!(!alone.has(Need::Record) && !alone.has(room));
    assert!(!alone.has(Need::Either(8)));
}

#[test]
fn who_needs_room_or_a_record_looks_for_both() {
    let cells = memory();
    let (mut first, mut second) = pair(&cells);
    let most = vec![7; MOST_BYTES];
    let either = Need::Either(MOST_BYTES);
    while first.send(&[&most]) {}
    assert!(!first.has(either));
    assert!(second.send(&[b"asked"]) && first.has(either));
    let mut into = vec![0; MOST_BYTES];
    assert_eq!(first.receive(&mut into), Some(5));
    assert!(!first.has(either));
    // Taken before the first one has said that it sleeps: it is not rung for.
    assert_eq!(second.receive(&mut into), Some(MOST_BYTES));
    assert!(!second.is_waited_for());
    first.doze();
    assert!(first.has(either));
}

/// What a liar writes, or what is done between.
#[derive(Clone, Debug)]
enum Step {
    /// A word of its block, or of its ring.
    Write(usize, u64),
    Poll,
    Send(usize),
    Receive(usize),
    Sleep,
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly the words that matter, and numbers that are nearly right.
    let word = prop_oneof![
        prop_oneof![
            Just(0_usize),
            Just(1),
            Just(32),
            Just(33),
            Just(40),
            Just(48),
            Just(56)
        ],
        0..WORDS
    ];
    let value = prop_oneof![0..200_u64, 0..70_000_u64, any::<u64>(), Just(u64::MAX)];
    prop_oneof![
        3 => (word, value).prop_map(|(word, value)| Step::Write(word, value)),
        3 => Just(Step::Poll),
        1 => (0..MOST_BYTES + 10).prop_map(Step::Send),
        2 => (0..MOST_BYTES).prop_map(Step::Receive),
        1 => Just(Step::Sleep),
    ]
}

proptest! {
    /// A side never panics and never gives more than was asked for, whatever is in the memory; and
    /// an honest peer that comes after the liar is served.
    #[test]
    fn a_liar_harms_itself(steps in proptest::collection::vec(step(), 1..200)) {
        let cells = memory();
        let (mut honest, _) = pair(&cells);
        let bytes = vec![1; MOST_BYTES + 10];
        for step in steps {
            match step {
                Step::Write(word, value) => cells[word].store(value, Ordering::Relaxed),
                Step::Poll => { honest.poll(); }
                Step::Send(length) => { honest.send(&[&bytes[..length]]); }
                Step::Receive(length) => {
                    let mut into = vec![0; length];
                    if let Some(taken) = honest.receive(&mut into) {
                        prop_assert!(taken <= length);
                    }
                }
                Step::Sleep => {
                    honest.doze();
                    honest.is_waited_for();
                    honest.wake();
                }
            }
        }
        let mut peer = Channel::open(&cells, true, false).unwrap();
        for _ in 0..4 {
            peer.poll();
            honest.poll();
        }
        prop_assert!(honest.is_up() && peer.is_up());
        prop_assert!(honest.send(&[b"still here"]));
        let mut into = [0; 16];
        prop_assert_eq!(peer.receive(&mut into), Some(10));
        prop_assert_eq!(&into[..10], b"still here");
    }
}
