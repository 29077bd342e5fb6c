//! How fast a counter counts, measured against a timer whose rate is known, by a core that may stand still at
//! any moment: in system management mode, or since a host has given its processor to another.
//!
//! Both go on meanwhile. So nothing is lost by a pause between two looks at both, only by one within a look:
//! of a few looks the shortest counts.

/// A timer of known rate.
pub trait Reference {
    /// Its rate, from 1 kHz on.
    fn hz(&self) -> u64;
    /// Has it count from here.
    fn begin(&mut self);
    /// What it has counted since; `None` if that was more than it can.
    fn elapsed(&mut self) -> Option<u64>;
}

/// Looks at both of which the shortest counts.
const LOOKS: usize = 8;
/// Attempts, if the looks take long or the timer runs over.
const ROUNDS: usize = 20;
/// Looks at a timer that does not go on.
const POLLS: u32 = 2_000_000;
/// A rate may be off by one part in so many.
const GOOD: u64 = 1000;

struct Look {
    counter: u64,
    reference: u64,
    /// How long it took, by the counter.
    took: u64,
}

fn look(reference: &mut impl Reference, counter: &impl Fn() -> u64) -> Option<Look> {
    let mut shortest: Option<Look> = None;
    for _ in 0..LOOKS {
        let before = counter();
        let elapsed = reference.elapsed()?;
        let took = counter().saturating_sub(before);
        if shortest.as_ref().is_none_or(|look| took < look.took) {
            shortest = Some(Look {
                counter: before + took / 2,
                reference: elapsed,
                took,
            });
        }
    }
    shortest
}

/// What the counter counts in a millisecond, measured for some 10 ms or more; `None` if the timer does not
/// go on, or always runs over.
pub fn per_ms(reference: &mut impl Reference, counter: impl Fn() -> u64) -> Option<u64> {
    let mut best: Option<(u64, u64)> = None;
    for _ in 0..ROUNDS {
        reference.begin();
        let Some(first) = look(reference, &counter) else {
            continue;
        };
        let end = first.reference + reference.hz() / 100;
        let mut polls = 0;
        let is_over = loop {
            match reference.elapsed() {
                None => break false,
                Some(elapsed) if elapsed >= end => break true,
                Some(_) => polls += 1,
            }
            if polls > POLLS {
                return best.map(|(_, rate)| rate);
            }
        };
        let Some(last) = is_over.then(|| look(reference, &counter)).flatten() else {
            continue;
        };
        let counted = last.counter.saturating_sub(first.counter);
        let passed = last.reference.saturating_sub(first.reference).max(1);
        let rate = u128::from(counted) * u128::from(reference.hz()) / u128::from(passed) / 1000;
        let Ok(rate) = u64::try_from(rate) else {
            continue;
        };
        // One part in so many is what it may be off by.
        let one_in = counted / (first.took + last.took).max(1);
        if best.is_none_or(|(best, _)| one_in > best) {
            best = Some((one_in, rate));
        }
        if one_in >= GOOD {
            break;
        }
    }
    best.map(|(_, rate)| rate).filter(|rate| *rate > 0)
}
