//! A core by itself, and the way into the kernel and back.

use std::hint::black_box;

use crate::timed::rate;

const ROUNDS: u64 = 1 << 18;
const CALLS: u64 = 1 << 12;

/// Rounds in a second of a loop in which each needs the last one's result (xorshift).
pub(crate) fn rounds(seconds: f64) -> f64 {
    let mut x = 0x9e37_79b9_7f4a_7c15_u64;
    rate(seconds, || {
        for _ in 0..ROUNDS {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        x = black_box(x);
        ROUNDS
    })
}

/// Calls of `getppid` in a second, which no C library answers by itself.
pub(crate) fn system_calls(seconds: f64) -> f64 {
    rate(seconds, || {
        for _ in 0..CALLS {
            // SAFETY: a call without arguments, which changes nothing.
            black_box(unsafe { libc::syscall(libc::SYS_getppid) });
        }
        CALLS
    })
}
