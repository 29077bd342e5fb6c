//! A whole Debian with systemd on a disk, in each of two partitions: one on NVMe, one on
//! virtio-blk, on two kernels. Packages come and go in the one while the other crashes, and both
//! package databases are right afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::qemu::Running;
use bulkhead_tests::root;
use libtest_mimic::Trial;

use super::{Partition, folder, long_story, machine};

pub(super) fn stories() -> Vec<Trial> {
    vec![long_story("devices::debian_on_nvme_and_virtio", two)]
}

/// Until systemd has started all and a shell is there: some 30 s each on an idle host.
const BOOT: Duration = Duration::from_secs(300);
const PROMPT: &str = "debian# ";

fn two() {
    let folder = folder("debian");
    let source = file_system();
    let board = Board::new()
        .device(Device::nvme(&copy(&source, &folder, "nvme.img")))
        .device(Device::virtio_blk(&copy(&source, &folder, "virtio.img")));
    let mut first = Partition::new("first", 2, Kernel::Debian61, "1").devices("01:00.0");
    first.cmdline = "root=/dev/nvme0n1".to_string();
    let mut second = Partition::new("second", 3, Kernel::Debian612, "2,3").devices("02:00.0");
    second.cmdline = "root=/dev/vda".to_string();
    for partition in [&mut first, &mut second] {
        partition.memory = "768M";
    }
    let start = Instant::now();
    let mut machine = machine("debian", &[first, second], &board).start();
    machine.wait_for_prompt();
    for (com, release) in [(2, Kernel::Debian61), (3, Kernel::Debian612)] {
        machine.wait_for_within(com, PROMPT, BOOT);
        machine.linux_expect(com, "uname -r", &release.release());
        machine.linux_expect(com, "systemctl is-system-running --wait", "running");
    }
    println!(
        "both Debians up after {:.0} s",
        start.elapsed().as_secs_f64()
    );

    // The first installs and removes; the second panics in the middle of doing the same.
    busy(&mut machine, 2);
    busy(&mut machine, 3);
    std::thread::sleep(Duration::from_secs(8));
    machine.com(3).skip();
    machine.com(3).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* second: failed reason=\"panic");
    machine.wait_for_within(3, PROMPT, BOOT);
    machine.linux(2, "touch /tmp/enough");
    let done = machine.job(2, "busy", BOOT);
    println!("the first meanwhile: {}", done.replace('\n', " "));
    intact(&mut machine, 2);
    // What dpkg was in the middle of it says itself, and ends it when asked.
    machine.linux_within(3, "dpkg --configure -a", BOOT);
    intact(&mut machine, 3);
    machine.linux_within(
        3,
        "apt-get install -qq -y --reinstall /srv/packages/*.deb",
        BOOT,
    );
    intact(&mut machine, 3);
    machine.linux_expect(3, "hello", "Hello, world!");
    // And out in good order.
    for (com, name) in [(2, "first"), (3, "second")] {
        machine.com(com).send("systemctl poweroff\r");
        machine.wait_for_within(1, &format!("* {name}: powered-off"), BOOT);
    }
}

/// Installs and removes a package until told to stop, at least once.
fn busy(machine: &mut Running, com: usize) {
    machine.start_job(
        com,
        "busy",
        "export DEBIAN_FRONTEND=noninteractive; echo 'Dpkg::Use-Pty 0;' >/etc/apt/apt.conf.d/99pty; n=0; while :; do n=$((n+1)); \
         apt-get install -qq -y /srv/packages/*.deb && apt-get purge -qq -y hello ed || exit 1; \
         [ ! -e /tmp/enough ] || break; done; apt-get install -qq -y /srv/packages/*.deb; echo rounds=$n",
    );
}

/// dpkg's and apt's database, every file of every package, and the file system say nothing.
fn intact(machine: &mut Running, com: usize) {
    let audit = machine.linux_within(com, "dpkg --audit", BOOT);
    assert_eq!(audit, "", "dpkg --audit on com{com}");
    machine.linux_within(com, "apt-get check -qq && echo CHECK''ED", BOOT);
    // Documentation and translations were left out of the image: "missing" is not "changed".
    let changed = machine.linux_within(com, "dpkg --verify | grep -v ^missing", BOOT);
    assert_eq!(changed, "", "dpkg --verify on com{com}");
    let errors = machine.linux(
        com,
        "dmesg | grep -cE 'EXT4-fs (error|warning)|I/O error'; true",
    );
    assert_eq!(errors, "0", "file system on com{com}");
}

/// The image that `tools/mkrootfs` makes once.
fn file_system() -> PathBuf {
    let output = Command::new(root().join("tools/mkrootfs"))
        .output()
        .expect("tools/mkrootfs can be run");
    assert!(
        output.status.success(),
        "tools/mkrootfs: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

fn copy(source: &Path, folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let status = Command::new("cp")
        .args(["--sparse=always", "--reflink=auto"])
        .args([source, &path])
        .status()
        .expect("cp can be run");
    assert!(status.success(), "the disk was not copied");
    path
}
