//! Telling the Linux that is entered which entry is on trial: systemd's `systemd-bless-boot` renames it back
//! when that Linux has come up (`systemd-boot(7)`, `LoaderBootCountPath`).
//!
//! The variable is not volatile here, as UEFI has no others once a system runs: so it is taken away at each
//! boot that counts nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

const FILE: &str =
    "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Non-volatile, for boot and for runtime.
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];

/// Says that nothing is on trial.
///
/// # Errors
/// The variable is there and stays.
pub fn clear() -> io::Result<()> {
    let file = match File::open(FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    // efivarfs keeps what it does not know from being removed by mistake.
    let flags = ioctl_getflags(&file)?;
    ioctl_setflags(&file, flags - IFlags::IMMUTABLE)?;
    fs::remove_file(FILE)
}

/// Says that the entry in that file is.
///
/// # Errors
/// There are no variables.
pub fn tell(path: &str) -> io::Result<()> {
    clear()?;
    if !Path::new(FILE).parent().is_some_and(Path::is_dir) {
        return Err(ErrorKind::NotFound.into());
    }
    // In one write, as firmware wants it.
    File::create(FILE)?.write_all(&value(path))
}

/// As the loader has it: UTF-16, with its own kind of slashes, ended by a zero.
fn value(path: &str) -> Vec<u8> {
    let path = path.replace('/', "\\");
    let text = path.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    ATTRIBUTES.into_iter().chain(text).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_systemd_reads_it() {
        assert_eq!(super::value("/a+"), b"\x07\0\0\0\\\0a\0+\0\0\0");
    }
}
