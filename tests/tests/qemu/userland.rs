//! A whole Debian by systemd in a partition, as `tools/userland` makes it: no unit fails, no message
//! of level *err* but the one with a reason, and the tools that write EFI variables, measure, take
//! cores off, load the machine, and dump a crashed kernel do what they do elsewhere. What each says is in
//! `docs/userland.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running, has_kvm};
use bulkhead_tests::{Kernel, root};
use libtest_mimic::Trial;

use crate::long_story;
use crate::messages::assert_messages;

mod by_ssh;
mod own_disk;
mod package;
mod two;
mod upgrade;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        long_story("userland::debian_12", || {
            whole(
                "bookworm",
                "6.1.",
                "No hardware detected with firmware update",
            )
        }),
        // Its fwupd knows processors' microcode.
        long_story("userland::debian_13", || {
            whole("trixie", "6.12.", "Bulkhead Bulkhead partition")
        }),
        long_story("userland::kernel_upgrade", upgrade::kernel_upgrade),
        long_story("userland::own_disk_12", || {
            own_disk::own_disk("bookworm", Kernel::Debian612);
        }),
        long_story("userland::own_disk_13", || {
            own_disk::own_disk("trixie", Kernel::Debian61);
        }),
        long_story("userland::own_disk_upgrade", || {
            own_disk::upgrade("bookworm", Kernel::Debian612);
        }),
        long_story("userland::package_12", || {
            package::package("bookworm", false)
        }),
        long_story("userland::package_13", || package::package("trixie", false)),
        long_story("userland::package_upgrade", || {
            package::package("bookworm", true)
        }),
        long_story("userland::by_ssh", by_ssh::by_ssh),
        long_story("userland::two_at_once", two::two_at_once),
    ]
}

/// Until systemd has started all and a shell is there: one to two minutes, on a busy host more.
const BOOT: Duration = Duration::from_secs(600);
/// The slowest of the tools.
const TOOL: Duration = Duration::from_secs(200);
const PROMPT: &str = "debian# ";
const COM: usize = 2;

fn whole(suite: &str, release: &str, updatable: &str) {
    let mut machine = boot(suite);
    machine.linux_expect(COM, "uname -r", release);
    is_right(&mut machine);
    identity(&mut machine);
    loaders(&mut machine, updatable);
    machine.linux_expect(COM, "perf stat -a sleep 1 2>&1", "CPUs utilized");
    cores_off_and_on(&mut machine);
    let stress = "stress-ng --cpu 0 --vm 1 --vm-bytes 128M --hdd 1 --hdd-bytes 64M --switch 1 \
                  --timer 1 --timeout 60 2>&1 | tail -n 3";
    let stressed = machine.linux_within(COM, stress, TOOL);
    assert!(stressed.contains("successful run completed"), "{stressed}");
    is_right(&mut machine);
    crash_dump(&mut machine);
    is_right(&mut machine);
    machine.linux_expect(COM, "efibootmgr", "Linux Boot Manager");
    machine.com(COM).send("systemctl poweroff\r");
    machine.wait_for_within(1, "* one: powered-off", BOOT);
}

/// The folder that `tools/userland` makes once.
fn made(suite: &str) -> PathBuf {
    let output = Command::new(root().join("tools/userland"))
        .arg(suite)
        .output()
        .expect("tools/userland can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tools/userland: {said}");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// One partition with its disk; what it writes is gone with the machine.
fn boot(suite: &str) -> Running {
    let folder = made(suite);
    let disk = Device::virtio_blk(&folder.join("disk")).with_drive_option("snapshot=on");
    start(&format!("userland_{suite}"), &folder, disk)
}

/// One partition with that disk, and `vmlinuz` and `initrd` of a folder as the loader's images.
fn start(name: &str, images: &Path, disk: Device) -> Running {
    let iso = Iso::new(name)
        .image("linux", images.join("vmlinuz"))
        .image("initrd", images.join("initrd"))
        .script(
            "define one cores=1,2 memory=1536M kernel=linux initrd=initrd console=com2 \
             devices=01:00.0 cmdline=\"root=LABEL=root ro quiet crashkernel=256M\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .cores("3")
        .memory("3G")
        .board(&Board::new().device(disk))
        // The disk has a partition table, which a BIOS takes for something to boot.
        .arguments(&["-boot", "d"])
        .start();
    machine.wait_for_prompt();
    machine.wait_for_within(COM, PROMPT, BOOT);
    machine
}

/// Every unit has started, and the kernel says nothing that is not known.
fn is_right(machine: &mut Running) {
    has_started_all(machine, COM);
    assert_messages(machine, COM);
}

fn has_started_all(machine: &mut Running, com: usize) {
    let state = machine.linux_within(com, "systemctl is-system-running --wait", BOOT);
    let failed = machine.linux(com, "systemctl --failed --no-legend --plain");
    assert_eq!((state.as_str(), failed.as_str()), ("running", ""));
}

/// What programs make of the tables.
fn identity(machine: &mut Running) {
    let processor = if has_kvm() { "kvm" } else { "qemu" };
    assert_eq!(machine.linux(COM, "systemd-detect-virt"), processor);
    machine.linux_expect(COM, "hostnamectl", "Hardware Model: Bulkhead partition");
    let complaints = "dmidecode 2>&1 | grep -ciE 'bad|out of spec|invalid|wrong|broken|truncated'";
    assert_eq!(machine.linux(COM, complaints), "0");
    machine.linux_expect(COM, "dmesg | grep -i 'secure boot'", "Secure boot disabled");
}

/// What writes EFI variables.
fn loaders(machine: &mut Running, updatable: &str) {
    let mut expect = |line: &str, wanted: &str| {
        let output = machine.linux_within(COM, line, TOOL);
        assert!(
            output.contains(wanted),
            "{line} did not print {wanted:?}:\n{output}"
        );
    };
    expect(
        "grub-install --target=x86_64-efi 2>&1 | tail -n 1",
        "No error reported",
    );
    expect(
        "bootctl install 2>&1",
        "Created EFI boot entry \"Linux Boot Manager\"",
    );
    expect("bootctl status 2>&1", "Secure Boot: disabled");
    expect(
        "efibootmgr -q -c -d /dev/vda -p 1 -L another -l '\\EFI\\debian\\grubx64.efi'; efibootmgr",
        "Boot0002* another",
    );
    expect(
        "efibootmgr -o 0000,0001 | grep Order",
        "BootOrder: 0000,0001",
    );
    expect("efibootmgr -n 0002 | grep Next", "BootNext: 0002");
    expect(
        "efibootmgr -B -b 0002 | grep -c another; efibootmgr -N",
        "0",
    );
    expect("fwupdmgr get-devices --no-authenticate 2>&1", updatable);
    expect(
        "fwupdtool esp-list 2>&1",
        "/boot/efi/EFI/debian/grubx64.efi",
    );
}

fn cores_off_and_on(machine: &mut Running) {
    let file = "/sys/devices/system/cpu/cpu1/online";
    let twenty = format!(
        "for i in $(seq 20); do echo 0 >{file} && echo 1 >{file} && echo done; done | grep -c done"
    );
    assert_eq!(machine.linux_within(COM, &twenty, TOOL), "20");
    assert_eq!(machine.linux(COM, "nproc"), "2");
}

/// A panic on the second core, with a crash kernel loaded: that one boots in the partition, writes the
/// dump, and reboots, which is what Bulkhead hears of.
fn crash_dump(machine: &mut Running) {
    machine.linux_expect(COM, "kdump-config show", "ready to kdump");
    machine.com(COM).skip();
    machine
        .com(COM)
        .send("taskset -c 1 sh -c 'echo c > /proc/sysrq-trigger'\r");
    machine.wait_for_within(1, "* one: rebooted", BOOT);
    machine.wait_for_within(COM, PROMPT, BOOT);
    let dump = "cd /var/tmp && makedumpfile -R dump < $(ls /var/crash/*/dump.*) >/dev/null && \
                makedumpfile --dump-dmesg dump text >/dev/null && grep -o 'sysrq triggered crash' text";
    let found = machine.linux_within(COM, dump, TOOL);
    assert!(found.contains("sysrq triggered crash"), "{found}");
}
