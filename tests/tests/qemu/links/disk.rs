//! A file of one partition as a disk of the other.

use std::time::{Duration, Instant};

use bulkhead_tests::qemu::Running;

use super::{ONE, PATIENCE, TWO, connect, ping, start};

/// MiB of the file.
const SIZE: u32 = 48;

/// `two` serves its file.
fn serve(machine: &mut Running, more: &str) {
    machine.linux(
        TWO,
        &format!("bulkheadctl disk one --serve /tmp/disk {more} >>/tmp/serve 2>&1 & server=$!"),
    );
}

/// `one` uses it, once it is there.
fn attach(machine: &mut Running) {
    machine.linux(ONE, "bulkheadctl disk two >/tmp/user 2>&1 & user=$!");
    let sectors = (SIZE * 2048).to_string();
    wait(machine, ONE, "cat /sys/block/nbd0/size", &sectors);
}

/// Asks until it is said.
fn wait(machine: &mut Running, com: usize, command: &str, wanted: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let said = machine.linux_within(com, command, PATIENCE);
        if said.contains(wanted) {
            return;
        }
        if Instant::now() > end {
            let told = machine.linux(ONE, "cat /tmp/user");
            let served = machine.linux(TWO, "cat /tmp/serve");
            machine.fail(&format!(
                "{command}: {said}\nuser: {told}\nserver: {served}"
            ));
        }
    }
}

/// What a Linux reads there, past what it has kept of it.
fn sum(machine: &mut Running, com: usize, what: &str) -> String {
    let command = format!("echo 3 >/proc/sys/vm/drop_caches; sha256sum {what} | cut -c 1-64");
    let sum = machine.linux_within(com, &command, PATIENCE);
    assert_eq!(sum.trim().len(), 64, "{sum}");
    sum.trim().to_string()
}

pub(super) fn disk() {
    let machine = &mut start("links_disk", "3G");
    machine.linux(ONE, "modprobe nbd nbds_max=4; modprobe ext4");
    for com in [ONE, TWO] {
        machine.linux(com, "mount -t tracefs tracefs /sys/kernel/tracing");
    }
    let make = format!("dd if=/dev/urandom of=/tmp/disk bs=1M count={SIZE} 2>&1 | tail -1");
    machine.linux_within(TWO, &make, PATIENCE);
    // The client waits for its server.
    machine.linux(ONE, "bulkheadctl disk two >/tmp/user 2>&1 & user=$!");
    serve(machine, "");
    wait(
        machine,
        ONE,
        "cat /sys/block/nbd0/size",
        &(SIZE * 2048).to_string(),
    );
    assert_eq!(
        sum(machine, ONE, "/dev/nbd0"),
        sum(machine, TWO, "/tmp/disk")
    );
    connect(machine, ONE, "two", 1);
    connect(machine, TWO, "one", 2);
    files(machine);
    gone_and_back(machine);
    ping(machine, ONE, 2);
    crash(machine);
    read_only(machine);
}

/// A file system, and what is trimmed.
fn files(machine: &mut Running) {
    let fill = "dd if=/dev/urandom of=/dev/nbd0 bs=1M count=20 seek=10 conv=fsync 2>&1 | tail -1";
    println!("write: {}", machine.linux_within(ONE, fill, PATIENCE));
    assert_eq!(
        sum(machine, ONE, "/dev/nbd0"),
        sum(machine, TWO, "/tmp/disk")
    );
    machine.linux_within(
        ONE,
        "blkdiscard /dev/nbd0; mke2fs /dev/nbd0 >/tmp/made 2>&1",
        PATIENCE,
    );
    let kept = machine.linux(TWO, "du -m /tmp/disk | cut -f 1");
    assert!(
        kept.trim().parse::<u32>().is_ok_and(|mib| mib < 10),
        "{kept}"
    );
    machine.linux_expect(
        ONE,
        "mkdir -p /mnt; mount -t ext4 /dev/nbd0 /mnt; echo $?",
        "0",
    );
    let read =
        "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/nbd0 of=/dev/null bs=1M 2>&1 | tail -1";
    println!("read: {}", machine.linux_within(ONE, read, PATIENCE));
}

/// The server ends while files are copied, and begins again; both programs do that, and both Linuxes.
fn gone_and_back(machine: &mut Running) {
    machine.linux_within(
        ONE,
        "dd if=/dev/urandom of=/tmp/a bs=1M count=20 2>&1 | tail -1",
        PATIENCE,
    );
    let copy = "for i in 1 2 3; do cp /tmp/a /mnt/a; sync; done";
    machine.start_job(ONE, "copy", copy);
    for round in 1..=3 {
        machine.linux(TWO, "usleep 300000; kill -9 $server; wait $server; sleep 1");
        serve(machine, "");
        // One that is ended before both have met has not begun.
        let again = "grep -c 'there again' /tmp/user";
        wait(machine, ONE, again, &round.to_string());
    }
    machine.job(ONE, "copy", PATIENCE);
    assert_eq!(sum(machine, ONE, "/mnt/a"), sum(machine, ONE, "/tmp/a"));
    machine.linux_expect(ONE, "umount /mnt; echo $?", "0");
    let told = machine.linux(ONE, "kill $user; wait $user; cat /sys/block/nbd0/size");
    assert!(told.trim_end().ends_with('0'), "{told}");
    machine.linux_expect(
        ONE,
        "dd if=/dev/nbd0 of=/dev/null bs=512 count=1 2>&1",
        "0+0 records out",
    );
    attach(machine);
    machine.linux_expect(ONE, "mount -t ext4 /dev/nbd0 /mnt; echo $?", "0");
    assert_eq!(sum(machine, ONE, "/mnt/a"), sum(machine, ONE, "/tmp/a"));
    machine.linux(ONE, "umount /mnt");
}

/// The server's Linux begins again with what it has flushed, here nothing: whoever flushes next is told.
fn crash(machine: &mut Running) {
    let write = "dd if=/tmp/a of=/dev/nbd0 bs=64k count=16 oflag=direct 2>&1 | tail -1";
    machine.linux_expect(ONE, write, "16+0 records out");
    machine.command("restart two force");
    machine.wait_for_demo(TWO);
    machine.linux(TWO, "mount -t tracefs tracefs /sys/kernel/tracing");
    machine.linux(TWO, &format!("truncate -s {SIZE}M /tmp/disk"));
    serve(machine, "");
    wait(machine, ONE, "cat /tmp/user", "may have lost");
    let flush = "dd if=/tmp/a of=/dev/nbd0 bs=512 count=1 oflag=direct conv=fsync; echo $?";
    machine.linux_expect(ONE, flush, "rror");
    machine.linux_expect(ONE, flush, "0");
    machine.expect_states(&[("one", "running"), ("two", "running")]);
}

/// Nobody writes to what is served so, and another disk is not taken for the one before.
fn read_only(machine: &mut Running) {
    machine.linux(TWO, "kill -9 $server; wait $server");
    serve(machine, "--read-only");
    wait(machine, ONE, "cat /tmp/user", "another one now");
    attach(machine);
    machine.linux_expect(ONE, "cat /sys/block/nbd0/ro", "1");
    machine.linux_expect(
        TWO,
        "bulkheadctl disk one --serve /dev/null; echo $?",
        "can't be a disk",
    );
    machine.linux_expect(
        TWO,
        "bulkheadctl disk one --serve /tmp/disk; echo $?",
        "locked",
    );
    machine.linux_expect(ONE, "bulkheadctl disk two /dev/nbd1; echo $?", "already");
    for com in [ONE, TWO] {
        let log = machine.linux(com, "dmesg | grep -E 'BUG:|Oops'");
        assert_eq!(log.trim(), "");
    }
}
