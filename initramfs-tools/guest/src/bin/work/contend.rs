//! What meets others in one kernel, on whatever core they are: in a directory, an address space, the
//! pages of a file, the list of processes, the queues of packets. In the manner of will-it-scale; each
//! gives operations in a second.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Barrier;

use crate::cores::keep_to;
use crate::timed::tried;

/// Operations between two looks at the clock: of short ones.
const BATCH: u64 = 16;
/// What is mapped.
const BYTES: usize = 64 << 10;
const PAGE: usize = 4 << 10;
/// What goes through a pipe, or is a packet's payload.
const MESSAGE: usize = 512;

/// A file is made in the directory for temporary files and taken out again, by a name of its own.
pub(crate) fn unlink(seconds: f64) -> io::Result<f64> {
    let path = std::env::temp_dir().join(format!("work-{}", std::process::id()));
    tried(seconds, BATCH, 1, || {
        drop(File::create_new(&path)?);
        std::fs::remove_file(&path)
    })
}

/// Private memory is mapped, each page of it written, and unmapped: by threads of one process, each on
/// a core of its own if there are several.
pub(crate) fn map(threads: usize, seconds: f64) -> io::Result<f64> {
    if threads == 1 {
        return tried(seconds, 1, 1, || touch(None));
    }
    let ready = Barrier::new(threads);
    std::thread::scope(|scope| {
        let ready = &ready;
        let thread = |number| {
            scope.spawn(move || {
                let kept = keep_to(number);
                ready.wait();
                kept.and_then(|()| tried(seconds, 1, 1, || touch(None)))
            })
        };
        let threads: Vec<_> = (0..threads).map(thread).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it does not panic"))
            .sum()
    })
}

/// The same pages of one file are mapped, each of them written, and unmapped, by every process that does so.
pub(crate) fn fault(seconds: f64) -> io::Result<f64> {
    let path = std::env::temp_dir().join("work-shared");
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path)?;
    file.set_len(BYTES as u64)?;
    tried(seconds, 1, 1, || touch(Some(&file)))
}

fn touch(file: Option<&File>) -> io::Result<()> {
    let (kind, descriptor) = match file {
        Some(file) => (libc::MAP_SHARED, file.as_raw_fd()),
        None => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1),
    };
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, where there was none.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, rights, kind, descriptor, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    for place in (0..BYTES).step_by(PAGE) {
        // SAFETY: within that mapping, which nothing else knows.
        let byte = unsafe { start.cast::<u8>().add(place) };
        // SAFETY: the same, and a file of its length is behind it.
        unsafe { byte.write_volatile(1) };
    }
    // SAFETY: that mapping, which nothing points to any more.
    match unsafe { libc::munmap(start, BYTES) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A process is made, which ends, and is waited for.
pub(crate) fn fork(seconds: f64) -> io::Result<f64> {
    tried(seconds, 1, 1, || {
        // SAFETY: the child only ends, which it may whatever threads there were.
        let child = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            // SAFETY: ends this process only, and nothing is left to be done in it.
            0 => unsafe { libc::_exit(0) },
            child => child,
        };
        // SAFETY: nothing is written where no place for a status is told.
        match unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    })
}

/// A message is written into a pipe and read again.
pub(crate) fn pipe(seconds: f64) -> io::Result<f64> {
    let (mut from, mut to) = io::pipe()?;
    let mut message = [0; MESSAGE];
    tried(seconds, BATCH, 1, || {
        to.write_all(&message)?;
        from.read_exact(&mut message)
    })
}

/// A packet is sent to the own socket, over the loopback interface and its softirq, and received.
pub(crate) fn udp(seconds: f64) -> io::Result<f64> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(socket.local_addr()?)?;
    let mut message = [0; MESSAGE];
    tried(seconds, BATCH, 1, || {
        socket.send(&message)?;
        socket.recv(&mut message).map(drop)
    })
}
