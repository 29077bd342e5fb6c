//! The boot entries of the disks that a partition has, and going over to one of them by kexec.
//!
//! ```text
//! disks (sysfs, superblock, mounts) -> Files -> grub (its script run), entries (Boot Loader Specification),
//!        links (/vmlinuz) -> Menu -> choose (the console, three seconds) -> enter (kexec)
//! ```
//!
//! All but [`disks`], [`console`], [`assessed`] and [`enter`] are values in, values out. What stands on a disk is not
//! trusted: sizes, depths and steps are bounded, and what is not understood is said.

pub mod assessed;
pub mod console;
pub mod disks;
pub mod enter;
pub mod entries;
pub mod environment;
pub mod grub;
pub mod links;
pub mod menu;
#[cfg(test)]
mod menu_tests;
pub mod superblock;
pub mod version;

mod run;
pub use run::run;

/// Which file system of those that there are.
pub type Volume = usize;

/// A file on one of the disks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its file system.
    pub volume: Volume,
    /// Its path from that file system's root.
    pub path: String,
}

impl Place {
    /// That file.
    #[must_use]
    pub fn new(volume: Volume, path: &str) -> Self {
        Self {
            volume,
            path: path.to_string(),
        }
    }
}

/// How a file system is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Its UUID, as `blkid` writes it.
    Uuid,
    /// Its label.
    Label,
    /// A file in it.
    File,
}

/// What is on the disks.
pub trait Files {
    /// How many file systems there are.
    fn volumes(&self) -> usize;
    /// The UUID and the label of one.
    fn names(&self, volume: Volume) -> (String, String);
    /// A file's bytes; `None` if it is not there, is no file or has more than `most`.
    fn read(&self, place: &Place, most: usize) -> Option<Vec<u8>>;
    /// The names in a folder, in any order.
    fn list(&self, place: &Place) -> Vec<String>;
    /// The bytes of a file; `None` if there is none.
    fn size(&self, place: &Place) -> Option<u64>;
    /// Whether there is a folder.
    fn is_folder(&self, place: &Place) -> bool;

    /// The first file system that is called so.
    fn find(&self, by: By, what: &str) -> Option<Volume> {
        (0..self.volumes()).find(|volume| match by {
            By::Uuid => self.names(*volume).0.eq_ignore_ascii_case(what) && !what.is_empty(),
            By::Label => self.names(*volume).1 == what && !what.is_empty(),
            By::File => self.size(&Place::new(*volume, what)).is_some(),
        })
    }
}

/// What is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The kernel.
    pub kernel: Option<Place>,
    /// Its initial RAM disks, which it gets one behind the other.
    pub initrds: Vec<Place>,
    /// Its parameters, as the entry has them.
    pub options: String,
}
