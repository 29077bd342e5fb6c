//! What lies below a root port in other shapes than one function: a switch, several functions in
//! one device, I/O ports, and a device that the firmware has never seen.

use std::path::Path;
use std::time::{Duration, Instant};

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, empty_disk};
use bulkhead_tests::qemu::{PATIENCE, Running};
use libtest_mimic::Trial;

use super::{Partition, folder, machine, teach};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![story("devices::topology", topology)]
}

/// Root port 1 (bus 1): a switch with two ports, a disk behind each: the upstream port is on bus 1,
/// the downstream ports on bus 2, the disks on buses 3 and 4. Root port 2 (bus 5): one device with two
/// functions that want I/O ports too. Root port 3 (bus 6): empty while the firmware looks.
fn ports(disks: [&str; 4]) -> Vec<String> {
    let port = |number: u32, more: &str| {
        let place = number + 1;
        format!(
            "pcie-root-port,id=port{number},chassis={number},slot={number},addr={place:x}.0{more}"
        )
    };
    let mut arguments = Vec::new();
    for (number, disk) in (1..).zip(disks) {
        arguments.push("-drive".to_string());
        arguments.push(format!("if=none,id=drive{number},format=raw,file={disk}"));
    }
    for device in [
        port(1, ""),
        port(2, ",io-reserve=4096"),
        port(3, ",power_controller_present=off"),
        "x3130-upstream,id=up,bus=port1".to_string(),
        "xio3130-downstream,id=down1,bus=up,chassis=11,slot=1".to_string(),
        "xio3130-downstream,id=down2,bus=up,chassis=12,slot=2".to_string(),
        "nvme,drive=drive1,serial=one,bus=down1".to_string(),
        "nvme,drive=drive2,serial=two,bus=down2".to_string(),
        "virtio-blk-pci,drive=drive3,bus=port2,addr=0.0,multifunction=on,disable-legacy=off"
            .to_string(),
        "virtio-blk-pci,drive=drive4,bus=port2,addr=0.1,disable-legacy=off".to_string(),
    ] {
        arguments.extend(["-device".to_string(), device]);
    }
    arguments
}

fn topology() {
    let folder = folder("topology");
    let disks = [1, 2, 3, 4, 5].map(|number| {
        let disk = empty_disk(&folder, &format!("disk{number}.img"), 8);
        disk.display().to_string()
    });
    let [one, two, three, four, late] = &disks;
    let partitions = [
        // One of the switch's disks.
        Partition::new("left", 2, Kernel::Debian61, "1").devices("03:00.0"),
        // The other one, and both functions of the device on bus 5 by the name of one.
        Partition::new("right", 3, Kernel::Debian612, "2").devices("pci:04,05:00.1"),
    ];
    let arguments = ports([one, two, three, four]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let words = folder.join("bios.log");
    let machine = machine("topology", &partitions, &Board::new());
    let mut machine = machine
        .arguments(&arguments)
        .arguments(&["-drive", &format!("if=none,id=late,format=raw,file={late}")])
        .arguments(&["-debugcon", &format!("file:{}", words.display())])
        .arguments(&["-global", "isa-debugcon.iobase=0x402"])
        .start();
    has_looked(&words);
    machine
        .monitor()
        .command("device_add nvme,drive=late,serial=late,bus=port3");
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    teach(&mut machine, 2);
    teach(&mut machine, 3);
    sees(&mut machine, 2, &["0001:03:00.0"]);
    sees(
        &mut machine,
        3,
        &["0001:04:00.0", "0001:05:00.0", "0001:05:00.1"],
    );
    reads_what_it_writes(&mut machine, 2, "/dev/nvme0n1");
    for disk in ["/dev/nvme0n1", "/dev/vda", "/dev/vdb"] {
        reads_what_it_writes(&mut machine, 3, disk);
    }
    machine.linux_expect(3, "cat /proc/ioports", "0001:05:00");

    // The late one has no address from the firmware, and got one from Bulkhead.
    machine.expect("devices", &["0000:06:00.0", "owner free; alone"]);

    // The whole switch to one partition, bridges and all, and the late disk: `right` goes on.
    machine.com(2).skip();
    machine.com(2).send("poweroff -f\r");
    machine.wait_for(1, "* left: parked");
    machine.expect(
        "set left devices=pci:01",
        &["error:", "shares bus 04 with 0000:04:00.0 of \"right\""],
    );
    machine.com(3).skip();
    machine.com(3).send("poweroff -f\r");
    machine.wait_for(1, "* right: parked");
    machine.expect("set right devices=05:00.0", &[]);
    machine.expect("set left devices=pci:01,06:00.0", &[]);
    machine.expect("start right", &[]);
    machine.expect("start left", &[]);
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    teach(&mut machine, 2);
    sees(
        &mut machine,
        2,
        &[
            "0001:01:00.0",
            "0001:02:00.0",
            "0001:02:01.0",
            "0001:03:00.0",
            "0001:04:00.0",
            "0001:06:00.0",
        ],
    );
    sees(&mut machine, 3, &["0001:05:00.0", "0001:05:00.1"]);
    for bus in ["03", "04", "06"] {
        let disk = machine.linux(2, &format!("disk {bus}"));
        reads_what_it_writes(&mut machine, 2, &format!("/dev/{}", disk.trim()));
    }
    // A panic resets the switch's functions, its bridges among them, and all of it comes back.
    machine.com(2).skip();
    machine.com(2).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* left: launched run=3");
    machine.wait_for_demo(2);
    teach(&mut machine, 2);
    for bus in ["03", "04", "06"] {
        let disk = machine.linux(2, &format!("disk {bus}"));
        let line = format!("pattern verify /dev/{} 4M 7", disk.trim());
        machine.linux_expect(2, &line, "PATTERN ok");
    }
}

/// Waits until the BIOS has looked at all ports: it says when it goes on to the loader.
fn has_looked(words: &Path) {
    let end = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(words).is_ok_and(|text| text.contains("Booting from")) {
        assert!(Instant::now() < end, "the BIOS boots from something");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sees(machine: &mut Running, com: usize, wanted: &[&str]) {
    let functions = machine.linux(com, "ls -1 /sys/bus/pci/devices");
    let found: Vec<&str> = functions.split_ascii_whitespace().collect();
    if found != wanted {
        machine.fail(&format!("com{com} sees {found:?}, not {wanted:?}"));
    }
}

fn reads_what_it_writes(machine: &mut Running, com: usize, disk: &str) {
    let line =
        format!("i=0; while [ ! -b {disk} ] && [ $i -lt 50 ]; do i=$((i+1)); usleep 100000; done");
    machine.linux(com, &line);
    machine.linux_expect(com, &format!("pattern write {disk} 4M 7"), "PATTERN ok");
    machine.linux_expect(com, &format!("pattern verify {disk} 4M 7"), "PATTERN ok");
}
