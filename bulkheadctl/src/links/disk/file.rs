//! What a disk is kept in here: a file, or a block device.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use bulkhead_blocks::wire::Disk;
use bulkhead_blocks::{SECTOR, Store};
use rustix::fs::{FallocateFlags, FlockOperation, OFlags, fallocate, flock};
use rustix::io::Errno;

use crate::inside::link::Trouble;

/// This run of this Linux.
const RUN: &str = "/proc/sys/kernel/random/boot_id";
const ACCEPTED: &str = "a file or block device of at least 512 bytes";

/// A file, as the store of a disk.
#[derive(Debug)]
pub(super) struct Kept(File);

/// Opens it, and says what disk it makes.
///
/// # Errors
/// A sentence says why not: it can't be a disk, or is somebody's already.
pub(super) fn open(path: &Path, is_read_only: bool) -> Result<(Disk, Kept), Trouble> {
    let wrong =
        |why: &dyn std::fmt::Display| Trouble::Missing(format!("{}: {why}", path.display()));
    let kind = fs::metadata(path)
        .map_err(|error| wrong(&error))?
        .file_type();
    if !kind.is_file() && !kind.is_block_device() {
        return Err(wrong(&format!("it can't be a disk (accepted: {ACCEPTED})")));
    }
    // A block device that is mounted, or has a partition or volume that is, can't be had so.
    let is_alone = kind.is_block_device() && !is_read_only;
    let flags = if is_alone {
        OFlags::EXCL
    } else {
        OFlags::empty()
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(!is_read_only)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy => wrong(&"it is in use (accepted: --read-only)"),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem if !is_read_only => {
                wrong(&format!("{error} (accepted: --read-only)"))
            }
            _ => wrong(&error),
        })?;
    let lock = match is_read_only {
        true => FlockOperation::NonBlockingLockShared,
        false => FlockOperation::NonBlockingLockExclusive,
    };
    flock(&file, lock).map_err(|_| wrong(&"somebody else has locked it"))?;
    let end = file.seek(SeekFrom::End(0)).map_err(|error| wrong(&error))?;
    let size = end - end % SECTOR;
    if size == 0 || i64::try_from(end).is_err() {
        return Err(wrong(&format!("it has {end} bytes (accepted: {ACCEPTED})")));
    }
    let place = fs::canonicalize(path).map_err(|error| wrong(&error))?;
    // Without it nobody would know of a crash, and of what was lost by it.
    let run = fs::read_to_string(RUN).ok().and_then(|uuid| run(&uuid));
    let run = run.ok_or_else(|| {
        let why = format!("there is no {RUN} (accepted: mount -t proc proc /proc)");
        Trouble::Missing(why)
    })?;
    let disk = Disk {
        size,
        is_read_only,
        which: number(&place),
        run,
    };
    Ok((disk, Kept(file)))
}

/// The same for the same place, at each run of the program (FNV-1a).
fn number(place: &Path) -> u64 {
    let bytes = place.as_os_str().as_encoded_bytes().iter();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// A UUID's digits as bytes; `None` if it is none.
fn run(uuid: &str) -> Option<[u8; 16]> {
    let digits: String = uuid.trim().split('-').collect();
    let is_whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u128::from_str_radix(&digits, 16).ok()?;
    is_whole.then(|| number.to_be_bytes())
}

/// Linux's number of an error.
fn number_of(error: &io::Error) -> u32 {
    let number = error.raw_os_error();
    let number = number.and_then(|number| u32::try_from(number).ok());
    // A file that has become shorter has none.
    number.unwrap_or(Errno::IO.raw_os_error().unsigned_abs())
}

impl Store for Kept {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), u32> {
        let read = self.0.read_exact_at(into, offset);
        read.map_err(|error| number_of(&error))
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), u32> {
        let written = self.0.write_all_at(data, offset);
        written.map_err(|error| number_of(&error))
    }

    fn flush(&mut self) -> Result<(), u32> {
        self.0.sync_data().map_err(|error| number_of(&error))
    }

    fn trim(&mut self, offset: u64, length: u64) -> Result<(), u32> {
        let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(&self.0, how, offset, length) {
            // What can't be given up is kept, as a disk may.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) | Ok(()) => Ok(()),
            Err(error) => Err(error.raw_os_error().unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir();
        folder.join(format!("bulkhead-disk-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_file_is_a_disk_of_whole_sectors_that_one_has() {
        let path = place("whole");
        fs::write(&path, vec![7; 1300]).unwrap();
        let (disk, mut kept) = open(&path, false).unwrap();
        assert_eq!((disk.size, disk.is_read_only), (1024, false));
        assert!(open(&path, false).is_err() && open(&path, true).is_err());
        let mut into = [0; 512];
        kept.write(512, &[9; 512]).unwrap();
        kept.read(512, &mut into).unwrap();
        assert_eq!(into, [9; 512]);
        kept.trim(512, 512).unwrap();
        kept.flush().unwrap();
        // It has become shorter behind its back.
        kept.0.set_len(600).unwrap();
        assert_eq!(kept.read(512, &mut into), Err(5));
        drop(kept);
        fs::write(&path, vec![7; 1300]).unwrap();
        let (only, mut kept) = open(&path, true).unwrap();
        assert_eq!((only.which, only.run), (disk.which, disk.run));
        assert!(only.is_read_only && open(&path, true).is_ok());
        assert_eq!(kept.write(0, &[0; 512]), Err(9));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_can_be_no_disk_is_none() {
        let small = place("small");
        fs::write(&small, vec![7; 511]).unwrap();
        for path in [
            small.as_path(),
            Path::new("/dev/null"),
            Path::new("/"),
            Path::new("/nothing"),
        ] {
            let Err(Trouble::Missing(why)) = open(path, true) else {
                panic!("{} is a disk", path.display());
            };
            assert!(why.starts_with(&path.display().to_string()), "{why}");
        }
        fs::remove_file(&small).unwrap();
    }

    #[test]
    fn a_uuid_is_sixteen_bytes() {
        let told = run("00112233-4455-6677-8899-aabbccddeeff\n");
        assert_eq!(
            told.map(u128::from_be_bytes),
            Some(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff)
        );
        // Two runs that have none would be one, and what is lost between them nobody would be told.
        for none in ["", "\n", "00112233-4455-6677-8899-aabbccddee", "what?"] {
            assert_eq!(run(none), None, "{none:?}");
        }
    }
}
