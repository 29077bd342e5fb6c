//! The disks themselves: found in sysfs, mounted so that nothing is written, blocks written in place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::superblock::{self, HEAD_BYTES, Superblock, TAIL_BYTES};
use super::{Files, Place, Volume};
use crate::bounded;

/// Where they are mounted.
const FOLDER: &str = "/run/bulkhead-boot";
/// What has disks' names and none of their own.
const NO_DISKS: [&str; 4] = ["ram", "loop", "zram", "nbd"];
const MOST_VOLUMES: usize = 64;

/// A file system that is mounted.
#[derive(Debug)]
pub struct Mounted {
    /// The block device.
    pub device: PathBuf,
    /// What it has.
    pub superblock: Superblock,
    folder: PathBuf,
    /// Its root, below which everything is looked for, whatever a link says.
    root: Option<File>,
}

/// All that are mounted; none any more when it is dropped.
#[derive(Debug, Default)]
pub struct Disks {
    mounted: Vec<Mounted>,
    /// What could not be mounted.
    pub complaints: Vec<String>,
}

impl Disks {
    /// Mounts what there is.
    ///
    /// # Errors
    /// sysfs can't be read.
    pub fn gather() -> io::Result<Self> {
        let mut names: Vec<String> = fs::read_dir("/sys/class/block")?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !NO_DISKS.iter().any(|no| name.starts_with(no)))
            .collect();
        names.sort();
        let mut disks = Self::default();
        for name in names.iter().take(MOST_VOLUMES) {
            let device = Path::new("/dev").join(name);
            // A drive without a medium can't be read, which is no fault.
            let Some(superblock) = look(&device).ok().flatten() else {
                continue;
            };
            let folder = Path::new(FOLDER).join(name);
            let mut one = Mounted {
                device,
                superblock,
                folder,
                root: None,
            };
            match one.mount() {
                Ok(()) => disks.mounted.push(one),
                Err(error) => disks.complaints.push(format!(
                    "{} ({}) can't be mounted: {error}",
                    one.device.display(),
                    one.superblock.kind
                )),
            }
        }
        Ok(disks)
    }

    /// One of them.
    #[must_use]
    pub fn mounted(&self, volume: Volume) -> Option<&Mounted> {
        self.mounted.get(volume)
    }

    /// Opens a file. It is not followed out of its file system.
    ///
    /// # Errors
    /// It can't be opened, or is none.
    pub fn open(&self, place: &Place) -> io::Result<File> {
        let file = self.open_any(place, OFlags::RDONLY | OFlags::NONBLOCK)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    fn open_any(&self, place: &Place, flags: OFlags) -> io::Result<File> {
        let root = self
            .mounted
            .get(place.volume)
            .and_then(|one| one.root.as_ref())
            .ok_or(io::ErrorKind::NotFound)?;
        let path = place.path.trim_start_matches('/');
        let opened = openat2(
            root,
            if path.is_empty() { "." } else { path },
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )?;
        Ok(opened.into())
    }

    /// Writes the same number of bytes over a file's, on the block where they are, as GRUB does: neither a
    /// journal nor another file is touched.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn write_in_place(&mut self, place: &Place, bytes: &[u8]) -> Result<(), String> {
        let said = |error: io::Error| error.to_string();
        let old = self
            .read(place, bytes.len())
            .filter(|old| old.len() == bytes.len());
        let old = old.ok_or("its size is another")?;
        let one = &self.mounted[place.volume];
        let path = one.folder.join(place.path.trim_start_matches('/'));
        let output = Command::new("blockof").arg(&path).output().map_err(said)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let offset = text
            .trim()
            .parse::<u64>()
            .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_string())?;
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&one.device)
            .map_err(said)?;
        let mut there = vec![0; bytes.len()];
        device.read_exact_at(&mut there, offset).map_err(said)?;
        if there != old {
            return Err("it is not where it is said to be".to_string());
        }
        let one = &mut self.mounted[place.volume];
        one.unmount();
        let written = device
            .write_all_at(bytes, offset)
            .and_then(|()| device.sync_all());
        one.mount().map_err(said)?;
        written.map_err(said)
    }

    /// Renames a file in its folder, on a file system that has no journal.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn rename(
        &mut self,
        volume: Volume,
        folder: &str,
        from: &str,
        to: &str,
    ) -> Result<(), String> {
        let said = |error: io::Error| error.to_string();
        let one = self
            .mounted
            .get_mut(volume)
            .ok_or("there is no such file system")?;
        if one.superblock.kind != "vfat" {
            return Err(format!("on {} nothing is renamed", one.superblock.kind));
        }
        one.unmount();
        let device = one.device.clone();
        mount(
            &device,
            &one.folder,
            one.superblock.kind,
            MountFlags::NODEV | MountFlags::NOEXEC,
            None,
        )
        .map_err(|error| said(error.into()))?;
        let folder = one.folder.join(folder.trim_start_matches('/'));
        let renamed = fs::rename(folder.join(from), folder.join(to));
        one.unmount();
        one.mount().map_err(said)?;
        renamed.map_err(said)
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        self.mounted.iter_mut().for_each(Mounted::unmount);
    }
}

impl Mounted {
    fn mount(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let flags =
            MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        let options = std::ffi::CString::new(self.superblock.options)?;
        mount(
            &self.device,
            &self.folder,
            self.superblock.kind,
            flags,
            options.as_c_str(),
        )?;
        self.root = Some(File::open(&self.folder)?);
        Ok(())
    }

    fn unmount(&mut self) {
        self.root = None;
        // One that is busy is let go when nobody uses it any more.
        let _ = unmount(&self.folder, UnmountFlags::empty())
            .or_else(|_| unmount(&self.folder, UnmountFlags::DETACH));
    }
}

fn look(device: &Path) -> io::Result<Option<Superblock>> {
    let mut file = File::open(device)?;
    let bytes = file.seek(SeekFrom::End(0))?;
    let part = |at: u64, most: usize| {
        let most = usize::try_from(bytes - at).unwrap_or(most).min(most);
        let mut part = vec![0; most];
        file.read_exact_at(&mut part, at).map(|()| part)
    };
    let head = part(0, HEAD_BYTES)?;
    // Aligned, as what is looked for there is.
    let tail = bytes
        .saturating_sub(TAIL_BYTES as u64)
        .next_multiple_of(4096)
        .min(bytes);
    Ok(superblock::read(&head, &part(tail, TAIL_BYTES)?))
}

impl Files for Disks {
    fn volumes(&self) -> usize {
        self.mounted.len()
    }

    fn names(&self, volume: Volume) -> (String, String) {
        let one = self.mounted.get(volume).map(|one| &one.superblock);
        one.map(|one| (one.uuid.clone(), one.label.clone()))
            .unwrap_or_default()
    }

    fn read(&self, place: &Place, most: usize) -> Option<Vec<u8>> {
        bounded::all(self.open(place).ok()?, most as u64).ok()
    }

    fn list(&self, place: &Place) -> Vec<String> {
        let folder = self.open_any(place, OFlags::RDONLY | OFlags::DIRECTORY);
        let entries = folder
            .ok()
            .and_then(|folder| rustix::fs::Dir::read_from(folder).ok());
        let names = entries.into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_string));
        names.take(4096).collect()
    }

    fn size(&self, place: &Place) -> Option<u64> {
        Some(self.open(place).ok()?.metadata().ok()?.len())
    }

    fn is_folder(&self, place: &Place) -> bool {
        self.open_any(place, OFlags::PATH | OFlags::DIRECTORY)
            .is_ok()
    }
}
