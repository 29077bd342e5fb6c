use std::collections::VecDeque;

use bulkhead_terminal::serial::Ring;
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn without_room() {
    let mut ring = Ring::none();
    assert!(ring.is_full() && ring.is_empty());
    assert!(!ring.push(1));
    assert_eq!((ring.pop(), ring.len(), ring.capacity()), (None, 0, 0));
}

#[test]
fn a_larger_one_takes_its_place() {
    let mut ring = Ring::new(3).unwrap();
    (1..=2).for_each(|byte| assert!(ring.push(byte)));
    assert_eq!(ring.pop(), Some(1));
    (3..=4).for_each(|byte| assert!(ring.push(byte)));
    let old = ring.replace(Ring::new(5).unwrap());
    assert_eq!((old.len(), old.capacity()), (0, 3));
    assert!(ring.push(5));
    // No room: it stays as it is.
    let refused = ring.replace(Ring::new(3).unwrap());
    assert_eq!((refused.capacity(), ring.capacity()), (3, 5));
    let all: Vec<u8> = std::iter::from_fn(|| ring.pop()).collect();
    assert_eq!(all, [2, 3, 4, 5]);
    assert!(Ring::new(usize::MAX).is_none());
}

proptest! {
    /// As a queue with a limit, of which what is typed before `^C` is taken.
    #[test]
    fn as_a_queue(capacity in 1usize..20, steps in vec(prop::option::of(0u8..5), 0..200)) {
        let mut ring = Ring::new(capacity).unwrap();
        let mut queue = VecDeque::new();
        for step in steps {
            match step {
                Some(4) => {
                    let last = queue.iter().rposition(|byte| *byte == 3);
                    prop_assert_eq!(ring.cut(3), last.is_some());
                    last.into_iter().for_each(|last| drop(queue.drain(..=last)));
                }
                Some(byte) => {
                    prop_assert_eq!(ring.push(byte), queue.len() < capacity);
                    if queue.len() < capacity {
                        queue.push_back(byte);
                    }
                }
                None => prop_assert_eq!(ring.pop(), queue.pop_front()),
            }
            prop_assert_eq!(ring.len(), queue.len());
            prop_assert_eq!(ring.is_full(), queue.len() == capacity);
        }
    }
}
