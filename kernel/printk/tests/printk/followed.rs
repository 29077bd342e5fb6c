//! Whatever is printed, scribbled over and restarted while somebody follows it.

use proptest::prelude::*;

use crate::follow::Seen;
use crate::made::{Kind, Made, TABLES};
use crate::{INFO, ring};

/// What is done between two steps.
#[derive(Clone, Debug)]
enum Act {
    Print(u8, usize),
    Scribble(usize, usize, u64),
    Time(u64),
    End,
    Start,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (any::<u8>(), 0..200usize).prop_map(|(byte, length)| Act::Print(byte, length)),
        3 => (0..6usize, 0..600usize, any::<u64>(), 0..64u32)
            .prop_map(|(area, word, value, shift)| Act::Scribble(area, word, value >> shift)),
        1 => (0..2000u64).prop_map(Act::Time),
        1 => Just(Act::End),
        1 => Just(Act::Start),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A ring that lies, and a kernel's memory full of anything: no panic, bounded work, bytes that are
    /// harmless.
    #[test]
    fn whatever_is_there_is_survived(acts in prop::collection::vec(act(), 1..60), is_large: bool) {
        let mut made = Made::new(Kind {
            count_bits: if is_large { 10 } else { 5 },
            size_bits: if is_large { 15 } else { 11 },
            ..Kind::default()
        });
        let mut seen = Seen::new();
        for act in acts {
            match act {
                Act::Print(byte, length) => {
                    let text: String = std::iter::repeat_n(char::from(byte & 0x7f), length).collect();
                    made.print(u64::from(byte) << 30, 6, &text);
                }
                Act::Scribble(area, word, value) => {
                    let start = [INFO, TABLES, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000][area];
                    let word = if area == 2 { word % 20 } else { word };
                    made.set(start + word * 8, value);
                }
                Act::Time(ms) => seen.now_ms += ms,
                Act::End => {
                    if let Some(ring) = ring(&made) {
                        seen.kept().keep(seen.run, &ring, &made);
                    }
                    seen.is_live = false;
                }
                Act::Start => seen.start(),
            }
            for _ in 0..8 {
                made.reads.set(0);
                seen.step(&made);
                // Each descriptor with its text, each page with the right beginning.
                prop_assert!(made.reads.get() < 60_000, "{}", made.reads.get());
            }
        }
        prop_assert!(seen.text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')));
        prop_assert!(seen.text.len() <= 60 * 8 * (512 + 40));
    }

    /// Nothing is left out and nothing comes twice, whenever it is read.
    #[test]
    fn every_line_comes_once(
        batches in prop::collection::vec((0..30usize, 0..4usize), 1..30),
        ends in any::<bool>(),
    ) {
        let mut made = Made::new(Kind::default());
        let mut seen = Seen::new();
        let mut expected = String::new();
        made.print(0, 6, "first");
        seen.all(&made);
        let mut number = 0u64;
        for (count, steps) in batches {
            for _ in 0..count {
                number += 1;
                let text = format!("line {number} {}", "y".repeat(number as usize % 90));
                made.print(number * 1_000_000_000, 6, &text);
                expected.push_str(&format!("[{number:5}.000000] {text}\n"));
            }
            for _ in 0..steps {
                seen.step(&made);
            }
        }
        // As long as the ring has room for all that was not read.
        prop_assume!(ring(&made).unwrap().records(&made).next().unwrap().sequence == 0);
        if ends {
            seen.end(&made);
            expected.push_str("(Ended(1))\n");
        }
        let mut text = std::mem::take(&mut seen.text);
        text.push_str(&seen.all(&made));
        prop_assert_eq!(text, expected);
    }
}
