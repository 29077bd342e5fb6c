//! What a block device has on it, by its first bytes: a file system with its UUID and label.
//!
//! A device is mounted only if it is one of these: a member of a RAID or an LVM volume may look like a file
//! system and must not be. Sources: Linux `fs/ext4/ext4.h`, `fs/xfs/libxfs/xfs_format.h`,
//! `include/uapi/linux/btrfs_tree.h`, `fs/fat/`, `include/uapi/linux/raid/md_p.h`.

/// How many bytes of a device's beginning are asked for: to btrfs' superblock and its label.
pub const HEAD_BYTES: usize = 0x1_0000 + 0x1000;
/// How many of its end, where the older RAID superblocks are.
pub const TAIL_BYTES: usize = 128 << 10;

/// A file system that can be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// As `mount` calls it.
    pub kind: &'static str,
    /// Options with which nothing is written, the journal's replay neither.
    pub options: &'static str,
    /// As `blkid` writes it.
    pub uuid: String,
    /// Its label; empty if it has none.
    pub label: String,
}

/// The first bytes of md's superblocks, which all have it at multiples of 4 KiB.
const MD_MAGIC: [u8; 4] = 0xa92b_4efc_u32.to_le_bytes();

/// What is there; `None` for what is not one of ours.
#[must_use]
pub fn read(head: &[u8], tail: &[u8]) -> Option<Superblock> {
    let is_member = |bytes: &[u8]| bytes.chunks(4096).any(|block| block.starts_with(&MD_MAGIC));
    if is_member(head) || is_member(tail) {
        return None;
    }
    let at = |offset: usize, length: usize| head.get(offset..offset + length);
    let (kind, options, uuid, label) = if at(0x438, 2)? == [0x53, 0xef] {
        // A journal by itself (INCOMPAT_JOURNAL_DEV) is no file system.
        (at(0x460, 1)?[0] & 8 == 0).then_some(())?;
        ("ext4", "noload", uuid(at(0x468, 16)?), text(at(0x478, 16)?))
    } else if at(0, 4)? == *b"XFSB" {
        (
            "xfs",
            "norecovery,nouuid",
            uuid(at(32, 16)?),
            text(at(108, 12)?),
        )
    } else if at(0x1_0040, 8)? == *b"_BHRfS_M" {
        (
            "btrfs",
            "rescue=nologreplay",
            uuid(at(0x1_0020, 16)?),
            text(at(0x1_012b, 256)?),
        )
    } else if at(510, 2)? == [0x55, 0xaa] && at(82, 8)? == *b"FAT32   " {
        ("vfat", "", serial(at(67, 4)?), text(at(71, 11)?))
    } else if at(510, 2)? == [0x55, 0xaa] && (at(54, 5)? == *b"FAT16" || at(54, 5)? == *b"FAT12") {
        ("vfat", "", serial(at(39, 4)?), text(at(43, 11)?))
    } else {
        return None;
    };
    Some(Superblock {
        kind,
        options,
        uuid,
        label,
    })
}

fn uuid(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

fn serial(bytes: &[u8]) -> String {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    format!(
        "{:02X}{:02X}-{:02X}{:02X}",
        byte(3),
        byte(2),
        byte(1),
        byte(0)
    )
}

/// Up to the first zero, without the spaces that fill a FAT's.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    text.trim_end()
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn device(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD_BYTES];
        for (at, bytes) in parts {
            head[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    const UUID: [u8; 16] = [
        0x8a, 0x30, 0x5c, 0xf8, 0xc2, 0xd7, 0x49, 0x58, 0x95, 0x5f, 0xe4, 0x11, 9, 0xd1, 0x57, 1,
    ];
    const WRITTEN: &str = "8a305cf8-c2d7-4958-955f-e41109d15701";

    #[test]
    fn each_kind() {
        let ext4 = device(&[(0x438, &[0x53, 0xef]), (0x468, &UUID), (0x478, b"root")]);
        let xfs = device(&[(0, b"XFSB"), (32, &UUID), (108, b"root")]);
        let btrfs = device(&[
            (0x1_0040, b"_BHRfS_M"),
            (0x1_0020, &UUID),
            (0x1_012b, b"root"),
        ]);
        for (head, kind) in [(&ext4, "ext4"), (&xfs, "xfs"), (&btrfs, "btrfs")] {
            let found = read(head, &[]).expect(kind);
            assert_eq!(
                (found.kind, found.uuid.as_str(), found.label.as_str()),
                (kind, WRITTEN, "root")
            );
        }
        let fat = device(&[
            (510, &[0x55, 0xaa]),
            (82, b"FAT32   "),
            (67, &[0x78, 0x56, 0x34, 0x12]),
            (71, b"ESP        "),
        ]);
        let found = read(&fat, &[]).expect("vfat");
        assert_eq!(
            (found.uuid.as_str(), found.label.as_str()),
            ("1234-5678", "ESP")
        );
    }

    #[test]
    fn what_is_not_to_be_mounted() {
        let ext4: [(usize, &[u8]); 2] = [(0x438, &[0x53, 0xef]), (0x468, &UUID)];
        assert!(read(&device(&ext4), &[0; TAIL_BYTES]).is_some());
        // A mirror's half: version 1.0 of its superblock is at the end, the file system at the beginning.
        let mut tail = vec![0; TAIL_BYTES];
        tail[TAIL_BYTES - 8192..][..4].copy_from_slice(&MD_MAGIC);
        assert_eq!(read(&device(&ext4), &tail), None);
        let mut with_md = ext4.to_vec();
        with_md.push((4096, &MD_MAGIC));
        assert_eq!(read(&device(&with_md), &[]), None);
        assert_eq!(read(&device(&[ext4[0], (0x460, &[8])]), &[]), None);
        assert_eq!(read(&device(&[]), &[]), None);
        assert_eq!(read(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes(head in proptest::collection::vec(any::<u8>(), 0..2048), kind in 0..4usize) {
            let mut head = head;
            let (at, magic): (usize, &[u8]) = [(0, &b"XFSB"[..]), (0x438, &[0x53, 0xef]), (510, &[0x55, 0xaa]), (1, b"")][kind];
            if head.len() > at + magic.len() {
                head[at..at + magic.len()].copy_from_slice(magic);
            }
            let _ = read(&head, &head);
        }
    }
}
