//! The machine's power button: told at the prompt, and no partition is lost to it.

use std::time::Duration;

use bulkhead_tests::control::{ask, unlock};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Firmware, Machine};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::neighbour::Neighbour;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("power_button::bios", || {
            pressed("power_button_bios", Firmware::Bios, "ACPI mode, after ")
        }),
        story("power_button::uefi", || {
            pressed(
                "power_button_uefi",
                Firmware::Uefi,
                "firmware has left ACPI mode on",
            )
        }),
    ]
}

const TOLD: &str = "* the power button was pressed";
const PRESS: &str = "system_powerdown";

/// `mode`: as the log has it. OVMF turns ACPI mode on by itself.
fn pressed(name: &str, firmware: Firmware, mode: &str) {
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 control=yes \
             cmdline=\"bulkhead.name=one quiet\"\nstart one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").firmware(firmware).start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.expect("log", &[&format!("power: {mode}")]);
    let mut one = Neighbour::watch(&mut machine, 2);
    for _ in 0..3 {
        machine.com(1).skip();
        machine.monitor().command(PRESS);
        machine.wait_for(1, TOLD);
        // One press is one line.
        std::thread::sleep(Duration::from_secs(1));
        let rest = machine.com(1).unseen().to_string();
        assert!(!rest.contains(TOLD), "{rest}");
    }
    one.runs_on(&mut machine, "three presses");
    // Nobody looks while the shell is away, and nothing happens by it.
    machine.com(1).send("halt\r");
    machine.wait_for(1, "\n");
    std::thread::sleep(Duration::from_secs(1));
    machine.monitor().command(PRESS);
    one.runs_on(&mut machine, "a press while the shell is halted");
    one.noticed_nothing(&mut machine);
    unlock(&mut machine, 2, "Control");
    assert_eq!(ask(&mut machine, 2, "shell"), "ok");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "bulkhead> ");
    machine.monitor().command(PRESS);
    machine.wait_for(1, TOLD);
    machine.expect_states(&[("one", "running")]);
    // And the machine can still be switched off.
    machine.com(1).send("poweroff force\r");
    assert!(machine.wait_for_end(Duration::from_secs(30)), "it runs on");
}
