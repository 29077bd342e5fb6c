//! Two partitions: `victim`, which ends, and `next`, which must not notice.

use bulkhead_tests::faulty;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};

/// What a victim's definition has beside cores, memory, images and console.
pub(crate) const VICTIM: &str = "cmdline=\"bulkhead.name=victim quiet\"";
pub(crate) const VICTIM_NEVER_RESTARTED: &str =
    "restart=never cmdline=\"bulkhead.name=victim quiet\"";

/// Boots both. The victim has two cores on COM2, and is not waited for; its neighbour has one on
/// COM3, and is up.
pub(crate) fn boot(name: &str, kernel: Kernel, victim: &str) -> Running {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("steady", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .image("victim", faulty::initrd(name, &[kernel]))
        .script(&format!(
            "define next cores=3 memory=256M kernel=steady initrd=demo console=com3 cmdline=\"bulkhead.name=next quiet\"\n\
             define victim cores=1,2 memory=320M kernel=linux initrd=victim console=com2 {victim}\n\
             start next victim\n"
        ))
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    machine
}
