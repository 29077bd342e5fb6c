//! A byte that goes from process to process by pipes: each pass is a write, a switch to another
//! process, and a read. With two processes this is `perf bench sched pipe`, with more lmbench's
//! `lat_ctx`.

use std::io::{self, PipeReader, PipeWriter, Read, Write};

use crate::timed::rate;

const ROUNDS: u64 = 100;

/// Passes in a second. All the processes run on this one's first core, so that each pass is a
/// switch.
pub(crate) fn passes(processes: usize, seconds: f64) -> io::Result<f64> {
    on_one_core()?;
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
    let mut failure = None;
    let rate = rate(seconds, || {
        for _ in 0..ROUNDS {
            if let Err(error) = send
                .write_all(&[1])
                .and_then(|()| receive.read_exact(&mut [0]))
            {
                failure = Some(error);
            }
        }
        ROUNDS * processes as u64
    });
    // Each child ends when the one before it has.
    drop(send);
    match failure {
        None => Ok(rate),
        Some(error) => Err(error),
    }
}

/// What a child does, until nobody is left who could write to it.
fn pass_on(mut from: PipeReader, mut to: PipeWriter) -> ! {
    while from.read_exact(&mut [0]).is_ok() && to.write_all(&[1]).is_ok() {}
    // SAFETY: ends this process only, and nothing is left to be done in it.
    unsafe { libc::_exit(0) }
}

fn on_one_core() -> io::Result<()> {
    let checked = |result| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    // SAFETY: a set of bits, for which zeros are values.
    let empty: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let bytes = size_of_val(&empty);
    let mut set = empty;
    // SAFETY: the set is filled within the size that is told.
    checked(unsafe { libc::sched_getaffinity(0, bytes, &raw mut set) })?;
    let mut cores = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: the set has that many bits.
    let first = cores.find(|core| unsafe { libc::CPU_ISSET(*core, &set) });
    set = empty;
    // SAFETY: the same.
    unsafe { libc::CPU_SET(first.unwrap_or(0), &mut set) };
    // SAFETY: the set is read within the size that is told.
    checked(unsafe { libc::sched_setaffinity(0, bytes, &raw const set) })
}
