//! Two whole Debians at once.

use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};

use super::{BOOT, PROMPT, TOOL, has_started_all, made};

/// Debian 12 and 13 side by side, each under a minute's load; then systemd is asked to suspend, in one
/// after the other, and is refused by the kernel.
pub(super) fn two_at_once() {
    let suites = [("bookworm", "6.1.", 2), ("trixie", "6.12.", 3)];
    let mut iso = Iso::new("userland_two");
    let mut board = Board::new();
    let mut script = String::new();
    for (suite, _, com) in suites {
        let folder = made(suite);
        let (kernel, initrd) = (format!("linux-{suite}"), format!("initrd-{suite}"));
        let core = com - 1;
        script += &format!(
            "define {suite} cores={core} memory=1G kernel={kernel} initrd={initrd} console=com{com} \
             devices=0{core}:00.0 cmdline=\"root=LABEL=root ro quiet\"\nstart {suite}\n"
        );
        iso = iso
            .image(&kernel, folder.join("vmlinuz"))
            .image(&initrd, folder.join("initrd"));
        let disk = Device::virtio_blk(&folder.join("disk"));
        board = board.device(disk.with_drive_option("snapshot=on"));
    }
    let mut machine = Machine::new(&iso.script(&script).make(), "run")
        .cores("3")
        .memory("3G")
        .board(&board)
        .arguments(&["-boot", "d"])
        .start();
    machine.wait_for_prompt();
    for (_, release, com) in suites {
        machine.wait_for_within(com, PROMPT, 2 * BOOT);
        machine.linux_expect(com, "uname -r", release);
        has_started_all(&mut machine, com);
    }
    let stress = "stress-ng --cpu 0 --vm 1 --vm-bytes 128M --hdd 1 --hdd-bytes 64M --switch 1 \
                  --timer 1 --timeout 60";
    for (.., com) in suites {
        machine.start_job(com, "stress", stress);
    }
    for (.., com) in suites {
        let said = machine.job(com, "stress", TOOL);
        assert!(said.contains("successful run completed"), "{said}");
        has_started_all(&mut machine, com);
    }
    for (suite, _, com) in suites {
        suspend_is_refused(&mut machine, com);
        machine.expect_states(&[(suite, "running")]);
    }
    for (suite, _, com) in suites {
        machine.com(com).send("systemctl poweroff\r");
        machine.wait_for_within(1, &format!("* {suite}: powered-off"), BOOT);
    }
}

/// Its unit fails with the kernel's error, and nothing else does.
fn suspend_is_refused(machine: &mut Running, com: usize) {
    let ask = "systemctl suspend; for i in $(seq 60); do \
               systemctl is-failed systemd-suspend.service && break; sleep 1; done";
    let said = machine.linux_within(com, ask, TOOL);
    assert!(said.contains("failed"), "{said}");
    let log = "journalctl -b -u systemd-suspend.service -o cat; dmesg | grep -c ': disable failed'";
    let said = machine.linux_within(com, log, TOOL);
    println!("com{com}: {said}");
    assert!(said.contains("Input/output error"), "{said}");
    machine.linux(com, "systemctl reset-failed systemd-suspend.service");
    has_started_all(machine, com);
}
