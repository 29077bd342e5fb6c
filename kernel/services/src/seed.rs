//! The seed of a run: what a Linux begins its random numbers with.
//!
//! Whatever there is goes into one SHA-256 each time, together with what the time before left: words
//! of the processor's own source, if it has one, and the low bits of the time-stamp counter around
//! work whose duration nobody can foretell. Linux credits a seed with as many bits as it is long, so
//! [`JITTER`] readings stand for 256 bits: an eighth of a bit each. All that is counted of one is in
//! its lowest bits, so [`READINGS`] of them are hashed as one word.

use sha2::{Digest, Sha256};

/// Bytes of a seed, and of a pool.
pub const SEED_BYTES: usize = 32;

/// Readings of the counter that make a seed where the processor has no source of its own.
pub const JITTER: usize = 2048;

/// Readings of the counter that make a word.
pub const READINGS: usize = 8;

/// Bits of jitter counted for each reading.
const _: () = assert!(JITTER >= 8 * 8 * SEED_BYTES && JITTER.is_multiple_of(READINGS));

/// What goes into a seed.
#[derive(Clone, Debug)]
pub struct Pool(Sha256);

impl Pool {
    /// Begins with what was left by the seed before.
    #[must_use]
    pub fn new(before: &[u8; SEED_BYTES]) -> Self {
        let mut hash = Sha256::new();
        hash.update(before);
        Self(hash)
    }

    /// Mixes a word in.
    pub fn stir(&mut self, word: u64) {
        self.0.update(word.to_le_bytes());
    }

    /// Mixes readings of the counter in. Each has the word's next byte for its own lowest one, so that
    /// what they differ by there is all kept; what is above goes over the others.
    pub fn stir_readings(&mut self, readings: [u64; READINGS]) {
        let add = |word: u64, reading| word.rotate_left(8) ^ reading;
        self.stir(readings.into_iter().fold(0, add));
    }

    /// A seed for each use, by its number: from none of them another can be computed.
    #[must_use]
    pub fn seed(&self, number: u8) -> [u8; SEED_BYTES] {
        let mut hash = self.0.clone();
        hash.update([number]);
        hash.finalize().into()
    }
}
