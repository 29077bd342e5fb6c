//! What the variable `Held` says of a partition that this one holds.

use bulkhead_memory::{PAGE, Region};

/// A partition that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of the hold: a later one has another.
    pub number: u32,
    /// Which run's its RAM is.
    pub run: u32,
    /// Where VMCOREINFO was seen, and the page tables; 0 where they were not.
    pub vmcoreinfo: u64,
    /// See above.
    pub root: u64,
    /// Its RAM.
    pub pieces: Vec<Region>,
}

impl Held {
    /// Of all its pieces.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.size()).sum()
    }
}

/// Takes it apart; `None` unless all of it is there, and are whole pages in ascending order.
pub fn held(text: &str, name: &str) -> Option<Held> {
    let hexadecimal = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let mut lines = text.lines();
    let words: Vec<&str> = lines.find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (words.first() == Some(&name)).then_some(words)
    })?;
    let value = |key: &str| {
        let mut pairs = words.iter().filter_map(|word| word.split_once('='));
        pairs.find_map(|(known, value)| (known == key).then_some(value))
    };
    let count = value("pieces")?.parse().ok()?;
    let mut pieces: Vec<Region> = Vec::new();
    for line in lines.take(count) {
        let (start, size) = line.split_once(' ')?;
        let piece = Region::new(hexadecimal(start)?, hexadecimal(size)?)?;
        let is_behind = pieces.last().is_none_or(|last| last.end() <= piece.start());
        if !is_behind || piece.start() % PAGE != 0 || piece.size() % PAGE != 0 {
            return None;
        }
        pieces.push(piece);
    }
    let is_whole = !pieces.is_empty() && pieces.len() == count;
    is_whole.then_some(Held {
        number: value("hold")?.parse().ok()?,
        run: value("run")?.parse().ok()?,
        vmcoreinfo: hexadecimal(value("vmcoreinfo")?)?,
        root: hexadecimal(value("root")?)?,
        pieces,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "other hold=1 run=1 vmcoreinfo=0x0 root=0x0 pieces=1\n0x1000 0x1000\n\
        one hold=7 run=2 vmcoreinfo=0x5000 root=0x6000 pieces=2\n0x10000 0x8000\n0x40000000 0x4000000\n";

    #[test]
    fn what_is_held_is_told() {
        let one = held(TEXT, "one").unwrap();
        assert_eq!(
            (one.number, one.run, one.vmcoreinfo, one.root),
            (7, 2, 0x5000, 0x6000)
        );
        assert_eq!(one.pieces.len(), 2);
        assert_eq!(one.bytes(), 0x400_8000);
        assert_eq!(held(TEXT, "two"), None);
        for (from, to) in [
            ("0x4000000\n", "0x4000001\n"),
            ("pieces=2", "pieces=3"),
            ("hold=7", "hold=x"),
            ("0x40000000 ", "0x17000 "),
            ("0x4000000\n", "0xffffffffffffffff\n"),
        ] {
            let wrong = TEXT.replace(from, to);
            assert_eq!(held(&wrong, "one"), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>(), name in any::<String>()) {
            let _ = held(&text, &name);
        }
    }
}
