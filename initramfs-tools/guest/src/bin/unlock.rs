//! `unlock FILE...`: clears the immutable flag, as `chattr -i` does.
//!
//! efivarfs makes variables of GUIDs that it does not know immutable, and static busybox has no
//! `chattr`. Source: Linux `Documentation/filesystems/efivarfs.rst`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

const IMMUTABLE: libc::c_int = 0x10;

fn unlock(path: &str) -> io::Result<()> {
    let opened = File::open(path)?;
    let mut flags: libc::c_int = 0;
    let checked = |result| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    let file = opened.as_raw_fd();
    // SAFETY: the descriptor is open, and the request fills one `int`.
    checked(unsafe { libc::ioctl(file, libc::FS_IOC_GETFLAGS as _, &raw mut flags) })?;
    flags &= !IMMUTABLE;
    // SAFETY: the descriptor is open, and the request reads one `int`.
    checked(unsafe { libc::ioctl(file, libc::FS_IOC_SETFLAGS as _, &raw const flags) })
}

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for path in std::env::args().skip(1) {
        if let Err(error) = unlock(&path) {
            eprintln!("unlock: {path}: {error}");
            code = ExitCode::FAILURE;
        }
    }
    code
}
