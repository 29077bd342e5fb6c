//! Two NUMA nodes: partitions of one, and of both.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("numa::nodes_of_6_12", || {
            nodes("nodes_of_6_12", Kernel::Debian612Cloud)
        }),
        story("numa::nodes_of_6_1", || {
            nodes("nodes_of_6_1", Kernel::Debian61Cloud)
        }),
    ]
}

/// Three cores and 2 GiB each: the first node's below 4 GiB, the second one's above. Local APIC IDs
/// are 0 to 2 and 4 to 6.
fn with_nodes(machine: Machine) -> Machine {
    let memory = |id| format!("memory-backend-ram,id={id},size=2G,reserve=off");
    machine
        .cores("6,sockets=2,cores=3")
        .memory("4G")
        .arguments(&["-object", &memory("m0"), "-object", &memory("m1")])
        .arguments(&["-numa", "node,nodeid=0,cpus=0-2,memdev=m0"])
        .arguments(&["-numa", "node,nodeid=1,cpus=3-5,memdev=m1"])
        .arguments(&["-numa", "dist,src=0,dst=1,val=21"])
}

/// What a file of a node's folder says, in the Linux on that port.
fn of_node(machine: &mut Running, com: usize, node: usize, file: &str) -> String {
    machine.linux(
        com,
        &format!("cat /sys/devices/system/node/node{node}/{file}"),
    )
}

/// MiB of the node's memory, as that Linux counts them.
fn mebibytes(machine: &mut Running, com: usize, node: usize) -> u64 {
    let text = of_node(machine, com, node, "meminfo | grep MemTotal");
    let kibibytes = text
        .split_whitespace()
        .nth(3)
        .and_then(|word| word.parse().ok());
    let kibibytes: u64 = kibibytes.unwrap_or_else(|| panic!("{text}"));
    kibibytes >> 10
}

fn nodes(name: &str, kernel: Kernel) {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=320M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet\" node=0\n\
             define both cores=2,4 memory=512M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=both quiet\"\n\
             define far cores=5-6 memory=1G kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=far quiet\" node=1\n\
             start one both far\n",
        )
        .make();
    let mut machine = with_nodes(Machine::new(&iso, "run")).start();
    machine.wait_for_prompt();
    let said = machine.command("cores");
    for line in ["CORE  NODE  PACKAGE", "\n2     0     0", "\n4     1     1"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let said = machine.command("memory");
    for line in [
        "node 0: cores 0-2, free ",
        "node 1: cores 4-6, free ",
        "; distances 10 21\n",
        "; distances 21 10\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for com in 2..=4 {
        machine.wait_for_demo(com);
    }
    machine.expect("set one node=1", &["error: \"one\" is running"]);
    let online = "cat /sys/devices/system/node/online";
    assert_eq!(machine.linux(2, online), "0");
    assert_eq!(
        machine.linux(2, "ls /sys/firmware/acpi/tables | grep -c S[RL][AI]T"),
        "0"
    );

    // A core and half of the memory of each.
    assert_eq!(machine.linux(3, online), "0-1");
    for (node, distances) in [(0, "10 21"), (1, "21 10")] {
        assert_eq!(of_node(&mut machine, 3, node, "cpulist"), node.to_string());
        assert_eq!(of_node(&mut machine, 3, node, "distance"), distances);
        let memory = mebibytes(&mut machine, 3, node);
        assert!((120..=256).contains(&memory), "node {node}: {memory} MiB");
    }

    // What is missing is the kernel's own, and its bounce buffers.
    let said = machine.command("show both");
    for line in [
        "  node     0, inside 0: cores 2, 256M",
        "  node     1, inside 1: cores 4, 256M",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }

    // All cores of one node; of the other only what has to lie below 4 GiB.
    assert_eq!(machine.linux(4, online), "0-1");
    assert_eq!(
        machine.linux(4, "cat /sys/devices/system/node/has_cpu"),
        "0"
    );
    assert_eq!(of_node(&mut machine, 4, 0, "cpulist"), "0-1");
    assert_eq!(of_node(&mut machine, 4, 0, "distance"), "10 21");
    assert_eq!(of_node(&mut machine, 4, 1, "cpulist"), "");
    let memory = [0, 1].map(|node| mebibytes(&mut machine, 4, node));
    assert!(
        (680..=768).contains(&memory[0]) && memory[1] <= 256,
        "{memory:?}"
    );
    let said = machine.command("show far");
    for line in [
        "  node     1, inside 0: cores 5-6, 768M",
        "  node     0, inside 1: cores none, ",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for com in 2..=4 {
        let complaints = machine.linux(com, "dmesg | grep -c -e 'NUMA: nodes only cover' -e 'SRAT: .*invalid' -e 'SLIT table looks invalid'");
        assert_eq!(complaints, "0");
    }
}
