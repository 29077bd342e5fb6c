//! `images`: what the loader brought.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_linux::{BzImage, Checksum, FileKind, cksum};
use bulkhead_memory::Bytes;
use bulkhead_model::{Image, ImageKind};

use super::machine::printable;
use super::table;
use crate::control::Control;

/// The largest image whose checksum is verified, in bytes: the shell does nothing else while all of
/// it is read. Stock kernels have some 15 MB.
const LARGEST_VERIFIED: u64 = 256 << 20;

/// Prints a row for each image: its version or what it is, or why it can't be used; and whether its
/// checksum is right, which is found out now.
pub(super) fn images(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let images = &control.machine().images;
    if images.is_empty() {
        return writeln!(out, "the loader brought no images");
    }
    // Once each, however often the table looks at its rows.
    let checksums: Vec<&str> = images.iter().map(|i| checksum(control, i)).collect();
    let rows = images.iter().zip(checksums).map(|(image, checksum)| {
        let (kind, what) = describe(image);
        let size = rounded(image.bytes());
        let (name, checksum) = (image.name.clone(), checksum.to_string());
        [name, size, kind.to_string(), checksum, what]
    });
    table::print(
        ["NAME", "SIZE", "KIND", "CHECKSUM", "VERSION"],
        0,
        rows,
        out,
    )
}

/// An image's kind, and what there is to say of it.
fn describe(image: &Image) -> (&'static str, String) {
    if let Some(told) = image.wrong_size() {
        let have = image.bytes();
        return ("bad", format!("can't be used: {have} bytes, not {told}"));
    }
    if let Some(key) = image.told.unreadable {
        return ("bad", format!("can't be used: {key}"));
    }
    match &image.kind {
        ImageKind::Kernel(kernel) => ("kernel", version(kernel)),
        ImageKind::Uki(uki) => ("UKI", version(&uki.kernel)),
        ImageKind::BadKernel(error) => ("bad", format!("can't be launched: {error}")),
        ImageKind::BadUki(error) => ("bad", format!("can't be launched: {error}")),
        ImageKind::Data(FileKind::Other) => ("data", String::new()),
        ImageKind::Data(FileKind::Empty) => ("empty", String::new()),
        ImageKind::Data(kind) => ("data", kind.to_string()),
    }
}

/// What the checksums say of an image: that of a kernel's own, and the one that came with it. A kernel
/// can be launched all the same: it may have been changed on purpose, by whoever signed it in a way that
/// is not known here.
fn checksum(control: &dyn Control, image: &Image) -> &'static str {
    let kernel = match &image.kind {
        ImageKind::Kernel(kernel) => Some((kernel, None)),
        ImageKind::Uki(uki) => Some((&uki.kernel, Some(uki.linux.clone()))),
        _ => None,
    };
    let Some(region) = image
        .region
        .filter(|_| kernel.is_some() || image.told.cksum.is_some())
    else {
        return "";
    };
    let claimed = kernel.as_ref().map_or(0, |(kernel, _)| {
        kernel.setup_bytes + kernel.protected_mode_bytes
    });
    if region.size().max(claimed) > LARGEST_VERIFIED {
        return "unread";
    }
    let bytes = control.image_bytes(region);
    let told = image.told.cksum.map(|told| told == cksum(bytes));
    let own = kernel.map(|(_, linux)| {
        let file = linux.map_or(Some(bytes), |linux| bytes.get(linux));
        BzImage::checksum(file.unwrap_or_default())
    });
    match (told, own) {
        (Some(false), _) | (_, Some(Checksum::Wrong)) => "bad",
        (None, Some(Checksum::Absent)) => "none",
        _ => "ok",
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
