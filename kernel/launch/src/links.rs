//! A partition's links: a root bridge for each, whose one function lies in the link's memory.

use alloc::vec::Vec;

use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{Claim, LinkEnd};
use bulkhead_tables::{acpi, link};

use crate::write::fill;
use crate::{LaunchError, Write};

/// The root bridges of a claim's links. They pass on what their functions show, and nothing that could
/// be moved there.
pub(crate) fn roots(claim: &Claim) -> impl Iterator<Item = acpi::PciRoot> {
    let root = |(number, end): (usize, &LinkEnd)| {
        let window = end.window()?;
        Some(acpi::PciRoot {
            segment: LinkEnd::segment(number),
            first_bus: 0,
            last_bus: 0,
            ecam_base: end.ecam(),
            windows: Vec::from([acpi::PciWindow {
                kind: acpi::PciWindowKind::Memory,
                start: window.start(),
                end: window.end(),
            }]),
            routes: Vec::new(),
        })
    };
    claim.links.iter().enumerate().filter_map(root)
}

/// What a launch writes for them: the function's registers as after a reset, and no interrupt that the
/// last Linux asked for.
pub(crate) fn writes(claim: &Claim, name: &str) -> Result<Vec<Write>, LaunchError> {
    let mut writes = Vec::new();
    for end in &claim.links {
        let Some(window) = end.window() else { continue };
        let function = link::Link {
            window: (window.start(), window.size()),
            table_offset: u32::try_from(end.table_offset()).unwrap_or_default(),
            is_second: end.is_second,
            names: [name, &end.peer],
        };
        let parts = [
            (end.ecam(), &function.to_bytes()[..]),
            (
                window.start() + end.table_offset(),
                &link::masked_table()[..],
            ),
        ];
        for (start, bytes) in parts {
            let page = Region::new(start, PAGE).ok_or(LaunchError::NothingLow)?;
            writes.push(fill(page, "a link's function", bytes)?);
        }
    }
    Ok(writes)
}
