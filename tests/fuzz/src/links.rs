//! Rings in memory that another Linux writes, too.

use std::sync::atomic::{AtomicU64, Ordering};

use bulkhead_rings::{Channel, MOST_BYTES};

use crate::Target;
use crate::bytes::Plan;

pub(crate) const TARGETS: [Target; 1] = [Target {
    name: "rings",
    most: 1024,
    run: rings,
    seeds: || {
        vec![
            vec![1, 2, 9, 0, 3, 20, 0, 0, 32, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 4],
            vec![1, 1, 2, 200, 0, 3, 200, 0],
        ]
    },
}];

/// Words that are enough for rings of about two and a half of the longest records.
const WORDS: usize = 41_000;

/// A liar's words between what the honest side does; an honest peer that comes afterwards is served.
fn rings(bytes: &[u8]) {
    let cells: Vec<AtomicU64> = (0..WORDS).map(|_| AtomicU64::new(0)).collect();
    let open = |is_second| Channel::open(&cells, is_second, !is_second).expect("it has room");
    let (mut honest, mut peer) = (open(false), open(true));
    meet(&mut honest, &mut peer);
    let most = vec![1; MOST_BYTES + 10];
    let mut into = vec![0; MOST_BYTES];
    let mut plan = Plan(bytes);
    while !plan.is_over() {
        match plan.u8() % 6 {
            // Mostly in the blocks at the beginning.
            0 => cells[plan.below(80)].store(plan.u64(), Ordering::Relaxed),
            5 => cells[plan.below(WORDS)].store(plan.u64(), Ordering::Relaxed),
            1 => drop(honest.poll()),
            2 => drop(honest.send(&[&most[..plan.below(MOST_BYTES + 10)]])),
            3 => {
                let length = plan.below(MOST_BYTES);
                let taken = honest.receive(&mut into[..length]);
                assert!(taken.is_none_or(|taken| taken <= length));
            }
            _ => {
                honest.doze();
                honest.is_waited_for();
                honest.wake();
            }
        }
    }
    let mut peer = open(true);
    meet(&mut honest, &mut peer);
    assert!(honest.is_up() && peer.is_up());
    assert!(honest.send(&[b"still here"]));
    assert_eq!(peer.receive(&mut into), Some(10));
    assert_eq!(&into[..10], b"still here");
}

fn meet(first: &mut Channel<'_>, second: &mut Channel<'_>) {
    for _ in 0..4 {
        second.poll();
        first.poll();
    }
}
