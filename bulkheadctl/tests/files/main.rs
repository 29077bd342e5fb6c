//! Files of surveys: what is in them, what is not, and that no file makes the program panic.
#![allow(missing_docs, reason = "a test binary has no public interface")]

mod absurd;
mod boards;
mod every_use;
mod hostile;
mod iommu;
mod limits;
mod machine;
mod private;

use bulkhead_pci::ConfigSpace;
use bulkheadctl::board::{File, board};
use bulkheadctl::config::SavedConfig;
use bulkheadctl::live;
use bulkheadctl::operator::Operator;
use bulkheadctl::pack::Pack;
use bulkheadctl::suggest::{images_of, suggest};
use bulkheadctl::survey::survey;

use machine::{file, machine, table};

#[test]
fn a_machine_is_described_by_what_the_file_has() {
    let (report, fits) = survey(&machine());
    assert!(fits, "{report}");
    for wanted in [
        "RAM        3839M",
        "com1, 115200",
        "0000:01:00.0  NVMe controller, 1b36:0010",
        "owner free; alone",
        "BAR 0: 16K memory at 0xfe000000, 64-bit",
        "partitions of one core: 1 at once",
        "low memory: 1 with 64K (any kexec inside), 0 with 32K (kexec from Linux 6.8 on), 0 share",
        "1 can be owned alone, 0 with others, 1 stay Bulkhead's",
        "nothing is to be changed",
    ] {
        let wanted = wanted.strip_suffix(", 115200").unwrap_or(wanted);
        assert!(report.contains(wanted), "no {wanted:?} in\n{report}");
    }
}

#[test]
fn the_verdict_says_what_there_will_not_be() {
    let lacking = |pack: &Pack| {
        let report = survey(pack).0;
        let (_, verdict) = report.split_once("--- verdict\n").unwrap();
        let lines = verdict.lines().map(String::from).collect::<Vec<_>>();
        let (last, before) = lines.split_last().unwrap();
        let starts = before.iter().map(|line| {
            let lacking = line.strip_prefix("* to be done without: ").unwrap();
            lacking.split(':').next().unwrap().to_string()
        });
        (starts.collect::<Vec<_>>(), last.clone())
    };
    let nothing = "nothing is to be changed before Bulkhead is tried on this machine";
    let mut pack = machine();
    let (second, poweroff) = (
        "no second partition",
        "no poweroff of the machine, which is refused",
    );
    let said = format!("{nothing}, if it can be done without what is named above");
    let lacks = [second, poweroff].map(String::from).to_vec();
    assert_eq!(lacking(&pack), (lacks, said.clone()));
    pack.put("ports", "3f8\n");
    let bridge = "pci/0000:00:01.0/config";
    for name in ["pci/0000:01:00.0/config", bridge] {
        pack.put(name, vec![0xff; 4096]);
    }
    let port = "no serial port for a partition";
    let device = "no PCI device for a partition alone";
    let lacks = [second, device, port, poweroff].map(String::from).to_vec();
    assert_eq!(lacking(&pack), (lacks, said));
    // All that can be had.
    let mut pack = machine();
    pack.put("acpi/APIC", machine::madt(&[0, 1, 2]));
    let mut fadt = vec![0u8; 240];
    fadt[0x40 - 36] = 4;
    pack.put("acpi/FACP", table(b"FACP", &fadt));
    let package = [
        0x08, b'_', b'S', b'5', b'_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x0a, 0x05,
    ];
    pack.put("acpi/DSDT", table(b"DSDT", &package));
    assert_eq!(lacking(&pack), (Vec::new(), nothing.to_string()));
}

#[test]
fn what_must_be_changed_is_said() {
    let mut pack = machine();
    pack.put("secure-boot", "on\n");
    pack.put("ports", "");
    pack.put("ps2", "ff");
    let (report, fits) = survey(&pack);
    assert!(!fits);
    for wanted in [
        "Secure Boot is on",
        "neither a serial port nor a PS/2",
        "2 things are to be changed first",
    ] {
        assert!(report.contains(wanted), "no {wanted:?} in\n{report}");
    }
    let (report, fits) = survey(&Pack::default());
    assert!(
        !fits && report.contains("no ACPI tables were seen"),
        "{report}"
    );
}

#[test]
fn a_script_is_told_what_the_shell_says() {
    let machine = board(&machine(), Some(&[])).machine;
    let script = "define web cores=1 memory=512M kernel=linux\n";
    let (said, done) = Operator::new(machine, Vec::new()).run("my.conf", script);
    assert!(done.is_err());
    assert!(said.contains("my.conf:1: error: "), "{said}");
    assert!(said.contains("there is no image \"linux\""), "{said}");
}

#[test]
fn what_is_suggested_is_accepted() {
    let pack = machine();
    let error = suggest(&pack, &[], &[]).unwrap_err();
    assert!(error.contains("there is no kernel"), "{error}");
    let kernel = bulkhead_fake::bzimage_file();
    let files = vec![File {
        name: "vmlinuz-6.1".into(),
        bytes: kernel,
    }];
    let words = ["bulkheadctl", "check", "a b's"].map(String::from);
    let suggested = suggest(&pack, &files, &words).unwrap();
    let script = suggested.script;
    assert!(
        script.starts_with("# check it: bulkheadctl check 'a b'\\''s'\n# A first"),
        "{script}"
    );
    // Nothing in sight holds what it runs.
    assert_eq!(suggested.warnings.len(), 1, "{:?}", suggested.warnings);
    assert!(
        suggested.warnings[0].starts_with("warning: first: no initrd, no root= and no PCI device")
    );
    // What no line holds is left out, and the script is one all the same.
    for word in ["a\nb", &"x".repeat(5000)] {
        let suggested = suggest(&pack, &files, &[word.to_string()]).unwrap();
        assert!(suggested.script.starts_with("# A first"), "{word:?}");
    }
    assert!(script.contains("define first cores=1 "), "{script}");
    assert!(script.contains("console=com2"), "{script}");
    assert!(
        script.contains("# can be owned alone: devices=0000:01:00.0"),
        "{script}"
    );
    let machine = board(&pack, Some(&files)).machine;
    let (said, done) = Operator::new(machine, files).run("suggested", &script);
    assert!(done.is_ok() && said.contains("first: ok"), "{said}");
}

/// As they stand in `/boot` of distributions: the first of each row is the newest.
const BOOTS: [(&[&str], &str); 7] = [
    // Ubuntu, with its links.
    (
        &[
            "vmlinuz-6.8.0-100-generic",
            "vmlinuz-6.8.0-31-generic",
            "vmlinuz",
            "vmlinuz.old",
        ],
        "initrd.img-6.8.0-100-generic",
    ),
    (
        &["vmlinuz-6.1.0-13-amd64", "vmlinuz-6.1.0-9-amd64"],
        "initrd.img-6.1.0-13-amd64",
    ),
    (
        &["vmlinuz-6.12", "vmlinuz-6.9", "vmlinuz-6.12.old"],
        "initrd.img-6.12",
    ),
    // What comes before a version is not newer than it.
    (
        &["vmlinuz-6.12.0", "vmlinuz-6.12.0-rc7", "vmlinuz-6.11.0"],
        "initramfs-6.12.0.img",
    ),
    (
        &[
            "vmlinuz-6.12.7-200.fc41.x86_64",
            "vmlinuz-6.9.12-100.fc41.x86_64",
            "vmlinuz-0-rescue-9f0c3a52b1b64f7c8a1d1e3c5e7f9a0b",
        ],
        "initramfs-6.12.7-200.fc41.x86_64.img",
    ),
    // openSUSE, Alpine.
    (
        &[
            "vmlinuz-6.4.0-150600.23-default",
            "vmlinuz-6.4.0-150600.9-default",
        ],
        "initrd-6.4.0-150600.23-default",
    ),
    (&["vmlinuz-lts"], "initramfs-lts"),
];

/// In whatever order they are found.
#[test]
fn the_newest_kernel_is_suggested_with_its_own_initrd() {
    let pack = machine();
    for (kernels, initrd) in BOOTS {
        let others = [
            "initrd.img",
            "initrd.img.old",
            "initrd.img-6.9",
            "initramfs-0-rescue-9f0c.img",
        ];
        let mut names: Vec<&str> = kernels
            .iter()
            .copied()
            .chain(others)
            .chain([initrd])
            .collect();
        for _ in 0..names.len() {
            names.rotate_left(1);
            let file = |name: &&str| File {
                name: name.to_string(),
                bytes: if name.starts_with("vmlinuz") {
                    bulkhead_fake::bzimage_file()
                } else {
                    bulkhead_fake::cpio("a", b"b")
                },
            };
            let files: Vec<File> = names.iter().map(file).collect();
            let suggested = suggest(&pack, &files, &[]).unwrap();
            assert_eq!(suggested.warnings, [""; 0]);
            let script = suggested.script;
            let wanted = format!(" kernel={} initrd={initrd} ", kernels[0]);
            assert!(script.contains(&wanted), "{names:?}: {script}");
        }
    }
}

#[test]
fn the_images_of_a_folder_begin_with_the_newest_kernel() {
    for (index, (kernels, initrd)) in BOOTS.into_iter().enumerate() {
        let folder = format!("boot-{}-{index}", std::process::id());
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        std::fs::create_dir_all(folder.join("vmlinuz.d")).unwrap();
        let others = [initrd, "initrd.img.old"];
        for name in kernels
            .iter()
            .chain(&others)
            .chain(&["config-9", "System.map"])
        {
            std::fs::write(folder.join(name), "x").unwrap();
        }
        let found = images_of(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let wanted: Vec<&str> = kernels.iter().chain(&others).copied().collect();
        assert_eq!(names, wanted);
        assert!(found.iter().all(|(name, path)| path.ends_with(name)));
    }
    assert_eq!(images_of(std::path::Path::new("/nowhere")), []);
}

#[test]
fn a_bar_answers_as_hardware_does() {
    let mut pack = Pack::default();
    let mut config = vec![0u8; 64];
    config[0x10..0x14].copy_from_slice(&0xe001u32.to_le_bytes());
    config[0x14..0x18].copy_from_slice(&0xfe00_000cu32.to_le_bytes());
    config[0x18..0x1c].copy_from_slice(&0x38u32.to_le_bytes());
    pack.put("pci/0000:00:02.0/config", config);
    let resource = "0xe000 0xe01f 0x40101\n0x38fe000000 0x38ffffffff 0x14220c\n0x0 0x0 0x0\n0x1f0 0x1f7 0x110\n";
    pack.put("pci/0000:00:02.0/resource", resource);
    let config = SavedConfig::of(&pack);
    let at = "00:02.0".parse().unwrap();
    let size = |offset| {
        config.write(at, offset, u32::MAX);
        config.read(at, offset)
    };
    assert_eq!(size(0x10), 0xffff_ffe1);
    assert_eq!(size(0x14), 0xfe00_000c);
    assert_eq!(size(0x18), 0xffff_ffff);
    // The fixed ports of an old IDE controller have no BAR.
    assert_eq!(size(0x1c), 0);
    // What is written is read.
    config.write(at, 0x10, 0xd001);
    assert_eq!(config.read(at, 0x10), 0xd001);
    assert_eq!(config.read(at, 0x100), u32::MAX);
}

#[test]
fn a_file_gives_back_what_was_put_in() {
    let pack = machine();
    assert_eq!(Pack::read(&file(&pack)[..]), Ok(pack));
    let error = Pack::read(&b""[..]).unwrap_err();
    assert!(error.contains("it is no survey"), "{error}");
    let cut = file(&machine());
    assert!(Pack::read(&cut[..cut.len() / 2]).is_err());
}

#[test]
fn this_very_machine_has_a_report() {
    let (pack, _) = live::gather();
    let (report, _) = survey(&pack);
    let again = Pack::read(&file(&pack)[..]).unwrap();
    assert_eq!(survey(&again).0, report);
    assert!(report.contains("\n--- verdict\n"), "{report}");
}
