//! Memory that somebody else writes, too.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap};

/// Maps `bytes` of a file from `offset` on, for as long as the program runs. Whoever has the file, too, may
/// write there at any time, which is why it is atomics.
///
/// # Errors
/// Those of `mmap`, and [`io::ErrorKind::InvalidInput`] unless both are whole pages.
pub fn map(file: &File, offset: u64, bytes: usize) -> io::Result<&'static [AtomicU64]> {
    const PAGE: usize = 4096;
    if bytes == 0 || !bytes.is_multiple_of(PAGE) || !offset.is_multiple_of(PAGE as u64) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping, at a place that the kernel chooses: it overlaps nothing.
    let start = unsafe {
        mmap(
            std::ptr::null_mut(),
            bytes,
            access,
            MapFlags::SHARED,
            file.as_fd(),
            offset,
        )?
    };
    // SAFETY: so many bytes are mapped there, aligned to pages, and stay so: nothing unmaps them. All bit
    // patterns are numbers, and that others write them at any time is what atomics are for.
    Ok(unsafe { std::slice::from_raw_parts(start.cast(), bytes / size_of::<AtomicU64>()) })
}
