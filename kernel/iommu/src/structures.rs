//! What both tables are made of: structures with their length, in two bytes, behind two that say what they are.

use bulkhead_firmware::bytes::u16_at;
use bulkhead_firmware::{Note as _, Problem, Signature};

use crate::find::Iommus;

/// Where both begin: behind the header and twelve bytes more.
pub(crate) const OFFSET: usize = 48;
/// More than any machine has: its units, and a few for each.
const MOST: usize = 1024;

/// Has `add` take each structure of a table, in order; it says `None` of one that can't be used. Without a
/// true length nothing behind one can be found. `is_unit` tells by the first byte whether one is of a unit.
pub(crate) fn each(
    table: Signature,
    bytes: &[u8],
    iommus: &mut Iommus,
    is_unit: impl Fn(u8) -> bool,
    mut add: impl FnMut(&[u8], &mut Iommus) -> Option<()>,
) {
    let Some(mut rest) = bytes.get(OFFSET..) else {
        let length = bytes.len();
        iommus.lacks_units = true;
        iommus.problems.note(Problem::TooShort { table, length });
        return;
    };
    for read in 0.. {
        if rest.is_empty() {
            return;
        }
        if read == MOST {
            iommus.lacks_units = true;
            iommus
                .problems
                .note(Problem::TooManyEntries { table, read });
            return;
        }
        let offset = bytes.len() - rest.len();
        let length = u16_at(rest, 2).map_or(0, usize::from);
        let Some((structure, behind)) = rest.split_at_checked(length).filter(|_| length >= 4)
        else {
            iommus.lacks_units = true;
            iommus
                .problems
                .note(Problem::TruncatedEntry { table, offset });
            return;
        };
        rest = behind;
        if add(structure, iommus).is_none() {
            iommus.lacks_units |= structure.first().is_some_and(|kind| is_unit(*kind));
            iommus
                .problems
                .note(Problem::BadStructure { table, offset });
        }
    }
}
