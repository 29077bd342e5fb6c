//! A rate, taken over a stretch of time.

use std::time::{Duration, Instant};

/// How often in a second `batch` does what it does: it says how often it has done it. The first
/// batch is not counted.
pub(crate) fn rate(seconds: f64, mut batch: impl FnMut() -> u64) -> f64 {
    let length = Duration::from_secs_f64(seconds);
    batch();
    let start = Instant::now();
    let mut count = 0;
    loop {
        count += batch();
        let elapsed = start.elapsed();
        if elapsed >= length {
            return count as f64 / elapsed.as_secs_f64();
        }
    }
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
}
