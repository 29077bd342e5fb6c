//! A block device that a program serves (Linux: `drivers/block/nbd.c`, `include/uapi/linux/nbd.h`).
//!
//! By the requests that the driver has had since 2.1.67, so that nothing but the device's file is needed.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::ioctl::{IntegerSetter, Opcode, ioctl, opcode};

const SET_SOCKET: Opcode = opcode::none(0xab, 0);
const SET_BLOCK_SIZE: Opcode = opcode::none(0xab, 1);
const DO_IT: Opcode = opcode::none(0xab, 3);
const CLEAR_SOCKET: Opcode = opcode::none(0xab, 4);
const SET_BLOCKS: Opcode = opcode::none(0xab, 7);
const SET_TIMEOUT: Opcode = opcode::none(0xab, 9);
const SET_FLAGS: Opcode = opcode::none(0xab, 10);

/// NBD_FLAG_HAS_FLAGS, NBD_FLAG_SEND_FLUSH.
const FLAGS: usize = 1 | 1 << 2;
const READ_ONLY: usize = 1 << 1;
const TRIM: usize = 1 << 5;

fn request<const OPCODE: Opcode>(device: &File, number: usize) -> io::Result<()> {
    // SAFETY: all requests of this driver take a number in place of an address.
    let request = unsafe { IntegerSetter::<OPCODE>::new_usize(number) };
    // SAFETY: as above; no memory is involved.
    unsafe { ioctl(device, request) }?;
    Ok(())
}

/// Has the device be so many blocks, for which the driver asks at the other end of this socket.
///
/// # Errors
/// Those of the kernel; [`io::ErrorKind::ResourceBusy`] if it is somebody else's.
pub fn attach(
    device: &File,
    socket: BorrowedFd<'_>,
    (blocks, bytes): (u64, u64),
    is_read_only: bool,
) -> io::Result<()> {
    let number = |number: u64| usize::try_from(number).map_err(|_| io::ErrorKind::InvalidInput);
    let socket = usize::try_from(socket.as_fd().as_raw_fd());
    request::<SET_SOCKET>(device, socket.map_err(|_| io::ErrorKind::InvalidInput)?)?;
    request::<SET_BLOCK_SIZE>(device, number(bytes)?)?;
    request::<SET_BLOCKS>(device, number(blocks)?)?;
    // It waits for as long as it takes.
    request::<SET_TIMEOUT>(device, 0)?;
    let more = if is_read_only { READ_ONLY } else { TRIM };
    request::<SET_FLAGS>(device, FLAGS | more)
}

/// Runs it until the socket is closed or this thread is to end; then nothing is asked any more.
///
/// # Errors
/// Those of the kernel.
pub fn run(device: &File) -> io::Result<()> {
    let done = request::<DO_IT>(device, 0);
    request::<CLEAR_SOCKET>(device, 0)?;
    done
}

/// Says that this program is on the way from memory that is written back: it must not wait for that itself, nor
/// be paged out. What the kernel does not grant it does without.
pub fn is_on_the_way_of_writes() {
    /// `PR_SET_IO_FLUSHER`, from 5.6 on.
    const IO_FLUSHER: i32 = 57;
    let (on, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: it takes numbers, and changes how this thread's memory is got.
    unsafe { libc::prctl(IO_FLUSHER, on, none, none, none) };
    // SAFETY: it keeps the program's pages where they are.
    unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
}
