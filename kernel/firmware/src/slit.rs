//! SLIT: how far the proximity domains are from each other (ACPI §5.2.17).

use alloc::vec::Vec;

use crate::bytes::u64_at;
use crate::problem::Note as _;
use crate::{Problem, Signature};

/// Offset of the matrix: the header and how many rows and columns it has.
const MATRIX_OFFSET: usize = 44;
/// More domains than any machine has.
const MAX_DOMAINS: usize = 128;
/// The distance of a domain from itself; all others are larger.
const LOCAL: u8 = 10;
const TABLE: Signature = Signature(*b"SLIT");

/// How far proximity domains are from each other: 10 from itself, 255 is out of reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distances {
    domains: usize,
    matrix: Vec<u8>,
}

impl Distances {
    /// From one domain to another; `None` if the table does not tell.
    #[must_use]
    pub fn between(&self, from: u32, to: u32) -> Option<u8> {
        let [from, to] = [from, to].map(|domain| usize::try_from(domain).ok());
        let (from, to) = (from?, to?);
        if to >= self.domains {
            return None;
        }
        let row = from.checked_mul(self.domains)?;
        self.matrix.get(row.checked_add(to)?).copied()
    }
}

/// Reads a SLIT; one that can't be true becomes a problem, as a whole.
pub(crate) fn parse(table: &[u8], problems: &mut Vec<Problem>) -> Distances {
    let count = u64_at(table, MATRIX_OFFSET - 8).and_then(|count| usize::try_from(count).ok());
    let domains = count.filter(|count| *count <= MAX_DOMAINS).unwrap_or(0);
    let end = MATRIX_OFFSET + domains * domains;
    let Some(matrix) = table.get(MATRIX_OFFSET..end).filter(|_| domains != 0) else {
        problems.note(Problem::TooShort {
            table: TABLE,
            length: table.len(),
        });
        return Distances::default();
    };
    let is_true = |(at, distance): (usize, &u8)| {
        let is_own = at / domains == at % domains;
        (*distance == LOCAL) == is_own && *distance >= LOCAL
    };
    if !matrix.iter().enumerate().all(is_true) {
        problems.note(Problem::BadDistances);
        return Distances::default();
    }
    Distances {
        domains,
        matrix: matrix.to_vec(),
    }
}
