//! All that is done with a survey file, and the pieces in it that are read. The targets of tests/fuzz include this
//! file.

use bulkheadctl::board::{File, board};
use bulkheadctl::operator::Operator;
use bulkheadctl::pack::Pack;
use bulkheadctl::scrub::scrub;
use bulkheadctl::secrets::Secrets;
use bulkheadctl::suggest::suggest;
use bulkheadctl::survey::survey;

pub(crate) const NAMES: [&str; 25] = [
    "acpi/APIC",
    "acpi/MCFG",
    "acpi/FACP",
    "acpi/DSDT",
    "acpi/SSDT1",
    "acpi/SPCR",
    "acpi/DMAR",
    "acpi/IVRS",
    "memmap",
    "pci/0000:00:01.0/config",
    "pci/0000:00:01.0/resource",
    "pci/0000:01:00.0/config",
    "pci/0000:01:00.0/resource",
    "cpuid",
    "screen",
    "ports",
    "tsc",
    "apic-base",
    "x2apic",
    "ps2",
    "iommu",
    "iommu-left",
    "dmi",
    "efi",
    "acpi/dynamic/SSDT5",
];

/// Everything that is done with a file.
pub(crate) fn do_all(pack: &Pack) {
    drop(survey(pack));
    let kernel = File {
        name: String::from("vmlinuz"),
        bytes: bulkhead_fake::bzimage_file(),
    };
    drop(suggest(pack, &[kernel], &[]));
    let machine = board(pack, Some(&[])).machine;
    let script = "define a cores=1 memory=64M kernel=x\non-error continue\nmachine\nlist\nmemory\n";
    drop(Operator::new(machine, Vec::new()).run("x", script));
    let mut pack = pack.clone();
    let mut secrets = Secrets::default();
    for text in [
        "52:54:00:12:34:56",
        "x",
        "",
        "4c4c4544-0042-3510-8052-c3c04f4b4d32",
        "\u{e9}\u{e9}\u{e9}\u{e9}",
    ] {
        secrets.add(text);
    }
    scrub(&mut pack, &secrets);
}
