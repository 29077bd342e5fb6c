//! What the searches have found, in one file for each target: a length of two bytes, so many bytes, and so on.

use std::path::{Path, PathBuf};

use crate::bytes::{Plan, piece};

/// Most bytes of a target's file.
pub const MOST_BYTES: usize = 12 << 10;

/// Where that target's is.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name)
}

/// Takes one apart.
#[must_use]
pub fn unpack(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut plan = Plan(bytes);
    let mut inputs = Vec::new();
    while !plan.is_over() {
        inputs.push(plan.piece().to_vec());
    }
    inputs
}

/// Puts inputs together, the shortest first, as many as there is room for.
#[must_use]
pub fn pack(mut inputs: Vec<Vec<u8>>) -> Vec<u8> {
    inputs.sort_by(|one, next| (one.len(), one).cmp(&(next.len(), next)));
    inputs.dedup();
    let mut bytes = Vec::new();
    for input in inputs
        .iter()
        .filter(|input| input.len() <= usize::from(u16::MAX))
    {
        if bytes.len() + 2 + input.len() > MOST_BYTES {
            break;
        }
        bytes.extend(piece(input));
    }
    bytes
}
