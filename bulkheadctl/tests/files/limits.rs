//! Machines at, and beyond, what Bulkhead reaches.

use bulkheadctl::board::board;
use bulkheadctl::pack::Pack;
use bulkheadctl::survey::survey;

use crate::machine::{machine, madt, mcfg};

/// The part of a report below that heading.
pub(crate) fn part<'a>(report: &'a str, heading: &str) -> &'a str {
    let (_, after) = report.split_once(&format!("--- {heading}\n")).unwrap();
    after.split_once("\n--- ").map_or(after, |(part, _)| part)
}

/// CPUID of a processor with that ID, which has pages of 1 GiB.
pub(crate) fn cpuid(id: u32) -> String {
    format!(
        "0 0 0 1 0 0 0\n0 1 0 0 {:x} 0 0\n0 80000000 0 80000001 0 0 0\n0 80000001 0 0 0 0 4000000\n",
        id << 24
    )
}

fn with(pieces: &[(&str, Vec<u8>)]) -> Pack {
    let mut pack = machine();
    pack.put("cpuid", cpuid(0));
    for (name, bytes) in pieces {
        pack.put(*name, bytes.clone());
    }
    pack
}

fn says(report: &str, all: &[&str], none: &[&str]) {
    for wanted in all {
        assert!(report.contains(wanted), "no {wanted:?} in\n{report}");
    }
    for other in none {
        assert!(!report.contains(other), "{other:?} in\n{report}");
    }
}

#[test]
fn cores_above_254_are_there_where_firmware_leaves_x2apic_on() {
    let madt = madt(&[0, 1, 254, 255, 256]);
    let of = |more: &[(&str, &str)]| {
        let mut pack = with(&[("acpi/APIC", madt.clone())]);
        for (name, text) in more {
            pack.put(*name, *text);
        }
        survey(&pack)
    };
    let is_listed =
        |report: &str, id: &str| part(report, "cores").lines().any(|l| l.starts_with(id));
    let (report, fits) = of(&[("x2apic", "on\n")]);
    assert!(fits && is_listed(&report, "256 "), "{report}");
    says(
        &report,
        &["2 cores have IDs from 255 on: a partition with one of them can have no devices"],
        &["left out"],
    );
    // Linux has switched it on, firmware had not; or so says the register.
    for more in [
        &[("x2apic", "off\n"), ("apic-base", "fee00d00\n")][..],
        &[("apic-base", "fee00900\n")],
    ] {
        let (report, fits) = of(more);
        assert!(!fits && is_listed(&report, "254 "), "{report}");
        says(
            &report,
            &["2 cores are left out: in xAPIC mode"],
            &["\n256 "],
        );
    }
    let (report, fits) = of(&[]);
    assert!(!fits && is_listed(&report, "256 "), "{report}");
    says(
        &report,
        &["they are left out unless firmware's set-up has x2APIC on"],
        &[],
    );
}

/// What the shell refuses at the prompt is refused here.
#[test]
fn a_device_of_a_partition_with_a_far_core_is_refused() {
    let pack = with(&[
        ("acpi/APIC", madt(&[0, 1, 256])),
        ("x2apic", b"on\n".to_vec()),
    ]);
    let kernel = bulkheadctl::board::File {
        name: "linux".into(),
        bytes: bulkhead_fake::bzimage_file(),
    };
    let files = vec![kernel];
    let machine = board(&pack, Some(&files)).machine;
    let mut operator = bulkheadctl::operator::Operator::new(machine, files);
    let define = |core: u32| {
        format!("define p{core} cores={core} memory=128M kernel=linux devices=01:00.0\n")
    };
    let (said, done) = operator.run("x", &define(256));
    assert!(done.is_err() && said.contains("254"), "{said}");
    let (said, done) = operator.run("x", &define(1));
    assert!(done.is_ok(), "{said}");
}

#[test]
fn more_cores_than_there_is_room_for() {
    let ids: Vec<u32> = (0..600).collect();
    let (report, _) = survey(&with(&[
        ("acpi/APIC", madt(&ids)),
        ("x2apic", b"on\n".to_vec()),
    ]));
    says(
        &report,
        &["88 cores are left out: there is room for 512"],
        &["\n512 "],
    );
    // A heading, and a line each.
    assert_eq!(part(&report, "cores").trim_end().lines().count(), 513);
}

#[test]
fn a_boot_processor_whose_id_cpuid_does_not_know() {
    let (report, _) = survey(&with(&[("acpi/APIC", madt(&[16, 17]))]));
    says(
        &report,
        &[
            "CPUID says that the boot processor is 0",
            "its first, 16, is taken",
        ],
        &["\n0  "],
    );
    let (report, _) = survey(&with(&[("acpi/APIC", madt(&[16, 0]))]));
    says(&report, &[], &["CPUID says"]);
}

#[test]
fn ram_is_reached_as_far_as_the_kernel_reaches() {
    let text = "0 9fbff System RAM\n100000 7fffffff System RAM\n100000000 8fffffffff System RAM\n\
                7fffc0000000 80003fffffff System RAM\n";
    let (report, _) = survey(&with(&[("memmap", text.into())]));
    says(
        &report,
        &[
            "1G of RAM above 128T can't be had",
            "0x7fffc0000000-0x7fffffffffff",
        ],
        &[],
    );
    let mut pack = with(&[("memmap", text.into())]);
    // Without pages of 1 GiB.
    pack.put("cpuid", "0 0 0 1 0 0 0\n");
    let (report, _) = survey(&pack);
    says(&report, &["66G of RAM above 512G can't be had"], &["128T"]);
    // What begins where the list is full is nobody's.
    let many: String = (0..400u64)
        .map(|n| format!("{:x} {:x} System RAM\n", n << 21, (n << 21) + 0xf_ffff))
        .collect();
    let machine = board(&with(&[("memmap", many.into())]), None).machine;
    assert_eq!(machine.ram().total(), 191 << 20);
}

#[test]
fn configuration_space_and_a_frame_buffer_beyond_reach() {
    let far = 0x8000_0000_0000u64;
    let mut screen = vec![0u8; 64];
    screen[0x0f] = 0x70;
    for (at, value) in [(0x12, 1024u16), (0x14, 768), (0x16, 32), (0x24, 4096)] {
        screen[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    // Above 4 GiB the upper half stands apart, with a flag that says so.
    screen[0x36] = 2;
    screen[0x3a..0x3e].copy_from_slice(&((far >> 32) as u32).to_le_bytes());
    let pack = with(&[("acpi/MCFG", mcfg(far)), ("screen", screen.clone())]);
    let (report, _) = survey(&pack);
    says(
        &report,
        &[
            "1 ranges of PCI configuration space are beyond",
            "the frame buffer is beyond",
        ],
        &["0000:01:00.0"],
    );
    screen[0x3a..0x3e].copy_from_slice(&0xfcu32.to_le_bytes());
    let (report, _) = survey(&with(&[("screen", screen)]));
    says(&report, &["framebuffer"], &["beyond"]);
}

/// As much as a server has, and 320 functions: with more of them it takes long without optimization.
#[test]
fn a_machine_of_512_cores_and_4_tib() {
    let ids: Vec<u32> = (0..512).collect();
    let mut pack = with(&[("acpi/APIC", madt(&ids)), ("x2apic", b"on\n".to_vec())]);
    let memory =
        "0 9fbff System RAM\n100000 7fffffff System RAM\n100000000 3ffffffffff System RAM\n";
    pack.put("memmap", memory);
    let (port, disk) = (
        pack.get("pci/0000:00:01.0/config"),
        pack.get("pci/0000:01:00.0/config"),
    );
    let (port, disk) = (port.unwrap().to_vec(), disk.unwrap().to_vec());
    for number in 0..64u8 {
        // Each below a root port of its own: on one of eight devices of eight functions.
        let (device, function, bus) = (number / 8 + 1, number % 8, number + 1);
        let mut port = port.clone();
        port[0x0e] = 0x81;
        port[0x19..0x1b].copy_from_slice(&[bus, bus]);
        let window = (0x8000_0000u32 + (u32::from(bus) << 20)).to_le_bytes();
        port[0x20..0x24].copy_from_slice(&[window[2], window[3], window[2], window[3]]);
        pack.put(format!("pci/0000:00:{device:02x}.{function}/config"), port);
        for function in 0..4u32 {
            let mut disk = disk.clone();
            disk[0x0e] = 0x80;
            let at = 0x8000_0000u32 + (u32::from(bus) << 20) + (function << 14);
            disk[0x10..0x14].copy_from_slice(&(at | 4).to_le_bytes());
            let name = format!("pci/0000:{bus:02x}:00.{function}");
            pack.put(format!("{name}/config"), disk);
            let resource = format!("{at:#x} {:#x} 0x140204\n", at + 0x3fff);
            pack.put(format!("{name}/resource"), resource);
        }
    }
    let (report, _) = survey(&pack);
    says(
        &report,
        &[
            "RAM        4192255M",
            "0 can be owned alone, 256 with others, 64 stay",
            "partitions of one core: 64 at once (there is room for 64)",
            "low memory: 4 with 64K (any kexec inside), 0 with 32K (kexec from Linux 6.8 on), 60 share 32K (no kexec)",
            "of those that can't share (several cores, PREEMPT_RT, before 5.13, no EFI): 13 at once (no free 32K below 640K",
        ],
        &["left out"],
    );
}
