//! Functions of real machines.

use std::fs;
use std::path::Path;

use bulkhead_fake::boards;
use bulkhead_pci::{check, overlooked, unit};

use crate::fake::{Fake, address};
use crate::machine::scan;
use crate::node::Node;

/// `FUNCTION HEX | sizes of BARs 0-5`, the functions all on bus 0.
fn machine(file: &Path) -> Fake {
    let mut fake = Fake::default();
    for line in fs::read_to_string(file).unwrap().lines() {
        let (function, rest) = line.split_once(' ').unwrap();
        let (header, sizes) = rest.split_once('|').unwrap();
        let header = header.trim();
        let dword = |at: usize| {
            let digits = header.get(8 * at..8 * at + 8).unwrap();
            u32::from_str_radix(digits, 16).unwrap().swap_bytes()
        };
        let dwords: Vec<u32> = (0..header.len() / 8).map(dword).collect();
        let sizes = sizes.split_whitespace().map(|size| size.parse().unwrap());
        let at = address(function);
        assert_eq!((at.segment, at.bus), (0, 0));
        fake.root(0, at.device, at.function, Node::real(&dwords, sizes));
    }
    fake
}

/// The root bus of each can be given, with SATA and all; what goes unused is told.
#[test]
fn root_buses_of_real_boards() {
    let Some(files) = boards::files("root_buses_of_real_boards", "pci", "txt") else {
        return;
    };
    for (name, file) in files {
        let fake = machine(&file);
        let functions = scan(&fake, &fake.ranges());
        assert_eq!(functions.len(), 3, "{name}");
        let unit = unit(&functions, "00".parse().unwrap()).unwrap();
        assert_eq!(check(&functions, &unit), Ok(()), "{name}");
        let unused: Vec<String> = functions
            .iter()
            .filter_map(|function| overlooked(&functions, &unit, function.address))
            .map(|error| error.to_string())
            .collect();
        let expected: &[&str] = match &*name {
            "min-unassigned" => &[
                "BAR 0 (4K of memory) of 0000:00:15.0 has no address and does not fit into what is \
                 in use on bus 0000:00",
            ],
            _ => &[],
        };
        assert_eq!(unused, expected, "{name}");
    }
}
