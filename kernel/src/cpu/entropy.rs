//! Seeds for the random numbers of each run, from the processor's own source and from jitter.
//!
//! Source: Intel SDM vol. 1 §7.3.17 (RDRAND, RDSEED), "Intel Digital Random Number Generator Software
//! Implementation Guide" §5.2.1 (ten tries).

use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_services::seed::{JITTER, Pool, READINGS, SEED_BYTES};

use super::tsc;

/// What the seeds before left. Any launching core reads and writes it; that two at once may read the
/// same does not matter, since each stirs in what is its own.
static LEFT: [AtomicU64; SEED_BYTES / 8] = [const { AtomicU64::new(0) }; SEED_BYTES / 8];

/// Words taken of the processor's source: twice as many bits as a seed has.
const WORDS: usize = SEED_BYTES / 8 * 2;
/// How often a word is asked for.
const TRIES: usize = 10;

/// Fresh seeds for a run.
///
/// A launch waits for it, so little is hashed.
pub(crate) fn seeds() -> [[u8; SEED_BYTES]; 2] {
    let mut before = [0; SEED_BYTES];
    for (to, from) in before.chunks_exact_mut(8).zip(&LEFT) {
        to.copy_from_slice(&from.load(Ordering::Relaxed).to_le_bytes());
    }
    let mut pool = Pool::new(&before);
    let mut words = 0;
    for _ in 0..WORDS {
        if let Some(word) = own_source() {
            pool.stir(word);
            words += 1;
        }
    }
    // Where the processor's own source has given all of it, jitter only guards against a fault of that
    // source: it is most of what a seed costs.
    let readings = if words == WORDS { JITTER / 32 } else { JITTER };
    for _ in 0..readings / READINGS {
        pool.stir_readings(core::array::from_fn(|_| jitter()));
    }
    for (to, from) in LEFT.iter().zip(pool.seed(2).chunks_exact(8)) {
        let word = from.first_chunk().copied().map_or(0, u64::from_le_bytes);
        to.store(word, Ordering::Relaxed);
    }
    [pool.seed(0), pool.seed(1)]
}

/// The counter, after work that takes a time that depends on the caches, on the other cores and on
/// what comes in between.
fn jitter() -> u64 {
    let begun = tsc::now();
    for word in &LEFT {
        word.fetch_add(begun, Ordering::SeqCst);
    }
    tsc::now()
}

/// A word of RDSEED, or of RDRAND; `None` if the processor has neither, or they don't deliver.
fn own_source() -> Option<u64> {
    let cpuid = raw_cpuid::CpuId::new();
    let has_seed = cpuid
        .get_extended_feature_info()
        .is_some_and(|info| info.has_rdseed());
    let has_random = cpuid
        .get_feature_info()
        .is_some_and(|info| info.has_rdrand());
    let ask_seed = || {
        let (word, is_there): (u64, u8);
        // SAFETY: the processor has the instruction, which changes registers and flags only.
        unsafe {
            core::arch::asm!("rdseed {0}", "setc {1}", out(reg) word, out(reg_byte) is_there,
                options(nomem, nostack));
        }
        (is_there != 0).then_some(word)
    };
    let ask_random = || {
        let (word, is_there): (u64, u8);
        // SAFETY: as above.
        unsafe {
            core::arch::asm!("rdrand {0}", "setc {1}", out(reg) word, out(reg_byte) is_there,
                options(nomem, nostack));
        }
        (is_there != 0).then_some(word)
    };
    let seed = has_seed
        .then(|| (0..TRIES).find_map(|_| ask_seed()))
        .flatten();
    seed.or_else(|| {
        has_random
            .then(|| (0..TRIES).find_map(|_| ask_random()))
            .flatten()
    })
}
