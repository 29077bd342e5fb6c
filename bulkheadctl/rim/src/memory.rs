//! Memory that somebody else writes, too.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A piece of a file that is mapped. Whoever has the file, too, may write there at any time, which is why it
/// is atomics.
#[derive(Debug)]
pub struct Mapping {
    start: *mut core::ffi::c_void,
    bytes: usize,
}

impl Mapping {
    /// Maps `bytes` from `offset` on, to be read.
    ///
    /// # Errors
    /// Those of `mmap`, and [`io::ErrorKind::InvalidInput`] unless both are whole pages.
    pub fn to_read(file: &File, offset: u64, bytes: usize) -> io::Result<Self> {
        Self::new(file, offset, bytes, ProtFlags::READ)
    }

    fn new(file: &File, offset: u64, bytes: usize, access: ProtFlags) -> io::Result<Self> {
        const PAGE: usize = 4096;
        if bytes == 0 || !bytes.is_multiple_of(PAGE) || !offset.is_multiple_of(PAGE as u64) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (anywhere, shared) = (std::ptr::null_mut(), MapFlags::SHARED);
        // SAFETY: a new mapping, at a place that the kernel chooses: it overlaps nothing.
        let start = unsafe { mmap(anywhere, bytes, access, shared, file, offset)? };
        Ok(Self { start, bytes })
    }

    /// Its words; they may be written only if it was mapped for that.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        let count = self.bytes / size_of::<AtomicU64>();
        // SAFETY: so many bytes are mapped there, aligned to pages, and stay so until `self` is dropped. All
        // bit patterns are numbers, and that others write them at any time is what atomics are for.
        unsafe { std::slice::from_raw_parts(self.start.cast(), count) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: what `new` has mapped, of which no reference is left: they borrow `self`.
        let _ = unsafe { munmap(self.start, self.bytes) };
    }
}

/// Maps `bytes` of a file from `offset` on, to be read and written, for as long as the program runs.
///
/// # Errors
/// Those of `mmap`, and [`io::ErrorKind::InvalidInput`] unless both are whole pages.
pub fn map(file: &File, offset: u64, bytes: usize) -> io::Result<&'static [AtomicU64]> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let mapping = Mapping::new(file, offset, bytes, access)?;
    Ok(Box::leak(Box::new(mapping)).words())
}
