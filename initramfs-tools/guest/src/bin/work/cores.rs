//! Which of the cores a thread runs on.

use std::io;

/// The calling thread runs on one of the cores that it may, from now on: the first is 0, and after the
/// last one comes the first again.
pub(crate) fn keep_to(number: usize) -> io::Result<()> {
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
    let cores = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: the set has that many bits.
    let own = cores.filter(|core| unsafe { libc::CPU_ISSET(*core, &set) });
    let own: Vec<usize> = own.collect();
    set = empty;
    // SAFETY: the same; a thread runs on one at least.
    unsafe { libc::CPU_SET(own[number % own.len()], &mut set) };
    // SAFETY: the set is read within the size that is told.
    checked(unsafe { libc::sched_setaffinity(0, bytes, &raw const set) })
}
