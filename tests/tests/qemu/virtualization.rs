//! Cores of a Linux that may run virtual machines.

use std::path::PathBuf;
use std::time::Duration;

use bulkhead_tests::bochs::{self, Bochs};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::neighbour::{Neighbour, beside_a_witness};
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, faulty, guest_tool, initrd_with};
use libtest_mimic::Trial;

use crate::long_story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        long_story("virtualization::svm_every_end", svm_every_end),
        long_story("virtualization::vmx_operation_in_bochs", vmx_operation),
        long_story("virtualization::vmx_machine_in_bochs", vmx_machine),
    ]
}

const KERNEL: Kernel = Kernel::Debian612Cloud;
const VMX: &str = "vmx_operation";
const PATIENCE: Duration = Duration::from_secs(900);

/// The kernel's modules for virtual machines on that maker's processors, in the order in which they are
/// loaded, as `insmod` of busybox takes them; and what makes such a machine.
fn machine_files(name: &str, maker: &str) -> Vec<(String, PathBuf)> {
    let vendor = format!("arch/x86/kvm/kvm-{maker}");
    let modules = ["virt/lib/irqbypass", "arch/x86/kvm/kvm", &vendor];
    let modules = modules.map(|path| {
        let module = path.rsplit('/').next().expect("a name");
        (format!("/kvm/{module}.ko"), KERNEL.unpacked(path, name))
    });
    let tool = ("/bin/vm".to_string(), guest_tool("vm"));
    modules.into_iter().chain([tool]).collect()
}

/// A core in VMX operation takes no INIT. It is taken from a Linux that is well by an ordinary
/// interrupt, and from one that hangs with interrupts off by one that can't be masked.
fn vmx_operation() {
    assert!(bochs::is_available(), "tools/bochs has fetched it");
    let mut files = faulty::files(VMX, &[KERNEL]);
    files.extend(machine_files(VMX, "intel"));
    // By `insmod`, which knows nothing of `kvm.enable_virt_at_load=0`.
    let run = "for m in irqbypass kvm kvm-intel; do insmod /kvm/$m.ko; done; \
               echo at-load $(cat /sys/module/kvm/parameters/enable_virt_at_load) $(lsmod|grep -c ^kvm_intel); \
               sleep 8; echo it-hangs; insmod /lib/faulty/$(uname -r)-hang1.ko"
        .replace(' ', "%20");
    let iso = Iso::new(VMX)
        .image("linux", KERNEL.image())
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

/// A virtual machine runs on both cores of a Linux that is killed, started again, and restarted.
fn vmx_machine() {
    assert!(bochs::is_available(), "tools/bochs has fetched it");
    let name = "vmx_machine";
    let run =
        "for m in irqbypass kvm kvm-intel; do insmod /kvm/$m.ko; done; vm".replace(' ', "%20");
    let iso = Iso::new(name)
        .image("linux", KERNEL.image())
        .image(
            "demo",
            initrd_with("vmx_machine.img", &machine_files(name, "intel")),
        )
        .script(&format!(
            "define one cores=1,2 memory=384M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet bulkhead.run={run}\"\n\
             start one\n"
        ))
        .make();
    let mut machine = Bochs::boot_on(&iso, 3);
    for (commands, run) in [(&["kill one", "start one"][..], 2), (&["restart one"], 3)] {
        machine.wait_for(2, "VM runs on 2", PATIENCE);
        std::thread::sleep(Duration::from_secs(5));
        for command in commands {
            machine.send(command);
            if *command != "start one" {
                machine.wait_for(1, "* one: killed", PATIENCE);
            }
        }
        machine.wait_for(1, &format!("* one: launched run={run}"), PATIENCE);
    }
    machine.wait_for(2, "VM runs on 2", PATIENCE);
}

/// Waits until that Linux is up, and starts a virtual machine on both of its cores.
fn start_machine(machine: &mut Running) {
    let report = machine.wait_for_demo(2);
    assert_eq!(report.apic_ids, [1, 2]);
    machine.linux(
        2,
        "for m in irqbypass kvm kvm-amd; do insmod /kvm/$m.ko; done",
    );
    machine.linux_expect(2, "grep -c ^kvm_amd /proc/modules", "1");
    machine.linux(2, "vm </dev/null >/tmp/vm 2>&1 & true");
    let wait = "for i in $(seq 100); do grep -q ^VM /tmp/vm && break; usleep 100000; done; cat /tmp/vm; dmesg | tail -n 3";
    machine.linux_expect(2, wait, "VM runs on 2");
}

/// A virtual machine is inside on both cores, however its Linux ends: the cores come back, the next run
/// has a virtual machine too, and nobody else notices.
fn svm_every_end() {
    let name = "svm_every_end";
    let mut files = faulty::files(name, &[KERNEL]);
    // The initial RAM disk has it already.
    files.retain(|(to, _)| !to.ends_with("efivarfs.ko"));
    files.extend(machine_files(name, "amd"));
    let iso = beside_a_witness(name, KERNEL, files, "512M").make();
    let mut machine = Machine::new(&iso, "run")
        .arguments(&["-cpu", "max,vendor=AuthenticAMD"])
        .start();
    machine.wait_for_prompt();
    start_machine(&mut machine);
    machine.wait_for_demo(3);
    let mut witness = Neighbour::watch(&mut machine, 3);
    for (command, event) in [
        ("reboot", "* it: rebooted"),
        (
            "taskset 2 sh -c 'echo c > /proc/sysrq-trigger'",
            "* it: failed reason=\"panic",
        ),
        ("taskset 2 reboot -f", "* it: rebooted"),
    ] {
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        machine.wait_for(1, event);
        start_machine(&mut machine);
        witness.runs_on(&mut machine, command);
    }
    machine.com(2).skip();
    machine.expect("restart it", &[]);
    start_machine(&mut machine);
    witness.runs_on(&mut machine, "restart");
    machine.linux(2, &format!("({}) >/dev/null 2>&1; true", faulty::HANG));
    machine.wait_for_deaf_cores(&[1, 2], 2);
    machine.expect("kill it", &[]);
    machine.expect_states(&[("it", "stopped"), ("witness", "running")]);
    machine.com(2).skip();
    machine.expect("start it", &[]);
    start_machine(&mut machine);
    machine.expect("kill it", &[]);
    machine.expect_states(&[("it", "stopped"), ("witness", "running")]);
    witness.runs_on(&mut machine, "kill");
    machine.com(2).skip();
    machine.expect("start it", &[]);
    start_machine(&mut machine);
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* it: powered-off");
    machine.wait_for(1, "* it: parked");
    machine.expect_states(&[("it", "stopped"), ("witness", "running")]);
    witness.runs_on(&mut machine, "power-off");
    witness.noticed_nothing(&mut machine);
    let log = machine.command("log");
    assert!(
        !log.contains("refused") && !log.contains("did not come back"),
        "{log}"
    );
}
