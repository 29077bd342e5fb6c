//! HMAT: how fast memory is, seen from which cores (ACPI 6.3 §5.2.27).

use alloc::vec::Vec;

use bulkhead_memory::performance::{
    Attached, MAX_PERFORMANCE_BYTES, Matrix, Performance, SideCache, kept,
};

use crate::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::problem::Note as _;
use crate::{Affinity, Problem, Signature};

/// Offset of the first structure: the header and four reserved bytes.
const STRUCTURES_OFFSET: usize = 40;
/// More structures than any machine has.
const MAX_STRUCTURES: usize = 512;
/// More proximity domains than any machine has.
const MAX_DOMAINS: usize = 64;
/// Most that is kept of one table: what was kept before its last structure has as many bytes, or fewer.
const MAX_BYTES: usize = MAX_PERFORMANCE_BYTES - (2 << 10);
const TABLE: Signature = Signature(*b"HMAT");

/// Offset of the lists of a matrix.
const LISTS_OFFSET: usize = 32;
/// Data types: access, read and write latency, then bandwidth.
const DATA_TYPES: u8 = 6;
/// The flags that say of what a matrix is: of memory, or of a cache of the first to the third level.
const HIERARCHY: u8 = 0xf;
const HIERARCHIES: u8 = 4;
/// `Processor Proximity Domain Valid` and, before revision 2, `Memory Proximity Domain Valid`.
const HAS_INITIATOR: u16 = 1 << 0;
const HAS_MEMORY: u16 = 1 << 1;

/// Reads an HMAT: what it says of the domains that `affinity` tells of. A structure that can't be
/// used becomes a problem.
pub(crate) fn parse(table: &[u8], affinity: &Affinity, problems: &mut Vec<Problem>) -> Performance {
    let mut performance = Performance::default();
    let (Some(mut rest), Some(revision)) = (table.get(STRUCTURES_OFFSET..), u8_at(table, 8)) else {
        problems.note(Problem::TooShort {
            table: TABLE,
            length: table.len(),
        });
        return performance;
    };
    if !matches!(revision, 1 | 2) {
        problems.note(Problem::UnknownRevision {
            table: TABLE,
            revision,
        });
        return performance;
    }
    performance.revision = revision;
    let known = known_domains(affinity);
    let known = |domain| known.binary_search(&domain).is_ok().then_some(domain);
    for _ in 0..MAX_STRUCTURES {
        if rest.is_empty() {
            return performance;
        }
        let offset = table.len() - rest.len();
        let length = u32_at(rest, 4).and_then(|length| usize::try_from(length).ok());
        let split = length.filter(|length| *length >= 8);
        let Some((structure, behind)) = split.and_then(|length| rest.split_at_checked(length))
        else {
            problems.note(Problem::TruncatedEntry {
                table: TABLE,
                offset,
            });
            return performance;
        };
        rest = behind;
        match add(&mut performance, structure, known) {
            Ok(()) => {}
            Err(Bad::Structure) => problems.note(Problem::BadStructure {
                table: TABLE,
                offset,
            }),
            Err(Bad::TooMuch) => break,
        }
    }
    if !rest.is_empty() {
        let read =
            performance.attached.len() + performance.matrices.len() + performance.caches.len();
        problems.note(Problem::TooManyEntries { table: TABLE, read });
    }
    performance
}

/// The domains that there are, ascending: none if they are too many.
fn known_domains(affinity: &Affinity) -> Vec<u32> {
    let mut known: Vec<u32> = Vec::new();
    let of_cores = affinity.processors.iter().map(|(_, domain)| *domain);
    let of_memory = affinity.memory.iter().map(|(_, domain)| *domain);
    for domain in of_cores.chain(of_memory) {
        if let Err(place) = known.binary_search(&domain) {
            if known.len() == MAX_DOMAINS {
                return Vec::new();
            }
            known.insert(place, domain);
        }
    }
    known
}

/// Why a structure isn't taken.
enum Bad {
    /// It is too short, or says what can't be.
    Structure,
    /// There is no room for it behind those before it.
    TooMuch,
}

/// Adds one structure, of the domains that are `known`.
fn add(
    performance: &mut Performance,
    structure: &[u8],
    known: impl Fn(u32) -> Option<u32>,
) -> Result<(), Bad> {
    let left = MAX_BYTES.saturating_sub(performance.bytes());
    if left < LISTS_OFFSET {
        return Err(Bad::TooMuch);
    }
    match u16_at(structure, 0) {
        Some(0) => {
            let attached = attached(structure, performance.revision, known);
            performance.attached.extend(attached.ok_or(Bad::Structure)?);
        }
        Some(1) => {
            performance.matrices.extend(matrix(structure, known, left)?);
        }
        Some(2) => {
            let cache = cache(structure, known);
            performance.caches.extend(cache.ok_or(Bad::Structure)?);
        }
        _ => {}
    }
    Ok(())
}

/// `None` if the structure is too short; nothing in it if it is of no memory that is known.
fn attached(
    structure: &[u8],
    revision: u8,
    known: impl Fn(u32) -> Option<u32>,
) -> Option<Option<Attached>> {
    let flags = u16_at(structure, 8)?;
    let (initiator, memory) = (u32_at(structure, 12)?, u32_at(structure, 16)?);
    // The address range, which is reserved by now.
    u64_at(structure, 32)?;
    let is_told = revision > 1 || flags & HAS_MEMORY != 0;
    let has_initiator = flags & HAS_INITIATOR != 0;
    let memory = is_told.then(|| known(memory)).flatten();
    Some(memory.map(|memory| Attached {
        memory,
        initiator: has_initiator.then(|| known(initiator)).flatten(),
    }))
}

/// A matrix, unless it is of nothing that is known.
fn matrix(
    structure: &[u8],
    known: impl Fn(u32) -> Option<u32>,
    left: usize,
) -> Result<Option<Matrix>, Bad> {
    let (rows, columns) = counts(structure).ok_or(Bad::Structure)?;
    let byte = |offset| u8_at(structure, offset).ok_or(Bad::Structure);
    let (flags, data_type, least_transfer) = (byte(8)?, byte(9)?, byte(10)?);
    let base_unit = u64_at(structure, 24).ok_or(Bad::Structure)?;
    if data_type >= DATA_TYPES || flags & HIERARCHY >= HIERARCHIES {
        return Err(Bad::Structure);
    }
    let domain = |place: usize| u32_at(structure, LISTS_OFFSET + 4 * place);
    let (row_places, initiators) = kept((0..rows).filter_map(domain), &known);
    let (places, memories) = kept((rows..rows + columns).filter_map(domain), &known);
    if 2 * initiators.len() * memories.len() > left {
        return Err(Bad::TooMuch);
    }
    let first = LISTS_OFFSET + 4 * (rows + columns);
    let value = |row: usize, column: usize| u16_at(structure, first + 2 * (row * columns + column));
    let cells = row_places
        .iter()
        .flat_map(|row| places.iter().map(|column| value(*row, *column)));
    let values: Vec<u16> = cells.collect::<Option<_>>().ok_or(Bad::Structure)?;
    Ok((!values.is_empty()).then_some(Matrix {
        flags,
        data_type,
        least_transfer,
        base_unit,
        initiators,
        memories,
        values,
    }))
}

/// How many rows and columns a matrix has, if all of it is there.
fn counts(structure: &[u8]) -> Option<(usize, usize)> {
    let count = |offset| usize::try_from(u32_at(structure, offset)?).ok();
    let (rows, columns) = (count(12)?, count(16)?);
    let lists = rows.checked_add(columns)?.checked_mul(4)?;
    let values = rows.checked_mul(columns)?.checked_mul(2)?;
    let end = LISTS_OFFSET.checked_add(lists)?.checked_add(values)?;
    (end <= structure.len()).then_some((rows, columns))
}

/// `None` if the structure is too short; nothing in it if it is of no memory that is known.
fn cache(structure: &[u8], known: impl Fn(u32) -> Option<u32>) -> Option<Option<SideCache>> {
    let (memory, size) = (u32_at(structure, 8)?, u64_at(structure, 16)?);
    let attributes = u32_at(structure, 24)?;
    // How many SMBIOS handles follow.
    u16_at(structure, 30)?;
    Some(known(memory).map(|memory| SideCache {
        memory,
        size,
        attributes,
    }))
}
