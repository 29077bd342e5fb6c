//! Memory in long streams, as STREAM measures it and counts its bytes.

use std::hint::black_box;

use crate::timed::rate;

/// Numbers in each array: 32 MiB, more than a core's own caches hold.
const LENGTH: usize = 4 << 20;
const BYTES: u64 = (LENGTH * size_of::<f64>()) as u64;

/// Bytes a second of `c[i] = a[i]`.
pub(crate) fn copy(seconds: f64) -> f64 {
    let a = vec![1.5; LENGTH];
    let mut c = vec![0.0; LENGTH];
    rate(seconds, || {
        black_box(&mut c).copy_from_slice(black_box(&a));
        2 * BYTES
    })
}

/// Bytes a second of `a[i] = b[i] + s * c[i]`.
pub(crate) fn triad(seconds: f64) -> f64 {
    let mut a = vec![0.0; LENGTH];
    let (b, c) = (vec![1.5; LENGTH], vec![2.5; LENGTH]);
    rate(seconds, || {
        let scale = black_box(3.0);
        let sources = black_box(&b).iter().zip(black_box(&c));
        for (a, (b, c)) in black_box(&mut a).iter_mut().zip(sources) {
            *a = b + scale * c;
        }
        3 * BYTES
    })
}
