//! `link` and `unlink`, and what `show` says of links.

use core::fmt::{self, Write};

use bulkhead_memory::Bytes;
use bulkhead_model::{Claim, LinkEnd};

use super::{Done, names};
use crate::control::Control;
use crate::words::Word;

/// `link A B [SIZE]`
pub(super) fn link(
    pair: &[Word; 2],
    size: Option<u64>,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let [a, b] = pair;
    known(pair, control)?;
    let linked = control.link([&a.text, &b.text], size);
    let region = linked.map_err(|error| names::refused(a, &error))?;
    let size = Bytes(region.size());
    Ok(writeln!(
        out,
        "{}, {}: link {region} ({size})",
        a.text, b.text
    )?)
}

/// `unlink A B`
pub(super) fn unlink(pair: &[Word; 2], control: &mut dyn Control) -> Done {
    let [a, b] = pair;
    known(pair, control)?;
    let unlinked = control.unlink([&a.text, &b.text]);
    Ok(unlinked.map_err(|error| names::refused(a, &error))?)
}

fn known(pair: &[Word; 2], control: &dyn Control) -> Done {
    for name in pair {
        names::partition(name, control.ledger())?;
    }
    Ok(())
}

/// One line for each link of a claim, with the PCI function that its Linux finds.
pub(super) fn ends(claim: &Claim, out: &mut dyn Write) -> fmt::Result {
    for (number, end) in claim.links.iter().enumerate() {
        let (segment, size) = (LinkEnd::segment(number), Bytes(end.size()));
        let place = end.window().map_or(0, |window| window.start());
        writeln!(
            out,
            "  link     {}, {size} at {place:#x}, inside {segment:04x}:00:00.0",
            end.peer
        )?;
    }
    Ok(())
}
