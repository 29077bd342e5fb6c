//! The PC's old devices, given by name: serial ports with interrupts, keyboard, clock, screen.

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Card, Device, empty_disk};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, folder, machine};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![story("devices::legacy", legacy)]
}

fn legacy() {
    let partitions = [
        Partition::new("desk", 2, Kernel::Debian612, "1")
            .devices("ioapic0,com3,ps2,rtc,framebuffer,02:00.0"),
        Partition::new("quiet", 4, Kernel::Debian61, "2").devices("01:00.0"),
    ];
    let disk = empty_disk(&folder("legacy"), "disk.img", 8);
    let board = Board::new()
        .device(Device::card(Card::Virtio, 1))
        .device(Device::virtio_blk(&disk).with("vectors=0"));
    let mut machine = machine("legacy", &partitions, &board)
        .arguments(&["-vga", "std"])
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(4);

    // Serial ports interrupt, through the I/O APIC. Not com2 and com4 together: they share a line,
    // and in QEMU, where the last to set it wins, edges of two on one get lost.
    machine.linux(
        2,
        "stty -F /dev/ttyS2 raw; (cat /dev/ttyS2 >/tmp/from3 &) ; sleep 1",
    );
    machine.com(3).send("hello-by-interrupt\r");
    machine.linux_expect(2, "sleep 1; cat /tmp/from3", "hello-by-interrupt");
    machine.linux_expect(2, "grep IO-APIC /proc/interrupts", "ttyS1");
    machine.linux_expect(2, "grep IO-APIC /proc/interrupts", "ttyS2");
    // A key of the PS/2 keyboard.
    let handler = machine.linux(
        2,
        "for e in /sys/class/input/event*; do grep -q 'AT Translated' $e/device/name && echo ${e##*/}; done",
    );
    machine.start_job(
        2,
        "key",
        &format!("head -c 72 /dev/input/{handler} | hexdump -v -e '24/1 \"%02x\" \"\\n\"'"),
    );
    std::thread::sleep(std::time::Duration::from_secs(1));
    machine.monitor().command("sendkey k");
    let events = machine.job(2, "key", std::time::Duration::from_secs(30));
    if !events.contains("0100250001000000") {
        machine.fail(&format!("no key was seen:\n{events}"));
    }
    // A disk that has neither MSI nor MSI-X: its pin's interrupt is level-triggered.
    machine.linux_expect(
        2,
        "grep 'IO-APIC.*fasteoi.*virtio' /proc/interrupts",
        "virtio",
    );
    machine.linux_expect(2, "pattern write /dev/vda 4M 7", "PATTERN ok");
    machine.linux_expect(2, "pattern verify /dev/vda 4M 7", "PATTERN ok");
    // The clock is this machine's, to the minute.
    let clock = machine.linux(2, "cat /sys/class/rtc/rtc0/since_epoch");
    let host = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970")
        .as_secs();
    let guest: u64 = clock.trim().parse().unwrap_or(0);
    assert!(
        host.abs_diff(guest) < 120,
        "rtc0 says {clock}, the host {host}"
    );
    // Its alarm interrupts, on its old line.
    let count = "grep rtc0 /proc/interrupts | tr -s ' ' | cut -d ' ' -f 3";
    let number = |text: String| text.trim().parse::<u64>().ok();
    let before = number(machine.linux(2, count));
    machine.linux(
        2,
        "echo 0 >/sys/class/rtc/rtc0/wakealarm; echo +2 >/sys/class/rtc/rtc0/wakealarm; sleep 5",
    );
    let after = number(machine.linux(2, count));
    if before.is_none() || after <= before {
        machine.fail(&format!(
            "the clock's alarm did not interrupt: {before:?}, then {after:?}"
        ));
    }
    // The screen: what is written to it is seen by QEMU.
    machine.linux_expect(2, "ls /dev/fb0 /dev/dri/card0 2>/dev/null", "/dev/");
    is_drawn_on(&mut machine);

    // The other has none of these, and no I/O APIC.
    machine.linux_expect(4, "grep -c IO-APIC /proc/interrupts || true", "0");
    machine.linux_expect(
        4,
        "ls -d /sys/class/rtc/* /dev/fb* 2>/dev/null | wc -l",
        "0",
    );
    machine.linux_expect(4, "ls /sys/bus/serio/devices 2>/dev/null | wc -l", "0");
    machine.expect("set quiet devices=rtc", &["error:"]);
    // An owner that reboots has them again.
    machine.com(2).skip();
    machine.com(2).send("reboot -f\r");
    machine.wait_for_demo(2);
    machine.linux_expect(2, "grep IO-APIC /proc/interrupts", "ttyS1");
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* desk: powered-off");
    // Nothing is left in the I/O APIC: all its pins are masked.
    let pins = machine.monitor().command("info pic");
    let pins: Vec<&str> = pins
        .split("\\r\\n")
        .filter(|line| line.trim_start().starts_with("pin "))
        .collect();
    if pins.len() != 24 || !pins.iter().all(|pin| pin.contains("masked")) {
        machine.fail(&format!(
            "pins of the I/O APIC at its owner's end: {pins:#?}"
        ));
    }
    machine.linux_expect(4, "echo $((4*4))", "16");
}

/// A white bar and a black one, drawn by the owner of the screen, are in QEMU's picture of it.
fn is_drawn_on(machine: &mut Running) {
    let bars = "n=$(($(cat /sys/class/graphics/fb0/stride)*100)); \
                echo 0 >/sys/class/vtconsole/vtcon1/bind; \
                (head -c $n /dev/zero | tr '\\0' '\\377'; head -c $n /dev/zero) >/dev/fb0; sleep 1";
    machine.linux(2, bars);
    let file = machine.folder().join("screen.ppm");
    let picture = machine.monitor().picture(&file);
    let bar = |first: usize, colour: u8| {
        let row = 3 * picture.width;
        let pixels = &picture.pixels[first * row..(first + 100) * row];
        pixels.iter().filter(|pixel| **pixel == colour).count() * 100 / pixels.len()
    };
    let (white, black) = (bar(0, 0xff), bar(100, 0));
    if white < 95 || black < 95 {
        machine.fail(&format!(
            "of the white bar {white} % are there, of the black one {black} %"
        ));
    }
}
