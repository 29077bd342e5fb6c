//! Which links there are: PCI functions that say so in their configuration space.

use std::fs;
use std::path::{Path, PathBuf};

use bulkhead_tables::link::Told;

use crate::inside::link::Trouble;

const FUNCTIONS: &str = "/sys/bus/pci/devices";

/// This Linux's end of a link.
#[derive(Clone, Debug)]
pub struct End {
    /// Its PCI address.
    pub address: String,
    /// What its function says.
    pub told: Told,
}

impl End {
    /// The partition at the other end.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.told.names[1]
    }
}

/// All links of this Linux, or, for tests, of the functions in that folder.
#[must_use]
pub fn ends(folder: Option<&Path>) -> Vec<End> {
    let folder = folder.map_or_else(|| PathBuf::from(FUNCTIONS), Path::to_path_buf);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut ends: Vec<End> = entries
        .filter_map(|entry| {
            let config = fs::read(entry.path().join("config")).ok()?;
            Some(End {
                address: entry.file_name().into_string().ok()?,
                told: Told::read(&config)?,
            })
        })
        .collect();
    ends.sort_by(|a, b| a.address.cmp(&b.address));
    ends
}

/// The link to that partition.
///
/// # Errors
/// A sentence that names those that there are.
pub fn to(peer: &str, folder: Option<&Path>) -> Result<End, Trouble> {
    let mut ends = ends(folder);
    if let Some(at) = ends.iter().position(|end| end.peer() == peer) {
        return Ok(ends.swap_remove(at));
    }
    let names: Vec<&str> = ends.iter().map(End::peer).collect();
    Err(Trouble::Missing(match names.as_slice() {
        [] => format!(
            "this Linux has no link to {peer:?}, nor to anybody (accepted: root, after \"link\" at Bulkhead's shell)"
        ),
        names => format!(
            "this Linux has no link to {peer:?} (links: {})",
            names.join(", ")
        ),
    }))
}
