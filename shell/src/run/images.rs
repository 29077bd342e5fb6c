//! `images`: what the loader brought.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_linux::{BzImage, Checksum};
use bulkhead_memory::Bytes;
use bulkhead_model::{Image, ImageKind};

use super::machine::printable;
use super::table;
use crate::control::Control;

/// The largest kernel whose checksum is verified, in bytes: the shell does nothing else while all of
/// it is read. Stock kernels have some 15 MB.
const LARGEST_VERIFIED: u64 = 256 << 20;

/// Prints a row for each image: its version, or why it can't be launched; of a kernel also whether
/// its checksum is right, which is found out now.
pub(super) fn images(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let images = &control.machine().images;
    if images.is_empty() {
        return writeln!(out, "the loader brought no images");
    }
    // Once each, however often the table looks at its rows.
    let checksums: Vec<&str> = images.iter().map(|i| checksum(control, i)).collect();
    let rows = images.iter().zip(checksums).map(|(image, checksum)| {
        let (kind, version) = match &image.kind {
            ImageKind::Kernel(kernel) => ("kernel", version(kernel)),
            ImageKind::BadKernel(error) => ("bad", format!("can't be launched: {error}")),
            ImageKind::Data => ("data", String::new()),
        };
        let size = rounded(image.region.size());
        let (name, checksum) = (image.name.clone(), checksum.to_string());
        [name, size, kind.to_string(), checksum, version]
    });
    table::print(
        ["NAME", "SIZE", "KIND", "CHECKSUM", "VERSION"],
        0,
        rows,
        out,
    )
}

/// What its checksum says of a kernel. It can be launched all the same: it may have been changed on
/// purpose, by whoever signed it in a way that is not known here.
fn checksum(control: &dyn Control, image: &Image) -> &'static str {
    let ImageKind::Kernel(kernel) = &image.kind else {
        return "";
    };
    if kernel.setup_bytes + kernel.protected_mode_bytes > LARGEST_VERIFIED {
        return "unread";
    }
    match BzImage::checksum(control.image_bytes(image.region)) {
        Checksum::Valid => "ok",
        Checksum::Absent => "none",
        Checksum::Wrong => "bad",
    }
}

/// What a kernel says of itself: untrusted bytes.
fn version(kernel: &BzImage) -> String {
    let version = kernel.version.as_deref();
    version.map_or_else(String::new, |text| printable(text.as_bytes()))
}

/// A size as a file listing shows it: to a tenth of the unit, as `14.2M`.
pub(super) fn rounded(bytes: u64) -> String {
    let units = [(40, 'T'), (30, 'G'), (20, 'M'), (10, 'K')];
    let exact = Bytes(bytes).to_string();
    if exact.len() <= 5 {
        return exact;
    }
    match units.into_iter().find(|(shift, _)| bytes >> shift != 0) {
        Some((shift, unit)) => {
            let whole = bytes >> shift;
            // In 1024ths first, so that nothing overflows.
            let rest = (bytes - (whole << shift)) >> (shift - 10);
            let tenths = rest * 10 / 1024;
            format!("{whole}.{tenths}{unit}")
        }
        None => exact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let table = [
            (0, "0"),
            (999, "999"),
            (512 << 20, "512M"),
            (1536 << 10, "1536K"),
            (14_889_984, "14.2M"),
            (123_457, "120.5K"),
            ((1 << 40) + 1, "1.0T"),
            (u64::MAX, "16777215.9T"),
        ];
        for (bytes, text) in table {
            assert_eq!(rounded(bytes), text);
        }
    }
}
