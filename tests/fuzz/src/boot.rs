//! What is on a disk that a partition boots from: superblocks, GRUB's scripts and environment, entries of the
//! Boot Loader Specification.

use std::collections::BTreeMap;

use bulkheadctl::boot::environment::Environment;
use bulkheadctl::boot::menu::Menu;
use bulkheadctl::boot::superblock;
use bulkheadctl::boot::version::compare;
use bulkheadctl::boot::{Files, Place, Volume, entries};

use crate::Target;
use crate::bytes::text;

pub(crate) const TARGETS: [Target; 4] = [
    Target {
        name: "grub",
        most: 2048,
        run: grub,
        seeds: || {
            let scripts: [&[u8]; 2] = [
                b"set default=\"0\"\nif [ -s $prefix/grubenv ]; then\n load_env\nfi\nif [ \"${next_entry}\" ] ; then set default=\"${next_entry}\"\nset next_entry=\nsave_env next_entry\nset boot_once=true\nfi\n\
                  function load_video { if [ x$a = xy ]; then insmod b; else insmod c; fi }\n\
                  menuentry 'Debian' --class debian $menuentry_id_option 'gnulinux-simple' {\n load_video\n search --no-floppy --fs-uuid --set=root 11-22\n linux /vmlinuz root=UUID=1 ro quiet\n initrd /initrd.img\n}\n\
                  submenu 'More' $menuentry_id_option 'gnulinux-advanced' {\n menuentry 'Old' --id old { linux /vmlinuz-1 ro; initrd /initrd.img }\n}\n",
                b"blscfg\nfor a in 1 2 3; do echo $a; done\nwhile false; do true; done\nuntil true; do false; done\nset x=\"a${b}c\"\nsource /boot/grub/custom.cfg\n",
            ];
            scripts.map(<[u8]>::to_vec).to_vec()
        },
    },
    Target {
        name: "bls",
        most: 1024,
        run: bls,
        seeds: || {
            vec![b"a+3-1.conf\0title Fedora 41\nversion 6.12.1-2.fc41\nmachine-id 0123\nsort-key fedora\nlinux /vmlinuz\ninitrd /initrd $tuned\noptions root=/dev/x $kernelopts\n".to_vec()]
        },
    },
    Target {
        name: "grubenv",
        most: 1024,
        run: |bytes| {
            if let Some(mut block) = Environment::parse(bytes) {
                let _ = block.iter().count();
                block.set("next_entry", Some("a\\b\nc"));
                if let Some(written) = block.to_bytes() {
                    assert_eq!(written.len(), bytes.len());
                    let again = Environment::parse(&written).expect("what is written can be read");
                    let mut found = again.iter().filter(|(name, _)| *name == "next_entry");
                    assert_eq!(found.next(), Some(("next_entry", "a\\b\nc")));
                }
            }
        },
        seeds: || {
            let mut block =
                b"# GRUB Environment Block\nsaved_entry=0\nnext_entry=a\\\\b\n".to_vec();
            block.resize(256, b'#');
            vec![block]
        },
    },
    Target {
        name: "superblock",
        most: 2048,
        run: of_superblock,
        seeds: || {
            let mut ext4 = vec![0; 1200];
            ext4[0x438..0x43a].copy_from_slice(&[0x53, 0xef]);
            let mut fat = vec![0; 512];
            fat[510..].copy_from_slice(&[0x55, 0xaa]);
            fat[82..90].copy_from_slice(b"FAT32   ");
            vec![ext4, fat, b"XFSB".to_vec()]
        },
    },
];

/// One file system, with these files.
struct Disk(BTreeMap<String, Vec<u8>>);

impl Files for Disk {
    fn volumes(&self) -> usize {
        1
    }
    fn names(&self, _: Volume) -> (String, String) {
        ("11-22".to_string(), "label".to_string())
    }
    fn read(&self, place: &Place, most: usize) -> Option<Vec<u8>> {
        let bytes = self.0.get(&place.path).filter(|_| place.volume == 0)?;
        (bytes.len() <= most).then(|| bytes.clone())
    }
    fn list(&self, place: &Place) -> Vec<String> {
        let start = format!("{}/", place.path);
        let paths = self.0.keys().filter_map(|path| path.strip_prefix(&start));
        paths.map(str::to_string).collect()
    }
    fn size(&self, place: &Place) -> Option<u64> {
        self.read(place, usize::MAX).map(|bytes| bytes.len() as u64)
    }
    fn is_folder(&self, place: &Place) -> bool {
        !self.list(place).is_empty()
    }
}

fn disk(files: &[(&str, &[u8])]) -> Disk {
    let files = files.iter();
    Disk(
        files
            .map(|(path, bytes)| ((*path).to_string(), bytes.to_vec()))
            .collect(),
    )
}

/// All that an operator can do with what is found.
fn choose_all(disk: &Disk) {
    let mut menu = Menu::of(disk, None);
    assert!(menu.rows.len() <= 99 && menu.order.len() <= menu.rows.len());
    for row in 0..menu.rows.len() {
        let _ = menu.choose(row);
        let _ = menu.counted(row);
        let id = menu.rows[row].id.clone();
        let _ = menu.find(&id);
    }
    let _ = menu.take_written();
}

fn grub(bytes: &[u8]) {
    let mut block = b"# GRUB Environment Block\nnext_entry=old\n".to_vec();
    block.resize(1024, b'#');
    choose_all(&disk(&[
        ("/boot/grub/grub.cfg", bytes),
        ("/boot/grub/grubenv", &block),
        (
            "/boot/grub/custom.cfg",
            b"set a=b\nmenuentry x { linux /vmlinuz }\n",
        ),
        ("/vmlinuz", b"x"),
        ("/loader/entries/a.conf", b"title a\nlinux /vmlinuz\n"),
    ]));
}

/// The file's name, a zero, what is in it.
fn bls(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0);
    let (name, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let name = text(name);
    let _ = entries::parse(&name, rest.get(1..).unwrap_or_default(), 0);
    let (one, other) = name.split_at(name.floor_char_boundary(name.len() / 2));
    assert_eq!(compare(one, other), compare(other, one).reverse());
    let path = format!("/loader/entries/{name}");
    choose_all(&disk(&[
        (&path, rest.get(1..).unwrap_or_default()),
        ("/loader/entries/b.conf", b"title b\nlinux /vmlinuz\n"),
        ("/loader/loader.conf", rest),
        ("/vmlinuz", b"x"),
    ]));
}

/// The first bytes, of which what is in btrfs' place is the end.
fn of_superblock(bytes: &[u8]) {
    let _ = superblock::read(bytes, &[]);
    let mut head = bytes.to_vec();
    head.resize(0x1_0000, 0);
    head.extend(&bytes[bytes.len() / 2..]);
    let _ = superblock::read(&head, bytes);
}
