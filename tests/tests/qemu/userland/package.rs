//! Bulkhead's Debian package in a stock Debian on an NVMe disk: installed, booted, upgraded, removed.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::build_folder;
use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::qemu::{Firmware, Machine, Running};

use super::upgrade::{ROOT_OFFSET, full_upgrade, run};
use super::{BOOT, COM, PROMPT, TOOL, has_started_all, made, own_disk};

/// The script that the administrator writes: this Debian with its disk, and a neighbour from the same images,
/// which stays in its initial RAM disk: without the empty `panic=` that would reboot in place of a shell.
const SCRIPT: &str = "define main cores=1,2 memory=1536M kernel=linux initrd=initrd console=com2 \
    devices=01:00.0 control=yes cmdline=\\\"root=LABEL=root ro quiet\\\"\\n\
    define next cores=3 memory=512M kernel=linux initrd=initrd console=com3 cmdline=\\\"break=top quiet panic=\\\"\\n\
    start main next\\n";
const NEXT: usize = 3;

/// A kernel's upgrade takes emulated minutes: it is a story of its own.
pub(super) fn package(suite: &str, with_upgrade: bool) {
    let folder = made(suite);
    let name = format!(
        "package_{suite}{}",
        if with_upgrade { "_upgrade" } else { "" }
    );
    let disk = own_disk::copy(&folder, &name);
    let request = format!("write {} /root/bulkhead.deb", package_file().display());
    let root = format!("{}?offset={ROOT_OFFSET}", disk.display());
    run(Command::new("/sbin/debugfs").args(["-w", "-R", &request, &root]));
    install(&folder, &disk, &name);

    let mut machine = boot(&disk, &name, "run");
    machine.wait_for_prompt();
    machine.wait_for_within(COM, PROMPT, BOOT);
    has_started_all(&mut machine, COM);
    let listed = machine.linux_within(COM, "bulkheadctl list", TOOL);
    let is_running = |name: &str| {
        let mut rows = listed.lines().filter(|row| row.contains(name));
        rows.any(|row| row.contains("running"))
    };
    assert!(is_running("main") && is_running("next"), "{listed}");
    units(&mut machine);
    // What the hook has put into the neighbour's initial RAM disk.
    machine.wait_for_within(NEXT, "(initramfs)", BOOT);
    machine.com(NEXT).send(
        "mount -t sysfs s /sys; mount -t proc p /proc; modprobe efivarfs; mount -t efivarfs e /sys/firmware/efi/efivars; bulkheadctl list --names\r",
    );
    machine.wait_for_within(NEXT, "main", TOOL);
    if with_upgrade {
        let newer = std::fs::read_to_string(folder.join("newer")).expect("it was made");
        full_upgrade(&mut machine);
        machine.linux_expect(
            COM,
            "grep -F 'its linux is' /var/log/up",
            &format!("its linux is {}", newer.trim()),
        );
        stop(&mut machine);
        drop(machine);
        machine = boot(&disk, &name, "upgraded");
        machine.wait_for_prompt();
        machine.wait_for_within(COM, PROMPT, BOOT);
        machine.linux_expect(COM, "uname -r", newer.trim());
    }
    let removed = machine.linux_within(
        COM,
        "rm /root/bulkhead.deb; apt-get -y purge bulkhead >/tmp/log 2>&1; echo ended=$?; tail -n 5 /tmp/log",
        BOOT,
    );
    assert!(removed.contains("ended=0"), "{removed}");
    machine.linux_expect(COM, "systemctl is-active bulkhead-agent", "inactive");
    machine.linux_expect(COM, "systemctl is-active bulkhead-events", "inactive");
    assert_eq!(
        machine.linux(
            COM,
            "grep -ci bulkhead /boot/grub/grub.cfg; ls -d /*/bulkhead* 2>/dev/null"
        ),
        "0"
    );
    power_off(machine);

    let mut machine = boot(&disk, &name, "removed");
    machine.wait_for_within(COM, PROMPT, BOOT);
    machine.linux_expect(COM, "grep -c Bulkhead /sys/class/dmi/id/sys_vendor", "0");
    machine.com(COM).send("systemctl poweroff\r");
    assert!(machine.wait_for_end(BOOT), "it does not go off");
    std::fs::remove_file(disk).expect("it is there");
}

/// systemd has started them by itself, Bulkhead hears the agent, and what happens is in the journal.
fn units(machine: &mut Running) {
    for unit in ["bulkhead-events", "bulkhead-agent"] {
        machine.linux_expect(COM, &format!("systemctl is-enabled {unit}"), "enabled");
        assert_eq!(
            machine.linux(COM, &format!("systemctl is-active {unit}")),
            "active"
        );
    }
    machine.expect("show main", &["heard "]);
    machine.linux_expect(COM, "bulkheadctl set next memory=1G 2>&1", "is running");
    let journal = "for i in $(seq 30); do journalctl -o cat -u bulkhead-events | grep launched && break; sleep 1; done";
    let said = machine.linux_within(COM, journal, TOOL);
    assert!(said.contains("next: launched run=1"), "{said}");
}

pub(super) fn package_file() -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    let path = build_folder().join(format!("bulkhead_{version}_amd64.deb"));
    assert!(
        path.exists(),
        "{} is missing: make deb makes it",
        path.display()
    );
    path
}

/// In the Debian as it is without Bulkhead: GRUB, the package, a script that is refused and one that is not.
fn install(folder: &Path, disk: &Path, name: &str) {
    let out = build_folder()
        .join("tests")
        .join(format!("own_disk_{name}"));
    let line = "root=LABEL=root ro quiet console=ttyS1";
    let mut machine = Machine::without_bulkhead(
        &out.join("install"),
        &folder.join("vmlinuz"),
        &folder.join("initrd"),
        line,
    )
    // The script is checked against this machine: it is the one that boots Bulkhead later.
    .serial_ports(4)
    .memory("3G")
    .board(&Board::new().device(Device::nvme(disk)))
    .start();
    machine.wait_for_within(COM, PROMPT, BOOT);
    let mut within = |line: &str, wanted: &str| {
        let said = machine.linux_within(COM, line, BOOT);
        assert!(said.contains(wanted), "{line}: {said}");
    };
    // kdump-tools would make an initial RAM disk of its own at the new kernel's first boot: emulated, that is minutes.
    within(
        "echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/quick; echo MODULES=dep >/etc/initramfs-tools/conf.d/quick; systemctl stop apt-daily.timer apt-daily-upgrade.timer; systemctl -q mask --now kdump-tools; echo $?",
        "0",
    );
    within(
        "echo 'GRUB_CMDLINE_LINUX=console=ttyS1' >>/etc/default/grub; \
         grub-install --target=x86_64-efi --removable --no-nvram 2>&1 | tail -n 1",
        "No error reported",
    );
    within(
        "apt-get install -y /root/bulkhead.deb >/tmp/log 2>&1; echo ended=$?",
        "ended=0",
    );
    within(
        "tail -n 30 /tmp/log",
        "there is no /etc/bulkhead/bulkhead.conf: no entry is made",
    );
    within(
        "printf 'define main cores=77 memory=1G kernel=linux\\n' >/etc/bulkhead/bulkhead.conf; update-grub 2>&1",
        "is refused on this machine: no entry is made",
    );
    within(
        &format!(
            "printf \"{SCRIPT}\" >/etc/bulkhead/bulkhead.conf; echo GRUB_DEFAULT=bulkhead >/etc/default/grub.d/bulkhead.cfg; update-grub 2>&1"
        ),
        "bulkhead.conf: ok",
    );
    // What the hook has put into the initial RAM disk, by the trigger.
    within(
        "lsinitramfs /boot/initrd.img-$(uname -r) >/tmp/inside; echo ended=$?",
        "ended=0",
    );
    for file in ["usr/bin/bulkheadctl", "/efivarfs.ko", "/nbd.ko"] {
        within(&format!("grep -F {file} /tmp/inside"), file);
    }
    within("grep -c module2 /boot/grub/grub.cfg", "3");
    machine.com(COM).send("systemctl poweroff\r");
    assert!(machine.wait_for_end(BOOT), "it does not go off");
}

/// By its own command.
fn power_off(mut machine: Running) {
    machine.com(1).skip();
    machine.com(COM).send("systemctl poweroff\r");
    machine.wait_for_within(1, "* main: powered-off", BOOT);
}

/// From Bulkhead's shell, by the agent and systemd.
pub(super) fn stop(machine: &mut Running) {
    machine.com(1).skip();
    machine.com(1).send("stop main 300\r");
    machine.wait_for(1, "* main: is asked to stop");
    machine.wait_for_within(1, "* main: powered-off", BOOT);
}

/// The machine by its own firmware, from its disk.
fn boot(disk: &Path, name: &str, run: &str) -> Running {
    let folder = build_folder()
        .join("tests")
        .join(format!("own_disk_{name}"))
        .join(run);
    Machine::from_disks(&folder)
        .firmware(Firmware::Uefi)
        .memory("3G")
        .board(&Board::new().device(Device::nvme(disk)))
        .start()
}
