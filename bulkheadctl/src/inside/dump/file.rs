//! The file of a core, written past the page cache where the file system can do that, by a thread of its own:
//! the disk takes what is there while the next is read.
//!
//! A dump is read once, and mostly elsewhere; in the page cache it would push out what this Linux needs, and
//! each byte would be copied once more.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// What is written at once at most: it stays in the processor's cache.
pub const CHUNK: usize = 1 << 20;
/// One is filled, one is written, and one waits.
const BUFFERS: usize = 3;
/// Of memory, file and length, for what goes past the page cache.
const ALIGNED: usize = 4096;

/// Creates one.
///
/// # Errors
/// What the system says.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // It fits: what `open` takes.
    let direct = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
    match options.clone().custom_flags(direct).open(path) {
        // A file system that can't.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => options.open(path),
        other => other,
    }
}

/// Writes all of it; through the page cache from then on, if it is not aligned as this file system wants.
///
/// # Errors
/// What the system says.
pub fn put(core: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    match core.write_all_at(bytes, offset) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let flags = fcntl_getfl(core)?;
            if !flags.contains(OFlags::DIRECT) {
                return Err(error);
            }
            fcntl_setfl(core, flags - OFlags::DIRECT)?;
            core.write_all_at(bytes, offset)
        }
        other => other,
    }
}

/// Room for [`CHUNK`] bytes that begins at a page.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// One of zeros.
    fn new() -> Self {
        let bytes = vec![0; CHUNK + ALIGNED];
        // Where that can't be told, `put` goes through the page cache.
        let start = bytes.as_ptr().align_offset(ALIGNED).min(ALIGNED);
        Self { bytes, start }
    }

    /// So much of it, to be filled.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        let end = self.start + length.min(CHUNK);
        &mut self.bytes[self.start..end]
    }

    fn filled(&self, length: usize) -> &[u8] {
        &self.bytes[self.start..self.start + length.min(CHUNK)]
    }
}

/// What is to be written: so much of a buffer, there in the file.
type Piece = (Buffer, usize, u64);

/// The thread that writes, and what goes to it and comes back.
#[derive(Debug)]
pub struct Writer<'scope> {
    full: SyncSender<Piece>,
    empty: Receiver<Buffer>,
    thread: ScopedJoinHandle<'scope, io::Result<()>>,
}

impl<'scope> Writer<'scope> {
    /// One for this file.
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, core: &'env File) -> Self {
        let (full, to_write) = sync_channel::<Piece>(1);
        let (back, empty) = channel();
        for _ in 0..BUFFERS {
            // Its other end is in this function.
            let _ = back.send(Buffer::new());
        }
        let thread = scope.spawn(move || all(core, &to_write, &back));
        Self {
            full,
            empty,
            thread,
        }
    }

    /// A buffer to be filled; none if the thread has ended, which [`finish`](Self::finish) explains.
    pub fn buffer(&self) -> Option<Buffer> {
        self.empty.recv().ok()
    }

    /// Has that written; whether the thread is still there.
    pub fn give(&self, buffer: Buffer, length: usize, offset: u64) -> bool {
        self.full.send((buffer, length, offset)).is_ok()
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// What the system has said to the first that was not.
    pub fn finish(self) -> io::Result<()> {
        drop(self.full);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread that writes has panicked")))
    }
}

fn all(core: &File, to_write: &Receiver<Piece>, back: &Sender<Buffer>) -> io::Result<()> {
    for (buffer, length, offset) in to_write {
        put(core, buffer.filled(length), offset)?;
        // Nobody wants it any more at the end.
        let _ = back.send(buffer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_aligned_goes_through_the_page_cache() {
        let path = std::env::temp_dir().join(format!("bulkheadctl-direct-{}", std::process::id()));
        let core = create(&path).unwrap();
        let mut buffer = Buffer::new();
        buffer.room(8192).fill(7);
        put(&core, buffer.filled(8192), 4096).unwrap();
        put(&core, &buffer.filled(8192)[1..8], 5).unwrap();
        let mut wanted = vec![0; 4096 + 8192];
        wanted[4096..].fill(7);
        wanted[5..12].fill(7);
        assert_eq!(std::fs::read(&path).unwrap(), wanted);
        assert!(!fcntl_getfl(&core).unwrap().contains(OFlags::DIRECT));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn why_it_was_not_written_is_told_in_the_end() {
        let path = std::env::temp_dir().join(format!("bulkheadctl-ended-{}", std::process::id()));
        File::create(&path).unwrap();
        // It can only be read.
        let core = File::open(&path).unwrap();
        let said = std::thread::scope(|scope| {
            let writer = Writer::start(scope, &core);
            while let Some(buffer) = writer.buffer() {
                if !writer.give(buffer, 4096, 0) {
                    break;
                }
            }
            writer.finish()
        });
        assert_eq!(said.unwrap_err().raw_os_error(), Some(9));
        std::fs::remove_file(path).unwrap();
    }
}
