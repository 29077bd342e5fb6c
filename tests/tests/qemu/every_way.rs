//! Every way by which a Linux ends, and comes back.

use bulkhead_tests::qemu::Running;

/// The partition "high", on two cores and with the second serial port, launched again whatever happens, which is about
/// to boot for the first time; `is_back` sees to it that it is whole in that run.
pub(crate) fn comes_back(machine: &mut Running, is_back: impl Fn(&mut Running, u32)) {
    machine.wait_for_prompt();
    is_back(machine, 1);
    let again = [
        ("reboot -f", "* high: rebooted"),
        (
            "echo c > /proc/sysrq-trigger",
            "* high: failed reason=\"panic",
        ),
        // On the second core: ResetSystem is called there.
        (
            "taskset 2 sh -c 'echo c > /proc/sysrq-trigger'",
            "* high: failed reason=\"panic",
        ),
    ];
    for ((command, event), run) in again.into_iter().zip(2..) {
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        is_back(machine, run);
    }
    machine.com(2).skip();
    machine.expect("restart high", &[]);
    is_back(machine, 5);
    machine.expect("kill high", &[]);
    machine.wait_for(1, "* high: killed");
    machine.expect_states(&[("high", "stopped")]);
    machine.com(2).skip();
    machine.expect("start high", &[]);
    is_back(machine, 6);
    let log = machine.command("log");
    assert!(!log.contains("lost"), "{log}");
}
