//! What the loader's files are.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::BzImage;
use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{Image, ImageKind, Resident};

/// A file that the loader brought.
pub struct Module<'a> {
    /// The name that it was given.
    pub name: String,
    /// Where its bytes lie.
    pub region: Region,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Each file as an image, and the pages that it keeps. The boot script is an image too.
#[must_use]
pub fn describe(modules: &[Module<'_>]) -> (Vec<Image>, Vec<Resident>) {
    let image = |module: &Module<'_>| Image {
        name: module.name.clone(),
        region: module.region,
        kind: kind(module.bytes),
    };
    let resident = |module: &Module<'_>| Resident {
        region: module.region.align_outward(PAGE),
        what: format!("image \"{}\"", module.name),
    };
    (
        modules.iter().map(image).collect(),
        modules.iter().map(resident).collect(),
    )
}

/// By its first bytes alone. Its checksum is left to whoever asks for it: that reads all of it, and
/// the machine is to boot at once.
fn kind(bytes: &[u8]) -> ImageKind {
    if !BzImage::looks_like(bytes) {
        return ImageKind::Data;
    }
    match BzImage::parse(bytes) {
        Ok(image) => ImageKind::Kernel(image),
        Err(error) => ImageKind::BadKernel(error),
    }
}
