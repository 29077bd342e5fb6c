//! Sorting, in few bytes.
//!
//! The standard library's sorts are made for speed, and are 3 KiB of code for each type and each key:
//! 59 KiB of a kernel that wants to be resident in less than 1 MiB, for lists of a few hundred entries
//! that are sorted once. They are also the deepest of its stacks' paths. This one is a heap sort: one
//! body for all types, no recursion, no memory of its own, and never more than `2 n log n` comparisons
//! whatever the order that outside data comes in.

/// What is sorted, by position.
trait Places {
    /// Whether what is at `a` belongs before what is at `b`.
    fn before(&self, a: usize, b: usize) -> bool;
    fn swap(&mut self, a: usize, b: usize);
}

struct By<'a, T, F> {
    items: &'a mut [T],
    before: F,
}

impl<T, F: Fn(&T, &T) -> bool> Places for By<'_, T, F> {
    fn before(&self, a: usize, b: usize) -> bool {
        match (self.items.get(a), self.items.get(b)) {
            (Some(a), Some(b)) => (self.before)(a, b),
            _ => false,
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
    }
}

/// Lets the entry at `at` sink to its place in the heap `0..end`, whose root is its last in order.
fn sink(places: &mut dyn Places, mut at: usize, end: usize) {
    loop {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        if left >= end {
            return;
        }
        let child = match right < end && places.before(left, right) {
            true => right,
            false => left,
        };
        if !places.before(at, child) {
            return;
        }
        places.swap(at, child);
        at = child;
    }
}

// Not generic, so that it stands in the kernel once.
#[inline(never)]
fn sort(places: &mut dyn Places, len: usize) {
    for at in (0..len / 2).rev() {
        sink(places, at, len);
    }
    for end in (1..len).rev() {
        places.swap(0, end);
        sink(places, 0, end);
    }
}

/// Sorts by a key, ascending. Entries with equal keys end up in no order that could be relied on.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let len = items.len();
    let before = |a: &T, b: &T| key(a) < key(b);
    sort(&mut By { items, before }, len);
}

/// Sorts ascending.
pub fn sort_ascending<T: Ord>(items: &mut [T]) {
    let len = items.len();
    let before = |a: &T, b: &T| a < b;
    sort(&mut By { items, before }, len);
}

#[cfg(test)]
mod tests {
    use super::{sort_ascending, sort_by_key};
    use alloc::vec::Vec;
    use core::cmp::Reverse;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_standard_library_does(mut items: Vec<u8>) {
            let mut expected = items.clone();
            expected.sort_unstable();
            sort_ascending(&mut items);
            prop_assert_eq!(items, expected);
        }

        #[test]
        fn by_a_key_that_makes_all_different(items: Vec<u16>) {
            let mut items: Vec<(usize, u16)> = items.into_iter().enumerate().collect();
            let mut expected = items.clone();
            // The standard library's is stable: position is the second key here.
            expected.sort_by_key(|(_, value)| Reverse(*value));
            sort_by_key(&mut items, |(at, value)| (Reverse(*value), *at));
            prop_assert_eq!(items, expected);
        }
    }

    #[test]
    fn of_nothing_and_of_one() {
        let mut none: [u32; 0] = [];
        sort_ascending(&mut none);
        let mut one = [7];
        sort_ascending(&mut one);
        assert_eq!(one, [7]);
    }
}
