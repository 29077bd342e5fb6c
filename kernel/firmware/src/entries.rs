//! Lists of entries that begin with their type and their length, a byte each.

use alloc::vec::Vec;

use crate::bytes::u8_at;
use crate::problem::Note as _;
use crate::{Problem, Signature};

/// Splits one entry off, that lies at `offset` in its table. `None` ends the walk: without a true
/// length nothing behind it can be found.
pub(crate) fn next_entry<'a>(
    table: Signature,
    rest: &mut &'a [u8],
    offset: usize,
    problems: &mut Vec<Problem>,
) -> Option<&'a [u8]> {
    let length = u8_at(rest, 1).unwrap_or(u8::MAX);
    if length < 2 {
        problems.note(Problem::BadEntryLength {
            table,
            offset,
            length,
        });
        return None;
    }
    let Some((entry, behind)) = rest.split_at_checked(usize::from(length)) else {
        problems.note(Problem::TruncatedEntry { table, offset });
        return None;
    };
    *rest = behind;
    Some(entry)
}
