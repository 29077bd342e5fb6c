//! Cores of a Linux that may run virtual machines.

use std::time::Duration;

use bulkhead_tests::bochs::{self, Bochs};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::{Kernel, faulty, initrd_with};
use libtest_mimic::Trial;

use crate::long_story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![long_story(
        "virtualization::vmx_operation_in_bochs",
        vmx_operation,
    )]
}

const NAME: &str = "vmx_operation";
const PATIENCE: Duration = Duration::from_secs(900);

/// A core in VMX operation takes no INIT. It is taken from a Linux that is well by an ordinary
/// interrupt, and from one that hangs with interrupts off by one that can't be masked.
fn vmx_operation() {
    assert!(bochs::is_available(), "tools/bochs has fetched it");
    let kernel = Kernel::Debian612Cloud;
    let mut files = faulty::files(NAME, &[kernel]);
    let modules = [
        "virt/lib/irqbypass",
        "arch/x86/kvm/kvm",
        "arch/x86/kvm/kvm-intel",
    ];
    files.extend(modules.map(|path| {
        let name = path.rsplit('/').next().expect("a name");
        (format!("/kvm/{name}.ko"), kernel.unpacked(path, NAME))
    }));
    // By `insmod`, which knows nothing of `kvm.enable_virt_at_load=0`.
    let run = "for m in irqbypass kvm kvm-intel; do insmod /kvm/$m.ko; done; \
               echo at-load $(cat /sys/module/kvm/parameters/enable_virt_at_load) $(lsmod|grep -c ^kvm_intel); \
               sleep 8; echo it-hangs; insmod /lib/faulty/$(uname -r)-hang1.ko"
        .replace(' ', "%20");
    let iso = Iso::new(NAME)
        .image("linux", kernel.image())
        .image("demo", initrd_with("vmx_operation/kvm.img", &files))
        .script(&format!(
            "define one cores=1 memory=384M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet bulkhead.run={run}\"\n\
             start one\n"
        ))
        .make();
    let mut machine = Bochs::boot(&iso);
    for (wanted, run) in [("at-load Y 1", 2), ("it-hangs", 3)] {
        machine.wait_for(2, wanted, PATIENCE);
        // A module waits a moment before it hangs.
        std::thread::sleep(Duration::from_secs(5));
        machine.send("restart one");
        machine.wait_for(1, "* one: killed", PATIENCE);
        machine.wait_for(1, &format!("* one: launched run={run}"), PATIENCE);
    }
    machine.wait_for(2, "at-load Y 1", PATIENCE);
}
