//! A writer of "newc" cpio archives, the form of Linux's initial RAM disks
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).
//!
//! The same entries give the same bytes, whatever the order they were added in and whoever runs
//! it: entries are sorted, times are 0, all belongs to root, inode numbers count up.

use std::collections::BTreeMap;

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// The kernel refuses longer names (`PATH_MAX` with its terminator).
const NAME_MAX_BYTES: usize = 4095;

/// An archive in the making.
#[derive(Default)]
pub(crate) struct Archive {
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    mode: u32,
    content: Vec<u8>,
}

impl Archive {
    /// Adds a regular file.
    pub(crate) fn file(
        &mut self,
        path: &str,
        permissions: u32,
        content: Vec<u8>,
    ) -> Result<(), String> {
        self.add(path, FILE | permissions, content)
    }

    /// Adds a directory, which need not be done for the parents of other entries.
    pub(crate) fn directory(&mut self, path: &str) -> Result<(), String> {
        self.add(path, DIRECTORY | 0o755, Vec::new())
    }

    /// Adds a symbolic link.
    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> Result<(), String> {
        self.add(path, SYMLINK | 0o777, target.as_bytes().to_vec())
    }

    /// Whether there is something at that path.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path.trim_matches('/'))
    }

    /// Paths are taken from the archive's root, with or without a leading slash.
    fn add(&mut self, path: &str, mode: u32, content: Vec<u8>) -> Result<(), String> {
        let name = path.trim_matches('/');
        let bad_part = |part| matches!(part, "" | "." | "..");
        if name.len() > NAME_MAX_BYTES || name.split('/').any(bad_part) || name.contains('\0') {
            return Err(format!("path \"{path}\" cannot be in an archive"));
        }
        if u32::try_from(content.len()).is_err() {
            return Err(format!(
                "\"{path}\" is too large for a cpio archive (4 GiB)"
            ));
        }
        // The kernel makes no parents by itself.
        for (slash, _) in name.match_indices('/') {
            let parent = self
                .entries
                .entry(name[..slash].into())
                .or_insert_with(|| Entry {
                    mode: DIRECTORY | 0o755,
                    content: Vec::new(),
                });
            if parent.mode & DIRECTORY == 0 {
                return Err(format!("\"{}\" is not a directory", &name[..slash]));
            }
        }
        let both_directories = |old: &Entry| old.mode == mode && mode & DIRECTORY != 0;
        if self
            .entries
            .get(name)
            .is_some_and(|old| !both_directories(old))
        {
            return Err(format!("\"{path}\" is in the archive twice"));
        }
        self.entries.insert(name.into(), Entry { mode, content });
        Ok(())
    }

    /// The archive's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // A BTreeMap's order puts "a" before "a/b": parents come first.
        for (inode, (name, entry)) in (1u32..).zip(&self.entries) {
            let links = if entry.mode & DIRECTORY != 0 { 2 } else { 1 };
            write_entry(&mut out, inode, entry.mode, links, name, &entry.content);
        }
        write_entry(&mut out, 0, 0, 1, "TRAILER!!!", &[]);
        // What `cpio` does too; a loader may append to it.
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "contents and names were checked on the way in"
)]
fn write_entry(out: &mut Vec<u8>, inode: u32, mode: u32, links: u32, name: &str, content: &[u8]) {
    let file_bytes = content.len() as u32;
    let name_bytes = name.len() as u32 + 1;
    out.extend_from_slice(b"070701");
    let (uid, gid, mtime, checksum) = (0, 0, 0, 0);
    let (major, minor, rdev_major, rdev_minor) = (0, 0, 0, 0);
    for field in [
        inode, mode, uid, gid, links, mtime, file_bytes, major, minor, rdev_major, rdev_minor,
        name_bytes, checksum,
    ] {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::process::{Command, Stdio};

    use super::*;

    fn sample() -> Archive {
        let mut archive = Archive::default();
        archive
            .file("/init", 0o755, b"#!/bin/sh\n".to_vec())
            .unwrap();
        archive.symlink("bin/sh", "busybox").unwrap();
        archive
            .file("etc/deep/motd", 0o644, b"hello".to_vec())
            .unwrap();
        archive.directory("proc").unwrap();
        archive
    }

    #[test]
    fn the_bytes_of_one_entry() {
        let mut archive = Archive::default();
        archive.file("ab", 0o644, b"xyz".to_vec()).unwrap();
        let bytes = archive.to_bytes();
        let header = "070701\
            00000001000081a40000000000000000000000010000000000000003\
            00000000000000000000000000000000\
            0000000300000000";
        assert_eq!(std::str::from_utf8(&bytes[..110]).unwrap(), header);
        // Name with its terminator, padded so that the content starts at a multiple of four.
        assert_eq!(&bytes[110..120], b"ab\0\0\0\0xyz\0".get(..10).unwrap());
        assert_eq!(bytes.len() % 512, 0);
    }

    #[test]
    fn order_of_adding_does_not_show() {
        let mut other = Archive::default();
        other.directory("proc").unwrap();
        other
            .file("etc/deep/motd", 0o644, b"hello".to_vec())
            .unwrap();
        other.symlink("/bin/sh", "busybox").unwrap();
        other.file("init", 0o755, b"#!/bin/sh\n".to_vec()).unwrap();
        assert_eq!(sample().to_bytes(), other.to_bytes());
    }

    #[test]
    fn refusals() {
        let mut archive = sample();
        for path in ["", "/", "..", "a/../b", "a//b", "a/./b", "a\0b"] {
            assert!(archive.file(path, 0o644, Vec::new()).is_err(), "{path:?}");
        }
        assert!(archive.file("init", 0o755, Vec::new()).is_err(), "twice");
        assert!(
            archive.file("init/x", 0o755, Vec::new()).is_err(),
            "under a file"
        );
        assert!(
            archive.file("etc", 0o644, Vec::new()).is_err(),
            "over a directory"
        );
        assert!(
            archive.directory("etc").is_ok(),
            "a directory may be named again"
        );
    }

    #[test]
    fn cpio_reads_it() {
        let listing = Command::new("cpio")
            .args(["-tv", "--quiet"])
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut listing = match listing {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped: no cpio here");
                return;
            }
            other => other.unwrap(),
        };
        listing
            .stdin
            .take()
            .unwrap()
            .write_all(&sample().to_bytes())
            .unwrap();
        let output = listing.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<(&str, &str)> = text
            .lines()
            .map(|line| {
                assert!(line.contains("root     root"), "{line}");
                assert!(line.contains("Jan  1  1970"), "{line}");
                let name = line.split_once("1970 ").unwrap().1;
                (&line[..10], name)
            })
            .collect();
        let expected = [
            ("drwxr-xr-x", "bin"),
            ("lrwxrwxrwx", "bin/sh -> busybox"),
            ("drwxr-xr-x", "etc"),
            ("drwxr-xr-x", "etc/deep"),
            ("-rw-r--r--", "etc/deep/motd"),
            ("-rwxr-xr-x", "init"),
            ("drwxr-xr-x", "proc"),
        ];
        assert_eq!(lines, expected);
    }
}
