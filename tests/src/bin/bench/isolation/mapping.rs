//! How long it takes to map a partition's RAM for its devices, and to take it away, by a unit that answers at
//! once: the part that is the processor's.

use std::time::Instant;

use bulkhead_iommu::{Buses, Fabric, Iommus, Kind, Shape, Unit as Named, Who, build, needs};
use bulkhead_memory::{PAGE, Region};
use bulkhead_tests::tool;
use bulkhead_tests::values::Values;

use super::unit::{BASE, ROOM, Unit, page};

/// Sizes of partitions, in GiB.
const SIZES: [u64; 3] = [1, 16, 256];
/// What is wanted of the largest one, in ms.
const WANTED_MS: f64 = 10.0;
/// More tables than any of them needs.
const PAGES: u64 = 1024;

/// One size, by one kind of tables.
pub(crate) struct Mapping {
    pub(crate) tables: &'static str,
    pub(crate) gib: u64,
    pub(crate) pages: u64,
    pub(crate) map_ms: Vec<f64>,
    /// None where the tables alone were made.
    pub(crate) unmap_ms: Vec<f64>,
}

/// Low memory, and the rest: but for the room it is one piece, at no round address.
fn memory(gib: u64) -> [Region; 2] {
    let region = |start, size| Region::new(start, size).expect("it fits");
    [
        region(0x1_0000, 0x8_0000),
        region(0x1_0020_0000, (gib << 30) - 0x8_0000),
    ]
}

/// Of each, so often: it takes no time, and another program may have the core meanwhile.
const TIMES: usize = 51;

pub(crate) fn measure() -> Vec<Mapping> {
    let mut all = Vec::new();
    for (tables, has_1g) in [
        ("VT-d, pages up to 2 MiB", false),
        ("VT-d, up to 1 GiB", true),
    ] {
        all.extend(SIZES.map(|gib| by_a_unit(tables, has_1g, gib, TIMES)));
    }
    all.extend(SIZES.map(|gib| tables_of_amd(gib, TIMES)));
    all
}

fn by_a_unit(tables: &'static str, has_1g: bool, gib: u64, runs: usize) -> Mapping {
    let unit = Unit::new(has_1g, PAGES);
    let iommus = Iommus {
        kind: Some(Kind::VtD),
        units: vec![Named {
            segment: 0,
            registers: Region::new(BASE, 0x1000).expect("it fits"),
            who: Who::ScopesOrRest(Vec::new()),
            flags: 0,
            senders: Vec::new(),
        }],
        ..Iommus::default()
    };
    let mut taken = 0;
    let take = |bytes: u64| {
        taken += bytes / PAGE;
        page(taken - bytes / PAGE)
    };
    let fabric = Fabric::start(&unit, &iommus, &[], |_| true, take);
    let fabric = fabric.expect("it can be used").expect("there is one");
    let memory = memory(gib);
    let bus = [Buses {
        segment: 0,
        first: 1,
        last: 1,
    }];
    let mut mapping = Mapping {
        tables,
        gib,
        pages: 0,
        map_ms: Vec::new(),
        unmap_ms: Vec::new(),
    };
    // Once more, so that what is measured was touched before.
    for run in 0..=runs {
        let begin = Instant::now();
        // As at a launch: it is counted what is needed, and made.
        let pages = 1 + needs(fabric.shape(), &memory).expect("it can be mapped");
        let room = Region::new(ROOM, pages * PAGE).expect("it fits");
        fabric
            .attach(&unit, &bus, Some(&memory), room, 1)
            .expect("it can be mapped");
        let mapped = begin.elapsed();
        let begin = Instant::now();
        assert!(fabric.detach(&unit, &bus), "it answers");
        let unmapped = begin.elapsed();
        mapping.pages = pages;
        if run > 0 {
            mapping.map_ms.push(mapped.as_secs_f64() * 1e3);
            mapping.unmap_ms.push(unmapped.as_secs_f64() * 1e3);
        }
    }
    mapping
}

fn tables_of_amd(gib: u64, runs: usize) -> Mapping {
    let shape = Shape {
        kind: Kind::AmdVi,
        levels: 4,
        has_2m: true,
        has_1g: true,
    };
    let memory = memory(gib);
    let room = Region::new(ROOM, PAGES * PAGE).expect("it fits");
    let mut words = vec![0u64; (room.size() / 8) as usize];
    let mut mapping = Mapping {
        tables: "AMD-Vi, up to 1 GiB",
        gib,
        pages: needs(shape, &memory).expect("it can be mapped"),
        map_ms: Vec::new(),
        unmap_ms: Vec::new(),
    };
    for run in 0..=runs {
        let begin = Instant::now();
        needs(shape, &memory).expect("it can be mapped");
        let store = |at: u64, entry| words[((at - ROOM) / 8) as usize] = entry;
        build(shape, &memory, room, store).expect("it can be mapped");
        if run > 0 {
            mapping.map_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    mapping
}

pub(crate) fn print(results: &[Mapping]) {
    println!(
        "Mapping a partition's RAM for its devices, and taking it away, in ms of this host's processor, by a unit that \
         answers at once: median and largest. Wanted: 256 GiB in at most {WANTED_MS} ms."
    );
    let headings = ["TABLES", "RAM", "PAGES", "MAPPED", "", "TAKEN AWAY", ""];
    let mut rows = vec![headings.map(String::from).to_vec()];
    for mapping in results {
        let mut row = vec![
            mapping.tables.to_string(),
            format!("{}G", mapping.gib),
            mapping.pages.to_string(),
        ];
        for values in [&mapping.map_ms, &mapping.unmap_ms] {
            if values.is_empty() {
                row.extend(["-", ""].map(String::from));
                continue;
            }
            let values = Values::of(values.iter().copied());
            row.extend([values.median, values.largest].map(|ms| format!("{ms:.4}")));
        }
        rows.push(row);
    }
    println!("{}", tool::table(&rows));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_the_whole_of_it() {
        let mapping = by_a_unit("x", false, 256, 1);
        // A context table, one table of the top, one of 512 GiB, and one for each GiB that is touched.
        assert!((259..=275).contains(&mapping.pages), "{}", mapping.pages);
        assert_eq!(mapping.map_ms.len(), 1);
        let large = by_a_unit("x", true, 256, 1);
        assert!(large.pages < 20, "{}", large.pages);
    }
}
