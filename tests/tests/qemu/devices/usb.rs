//! A USB keyboard at the shell, on machines with a screen and without a PS/2 controller.
//!
//! Nothing is sent to the serial line: what it shows was typed on the keyboard.

use std::time::Duration;

use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, device_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::usb::keys", keys),
        story("devices::usb::owned", owned),
    ]
}

/// Until a keyboard behind hubs is found: each hub's ports get power, and are looked at.
pub(super) const FOUND: Duration = Duration::from_secs(6);
pub(super) const ARGUMENTS: [&str; 4] = ["-vga", "std", "-machine", "i8042=off"];

/// Types a command, and gives what it printed.
pub(super) fn type_in(machine: &mut Running, line: &str) -> String {
    machine.com(1).skip();
    machine.monitor().press(&format!("{line}\n"));
    machine.wait_for(1, "\n");
    machine.wait_for(1, "bulkhead> ")
}

/// Plugs something in or out, and waits until that is over.
fn plug(machine: &mut Running, command: &str) {
    machine.monitor().command(command);
    std::thread::sleep(FOUND);
}

pub(super) fn expect_version(machine: &mut Running) {
    let said = type_in(machine, "version");
    assert!(said.contains("Bulkhead"), "{said}");
}

/// On a port of the controller, behind two hubs, beside what is no keyboard, on another controller;
/// unplugged and plugged in, with its hub and without.
fn keys() {
    let iso = Iso::new("usb_keys").make();
    let board = Board::new()
        .device(Device::xhci().and("usb-kbd,bus=xhci1.0,id=first"))
        .device(Device::xhci().and("usb-tablet,bus=xhci2.0"));
    let machine = Machine::new(&iso, "run").firmware(Firmware::Uefi);
    let mut machine = machine.board(&board).arguments(&ARGUMENTS).start();
    machine.wait_for_prompt();
    std::thread::sleep(FOUND);
    let said = type_in(&mut machine, "keymap");
    assert!(said.contains("us: USB"), "{said}");
    held_and_shifted(&mut machine);
    // Onto the other controller, beside a tablet, behind two hubs.
    plug(&mut machine, "device_del first");
    plug(&mut machine, "device_add usb-hub,bus=xhci2.0,port=2,id=hub");
    machine
        .monitor()
        .command("device_add usb-hub,bus=xhci2.0,port=2.3,id=inner");
    plug(
        &mut machine,
        "device_add usb-kbd,bus=xhci2.0,port=2.3.4,id=second",
    );
    expect_version(&mut machine);
    plug(&mut machine, "device_del second");
    plug(
        &mut machine,
        "device_add usb-kbd,bus=xhci2.0,port=2.1,id=third",
    );
    expect_version(&mut machine);
    // The hubs go, with all that is behind them, and come back.
    plug(&mut machine, "device_del hub");
    machine
        .monitor()
        .command("device_add usb-hub,bus=xhci2.0,port=2,id=hub");
    plug(
        &mut machine,
        "device_add usb-kbd,bus=xhci2.0,port=2.8,id=fourth",
    );
    expect_version(&mut machine);
}

/// A key that is held down repeats, and stops; Shift and the layout count.
fn held_and_shifted(machine: &mut Running) {
    // Held down it repeats, and stops.
    machine.com(1).skip();
    machine.monitor().command("sendkey x 2000");
    machine.wait_for(1, "xxxxxxxx");
    std::thread::sleep(Duration::from_secs(3));
    machine.com(1).skip();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(machine.com(1).unseen(), "", "the key repeats for ever");
    machine.monitor().command("sendkey ctrl-c");
    machine.wait_for(1, "bulkhead> ");
    // Shift and the layout.
    machine.com(1).skip();
    machine.monitor().command("sendkey shift-h");
    machine.monitor().press("elp");
    machine.wait_for(1, "Help");
    machine.monitor().command("sendkey ctrl-c");
    machine.wait_for(1, "bulkhead> ");
    type_in(machine, "keymap de");
    machine.com(1).skip();
    machine.monitor().press("y");
    machine.wait_for(1, "z");
    machine.monitor().command("sendkey ctrl-c");
    machine.wait_for(1, "bulkhead> ");
    machine.com(1).skip();
}

/// A partition has the controller, and its Linux the keys; afterwards they are the shell's again, and
/// so they are after it was launched by hand once more and ended by force.
fn owned() {
    let kernel = Kernel::Debian612;
    let iso = Iso::new("usb_owned")
        .image("linux", kernel.image())
        .image("demo", device_initrd(kernel))
        .script(
            "define one cores=1 memory=512M kernel=linux initrd=demo console=com2 devices=01:00.0 \
             restart=never cmdline=\"bulkhead.name=one quiet\"\n",
        )
        .make();
    let board = Board::new().device(Device::xhci().and("usb-kbd,bus=xhci1.0"));
    let machine = Machine::new(&iso, "run").memory("2G").board(&board);
    let mut machine = machine.arguments(&ARGUMENTS).start();
    machine.wait_for_prompt();
    std::thread::sleep(FOUND);
    expect_version(&mut machine);
    type_in(&mut machine, "start one");
    machine.wait_for_demo(2);
    find_keyboard(&mut machine, 2);
    super::disks::keyboard(&mut machine, 2);
    machine.com(1).skip();
    machine.monitor().press("list\n");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(machine.com(1).unseen(), "", "a key came to Bulkhead");
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* one: powered-off");
    machine.wait_for(1, "* one: parked");
    std::thread::sleep(FOUND);
    let list = type_in(&mut machine, "list");
    assert!(list.contains("stopped"), "{list}");
    // A crash, with whatever the controller was doing.
    type_in(&mut machine, "start one");
    machine.wait_for_demo(2);
    machine.com(1).skip();
    machine.com(1).send("kill one\r");
    machine.wait_for(1, "* one: killed");
    std::thread::sleep(FOUND);
    expect_version(&mut machine);
}

/// Loads the drivers that a Linux needs for its keyboard: the demo does it for what it finds at its
/// start; USB may be later.
pub(super) fn find_keyboard(machine: &mut Running, com: usize) {
    machine.linux_expect(
        com,
        "i=0; while [ $i -lt 60 ] && [ ! -e /sys/class/input/event0 ]; do \
         cat /sys/bus/*/devices/*/modalias /sys/class/input/*/modalias 2>/dev/null | sort -u | \
         xargs -n 50 modprobe -ab 2>/dev/null; sleep 1; i=$((i+1)); done; ls /sys/class/input",
        "event0",
    );
}
