//! Suspending: a Linux offers it, nothing in a partition would end it, and so its kernel refuses it.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("suspend::is_refused", is_refused)]
}

/// The generic kernels: Debian's cloud kernels can't suspend.
const PARTITIONS: [(&str, Kernel, usize); 2] =
    [("old", Kernel::Debian61, 2), ("new", Kernel::Debian612, 3)];

fn is_refused() {
    let mut iso = Iso::new("suspend").image("demo", demo_initrd());
    let mut script = String::new();
    for (name, kernel, com) in PARTITIONS {
        iso = iso.image(kernel.name(), kernel.image());
        let core = com - 1;
        script += &format!(
            "define {name} cores={core} memory=384M kernel={} initrd=demo console=com{com} cmdline=\"bulkhead.name={name} quiet\"\n\
             start {name}\n",
            kernel.name()
        );
    }
    let mut machine = Machine::new(&iso.script(&script).make(), "run").start();
    machine.wait_for_prompt();
    for (name, _, com) in PARTITIONS {
        machine.wait_for_demo(com);
        // What systemd tries one after the other, and hibernation.
        machine.linux_expect(com, "cat /sys/power/state", "freeze mem disk");
        for state in ["mem", "freeze", "disk"] {
            let said = machine.linux(com, &format!("echo {state} >/sys/power/state; echo $?"));
            if !said.ends_with('1') {
                machine.fail(&format!("{name}: {state} was not refused:\n{said}"));
            }
        }
        // It says which device it was, and goes on as before.
        machine.linux_expect(com, "dmesg | grep -c ': disable failed'", "3");
        machine.linux_expect(com, "sleep 1; echo $((6*7))", "42");
    }
    machine.expect_states(&PARTITIONS.map(|(name, ..)| (name, "running")));
}
