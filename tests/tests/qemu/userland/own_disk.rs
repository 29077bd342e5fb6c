//! Whole Debians that boot from their own disks: what the loader's medium has is another kernel and boot.img.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, boot_image, build_folder};

use super::{BOOT, COM, PROMPT, TOOL, has_started_all, is_right, made};

/// The kernel on the medium is not the disk's: which one runs tells who booted it.
pub(super) fn own_disk(suite: &str, kernel: Kernel) {
    let folder = made(suite);
    let release = std::fs::read_to_string(folder.join("release")).expect("it was made");
    let release = release.trim();
    assert_ne!(release, kernel.release(), "nothing would be seen");
    let disk = copy(&folder, suite);
    let mut machine = start(suite, kernel, &disk);
    machine.wait_for(COM, "/vmlinuz of ");
    is_there(&mut machine, release);
    is_right(&mut machine);
    let line = machine.linux(COM, "cat /proc/cmdline");
    assert!(
        line.contains("root=UUID=") && line.contains("no_ipi_broadcast=1"),
        "{line}"
    );
    assert!(
        line.contains("crashkernel=256M") && !line.contains("bulkhead."),
        "{line}"
    );
    assert_eq!(machine.linux(COM, "nproc"), "2");
    installed(&mut machine);
    reboot(&mut machine);
    machine.wait_for_within(COM, "*  1  Debian GNU/Linux", BOOT);
    is_there(&mut machine, release);
    for_once(&mut machine, release);
    falls_back(&mut machine, release);
    machine.com(COM).send("systemctl poweroff\r");
    machine.wait_for_within(1, "* one: powered-off", BOOT);
    drop(machine);
    std::fs::remove_file(disk).expect("it is there");
}

/// What an installed Debian has, and two entries that are no good.
fn installed(machine: &mut Running) {
    machine.linux_within(
        COM,
        "grub-install --target=x86_64-efi 2>&1 | tail -n 1",
        TOOL,
    );
    machine.linux(
        COM,
        "k=/boot/vmlinuz-$(uname -r); head -c 100000 $k >/boot/broken; \
         printf 'set fallback=0\\nmenuentry broken {\\n linux /boot/broken root=/dev/x\\n}\\n\
         menuentry panics {\\n linux %s root=/dev/x\\n}\\n' $k >/boot/grub/custom.cfg",
    );
    let said = machine.linux_within(COM, "update-grub 2>&1 | tail -n 1", TOOL);
    assert!(said.contains("done"), "{said}");
}

/// A kernel that panics, for once: the machine comes back with the default, and nobody did anything.
fn for_once(machine: &mut Running, release: &str) {
    machine.linux(COM, "grub-reboot panics");
    machine.linux_expect(COM, "grub-editenv list", "next_entry=panics");
    machine.com(COM).send("systemctl reboot\r");
    machine.wait_for_within(1, "* one: rebooted", BOOT);
    machine.com(COM).skip();
    machine.wait_for_within(
        1,
        "* one: failed reason=\"panic: VFS: Unable to mount root fs",
        BOOT,
    );
    machine.wait_for_within(COM, "*  1  Debian GNU/Linux", BOOT);
    is_there(machine, release);
    assert_eq!(machine.linux(COM, "grub-editenv list"), "");
}

/// A kernel that can't be loaded: `fallback` of the script says what is booted instead.
fn falls_back(machine: &mut Running, release: &str) {
    machine.linux(COM, "grub-reboot broken");
    reboot(machine);
    machine.wait_for_within(COM, "\"broken\" can't be booted: /boot/broken", BOOT);
    is_there(machine, release);
    assert_eq!(machine.linux(COM, "grub-editenv list"), "");
}

/// The kernel's package is upgraded inside; nothing changes on the medium.
pub(super) fn upgrade(suite: &str, kernel: Kernel) {
    let folder = made(suite);
    let newer = std::fs::read_to_string(folder.join("newer")).expect("it was made");
    let newer = newer.trim();
    assert_ne!(
        newer, "none",
        "the archive has no newer kernel: there is nothing to upgrade to"
    );
    let disk = copy(&folder, &format!("{suite}_upgrade"));
    let mut machine = start(&format!("{suite}_upgrade"), kernel, &disk);
    machine.wait_for_within(COM, PROMPT, BOOT);
    installed(&mut machine);
    super::upgrade::full_upgrade(&mut machine);
    reboot(&mut machine);
    is_there(&mut machine, newer);
    is_right(&mut machine);
    machine.com(COM).send("systemctl poweroff\r");
    machine.wait_for_within(1, "* one: powered-off", BOOT);
    drop(machine);
    std::fs::remove_file(disk).expect("it is there");
}

fn reboot(machine: &mut Running) {
    machine.com(COM).send("systemctl reboot\r");
    machine.wait_for_within(1, "* one: rebooted", BOOT);
    machine.com(COM).skip();
}

/// Up to its prompt, with that kernel.
fn is_there(machine: &mut Running, release: &str) {
    machine.wait_for_within(COM, PROMPT, BOOT);
    machine.linux_expect(COM, "uname -r", release);
    has_started_all(machine, COM);
}

pub(super) fn copy(folder: &Path, name: &str) -> PathBuf {
    let out = build_folder()
        .join("tests")
        .join(format!("own_disk_{name}"));
    std::fs::create_dir_all(&out).expect("the folder can be made");
    let disk = out.join("disk");
    let mut copy = Command::new("cp");
    copy.arg("--sparse=always")
        .arg(folder.join("disk"))
        .arg(&disk);
    assert!(copy.status().expect("cp can be run").success());
    disk
}

fn start(name: &str, kernel: Kernel, disk: &Path) -> Running {
    let iso = Iso::new(&format!("own_disk_{name}"))
        .image("linux", kernel.image())
        .image("boot", boot_image(kernel))
        .script(
            "define one cores=1,2 memory=1536M kernel=linux initrd=boot console=com2 \
             devices=01:00.0 cmdline=\"crashkernel=256M\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .cores("3")
        .memory("3G")
        .board(&Board::new().device(Device::nvme(disk)))
        .arguments(&["-boot", "d"])
        .start();
    machine.wait_for_prompt();
    machine
}
