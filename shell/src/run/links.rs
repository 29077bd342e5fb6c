//! `link` and `unlink`, and what `show` says of links.

use core::fmt::{self, Write};

use bulkhead_ledger::{LinkError, PlanError};
use bulkhead_memory::Bytes;
use bulkhead_model::{Claim, LinkEnd};

use super::{Done, names};
use crate::control::Control;
use crate::words::Word;

/// `link A B [SIZE]`
pub(super) fn link(
    pair: &[Word; 2],
    size: Option<&(Word, u64)>,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let [a, b] = pair;
    known(pair, control)?;
    let linked = control.link([&a.text, &b.text], size.map(|(_, bytes)| *bytes));
    let region = linked.map_err(|error| {
        let word = match (&error, size) {
            (
                PlanError::Link(LinkError::Size { .. } | LinkError::NoRoom { .. }),
                Some((word, _)),
            ) => word,
            _ => culprit(pair, &error),
        };
        names::refused(word, &error)
    })?;
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
    Ok(unlinked.map_err(|error| names::refused(culprit(pair, &error), &error))?)
}

/// The one of the two that a refusal is about; the first, if it is about both.
fn culprit<'a>(pair: &'a [Word; 2], error: &PlanError) -> &'a Word {
    let [a, b] = pair;
    match error {
        PlanError::WrongState { name, .. }
        | PlanError::Held { name, .. }
        | PlanError::Leaks { name, .. }
        | PlanError::CoreLost { name, .. }
        | PlanError::Link(LinkError::TooMany { name })
            if *name == b.text =>
        {
            b
        }
        _ => a,
    }
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
