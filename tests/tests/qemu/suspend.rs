//! Suspending: a Linux offers it, nothing in a partition would end it, and so its kernel refuses it.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("suspend::is_refused", || is_refused("suspend", &KERNELS)),
        long_story("suspend::is_refused_by_the_oldest_and_newest", || {
            is_refused("suspend_oldest_newest", &OTHERS);
            is_refused("suspend_rt", &REAL_TIME);
        }),
    ]
}

/// The generic kernels: Debian's cloud kernels can't suspend.
const KERNELS: [Kernel; 2] = [Kernel::Debian61, Kernel::Debian612];
const OTHERS: [Kernel; 2] = [Kernel::Debian510, Kernel::DebianSid];
const REAL_TIME: [Kernel; 2] = [Kernel::Debian612Rt, Kernel::DebianSidRt];

fn is_refused(story: &str, kernels: &[Kernel; 2]) {
    let partitions = [("old", kernels[0], 2), ("new", kernels[1], 3)];
    let mut iso = Iso::new(story).image("demo", demo_initrd());
    let mut script = String::new();
    for (name, kernel, com) in partitions {
        iso = iso.image(kernel.name(), kernel.image());
        let core = com - 1;
        script += &format!(
            "define {name} cores={core} memory=448M kernel={} initrd=demo console=com{com} cmdline=\"bulkhead.name={name} quiet\"\n\
             start {name}\n",
            kernel.name()
        );
    }
    let mut machine = Machine::new(&iso.script(&script).make(), "run").start();
    machine.wait_for_prompt();
    for (name, _, com) in partitions {
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
    machine.expect_states(&partitions.map(|(name, ..)| (name, "running")));
}
