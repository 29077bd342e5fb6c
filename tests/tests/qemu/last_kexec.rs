//! A last Linux that is ended while another kernel, which it entered by kexec, unpacks itself: that
//! one has no handler for the interrupt that can't be masked yet.

use std::time::{Duration, Instant};

use bulkhead_tests::control::{ask, unlock};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd, initrd_with, kexec};
use libtest_mimic::Trial;

use crate::neighbour::Neighbour;
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("last::killed_while_it_unpacks", killed)]
}

/// How often: each time at another moment of its way.
const MOMENTS_MS: [u64; 3] = [50, 400, 900];

fn killed() {
    // 6.1 takes the interrupt for a fault while it unpacks itself, and the machine resets; from 6.8
    // on a kernel ignores it there.
    let kernel = Kernel::Debian61Cloud;
    let carrier = initrd_with("last_carrier.img", &kexec::files(&[kernel]));
    let iso = Iso::new("last_kexec")
        .image("linux", kernel.image())
        .image("demo", demo_initrd())
        .image("carrier", carrier)
        .script(
            "define boss cores=2 memory=256M kernel=linux initrd=demo console=com3 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define last cores=0 memory=640M kernel=linux initrd=carrier console=com4 cmdline=\"bulkhead.name=last\"\n\
             start boss\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(3);
    let mut boss = Neighbour::watch(&mut machine, 3);
    unlock(&mut machine, 3, "Control");
    for moment in MOMENTS_MS {
        machine.com(4).skip();
        machine.com(1).send("handoff last\r");
        machine.wait_for_demo(4);
        machine.com(4).skip();
        machine
            .com(4)
            .send(&format!("{}\r", kexec::command(kernel)));
        machine.wait_for(4, "Starting new kernel");
        std::thread::sleep(Duration::from_millis(moment));
        machine.com(1).skip();
        let begun = Instant::now();
        assert_eq!(ask(&mut machine, 3, "kill last"), "ok", "after {moment} ms");
        machine.wait_for(1, "the shell is back");
        machine.wait_for(1, "bulkhead> ");
        println!("{moment} ms after kexec: back after {:?}", begun.elapsed());
        boss.runs_on(&mut machine, "a kill while the last one unpacks itself");
    }
    boss.noticed_nothing(&mut machine);
}
