//! An interrupt as an event of a program, on any stock kernel: a tracepoint of one of the kernel's own
//! interrupts, watched by `perf_event_open(2)`.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};

use rustix::mm::{MapFlags, ProtFlags, mmap};

const EVENTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// `struct perf_event_attr` in its first form (`PERF_ATTR_SIZE_VER0`).
#[repr(C)]
struct Attributes {
    kind: u32,
    bytes: u32,
    config: u64,
    period: u64,
    sample: u64,
    read: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    reserved: u64,
}

/// `PERF_TYPE_TRACEPOINT`
const TRACEPOINT: u32 = 2;
const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;

/// Becomes readable whenever a tracepoint of a processor was passed.
#[derive(Debug)]
pub struct Tracepoint(File);

impl AsFd for Tracepoint {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Tracepoint {
    /// Watches the tracepoint `name`, a folder below tracefs's `events`, on that processor. It is watched for
    /// as long as the program runs.
    ///
    /// # Errors
    /// Those of the kernel, and [`io::ErrorKind::NotFound`] if it has no such tracepoint, or tracefs is not
    /// mounted.
    pub fn watch(name: &str, processor: i32) -> io::Result<Self> {
        let mut ids = EVENTS
            .iter()
            .filter_map(|root| fs::read_to_string(format!("{root}/events/{name}/id")).ok());
        let id = ids.next().ok_or(io::ErrorKind::NotFound)?;
        let attributes = Attributes {
            kind: TRACEPOINT,
            bytes: 64,
            config: id.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?,
            period: 1,
            sample: 0,
            read: 0,
            flags: 0,
            wakeup: 1,
            breakpoint: 0,
            reserved: 0,
        };
        // SAFETY: it takes the address of a record that says how long it is, and keeps none of it.
        let made = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                -1_i32,
                processor,
                -1_i32,
                CLOSE_ON_EXEC,
            )
        };
        let descriptor = i32::try_from(made).map_err(|_| io::ErrorKind::InvalidData)?;
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it for this program, and nobody else knows it.
        let file = unsafe { File::from_raw_fd(descriptor) };
        // Without a ring to write to it would wake nobody. It is only readable, so that old records give way
        // to new ones, and nobody reads it.
        let (access, flags) = (ProtFlags::READ, MapFlags::SHARED);
        // SAFETY: a new mapping, at a place that the kernel chooses: it overlaps nothing.
        unsafe { mmap(std::ptr::null_mut(), 2 * 4096, access, flags, &file, 0)? };
        Ok(Self(file))
    }
}

const _: () = assert!(size_of::<Attributes>() == 64);
