//! Survey files: the archive, and the pieces in it.

use bulkheadctl::pack::Pack;

use crate::Target;
use crate::bytes::{Plan, piece};
use crate::made::every_use::{NAMES, do_all};
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

/// Everything that is done with a file in which pieces are others.
fn pieces(bytes: &[u8]) {
    let mut pack = machine();
    let mut plan = Plan(bytes);
    while !plan.is_over() {
        let name = NAMES[usize::from(plan.u8()) % NAMES.len()];
        pack.put(name, plan.piece().to_vec());
    }
    do_all(&pack);
}
