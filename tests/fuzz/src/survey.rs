//! Survey files: the archive, and the pieces in it.

use bulkhead_fake::bzimage_file;
use bulkheadctl::board::{File, board};
use bulkheadctl::operator::Operator;
use bulkheadctl::pack::Pack;
use bulkheadctl::scrub::scrub;
use bulkheadctl::secrets::Secrets;
use bulkheadctl::suggest::suggest;
use bulkheadctl::survey::survey;

use crate::Target;
use crate::bytes::{Plan, piece};
use crate::made::survey::{file, machine};

pub(crate) const TARGETS: [Target; 2] = [
    Target {
        name: "survey_file",
        most: 8192,
        run: |bytes| drop(Pack::read(bytes)),
        seeds: || {
            let mut small = Pack::default();
            small.put("memmap", "0 9fbff System RAM\n");
            small.put("acpi/APIC", vec![0; 44]);
            vec![file(&small)]
        },
    },
    Target {
        name: "survey",
        most: 1024,
        run: pieces,
        seeds: || {
            let put = |name: u8, bytes: &[u8]| [&[name][..], &piece(bytes)].concat();
            let pack = machine();
            let of = |at: usize| pack.get(NAMES[at]).unwrap_or_default();
            vec![
                [put(8, of(8)), put(0, of(0)), put(1, of(1))].concat(),
                [
                    put(10, of(10)),
                    put(13, b"0 0 1 2 3 4\n"),
                    put(14, b"800x600\n"),
                    put(15, b"3f8 2f8\n"),
                ]
                .concat(),
            ]
        },
    },
];

const NAMES: [&str; 25] = [
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

/// Everything that is done with a file in which pieces are others.
fn pieces(bytes: &[u8]) {
    let mut pack = machine();
    let mut plan = Plan(bytes);
    while !plan.is_over() {
        let name = NAMES[usize::from(plan.u8()) % NAMES.len()];
        pack.put(name, plan.piece().to_vec());
    }
    drop(survey(&pack));
    let kernel = File {
        name: String::from("vmlinuz"),
        bytes: bzimage_file(),
    };
    drop(suggest(&pack, &[kernel]));
    let machine = board(&pack, Some(&[])).machine;
    let script = "define a cores=1 memory=64M kernel=x\non-error continue\nmachine\nlist\nmemory\n";
    drop(Operator::new(machine, Vec::new()).run("x", script));
    let mut secrets = Secrets::default();
    for text in [
        "52:54:00:12:34:56",
        "x",
        "",
        "4c4c4544-0042-3510-8052-c3c04f4b4d32",
    ] {
        secrets.add(text);
    }
    scrub(&mut pack, &secrets);
}
