//! Two NUMA nodes: partitions of one, and of both.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd, initrd_with, root};
use libtest_mimic::Trial;

use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("numa::nodes_of_6_12", || {
            nodes("nodes_of_6_12", Kernel::Debian612Cloud)
        }),
        long_story("numa::nodes_of_6_1", || {
            nodes("nodes_of_6_1", Kernel::Debian61Cloud)
        }),
        long_story("numa::numactl", numactl),
    ]
}

/// Nanoseconds and MiB a second from a node's cores to a node's memory, each another.
const SPEEDS: [(usize, usize, u32, u32); 4] = [
    (0, 0, 10, 4096),
    (0, 1, 40, 1024),
    (1, 0, 50, 512),
    (1, 1, 20, 2048),
];

/// Three cores and 2 GiB each: the first node's below 4 GiB, the second one's above. Local APIC IDs
/// are 0 to 2 and 4 to 6. There is a cache in front of the second one's memory.
fn with_nodes(machine: Machine) -> Machine {
    let memory = |id| format!("memory-backend-ram,id={id},size=2G,reserve=off");
    let speeds = SPEEDS.iter().flat_map(|(from, to, latency, bandwidth)| {
        let pair = format!("hmat-lb,initiator={from},target={to},hierarchy=memory");
        [
            format!("{pair},data-type=access-latency,latency={latency}"),
            format!("{pair},data-type=access-bandwidth,bandwidth={bandwidth}M"),
        ]
    });
    let machine = machine
        .cores("6,sockets=2,cores=3")
        .memory("4G")
        .arguments(&["-object", &memory("m0"), "-object", &memory("m1")])
        .arguments(&["-machine", "hmat=on"])
        .arguments(&["-numa", "node,nodeid=0,cpus=0-2,memdev=m0,initiator=0"])
        .arguments(&["-numa", "node,nodeid=1,cpus=3-5,memdev=m1,initiator=1"])
        .arguments(&["-numa", "dist,src=0,dst=1,val=21"]);
    let cache =
        "hmat-cache,node-id=1,size=16M,level=1,associativity=direct,policy=write-back,line=64";
    speeds
        .chain([cache.into()])
        .fold(machine, |machine, speed| {
            machine.arguments(&["-numa", &speed])
        })
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

/// What that Linux says of how fast a node's memory is for the cores that it is nearest to: which node's
/// these are, and the latency and the bandwidth of reads.
fn speed(machine: &mut Running, com: usize, node: usize) -> (String, [String; 2]) {
    let folder = "access0/initiators";
    let nearest = machine.linux(
        com,
        &format!("ls /sys/devices/system/node/node{node}/{folder} | grep node"),
    );
    let files = ["read_latency", "read_bandwidth"];
    let said = files.map(|file| of_node(machine, com, node, &format!("{folder}/{file}")));
    (nearest, said)
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
        machine.linux(
            2,
            "ls /sys/firmware/acpi/tables | grep -c -e S[RL][AI]T -e HMAT"
        ),
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
    let told = |latency: &str, bandwidth: &str| [latency, bandwidth].map(String::from);
    let own = |number: &str, speed| (format!("node{number}"), speed);
    assert_eq!(speed(&mut machine, 3, 0), own("0", told("10", "4096")));
    assert_eq!(speed(&mut machine, 3, 1), own("1", told("20", "2048")));
    let cache =
        |node| format!("cat /sys/devices/system/node/node{node}/memory_side_cache/index1/size");
    assert_eq!(machine.linux(3, &cache(1)), (16 << 20).to_string());

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
    // The machine's node 1 is its 0, and nearest to what it has of the machine's node 0, too.
    assert_eq!(speed(&mut machine, 4, 0), own("0", told("20", "2048")));
    assert_eq!(speed(&mut machine, 4, 1), own("0", told("50", "512")));
    assert_eq!(machine.linux(4, &cache(0)), (16 << 20).to_string());
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
        let complaints = machine.linux(com, "dmesg | grep -c -e 'NUMA: nodes only cover' -e 'SRAT: .*invalid' -e 'SLIT table looks invalid' -e 'acpi/hmat.*gnoring'");
        assert_eq!(complaints, "0");
    }
}

/// The words of each line that `numactl --hardware` prints in that Linux.
fn hardware(machine: &mut Running, com: usize) -> Vec<Vec<String>> {
    let said = machine.linux(com, "numactl --hardware 2>&1");
    let lines = said
        .lines()
        .map(|line| line.split_whitespace().map(String::from).collect());
    lines.collect()
}

/// Debian's numactl and what it needs, each as where it goes and where it is.
fn numactl_files() -> [(&'static str, PathBuf); 4] {
    let output = Command::new(root().join("tools/numactl"))
        .stderr(Stdio::inherit())
        .output()
        .expect("tools/numactl can be run");
    assert!(output.status.success(), "tools/numactl failed");
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let libraries = "lib/x86_64-linux-gnu";
    let file = |path: &str| folder.join(path);
    [
        ("/bin/numactl", file("usr/bin/numactl")),
        (
            "/lib64/ld-linux-x86-64.so.2",
            file(&format!("{libraries}/ld-linux-x86-64.so.2")),
        ),
        (
            "/lib/x86_64-linux-gnu/libc.so.6",
            file(&format!("{libraries}/libc.so.6")),
        ),
        (
            "/lib/x86_64-linux-gnu/libnuma.so.1",
            file("usr/lib/x86_64-linux-gnu/libnuma.so.1"),
        ),
    ]
}

/// Debian's numactl itself, with two nodes and with one.
fn numactl() {
    let iso = Iso::new("numactl")
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", initrd_with("numactl.img", &numactl_files()))
        .script(
            "define both cores=2,4 memory=512M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=both quiet\"\n\
             define one cores=1 memory=320M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=one quiet\" node=0\n\
             start both one\n",
        )
        .make();
    let mut machine = with_nodes(Machine::new(&iso, "run")).start();
    machine.wait_for_prompt();
    for com in [2, 3] {
        machine.wait_for_demo(com);
    }
    // Of a node's memory it says what /sys says.
    let size = |machine: &mut Running, com, node| mebibytes(machine, com, node).to_string();
    let sizes = [0, 1].map(|node| size(&mut machine, 2, node));
    let said = hardware(&mut machine, 2);
    for wanted in [
        "available: 2 nodes (0-1)",
        "node 0 cpus: 0",
        "node 1 cpus: 1",
        &format!("node 0 size: {} MB", sizes[0]),
        &format!("node 1 size: {} MB", sizes[1]),
        "node 0 1",
        "0: 10 21",
        "1: 21 10",
    ] {
        let words: Vec<&str> = wanted.split(' ').collect();
        assert!(said.iter().any(|line| *line == words), "{wanted}: {said:?}");
    }
    // A program that it runs is on a node's cores, with that node's memory.
    let bound = "numactl --cpunodebind=1 --membind=1 numactl --show";
    let said = machine.linux(2, bound);
    for wanted in ["physcpubind: 1", "cpubind: 1", "membind: 1"] {
        assert!(said.lines().any(|line| line.trim() == wanted), "{said}");
    }
    let size = size(&mut machine, 3, 0);
    let said = hardware(&mut machine, 3);
    for wanted in [
        "available: 1 nodes (0)",
        "node 0 cpus: 0",
        &format!("node 0 size: {size} MB"),
    ] {
        let words: Vec<&str> = wanted.split(' ').collect();
        assert!(said.iter().any(|line| *line == words), "{wanted}: {said:?}");
    }
}
