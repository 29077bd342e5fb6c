//! Inputs from real machines, where they are (`bulkhead_fake::boards`).

use std::fs;

use bulkhead_fake::boards::{self, Board};
use bulkhead_firmware::SleepS5;
use bulkhead_memory::Bytes;
use bulkhead_model::MemoryKind;
use bulkheadctl::board::board;
use bulkheadctl::pack::Pack;
use bulkheadctl::survey::survey;

use crate::limits::{cpuid, part};
use crate::machine::{machine, madt, mcfg, table};

/// All RAM is there, in the pieces that firmware's map has, and all cores.
#[test]
fn memory_maps_of_real_boards() {
    let files = boards::files("memory_maps_of_real_boards", "maps", "txt");
    for (name, path) in files.into_iter().flatten() {
        let real = Board::read(&path);
        let mut pack = machine();
        pack.put("acpi/APIC", madt(&real.ids));
        pack.put("x2apic", "on\n");
        pack.put("cpuid", cpuid(real.ids[0]));
        pack.put("memmap", real.text.clone());
        let (report, _) = survey(&pack);
        let usable = || {
            real.ranges
                .iter()
                .filter(|range| range.kind == MemoryKind::Usable)
        };
        let sum: u64 = usable().map(|range| range.region.size()).sum();
        let ram = format!("RAM        {}\n", Bytes(sum & !0xfffff));
        assert!(report.contains(&ram), "{name}: no {ram:?} in\n{report}");
        let rows = part(&report, "memory");
        for range in usable() {
            let (start, end) = (range.region.start(), range.region.end() - 1);
            let row = format!("{start:#x}-{end:#x}");
            let found = rows
                .lines()
                .find(|line| line.split(' ').next() == Some(&row));
            let found = found.unwrap_or_else(|| panic!("{name}: no {row} in\n{rows}"));
            assert!(
                found.contains(" RAM ") && found.ends_with(" free"),
                "{name}: {found}"
            );
        }
        let cores = part(&report, "cores").trim_end().lines().skip(1);
        assert_eq!(cores.count(), real.ids.len(), "{name}: {report}");
        let (_, fit) = report.split_once("partitions of one core: ").unwrap();
        let count: usize = fit.split(' ').next().unwrap().parse().unwrap();
        assert!(count >= 6, "{name}: {count} partitions");
    }
}

/// A function as Linux shows it: its header, and its BARs with their sizes.
fn function(pack: &mut Pack, line: &str) {
    let (address, rest) = line.split_once(' ').unwrap();
    let (header, sizes) = rest.split_once('|').unwrap();
    let header = header.trim();
    let mut config: Vec<u8> = (0..header.len() / 2)
        .map(|at| u8::from_str_radix(&header[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let bar =
        |index: usize| u32::from_le_bytes(config[0x10 + 4 * index..][..4].try_into().unwrap());
    let sizes = sizes
        .split_whitespace()
        .map(|size| size.parse::<u64>().unwrap());
    let resource = sizes
        .enumerate()
        .map(|(index, size)| match (size, bar(index)) {
            (0, _) => String::from("0x0 0x0 0x0\n"),
            (size, bar) => {
                let start = u64::from(bar & !0xf);
                format!(
                    "{start:#x} {:#x} {:#x}\n",
                    start + size - 1,
                    0x4_0200 | bar & 0xf
                )
            }
        });
    let resource: String = resource.collect();
    config.resize(256, 0);
    pack.put(format!("pci/{address}/config"), config);
    pack.put(format!("pci/{address}/resource"), resource);
}

/// Each can be given with its bus; of a BAR without an address a note tells.
#[test]
fn functions_of_real_boards() {
    let files = boards::files("functions_of_real_boards", "pci", "txt");
    for (name, path) in files.into_iter().flatten() {
        let mut pack = Pack::default();
        pack.put("acpi/APIC", madt(&[0, 1]));
        pack.put("acpi/MCFG", mcfg(0xb000_0000));
        pack.put("memmap", "0 9fbff System RAM\n100000 7fffffff System RAM\n");
        pack.put("ports", "3f8\n");
        let text = fs::read_to_string(&path).unwrap();
        text.lines().for_each(|line| function(&mut pack, line));
        let (report, _) = survey(&pack);
        let devices = part(&report, "devices");
        for line in text.lines() {
            let (address, _) = line.split_once(' ').unwrap();
            let (_, found) = devices.split_once(&format!("  {address}  ")).unwrap();
            let owner = found.lines().nth(1).unwrap_or_default();
            let wanted = "owner free; only with all of bus0";
            assert!(owner.trim().starts_with(wanted), "{name}: {report}");
        }
        let counted = "0 can be owned alone, 3 with others, 0 stay Bulkhead's, 0 can't be given";
        assert!(report.contains(counted), "{name}: {report}");
        let note = "0000:00:15.0: BAR 0 has no address";
        assert_eq!(
            report.contains(note),
            name == "min-unassigned",
            "{name}: {report}"
        );
    }
}

#[test]
fn tables_of_real_boards() {
    let Some(files) = boards::files("tables_of_real_boards", "asl", "aml") else {
        return;
    };
    let bytes = |wanted: &str| {
        let (_, path) = files.iter().find(|(name, _)| name == wanted).unwrap();
        fs::read(path).unwrap()
    };
    for (name, _) in files.iter().filter(|(name, _)| name != "s5-ssdt") {
        let mut pack = machine();
        pack.put("acpi/FACP", table(b"FACP", &[0; 240]));
        pack.put("acpi/DSDT", bytes(name));
        let is_apart = name == "s5-elsewhere";
        if is_apart {
            pack.put("acpi/SSDT1", bytes("s5-ssdt"));
        }
        let firmware = board(&pack, None).firmware;
        assert_eq!(firmware.problems, [], "{name}");
        assert_eq!(firmware.routes.len(), 2, "{name}: {:?}", firmware.routes);
        let number = if is_apart { 2 } else { 5 };
        let wanted = SleepS5 {
            type_a: number,
            type_b: number,
        };
        assert_eq!(firmware.sleep, Some(wanted), "{name}");
        let (report, _) = survey(&pack);
        assert!(!report.contains("* firmware: "), "{name}: {report}");
    }
}
