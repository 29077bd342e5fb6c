//! A rate, taken over a stretch of time.

use std::io;
use std::time::{Duration, Instant};

/// How much longer than its time it goes on, uncounted: one of two that begin at once is never done while
/// the other one still counts, which would be faster then.
const TAIL: f64 = 0.125;

/// How often in a second `batch` does what it does: it says how often it has done it. The first
/// batch is not counted, nor those of a tail.
pub(crate) fn rate(seconds: f64, mut batch: impl FnMut() -> u64) -> f64 {
    let length = Duration::from_secs_f64(seconds);
    batch();
    let start = Instant::now();
    let mut count = 0;
    loop {
        count += batch();
        let elapsed = start.elapsed();
        if elapsed >= length {
            while start.elapsed() < length.mul_f64(1.0 + TAIL) {
                batch();
            }
            return count as f64 / elapsed.as_secs_f64();
        }
    }
}

/// As [`rate`], of an operation that can fail and counts as so many passes: `operations` of them are a
/// batch. The first failure is the result.
pub(crate) fn tried(
    seconds: f64,
    operations: u64,
    passes: u64,
    mut operation: impl FnMut() -> io::Result<()>,
) -> io::Result<f64> {
    let mut result = Ok(());
    let rate = rate(seconds, || {
        for _ in 0..operations {
            if result.is_ok() {
                result = operation();
            }
        }
        operations * passes
    });
    result.map(|()| rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_batch_is_not_counted() {
        let mut batches = 0;
        let rate = rate(0.05, || {
            batches += 1;
            if batches == 1 {
                return 1 << 40;
            }
            std::thread::sleep(Duration::from_millis(10));
            3
        });
        assert!(batches > 1);
        assert!(rate > 0.0 && rate <= 300.0, "{rate}");
    }

    #[test]
    fn a_failure_is_the_result() {
        let mut left = 5;
        let rate = tried(0.01, 2, 1, || {
            left -= 1;
            match left {
                0 => Err(io::Error::other("it is over")),
                _ => Ok(()),
            }
        });
        assert_eq!(rate.unwrap_err().to_string(), "it is over");
        assert_eq!(left, 0, "nothing is tried after it");
    }
}
