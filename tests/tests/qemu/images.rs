//! What the loader brings: files of all kinds, several initrds for one kernel, a UKI.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bulkhead_fake::{cpio, pe};
use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, build_folder, demo_initrd, report, root};
use libtest_mimic::Trial;

use crate::{long_story, story, story_with};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("images::told_to_the_loader", told_to_the_loader),
        story("images::by_grub", || all(Loader::Grub)),
        story_with(Loader::Limine, "images::by_limine", || all(Loader::Limine)),
        long_story("images::large_initrds", || {
            large_initrd(700, "3G", "1G");
            large_initrd(1536, "6G", "2G");
        }),
    ]
}

/// Files of the wrong kinds, each with what its refusal as a kernel must say.
const WRONG: [(&str, &str); 4] = [
    ("zero", "is empty"),
    ("vmlinux", "a 64-bit ELF file for x86-64, not a bzImage"),
    ("packed", "a gzip file, not a bzImage (unpack it first"),
    ("image", "a kernel for arm64"),
];

fn all(loader: Loader) {
    let folder = build_folder().join("tests");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(format!("images-{name}"));
        std::fs::write(&path, bytes).expect("can be written");
        path
    };
    let kernel = std::fs::read(Kernel::Debian61Cloud.image()).expect("the kernel can be read");
    let demo = std::fs::read(demo_initrd()).expect("the demo can be read");
    let mut arm64 = vec![0; 4096];
    arm64[0x38..0x3c].copy_from_slice(b"ARM\x64");
    let [first, second, third] = archives(&put);
    let uki = pe(&[
        (".cmdline", b"bulkhead.name=uki quiet from=uki\n\0"),
        (".linux", &kernel),
        (".ucode", &cpio("of-ucode", b"yes")),
        (".initrd", &demo),
    ]);
    let iso = Iso::new(if loader == Loader::Grub {
        "images-grub"
    } else {
        "images-limine"
    })
    .loader(loader)
    .image("linux", Kernel::Debian61Cloud.image())
    .image("demo", demo_initrd())
    .image("first", first)
    .image("second", second)
    .image("third", third)
    .image("uki", put("uki", &[&uki[..], &[0xaa; 1234]].concat()))
    .image("zero", put("zero", b""))
    .image("vmlinux", "/bin/busybox")
    .image("packed", gzip(&Kernel::Debian61Cloud.image(), "packed"))
    .image("image", put("image", &arm64))
    .script(
        "define joined cores=1 memory=256M kernel=linux initrd=demo,first,second,third console=com2 \
             cmdline=\"bulkhead.name=joined quiet\"\n\
             define uki cores=2 memory=256M kernel=uki initrd=second console=com3\n\
             start joined uki\n",
    )
    .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    listed(&machine.command("images"));
    for (name, says) in WRONG {
        let line = format!("define wrong cores=3 memory=64M kernel={name}");
        machine.expect(&line, &["error: image ", name, says]);
    }
    machine.expect(
        "define wrong cores=3 memory=64M kernel=linux initrd=demo,zero",
        &["image \"zero\" is empty"],
    );

    assert_eq!(machine.wait_for_demo(2).name, "joined");
    // The second archive is not compressed: Linux finds it only where it is padded to.
    machine.linux_expect(2, "cat /which", "second");
    machine.linux_expect(2, "cat /only-first", "here");
    machine.linux_expect(2, "cat /packed /behind", "in front\nbehind it");
    assert_eq!(machine.wait_for_demo(3).name, "uki");
    machine.linux_expect(3, "cat /of-ucode", "yes");
    machine.linux_expect(3, "cat /which", "second");
    machine.linux_expect(3, "grep -c from=uki /proc/cmdline", "1");
    // Once more, from images that are as they were.
    machine.command("restart joined");
    machine.wait_for(1, "joined: launched run=2");
    machine.wait_for_demo(2);
    machine.linux_expect(2, "cat /which", "second");
}

/// GRUB is told to leave files as they are, and Bulkhead what they should be; an empty one is warned of, and what the
/// boot script names and nobody gave.
fn told_to_the_loader() {
    let folder = build_folder().join("tests");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let zero = folder.join("images-none");
    std::fs::write(&zero, b"").expect("can be written");
    let iso = Iso::new("images-told")
        .image("busybox", "/bin/busybox")
        .image("zero", &zero);
    let tftp = iso.make_tftp_folder();
    let config = std::fs::read_to_string(tftp.join("boot/grub/grub.cfg")).expect("can be read");
    let output = Command::new("cksum").arg("/bin/busybox").output();
    let output = output.expect("cksum can be run").stdout;
    let output = String::from_utf8(output).expect("text");
    let [sum, size, _] = output.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{output}")
    };
    let line = format!("module2 --nounzip /boot/img/busybox busybox size={size} cksum={sum}\n");
    assert!(config.contains(&line), "{config}");
    let modules = config.matches("module2 ").count();
    assert_eq!(config.matches("module2 --nounzip ").count(), modules);

    let output = Command::new(root().join("tools/mkiso"))
        .arg("grub")
        .arg(root().join("conf/demo.conf"))
        .arg(folder.join("images-told.iso"))
        .arg(format!("zero={}", zero.display()))
        .output()
        .expect("tools/mkiso can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("warning: image \"zero\" is empty"), "{said}");
    let missing = "not given: debian-6.1-cloud debian-6.12-cloud demo.img (given: zero)";
    assert!(said.contains(missing), "{said}");
}

/// An initrd of so many MiB, most of them the zeros that may stand between two archives: the file is a
/// sparse one, and only a Linux that has all of it finds the last archive.
fn large_initrd(mib: u64, memory: &str, own: &str) {
    let patience = Duration::from_secs(300);
    let name = format!("images-large-{mib}");
    let folder = build_folder().join("tests").join(&name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join("initrd");
    std::fs::copy(demo_initrd(), &path).expect("can be copied");
    let last = cpio("which", b"last");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path);
    let file = file.as_mut().expect("can be opened");
    let at = (mib << 20) - last.len() as u64;
    assert_eq!(at % 4, 0);
    file.seek(SeekFrom::Start(at)).expect("can be");
    file.write_all(&last).expect("can be written");

    let iso = Iso::new(&name)
        .image("linux", Kernel::Debian612Cloud.image())
        .image("large", &path)
        .script(&format!(
            "define one cores=1 memory={own} kernel=linux initrd=large console=com2 \
             cmdline=\"bulkhead.name=one quiet\"\n"
        ))
        .make();
    let mut machine = Machine::new(&iso, "run").memory(memory).start();
    machine.wait_for_within(1, "Bulkhead", patience);
    machine.wait_for_prompt();
    // Twice: the second from the image as it was.
    for start in ["start one", "restart one"] {
        machine.com(2).skip();
        machine.com(1).send(&format!("{start}\r"));
        machine.wait_for_within(2, report::BEGIN, patience);
        machine.wait_for_within(2, "# ", patience);
        machine.linux_expect(2, "cat /which", "last");
    }
    let shown = machine.command("show one");
    println!("{mib} MiB: {shown}");
    drop(machine);
    std::fs::remove_dir_all(&folder).expect("can be removed");
}

/// Each image is what was given to the loader.
fn listed(said: &str) {
    for (name, kind) in [
        ("linux", "kernel"),
        ("demo", "data"),
        ("first", "data"),
        ("second", "data"),
        ("third", "data"),
        ("uki", "UKI"),
        ("vmlinux", "data"),
        ("packed", "data"),
    ] {
        let row = said
            .lines()
            .find(|row| row.split_whitespace().next() == Some(name));
        let words: Vec<&str> = row.expect("it is listed").split_whitespace().collect();
        assert_eq!(words[2..4], [kind, "ok"], "{said}");
    }
    let zero = said
        .lines()
        .find(|row| row.starts_with("zero"))
        .expect("it is listed");
    assert!(zero.contains(" 0 ") && zero.contains(" empty "), "{zero}");
}

/// Two archives that both have `/which`. The first is compressed, and ends where no other may begin. And
/// a compressed one with another behind it, of which a loader that unpacks files would lose something.
fn archives(put: &impl Fn(&str, &[u8]) -> PathBuf) -> [PathBuf; 3] {
    let two = [cpio("which", b"first"), cpio("only-first", b"here")].concat();
    let plain = put("first.cpio", &two);
    let packed = gzip(&plain, "first");
    let mut bytes = std::fs::read(&packed).expect("can be read");
    // The name in gzip's header is as long as one likes; zeros behind an archive are skipped.
    while bytes.len() % 4 != 1 {
        bytes.push(0);
    }
    let packed = gzip(&put("packed.cpio", &cpio("packed", b"in front\n")), "front");
    let mut third = std::fs::read(&packed).expect("can be read");
    third.resize(third.len().next_multiple_of(4), 0);
    third.extend(cpio("behind", b"behind it"));
    [
        put("first", &bytes),
        put("second", &cpio("which", b"second")),
        put("third", &third),
    ]
}

fn gzip(path: &Path, name: &str) -> PathBuf {
    let out = build_folder()
        .join("tests")
        .join(format!("images-{name}.gz"));
    let file = std::fs::File::create(&out).expect("can be made");
    let mut gzip = Command::new("gzip");
    let status = gzip.arg("-cn").arg(path).stdout(file).status();
    assert!(status.expect("gzip can be run").success());
    out
}
