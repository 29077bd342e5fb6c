//! The links to the newest kernel and the one before, which Debian keeps beside each other: what there is to
//! boot where no loader was ever set up.

use super::{Files, Place, Target, Volume};

/// Kernels and their initial RAM disks, as the links are called (`linux-update-symlinks`), the newest first.
const NAMES: [(&str, &str); 6] = [
    ("/vmlinuz", "/initrd.img"),
    ("/boot/vmlinuz", "/boot/initrd.img"),
    ("/boot/vmlinuz-linux", "/boot/initramfs-linux.img"),
    ("/vmlinuz-linux", "/initramfs-linux.img"),
    ("/vmlinuz.old", "/initrd.img.old"),
    ("/boot/vmlinuz.old", "/boot/initrd.img.old"),
];

/// The kernels that a root file system's links lead to.
#[must_use]
pub fn of(files: &dyn Files, volume: Volume) -> Vec<(String, Target)> {
    // One without it is a `/boot` of its own: what the root is, nobody says there.
    if !files.is_folder(&Place::new(volume, "/etc")) {
        return Vec::new();
    }
    let (uuid, _) = files.names(volume);
    let mut found = Vec::new();
    for (kernel, initrd) in NAMES {
        let (kernel, initrd) = (Place::new(volume, kernel), Place::new(volume, initrd));
        if files.size(&kernel).is_none() {
            continue;
        }
        let title = format!("{} of {uuid}", kernel.path);
        let initrds: Vec<Place> = files.size(&initrd).map(|_| initrd).into_iter().collect();
        // A kernel without an initial RAM disk knows no UUIDs; then the operator says root=.
        let root = if initrds.is_empty() {
            String::new()
        } else {
            format!("root=UUID={uuid} ro")
        };
        let target = Target {
            kernel: Some(kernel),
            initrds,
            options: root,
        };
        found.push((title, target));
    }
    found
}
