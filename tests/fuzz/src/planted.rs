//! A parser with a bug, which a search must find: else it says of no other that there is nothing to find.

use crate::Target;

pub(crate) const TARGET: Target = Target {
    name: "planted",
    most: 64,
    run: planted,
    seeds: || vec![b"a sound one".to_vec()],
};

/// A record: a magic number, how many entries, where the last one is. By chance nobody meets the magic number;
/// who follows branches and comparisons does.
fn planted(bytes: &[u8]) {
    let Some((magic, rest)) = bytes.split_first_chunk() else {
        return;
    };
    if u32::from_le_bytes(*magic) != 0x5eed_b1c5 {
        return;
    }
    let Some(([count, last], entries)) = rest.split_first_chunk() else {
        return;
    };
    if *count > 3 && usize::from(*count) <= entries.len() {
        // The planted bug: what is checked is the count.
        std::hint::black_box(entries[usize::from(*last)]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "out of bounds")]
    fn it_has_a_bug() {
        super::planted(&[0xc5, 0xb1, 0xed, 0x5e, 4, 9, 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_sound_is_taken() {
        super::planted(&[0xc5, 0xb1, 0xed, 0x5e, 4, 3, 0, 0, 0, 0]);
        (super::TARGET.seeds)()
            .iter()
            .for_each(|seed| super::planted(seed));
    }
}
