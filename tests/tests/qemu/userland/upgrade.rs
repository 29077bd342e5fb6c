//! A new kernel by the packages of a whole Debian.

use std::process::Command;
use std::time::Duration;

use bulkhead_tests::build_folder;
use bulkhead_tests::devices::Device;
use bulkhead_tests::qemu::Running;

use super::{BOOT, COM, PROMPT, TOOL, is_right, made, start};

/// The kernel's package is upgraded inside. What is booted stays what the loader brought, until it
/// brings the new files, as `docs/userland.md` has it.
pub(super) fn kernel_upgrade() {
    let source = made("bookworm");
    let read = |name: &str| std::fs::read_to_string(source.join(name)).expect("it was made");
    let (old, new) = (read("release"), read("newer"));
    let (old, new) = (old.trim(), new.trim());
    assert_ne!(
        new, "none",
        "the archive has no newer kernel: there is nothing to upgrade to"
    );
    let folder = build_folder().join("tests/userland_upgrade");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let disk = folder.join("disk");
    run(Command::new("cp")
        .arg("--sparse=always")
        .arg(source.join("disk"))
        .arg(&disk));

    let mut machine = start("userland_upgrade", &source, Device::virtio_blk(&disk));
    full_upgrade(&mut machine);
    machine.com(COM).send("systemctl reboot\r");
    machine.wait_for_within(1, "* one: rebooted", BOOT);
    // The shell that asked for it has written one more.
    machine.com(COM).skip();
    machine.wait_for_within(COM, PROMPT, BOOT);
    machine.linux_expect(COM, "uname -r", old);
    machine.com(COM).send("systemctl poweroff\r");
    machine.wait_for_within(1, "* one: powered-off", BOOT);
    drop(machine);

    for (name, inside) in [("vmlinuz", "vmlinuz"), ("initrd", "initrd.img")] {
        let request = format!("dump /boot/{inside}-{new} {}", folder.join(name).display());
        let root = format!("{}?offset={ROOT_OFFSET}", disk.display());
        run(Command::new("/sbin/debugfs").args(["-R", &request, &root]));
    }
    let mut machine = start("userland_upgraded", &folder, Device::virtio_blk(&disk));
    machine.linux_expect(COM, "uname -r", new);
    is_right(&mut machine);
    machine.com(COM).send("systemctl poweroff\r");
    machine.wait_for_within(1, "* one: powered-off", BOOT);
    drop(machine);
    std::fs::remove_file(disk).expect("it is there");
}

/// By apt, without a network.
pub(super) fn full_upgrade(machine: &mut Running) {
    // Emulated, a RAM disk with all modules takes ten minutes, and safe writing three.
    machine.linux(
        COM,
        "systemctl stop apt-daily.timer apt-daily-upgrade.timer kdump-tools; \
         echo MODULES=dep >/etc/initramfs-tools/conf.d/quick; \
         echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/quick; cp /srv/upgrade.list /etc/apt/sources.list.d",
    );
    machine.linux_within(COM, "apt-get update -qq", TOOL);
    let upgrade = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y full-upgrade >/var/log/up 2>&1; \
                   echo ended=$?; sync";
    let said = machine.linux_within(COM, upgrade, UPGRADE);
    assert!(said.contains("ended=0"), "{said}");
}

/// Where `tools/userland` puts the root file system: behind 1 MiB and a system partition of 64 MiB.
pub(super) const ROOT_OFFSET: u32 = 65 << 20;
/// A package of 70 MB unpacked, and two initial RAM disks.
const UPGRADE: Duration = Duration::from_secs(900);

pub(super) fn run(command: &mut Command) {
    let status = command.status().expect("it can be run");
    assert!(status.success(), "{command:?} failed");
}
