//! What the loader's files are.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use bulkhead_linux::{BzImage, FileKind, Uki};
use bulkhead_memory::{PAGE, Region};
use bulkhead_model::{Image, ImageKind, Resident, Told, ToldKey};

/// A file that the loader brought.
pub struct Module<'a> {
    /// The name that it was given.
    pub name: String,
    /// Where its bytes lie; `None` if it has none.
    pub region: Option<Region>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What the loader's configuration says of them.
    pub told: Told,
}

/// Reads the command line that the loader's configuration gives a file: its name, if there is one,
/// and `size=` and `cksum=`, each in decimal digits: anything else behind them is told as
/// [`Told::unreadable`]. Other words are nobody's business here.
#[must_use]
pub fn read_line(line: &str) -> (Option<&str>, Told) {
    let mut words = line.split_ascii_whitespace();
    let name = words.next();
    let mut told = Told::default();
    for word in words {
        if let Some(size) = word.strip_prefix("size=") {
            told.bytes = number(size);
            if told.bytes.is_none() {
                told.unreadable = Some(ToldKey::Size);
            }
        } else if let Some(sum) = word.strip_prefix("cksum=") {
            told.cksum = number(sum);
            if told.cksum.is_none() {
                told.unreadable = Some(ToldKey::Cksum);
            }
        }
    }
    (name, told)
}

/// Digits and nothing else: not the sign that Rust would take.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// Each file as an image, and the pages that it keeps. The boot script is an image too.
#[must_use]
pub fn describe(modules: &[Module<'_>]) -> (Vec<Image>, Vec<Resident>) {
    let image = |module: &Module<'_>| Image {
        name: module.name.clone(),
        region: module.region,
        kind: kind(module.bytes),
        told: module.told,
    };
    let resident = |module: &Module<'_>| {
        Some(Resident {
            region: module.region?.align_outward(PAGE),
            what: format!("image \"{}\"", module.name),
        })
    };
    (
        modules.iter().map(image).collect(),
        modules.iter().filter_map(resident).collect(),
    )
}

/// By its headers alone. Its checksum is left to whoever asks for it: that reads all of it, and
/// the machine is to boot at once.
fn kind(bytes: &[u8]) -> ImageKind {
    if let Some(uki) = Uki::parse(bytes) {
        return match uki {
            Ok(uki) => ImageKind::Uki(uki),
            Err(error) => ImageKind::BadUki(error),
        };
    }
    if !BzImage::looks_like(bytes) {
        return ImageKind::Data(FileKind::of(bytes));
    }
    match BzImage::parse(bytes) {
        Ok(image) => ImageKind::Kernel(image),
        Err(error) => ImageKind::BadKernel(error),
    }
}
