//! What a partition may ask for, and why its last run failed: words of its record.

use alloc::string::String;

use arrayvec::ArrayString;
use bulkhead_model::MAX_NAME_BYTES;

use crate::slot::Slot;
use crate::sync::Word64;

/// Words of the reason of a failure that are kept.
pub(crate) const REASON_WORDS: usize = 12;

impl Slot {
    pub(crate) fn is_limited_to(&self, names: &[String]) -> bool {
        let named = names.iter().map(|name| name_words(name));
        let named = named.chain(core::iter::repeat([0; 2]));
        self.only
            .iter()
            .zip(named)
            .all(|(words, name)| [words[0].load(), words[1].load()] == name)
    }

    /// Whether it may ask for that one.
    pub(crate) fn may_ask_for(&self, name: &str) -> bool {
        let is_named = |words: &[Word64; 2]| [words[0].load(), words[1].load()] == name_words(name);
        // A place without a name is no name, and what is asked of nobody needs all of the right.
        let is_named = |words| !name.is_empty() && is_named(words);
        self.has_control() && (!self.is_limited() || self.only.iter().any(is_named))
    }

    /// Whether its right is for some others only.
    pub(crate) fn is_limited(&self) -> bool {
        self.only[0][0].load() != 0
    }

    /// Those others; none if it is not limited.
    pub(crate) fn granted(&self) -> impl Iterator<Item = ArrayString<MAX_NAME_BYTES>> {
        let names = self.only.iter();
        let names = names.map(|words| name_of([words[0].load(), words[1].load()]));
        names.take_while(|name| !name.is_empty())
    }

    /// Keeps why a run failed.
    pub(crate) fn set_reason(&self, run: u32, text: &str) {
        self.reason_run.store(0);
        let mut bytes = text.bytes();
        for word in &self.reason {
            let word_bytes = core::array::from_fn(|_| bytes.next().unwrap_or(0));
            word.store(u64::from_le_bytes(word_bytes));
        }
        self.reason_run.store(run);
    }

    /// Why that run failed.
    pub(crate) fn reason(&self, run: u32) -> Option<ArrayString<{ REASON_WORDS * 8 }>> {
        if run == 0 || self.reason_run.load() != run {
            return None;
        }
        let mut text = ArrayString::new();
        let bytes = self
            .reason
            .iter()
            .flat_map(|word| word.load().to_le_bytes());
        for byte in bytes.take_while(|byte| *byte != 0) {
            let byte = if (b' '..=b'~').contains(&byte) {
                byte
            } else {
                b'?'
            };
            text.try_push(char::from(byte)).ok()?;
        }
        (self.reason_run.load() == run).then_some(text)
    }
}

pub(crate) fn name_of([low, high]: [u64; 2]) -> ArrayString<MAX_NAME_BYTES> {
    let mut name = ArrayString::new();
    for byte in [low, high].into_iter().flat_map(u64::to_le_bytes) {
        if byte == 0 || !byte.is_ascii() || name.try_push(char::from(byte)).is_err() {
            break;
        }
    }
    name
}

pub(crate) fn name_words(name: &str) -> [u64; 2] {
    let mut bytes = [0; MAX_NAME_BYTES];
    for (to, from) in bytes.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    let word = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[from..from + 8]);
        u64::from_le_bytes(word)
    };
    [word(0), word(8)]
}
