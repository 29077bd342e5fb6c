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
    let file = File::open(path)?;
    let mut flags: libc::c_int = 0;
    // SAFETY: the descriptor is open, and both requests take the address of one `int`.
    unsafe {
        if libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS as _, &raw mut flags) != 0 {
            return Err(io::Error::last_os_error());
        }
        flags &= !IMMUTABLE;
        if libc::ioctl(
            file.as_raw_fd(),
            libc::FS_IOC_SETFLAGS as _,
            &raw const flags,
        ) != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
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
