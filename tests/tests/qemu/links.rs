//! Links: memory that two partitions share, and a network over it.

use std::time::Duration;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, device_initrd, initrd_with, root};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("links::net", net)]
}

/// Console ports.
const ONE: usize = 2;
const TWO: usize = 3;
/// Under emulation.
const PATIENCE: Duration = Duration::from_secs(120);

/// `one` with 6.1 and `two` with 6.12, linked.
fn start(name: &str, memory: &str) -> Running {
    let program = root().join("build/bulkheadctl");
    let tools = initrd_with(&format!("{name}.img"), &[("/bin/bulkheadctl", program)]);
    let mut iso = Iso::new(name).image("tools", tools);
    for kernel in [Kernel::Debian61, Kernel::Debian612] {
        iso = iso
            .image(kernel.name(), kernel.image())
            .image(&format!("for-{}", kernel.name()), device_initrd(kernel));
    }
    let line = |name: &str, cores: u32, kernel: Kernel, com: usize| {
        let kernel = kernel.name();
        format!(
            "define {name} cores={cores} memory=512M kernel={kernel} initrd=for-{kernel},tools \
             console=com{com} cmdline=\"bulkhead.name={name} quiet panic=1\"\n"
        )
    };
    let script = line("one", 1, Kernel::Debian61, ONE)
        + &line("two", 2, Kernel::Debian612, TWO)
        + "link one two\nstart one two\n";
    let iso = iso.script(&script).make();
    let mut machine = Machine::new(&iso, "run").memory(memory).start();
    machine.wait_for_prompt();
    machine.wait_for_demo(ONE);
    machine.wait_for_demo(TWO);
    machine
}

/// Has a Linux pass frames, by an interface `link` with that last number in its address.
fn connect(machine: &mut Running, com: usize, peer: &str, number: u32) {
    machine.linux(com, "modprobe tun");
    machine.linux(
        com,
        &format!("bulkheadctl net {peer} link >/tmp/net 2>&1 & sleep 1; cat /tmp/net"),
    );
    machine.linux(
        com,
        &format!("ip addr add 10.9.0.{number}/24 dev link; ip link set link up"),
    );
}

fn net() {
    let machine = &mut start("links_net", "3G");
    machine.expect(
        "show one",
        &["link     two, 4M at 0x", "inside ff00:00:00.0"],
    );
    machine.expect("memory", &["link of one and two"]);
    for com in [ONE, TWO] {
        let function = "/sys/bus/pci/devices/ff00:00:00.0";
        machine.linux_expect(com, &format!("cat {function}/vendor"), "0xb1f0");
        let allocated = "from Enhanced Allocation";
        machine.linux_expect(com, "dmesg | grep 'BAR 0'", allocated);
        machine.linux_expect(com, "bulkheadctl net three; echo $?", "3");
    }
    connect(machine, ONE, "two", 1);
    connect(machine, TWO, "one", 2);
    let said = machine.linux_within(ONE, "ping -c 20 -i 0.2 10.9.0.2", PATIENCE);
    println!("{said}");
    assert!(said.contains(" 0% packet loss"), "{said}");
    machine.start_job(TWO, "iperf", "iperf3 -s -1");
    let said = machine.linux_within(ONE, "sleep 2; iperf3 -c 10.9.0.2 -t 5", PATIENCE);
    println!("{said}");
    assert!(said.contains("receiver"), "{said}");
}
