//! Tables like those of real machines.

use std::fs;
use std::path::Path;

use bulkhead_fake::boards;
use bulkhead_firmware::{Firmware, SleepS5, discover};

use crate::fake::{Fake, RSDP, fadt, mcfg};
use crate::routes::route;

/// Whatever `iasl` made: all of them are tables for the one machine.
fn machine(dsdt: &Path, ssdts: &[&Path]) -> Firmware {
    const DSDT: u32 = 0x4000_0000;
    let read = |path: &Path| fs::read(path).unwrap();
    let mut tables = vec![
        (0x2000, fadt(&[(40, &DSDT.to_le_bytes())])),
        (0x3000, mcfg(&[(0xe000_0000, 0, 0, 0xff)])),
    ];
    let placed = ssdts.iter().zip(1u64..);
    tables.extend(placed.map(|(path, at)| (at << 24, read(path))));
    let mut fake = Fake::machine(&tables);
    fake.blocks.push((u64::from(DSDT), read(dsdt)));
    discover(&fake, RSDP)
}

#[test]
fn tables_of_real_boards() {
    let Some(files) = boards::files("tables_of_real_boards", "asl", "aml") else {
        return;
    };
    let path = |wanted: &str| {
        let found = files.iter().find(|(name, _)| name == wanted);
        found.map(|(_, path)| path.as_path())
    };
    let routes = [route(1, 1, 16), route(2, 2, 17)];
    for (name, dsdt) in files.iter().filter(|(name, _)| name != "s5-ssdt") {
        let ssdt = path("s5-ssdt").filter(|_| name == "s5-elsewhere");
        let ssdts: Vec<&Path> = ssdt.into_iter().collect();
        let firmware = machine(dsdt, &ssdts);
        assert_eq!(firmware.problems, [], "{name}");
        assert_eq!(firmware.routes, routes, "{name}");
        let s5 = if ssdts.is_empty() { 5 } else { 2 };
        let expected = SleepS5 {
            type_a: s5,
            type_b: s5,
        };
        assert_eq!(firmware.sleep, Some(expected), "{name}");
    }
}
