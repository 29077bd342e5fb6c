//! How fast memory is, seen from which cores, as an HMAT has it (ACPI 6.3 §5.2.27).

use alloc::vec::Vec;

/// Bytes that a structure needs beside its lists, at most: here, or in a table.
const STRUCTURE_BYTES: usize = 48;
const MATRIX_BYTES: usize = 128;

/// Most bytes that a [`Performance`] needs: more than two matrices for each pair of the most domains.
pub const MAX_PERFORMANCE_BYTES: usize = 34 << 10;

/// How fast memory is. What the values mean depends on the revision; nothing here interprets them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// The table's revision, 1 or 2; 0 if there is none.
    pub revision: u8,
    /// Whose memory is whose.
    pub attached: Vec<Attached>,
    /// Matrices of latency or bandwidth.
    pub matrices: Vec<Matrix>,
    /// Caches in front of memory.
    pub caches: Vec<SideCache>,
}

/// The memory of a proximity domain (§5.2.27.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The domain.
    pub memory: u32,
    /// The domain of the cores whose memory controller it is at, if that is told.
    pub initiator: Option<u32>,
}

/// Latency or bandwidth from initiators to memory (§5.2.27.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Of memory or of a cache, and how it is to be used.
    pub flags: u8,
    /// Read or write, latency or bandwidth.
    pub data_type: u8,
    /// The least bytes of a transfer that reaches it.
    pub least_transfer: u8,
    /// What the values are multiples of.
    pub base_unit: u64,
    /// Domains of cores: the rows.
    pub initiators: Vec<u32>,
    /// Domains of memory: the columns.
    pub memories: Vec<u32>,
    /// Row by row; 0 and 0xffff have meanings of their own.
    pub values: Vec<u16>,
}

/// A cache in front of a domain's memory (§5.2.27.5). SMBIOS handles are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideCache {
    /// The domain.
    pub memory: u32,
    /// Bytes.
    pub size: u64,
    /// Levels, associativity, how it writes, the size of its lines.
    pub attributes: u32,
}

impl Performance {
    /// Whether nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attached.is_empty() && self.matrices.is_empty() && self.caches.is_empty()
    }

    /// Bytes that this needs on the heap, and its table in memory, at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let structures = self.attached.len() + self.caches.len();
        let matrices = self.matrices.iter().map(Matrix::bytes);
        structures * STRUCTURE_BYTES + matrices.sum::<usize>()
    }

    /// The same by other numbers: of domains as initiators and as memory, as far as they have one.
    /// Each must have its own.
    #[must_use]
    pub fn renumbered(
        &self,
        initiator: impl Fn(u32) -> Option<u32>,
        memory: impl Fn(u32) -> Option<u32>,
    ) -> Self {
        let attached = self.attached.iter().filter_map(|attached| {
            Some(Attached {
                memory: memory(attached.memory)?,
                initiator: attached.initiator.and_then(&initiator),
            })
        });
        let caches = self.caches.iter().filter_map(|cache| {
            let memory = memory(cache.memory)?;
            Some(SideCache { memory, ..*cache })
        });
        let matrices = self.matrices.iter();
        Self {
            revision: self.revision,
            attached: attached.collect(),
            matrices: matrices
                .filter_map(|matrix| matrix.renumbered(&initiator, &memory))
                .collect(),
            caches: caches.collect(),
        }
    }
}

impl Matrix {
    const fn bytes(&self) -> usize {
        MATRIX_BYTES + 4 * (self.initiators.len() + self.memories.len()) + 2 * self.values.len()
    }

    /// `None` if nothing is left of it.
    fn renumbered(
        &self,
        initiator: impl Fn(u32) -> Option<u32>,
        memory: impl Fn(u32) -> Option<u32>,
    ) -> Option<Self> {
        let (rows, initiators) = kept(self.initiators.iter().copied(), initiator);
        let (columns, memories) = kept(self.memories.iter().copied(), memory);
        let width = self.memories.len();
        let value = |row: usize, column: usize| self.values.get(row * width + column).copied();
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for row in rows {
            for column in &columns {
                values.push(value(row, *column)?);
            }
        }
        (!values.is_empty()).then_some(Self {
            initiators,
            memories,
            values,
            ..*self
        })
    }
}

/// The places of those of a list that have a number, and these: each once.
#[must_use]
pub fn kept(
    domains: impl Iterator<Item = u32>,
    number: impl Fn(u32) -> Option<u32>,
) -> (Vec<usize>, Vec<u32>) {
    let (mut places, mut numbers) = (Vec::new(), Vec::new());
    for (place, domain) in domains.enumerate() {
        if let Some(number) = number(domain)
            && !numbers.contains(&number)
        {
            places.push(place);
            numbers.push(number);
        }
    }
    (places, numbers)
}
