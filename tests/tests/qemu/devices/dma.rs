//! What devices still had to write when their Linux crashed lands nowhere: not in the next run's
//! RAM, not in RAM that nobody uses.
//!
//! A neighbour floods the victim's card with frames that are numbered, so that a frame found in RAM
//! says when it was sent. And a disk that is slow has a read outstanding over the crash.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Card, Device, empty_disk};
use bulkhead_tests::monitor::found_in;
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, boot, folder, teach};
use crate::long_story;

pub(super) fn stories() -> Vec<Trial> {
    vec![long_story("devices::dma_after_a_crash", after_a_crash)]
}

/// The victim's RAM: as in its definition.
const RAM: (u64, u64) = (0x4000_0000, 0x4000_0000 + (256 << 20));
/// What the slow disk is full of.
const ON_DISK: &[u8] = b"BULKHEAD-DISK-READ";

fn after_a_crash() {
    let folder = folder("dma");
    let disk = slow_disk(&folder);
    let [receiver, sender] = Device::cards_on_lossy_wire([Card::E1000e, Card::Virtio]);
    let board = Board::new()
        .device(receiver)
        .device(sender)
        .device(Device::nvme(&disk).with_drive_option("throttling.bps-read=400000"));
    let mut victim = Partition::new("victim", 2, Kernel::Debian61, "1").devices("01:00.0,03:00.0");
    victim.memory = "256M@0x40000000";
    victim.settings = "restart=never";
    // After a panic it hangs, as a kernel does that is not told to reboot.
    victim.cmdline = "panic=0".to_string();
    let sender = Partition::new("sender", 3, Kernel::Debian612, "2").devices("02:00.0");
    let mut machine = boot("dma", &[victim, sender], &board);
    listen(&mut machine);
    teach(&mut machine, 3);
    machine.linux(3, "ip link set $(card 02) up");

    // Control 1: while it runs frames land.
    start_flood(&mut machine);
    let before = sent(&mut machine);
    lands_in(&mut machine, before, "while the victim runs", &folder);

    // Control 2: a kernel that has hung leaves its card on, and frames still land until the ring
    // of buffers is full. So the flood pauses over the crash.
    stop_flood(&mut machine);
    read_slowly(&mut machine);
    machine.com(2).send("echo c > /proc/sysrq-trigger\r");
    std::thread::sleep(Duration::from_secs(3));
    machine.expect_states(&[("victim", "running"), ("sender", "running")]);
    // Its last report; numbers of the next flood lie above.
    let before = sent(&mut machine) + 500;
    start_flood(&mut machine);
    lands_in(&mut machine, before, "while the victim hangs", &folder);
    // And the disk still answers what was asked before the crash: its read is outstanding.
    still_reads(&mut machine, &folder);

    // The operator takes its core: from now on its RAM is still, though the flood goes on, and
    // though the disk has not answered yet.
    machine.expect("kill victim", &[]);
    is_still(&mut machine, "after a kill", &folder);

    // A run that has not touched its card yet: what comes in meanwhile is not in its RAM. The
    // disk's answer from before the crash would be.
    machine.expect(
        "set victim cmdline=\"bulkhead.name=victim quiet bulkhead.drivers=no\"",
        &[],
    );
    std::thread::sleep(Duration::from_secs(1));
    let before = sent(&mut machine);
    let old_pages = Snapshot::take(&machine, &folder).disk_pages;
    machine.com(2).skip();
    machine.expect("start victim", &[]);
    machine.wait_for_demo(2);
    std::thread::sleep(Duration::from_secs(2));
    let now = Snapshot::take(&machine, &folder);
    let (frames, pages) = (now.frames_since(before), now.disk_pages);
    if frames > 0 || pages > old_pages {
        machine.fail(&format!(
            "in a run without drivers landed {frames} frames; {pages} pages of an earlier read are \
             there, {old_pages} before"
        ));
    }
    assert!(sent(&mut machine) > before, "the flood went on");

    // And a crash in the full flood, restarted by policy: as clean, and then the card works.
    machine.linux(2, "for m in e1000e; do modprobe $m; done");
    listen(&mut machine);
    let before = sent(&mut machine);
    lands_in(
        &mut machine,
        before,
        "once there is a driver again",
        &folder,
    );
    machine.com(2).skip();
    machine.com(2).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* victim: failed reason=\"panic");
    machine.wait_for(1, "* victim: parked");
    is_still(&mut machine, "after a panic", &folder);
    machine.expect("start victim", &[]);
    machine.wait_for_demo(2);
    machine.linux(2, "modprobe e1000e; modprobe nvme");
    listen(&mut machine);
    let before = sent(&mut machine);
    lands_in(&mut machine, before, "in the last run", &folder);
}

/// Pages that [`read_slowly`] asks for: four times 2 MiB.
const ASKED_PAGES: usize = 4 * (2 << 20) / 4096;

/// A disk that is full of a mark.
fn slow_disk(folder: &Path) -> std::path::PathBuf {
    let path = empty_disk(folder, "slow.img", 0);
    let block: Vec<u8> = ON_DISK.iter().copied().cycle().take(4096).collect();
    std::fs::write(&path, block.repeat(2048)).expect("the disk can be written");
    path
}

fn listen(machine: &mut Running) {
    teach(machine, 2);
    machine.linux(2, "ip link set $(card 01) up");
}

fn start_flood(machine: &mut Running) {
    machine.linux(3, "flood $(card 02) /tmp/sent & sleep 1");
}

fn stop_flood(machine: &mut Running) {
    machine.linux(3, "killall flood; sleep 1");
}

/// How many frames have been sent.
fn sent(machine: &mut Running) -> u64 {
    let text = machine.linux(3, "cat /tmp/sent");
    let number = text
        .lines()
        .last()
        .and_then(|line| line.trim().parse().ok());
    number.unwrap_or_else(|| machine.fail(&format!("{text:?} is no number of frames")))
}

/// Reads that the disk answers over many seconds, straight into the process's pages.
fn read_slowly(machine: &mut Running) {
    machine.linux(
        2,
        "(for i in 0 1 2 3; do dd if=/dev/nvme0n1 of=/dev/null bs=2M skip=$i count=1 iflag=direct & done) 2>/dev/null; sleep 1",
    );
}

/// What the victim's RAM holds now.
struct Snapshot {
    contents: Vec<u8>,
    /// The numbers of the frames in it.
    frames: BTreeSet<u64>,
    /// How many pages begin as the disk's do.
    disk_pages: usize,
}

impl Snapshot {
    fn take(machine: &Running, folder: &Path) -> Self {
        let file = folder.join("ram");
        machine.monitor().save_ram(RAM.0, RAM.1, &file);
        let frames = found_in(&file, "BULKHEAD-FLOOD-[0-9a-f]{8}");
        let number = |line: &str| u64::from_str_radix(line.rsplit('-').next()?, 16).ok();
        let contents = std::fs::read(&file).expect("it was written");
        std::fs::remove_file(&file).expect("it can be removed");
        Self {
            frames: frames.lines().filter_map(number).collect(),
            disk_pages: contents
                .chunks_exact(4096)
                .filter(|page| page.starts_with(ON_DISK))
                .count(),
            contents,
        }
    }

    /// The frames with that number or a later one.
    fn frames_since(&self, first: u64) -> usize {
        self.frames.range(first..).count()
    }
}

/// Frames with that number or a later one are found in the victim's RAM soon.
fn lands_in(machine: &mut Running, since: u64, when: &str, folder: &Path) {
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(500));
        if Snapshot::take(machine, folder).frames_since(since) > 0 {
            return;
        }
    }
    machine.fail(&format!(
        "{when} no frame landed, so this story shows nothing"
    ));
}

/// More pages of the disk are in the victim's RAM than a moment ago, and not yet all that were
/// asked for.
fn still_reads(machine: &mut Running, folder: &Path) {
    let before = Snapshot::take(machine, folder).disk_pages;
    let mut now = before;
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(500));
        now = Snapshot::take(machine, folder).disk_pages;
        if now > before {
            break;
        }
    }
    println!(
        "while the victim hangs its disk goes on: {before}, then {now} of {ASKED_PAGES} pages"
    );
    if now <= before || now >= ASKED_PAGES {
        machine.fail(&format!(
            "the disk has brought {before}, then {now} of {ASKED_PAGES} pages: no read is \
             outstanding, so this story shows nothing of it"
        ));
    }
}

/// The victim's RAM does not change by a byte, though the flood goes on.
fn is_still(machine: &mut Running, when: &str, folder: &Path) {
    // What was sent before the end may have landed, and the count may be a little old.
    std::thread::sleep(Duration::from_secs(1));
    let before = sent(machine);
    let first = Snapshot::take(machine, folder);
    std::thread::sleep(Duration::from_secs(5));
    let second = Snapshot::take(machine, folder);
    let after = sent(machine);
    let found = first.frames_since(before);
    if found > 0 || after < before + 100 {
        machine.fail(&format!(
            "{when}: {found} new frames; sent {before}, then {after}"
        ));
    }
    if first.contents != second.contents {
        let mut pairs = first.contents.iter().zip(&second.contents);
        let at = pairs.position(|(one, two)| one != two).unwrap_or(0) as u64;
        machine.fail(&format!("{when} the RAM at {:#x} changed", RAM.0 + at));
    }
}
