//! How far nodes are from each other.
//!
//! Source: ACPI 6.5 section 5.2.17 (System Locality Information Table).

use alloc::vec::Vec;

use super::NodeView;
use super::srat::table;

const REVISION: u8 = 1;

/// The table, of the nodes of the SRAT in its order; `None` if not all distances are known.
// Not in the frame of all tables.
#[inline(never)]
pub(super) fn slit(nodes: &[NodeView]) -> Option<Vec<u8>> {
    let count = nodes.len();
    let is_known = nodes.iter().all(|node| node.distances.len() == count);
    if count < 2 || !is_known {
        return None;
    }
    let mut body = (count as u64).to_le_bytes().to_vec();
    for node in nodes {
        body.extend_from_slice(&node.distances);
    }
    Some(table(*b"SLIT", REVISION, &body))
}
