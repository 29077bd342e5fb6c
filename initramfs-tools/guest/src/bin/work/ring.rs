//! A byte that goes from process to process by pipes: each pass is a write, a switch to another
//! process, and a read. With two processes this is `perf bench sched pipe`, with more lmbench's
//! `lat_ctx`.

use std::io::{self, PipeReader, PipeWriter, Read, Write};

use crate::cores::keep_to;
use crate::timed::tried;

const ROUNDS: u64 = 100;

/// Passes in a second. All the processes run on this one's first core, so that each pass is a
/// switch.
pub(crate) fn passes(processes: usize, seconds: f64) -> io::Result<f64> {
    keep_to(0)?;
    let (first, mut send) = io::pipe()?;
    let mut receive = first;
    for _ in 1..processes {
        let (next, out) = io::pipe()?;
        // SAFETY: the child only reads, writes and ends, which it may whatever threads there were.
        match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                // Its copy of the ring's start would keep it from ever seeing the end.
                drop(send);
                pass_on(receive, out);
            }
            _ => receive = next,
        }
    }
    let rate = tried(seconds, ROUNDS, processes as u64, || {
        send.write_all(&[1])?;
        receive.read_exact(&mut [0])
    });
    // Each child ends when the one before it has.
    drop(send);
    rate
}

/// What a child does, until nobody is left who could write to it.
fn pass_on(mut from: PipeReader, mut to: PipeWriter) -> ! {
    while from.read_exact(&mut [0]).is_ok() && to.write_all(&[1]).is_ok() {}
    // SAFETY: ends this process only, and nothing is left to be done in it.
    unsafe { libc::_exit(0) }
}
