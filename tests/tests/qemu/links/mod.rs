//! Links: memory that two partitions share, and a network and a disk over it.

mod disk;
mod neighbour;

use std::time::Duration;

use bulkhead_tests::inside::average_round_trip;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, device_initrd, initrd_with, root};
use libtest_mimic::Trial;

use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("links::net", net),
        story("links::restarts", restarts),
        story("links::a_liar", a_liar),
        story("links::disk", disk::disk),
        long_story("links::through_a_neighbour", neighbour::through_a_neighbour),
    ]
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
    machine.linux(
        com,
        "modprobe tun; mount -t tracefs tracefs /sys/kernel/tracing",
    );
    machine.linux(
        com,
        &format!("bulkheadctl net {peer} link >/tmp/net 2>&1 & sleep 1; cat /tmp/net"),
    );
    machine.linux(
        com,
        &format!("ip addr add 10.9.0.{number}/24 dev link; ip link set dev link up"),
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
    ping(machine, ONE, 2);
    ping(machine, TWO, 1);
    machine.start_job(TWO, "iperf", "iperf3 -s -1");
    let said = machine.linux_within(ONE, "sleep 2; iperf3 -c 10.9.0.2 -t 5", PATIENCE);
    println!("{said}");
    assert!(said.contains("receiver"), "{said}");
}

/// Every ping is answered.
fn ping(machine: &mut Running, com: usize, to: u32) {
    let command = format!("ping -c 20 -i 0.2 10.9.0.{to} | tail -3");
    let said = machine.linux_within(com, &command, PATIENCE);
    println!("{said}");
    let average = average_round_trip(&said);
    // A side that no interrupt wakes looks up once a second.
    if !said.contains(" 0% packet loss") || average.is_none_or(|ms: f64| ms > 250.0) {
        machine.fail(&said);
    }
}

/// A Linux at either end begins again, and the program at the other end goes on.
fn restarts() {
    let machine = &mut start("links_restarts", "3G");
    machine.expect("set one cmdline=x", &["is running and can't be changed"]);
    machine.expect("unlink one two", &["is running and can't be unlinked"]);
    connect(machine, ONE, "two", 1);
    connect(machine, TWO, "one", 2);
    ping(machine, ONE, 2);
    for (name, com, peer, number, other, other_number) in [
        ("one", ONE, "two", 1, TWO, 2),
        ("two", TWO, "one", 2, ONE, 1),
    ] {
        machine.command(&format!("restart {name}"));
        machine.wait_for_demo(com);
        connect(machine, com, peer, number);
        ping(machine, other, number);
        ping(machine, com, other_number);
    }
    // Its memory is free again, and the partition finds none.
    machine.command("kill one");
    machine.command("kill two");
    assert_eq!(machine.command("unlink two one").trim(), "");
    let map = machine.command("memory");
    assert!(!map.contains("link of"), "{map}");
    machine.command("start one");
    machine.wait_for_demo(ONE);
    machine.linux_expect(ONE, "bulkheadctl net two", "nor to anybody");
}

/// A side that writes nonsense all over what it shares, its own interrupts included: the other one tells of it,
/// goes on, and serves an honest one again.
fn a_liar() {
    let machine = &mut start("links_liar", "3G");
    connect(machine, ONE, "two", 1);
    let base = machine.linux(
        TWO,
        "printf '%d' $(cut -d ' ' -f 1 /sys/bus/pci/devices/ff00:00:00.0/resource | head -1)",
    );
    let base: u64 = base.trim().parse().expect("an address");
    let page = base / 4096;
    for round in 0..5 {
        // The tables' pages are written first, so that no entry is a true one; then all else.
        machine.linux_within(
            TWO,
            &format!(
                "dd if=/dev/urandom of=/dev/mem bs=4096 seek={page} count=1024 conv=notrunc 2>&1 | tail -1"
            ),
            PATIENCE,
        );
        let said = machine.linux(
            ONE,
            "ping -c 1 -W 1 10.9.0.2 >/dev/null; cut -d ' ' -f 1 /proc/uptime",
        );
        println!("round {round}: {said}");
    }
    println!("{}", machine.linux(ONE, "cat /tmp/net"));
    for com in [ONE, TWO] {
        machine.linux_expect(com, "echo alive", "alive");
    }
    machine.expect_states(&[("one", "running"), ("two", "running")]);
    connect(machine, TWO, "one", 2);
    ping(machine, ONE, 2);
    let log = machine.linux(ONE, "dmesg | grep -E 'No irq handler|BUG:|Oops'");
    assert_eq!(log.trim(), "");
}
