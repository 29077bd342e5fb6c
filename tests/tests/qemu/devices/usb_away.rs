//! A USB keyboard while the shell's core is away: whoever has the controller then finds it halted and
//! without the bus, and at the shell's return the keys are the shell's again.

use std::time::Duration;

use bulkhead_tests::control::{ask, unlock};
use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd, device_initrd};
use libtest_mimic::Trial;

use super::usb::{ARGUMENTS, FOUND, expect_version, find_keyboard};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::usb::away", away),
        story("devices::usb::left_alone", left_alone),
    ]
}

/// Configuration space of 01:00.0 on QEMU's q35, as SeaBIOS sets it up.
const CONFIG: u64 = 0xb010_0000;
const BUS_MASTER: u32 = 1 << 2;
/// xHCI §5.4.1, §5.4.2: command, and in the status whether it has halted.
const RUN: u32 = 1;
const HALTED: u32 = 1;

fn away() {
    let kernel = Kernel::Debian612;
    let iso = Iso::new("usb_away")
        .image("linux", kernel.image())
        .image("devices", device_initrd(kernel))
        .image("cloud", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define boss cores=1 memory=256M kernel=cloud initrd=demo console=com2 control=yes \
             cmdline=\"bulkhead.name=boss quiet\"\n\
             define last cores=0 memory=512M kernel=linux initrd=devices console=com3 devices=01:00.0 \
             restart=never cmdline=\"bulkhead.name=last quiet\"\n\
             start boss\n",
        )
        .make();
    let board = Board::new().device(Device::xhci().and("usb-kbd,bus=xhci1.0"));
    let machine = Machine::new(&iso, "run").memory("2G").board(&board);
    let mut machine = machine.arguments(&ARGUMENTS).start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    std::thread::sleep(FOUND);
    expect_version(&mut machine);
    assert!(runs(&mut machine), "the shell's controller stands still");

    // The last Linux has the controller, and the shell's core.
    machine.com(1).skip();
    machine.monitor().press("handoff last\n");
    machine.wait_for_demo(3);
    find_keyboard(&mut machine, 3);
    super::disks::keyboard(&mut machine, 3);
    machine.com(1).skip();
    machine.com(3).send("poweroff -f\r");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    std::thread::sleep(FOUND);
    expect_version(&mut machine);

    // Nobody has it while the shell is halted: it does nothing.
    machine.com(1).skip();
    machine.monitor().press("halt\n");
    machine.wait_for(1, "halt");
    std::thread::sleep(Duration::from_secs(2));
    assert!(is_still(&mut machine), "nobody's controller runs");
    machine.com(1).skip();
    machine.monitor().press("list\n");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(
        machine.com(1).unseen(),
        "",
        "a key came to a shell that is halted"
    );
    unlock(&mut machine, 2, "Control");
    assert_eq!(ask(&mut machine, 2, "shell"), "ok");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    std::thread::sleep(FOUND);
    expect_version(&mut machine);
    assert!(runs(&mut machine), "the shell's controller stands still");
}

/// `bulkhead.nousb`: nobody touches the controller, for firmware's sake that may be using it.
fn left_alone() {
    let iso = Iso::new("usb_left_alone")
        .setting("CMDLINE", "bulkhead.nousb")
        .make();
    let board = Board::new().device(Device::xhci().and("usb-kbd,bus=xhci1.0"));
    let machine = Machine::new(&iso, "run").memory("1G").board(&board);
    let mut machine = machine.arguments(&ARGUMENTS).start();
    machine.wait_for_prompt();
    // SeaBIOS drives it, and has the keyboard of it that it gives to loaders: it still runs.
    std::thread::sleep(FOUND);
    assert!(runs(&mut machine), "the firmware's controller was stopped");
    machine.com(1).skip();
    machine.monitor().press("version\n");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(machine.com(1).unseen(), "", "a key came by USB");
    machine.expect("keymap", &["there is no PS/2 controller"]);
    let log = machine.command("log");
    assert!(!log.contains("usb "), "{log}");
}

/// Whether the controller runs, and may use memory.
fn runs(machine: &mut Running) -> bool {
    let [bus, command, status] = registers(machine);
    bus & BUS_MASTER != 0 && command & RUN != 0 && status & HALTED == 0
}

/// Whether it was reset, has halted and may not.
fn is_still(machine: &mut Running) -> bool {
    let [bus, command, status] = registers(machine);
    bus & BUS_MASTER == 0 && command & RUN == 0 && status & HALTED != 0
}

/// The function's command register, and the controller's command and status.
fn registers(machine: &mut Running) -> [u32; 3] {
    let mut monitor = machine.monitor();
    let bus = monitor.dword(CONFIG + 4);
    let base = u64::from(monitor.dword(CONFIG + 0x10) & !0xf);
    let operational = base + u64::from(monitor.dword(base) & 0xff);
    [
        bus,
        monitor.dword(operational),
        monitor.dword(operational + 4),
    ]
}
