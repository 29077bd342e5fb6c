//! What a survey says of IOMMUs.

use bulkheadctl::survey::survey;

use crate::machine::{machine, table};

/// A DMAR with a unit for what is below 00:01.0, one for the rest, and memory that the disk is to reach;
/// another's is for a function that is not there.
fn dmar() -> Vec<u8> {
    let mut body = vec![38, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend([0, 0, 24, 0, 0, 0, 0, 0]);
    body.extend(0xfed9_0000u64.to_le_bytes());
    body.extend([2, 8, 0, 0, 0, 0, 1, 0]);
    body.extend([0, 0, 16, 0, 1, 0, 0, 0]);
    body.extend(0xfed9_1000u64.to_le_bytes());
    for device in [1u8, 9] {
        body.extend([1, 0, 34, 0, 0, 0, 0, 0]);
        body.extend(0x7b80_0000u64.to_le_bytes());
        body.extend(0x7b8f_ffffu64.to_le_bytes());
        body.extend([1, 10, 0, 0, 0, 0, device, 0, 0, 0]);
    }
    table(b"DMAR", &body)
}

fn notes(dmar: Option<Vec<u8>>, pieces: &[(&str, &str)]) -> Vec<String> {
    let mut pack = machine();
    if let Some(dmar) = dmar {
        pack.put("acpi/DMAR", dmar);
    }
    for (name, text) in pieces {
        pack.put(*name, *text);
    }
    let (report, _) = survey(&pack);
    let notes = report.lines().filter_map(|line| line.strip_prefix("* "));
    let about = ["IOMMU", "RMRR", "DMA", "DMAR"];
    notes
        .filter(|line| about.iter().any(|word| line.contains(word)))
        .map(String::from)
        .collect()
}

#[test]
fn units_and_what_firmware_wants() {
    let registers = "dmar0 address=fed90000 cap=d2008040660462 ecap=f050da\n\
                     dmar1 address=fed91000 cap=d2008c40660462 ecap=f050db\n";
    let said = notes(Some(dmar()), &[("iommu", registers)]);
    let reach = "firmware has it reach 0x7b800000-0x7b8fffff (RMRR)";
    assert_eq!(
        said,
        [
            "there is an IOMMU (Intel VT-d, 2 units), for isolation=dma if Bulkhead can use it",
            "IOMMU unit at 0xfed90000, segment 0000: 0000:00:01.0, 0000:01:00.0; 4 levels, pages up to 4K, not coherent",
            "IOMMU unit at 0xfed91000, segment 0000: no function; 4 levels, pages up to 1G, coherent",
            &format!("0000:01:00.0: {reach}"),
            "RMRR 0x7b800000-0x7b8fffff: for functions that were not found",
            "firmware asks for DMA protection, so it may leave the IOMMU translating; a Linux with its driver on (intel_iommu=on) would tell",
        ]
    );
}

#[test]
fn whether_firmware_leaves_it_translating() {
    let last = |left: &str| notes(Some(dmar()), &[("iommu-left", left)]).pop().unwrap();
    assert!(last("on\n").starts_with("firmware leaves the IOMMU translating"));
    assert!(last("off\n").starts_with("firmware does not leave the IOMMU"));
}

#[test]
fn of_a_machine_without_one_nothing_is_said() {
    assert_eq!(notes(None, &[]), [""; 0]);
}

#[test]
fn what_is_wrong_with_the_table_is_said() {
    let mut broken = dmar();
    broken[50] = 3;
    let said = notes(Some(broken), &[]);
    let cut = "firmware: DMAR entry at offset 0x30 runs past the end of the table";
    assert!(said.iter().any(|line| line == cut), "{said:?}");
}

#[test]
fn devices_says_at_the_function_what_is_in_the_way_of_isolating_it() {
    let mut pack = machine();
    pack.put("acpi/DMAR", dmar());
    let (report, _) = survey(&pack);
    let words = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let way = "firmware has it reach 0x7b800000-0x7b8fffff (RMRR): only with isolation=bare";
    assert_eq!(words.matches(way).count(), 1, "{report}");
    let its = words.split("0000:01:00.0").nth(1).unwrap_or_default();
    assert!(its.contains(way), "it is said of another: {report}");
}
