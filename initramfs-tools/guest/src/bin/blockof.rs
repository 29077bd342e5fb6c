//! `blockof FILE`: where a file's first byte is on its block device, in bytes.
//!
//! For what is written in place, as a boot loader writes its environment. A file that begins with a hole, is
//! kept inside its inode, compressed, or on a file system that can't say (btrfs) has no such place. Source:
//! `FIBMAP` in Linux `fs/ioctl.c`, `Documentation/filesystems/fiemap.rst`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

const FIBMAP: libc::c_ulong = 1;
const FIGETBSZ: libc::c_ulong = 2;

fn ask(file: &File, request: libc::c_ulong) -> io::Result<u64> {
    let mut value: libc::c_int = 0;
    // Which type a request has differs by the C library; both are below ten.
    let request = request as libc::Ioctl;
    // SAFETY: the descriptor is open, and both requests write one int, where there is one.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), request, &raw mut value) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    u64::try_from(value).map_err(io::Error::other)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path] = arguments.as_slice() else {
        eprintln!("usage: blockof FILE");
        return ExitCode::FAILURE;
    };
    let asked = File::open(path).and_then(|file| {
        let (block, bytes) = (ask(&file, FIBMAP)?, ask(&file, FIGETBSZ)?);
        Ok(block * bytes)
    });
    match asked {
        Ok(0) => {
            eprintln!("blockof: {path} has no block of its own");
            ExitCode::FAILURE
        }
        Ok(offset) => {
            println!("{offset}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("blockof: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}
