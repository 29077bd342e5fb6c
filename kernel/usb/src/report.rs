//! Reports of the boot protocol (HID appendix B.1, F.3): from what is held to keys going down and up.

/// A key: its usage (HID Usage Tables, page 0x07), and whether it goes down. One that is held goes down
/// again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which key.
    pub usage: u8,
    /// Down, or up.
    pub is_down: bool,
}

/// A report: eight modifiers as bits, a byte of nothing, six keys.
pub(crate) type Report = [u8; 8];

/// The usage of the modifier of bit 0.
const MODIFIERS: u8 = 0xe0;
/// Below this a key's byte is none, or says that too many are held.
const FIRST: u8 = 4;
const TOO_MANY: u8 = 1;

/// Modifiers are bits, and nothing else.
const fn is_key(usage: u8) -> bool {
    FIRST <= usage && usage < MODIFIERS
}

/// Milliseconds until a key that is held repeats, and between its repetitions.
const DELAY_MS: u64 = 500;
const REPEAT_MS: u64 = 33;

/// What is held down on a keyboard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// As it was told.
    told: Report,
    /// As the keyboard has it.
    held: Report,
    /// The key that went down last, and when it repeats; 0: none.
    last: u8,
    due: u64,
}

impl Keys {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        told: [0; 8],
        held: [0; 8],
        last: 0,
        due: 0,
    };

    /// Takes a report. The one before it must have been told ([`Self::next`]).
    pub(crate) fn take(&mut self, report: Report) {
        let keys = self.held;
        self.held = report;
        if report[2..].contains(&TOO_MANY) {
            // Which keys, it can't tell: those before are taken to be held still.
            self.held[2..].copy_from_slice(&keys[2..]);
        }
    }

    /// The keyboard is gone: everything goes up.
    pub(crate) fn release(&mut self) {
        self.held = Report::default();
    }

    /// The next key to be told of, if there is one at `now`, in milliseconds.
    pub(crate) fn next(&mut self, now: u64) -> Option<Key> {
        if let Some(key) = self.change() {
            if key.is_down && key.usage < MODIFIERS {
                self.last = key.usage;
                self.due = now + DELAY_MS;
            } else if key.usage == self.last {
                self.last = 0;
            }
            return Some(key);
        }
        if self.last == 0 || now < self.due {
            return None;
        }
        // Not one for each that was missed.
        self.due = now + REPEAT_MS;
        Some(Key {
            usage: self.last,
            is_down: true,
        })
    }

    /// One difference between what is held and what was told, now told.
    fn change(&mut self) -> Option<Key> {
        let changed = self.told[0] ^ self.held[0];
        if changed != 0 {
            let bit = changed & changed.wrapping_neg();
            self.told[0] ^= bit;
            return Some(Key {
                usage: MODIFIERS + bit.ilog2().to_le_bytes()[0],
                is_down: self.held[0] & bit != 0,
            });
        }
        for at in 2..8 {
            let usage = self.told[at];
            if is_key(usage) && !self.held[2..].contains(&usage) {
                self.told[at] = 0;
                return Some(Key {
                    usage,
                    is_down: false,
                });
            }
        }
        for at in 2..8 {
            let usage = self.held[at];
            if is_key(usage) && !self.told[2..].contains(&usage) {
                // There is a place: those told are among the six that are held, without this one.
                let place = self.told[2..].iter_mut().find(|told| **told < FIRST)?;
                *place = usage;
                return Some(Key {
                    usage,
                    is_down: true,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn all(keys: &mut Keys, report: Report, now: u64) -> Vec<(u8, bool)> {
        keys.take(report);
        std::iter::from_fn(|| keys.next(now))
            .map(|key| (key.usage, key.is_down))
            .take(40)
            .collect()
    }

    #[test]
    fn keys_go_down_and_up_modifiers_first() {
        let mut keys = Keys::NONE;
        assert_eq!(
            all(&mut keys, [2, 0, 4, 0, 0, 0, 0, 0], 0),
            [(0xe1, true), (4, true)]
        );
        assert_eq!(all(&mut keys, [2, 0, 5, 4, 0, 0, 0, 0], 1), [(5, true)]);
        assert_eq!(
            all(&mut keys, [0, 0, 5, 0, 0, 0, 0, 0], 2),
            [(0xe1, false), (4, false)]
        );
        assert_eq!(all(&mut keys, [0; 8], 3), [(5, false)]);
    }

    #[test]
    fn too_many_keys_change_nothing_but_modifiers() {
        let mut keys = Keys::NONE;
        all(&mut keys, [0, 0, 4, 5, 6, 0, 0, 0], 0);
        assert_eq!(all(&mut keys, [1, 0, 1, 1, 1, 1, 1, 1], 1), [(0xe0, true)]);
        let up = all(&mut keys, [0; 8], 2);
        assert_eq!(up, [(0xe0, false), (4, false), (5, false), (6, false)]);
    }

    #[test]
    fn the_last_key_repeats_until_it_goes_up() {
        let mut keys = Keys::NONE;
        let a = [0, 0, 4, 0, 0, 0, 0, 0];
        assert_eq!(all(&mut keys, a, 100), [(4, true)]);
        assert_eq!(keys.next(599), None);
        let again = Some(Key {
            usage: 4,
            is_down: true,
        });
        assert_eq!(keys.next(600), again);
        assert_eq!(keys.next(632), None);
        // Nobody has looked for a while: it is one all the same.
        assert_eq!(keys.next(10_000), again);
        assert_eq!(keys.next(10_001), None);
        // A modifier does not end it; the key's end does.
        assert_eq!(
            all(&mut keys, [2, 0, 4, 0, 0, 0, 0, 0], 10_002),
            [(0xe1, true)]
        );
        assert_eq!(keys.next(10_040), again);
        assert_eq!(all(&mut keys, [0; 8], 10_041), [(0xe1, false), (4, false)]);
        assert_eq!(keys.next(99_999), None);
        // Neither does a keyboard repeat that is gone.
        all(&mut keys, a, 100_000);
        keys.release();
        assert_eq!(
            keys.next(100_001),
            Some(Key {
                usage: 4,
                is_down: false
            })
        );
        assert_eq!(keys.next(200_000), None);
    }

    proptest! {
        #[test]
        fn any_reports_end_with_nothing_held(reports in proptest::collection::vec(any::<Report>(), 0..20)) {
            let mut keys = Keys::NONE;
            let mut down = std::collections::BTreeSet::new();
            for report in reports.into_iter().chain([[0; 8]]) {
                let told = all(&mut keys, report, 0);
                prop_assert!(told.len() <= 20);
                for (usage, is_down) in told {
                    prop_assert_eq!(if is_down { down.insert(usage) } else { down.remove(&usage) }, true);
                }
            }
            prop_assert!(down.is_empty());
        }
    }
}
