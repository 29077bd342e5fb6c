//! Memory type range registers: what one core has in them, and what another is written.
//!
//! Source: Intel SDM Vol. 3A, "Memory Type Range Registers" and "MTRR Considerations in MP Systems".

const CAPABILITY: u32 = 0xfe;
const DEFAULT_TYPE: u32 = 0x2ff;
const VARIABLE_BASE: u32 = 0x200;
const FIXED: [u32; 11] = [
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
];
const FIXED_SUPPORTED: u64 = 1 << 8;
const ENABLE: u64 = 1 << 11;
const MAX_VARIABLE: usize = 16;

/// All of them, of one core.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    default_type: u64,
    fixed: Option<[u64; FIXED.len()]>,
    variable: [[u64; 2]; MAX_VARIABLE],
    count: usize,
}

impl Snapshot {
    /// Reads those that the processor has, of a processor that has any.
    pub fn read(read: impl Fn(u32) -> u64) -> Self {
        let capability = read(CAPABILITY);
        let count = usize::from(capability.to_le_bytes()[0]).min(MAX_VARIABLE);
        let mut variable = [[0; 2]; MAX_VARIABLE];
        for (register, pair) in (VARIABLE_BASE..).step_by(2).zip(&mut variable[..count]) {
            *pair = [read(register), read(register + 1)];
        }
        Self {
            default_type: read(DEFAULT_TYPE),
            fixed: (capability & FIXED_SUPPORTED != 0).then(|| FIXED.map(read)),
            variable,
            count,
        }
    }

    /// What is written to a core to have the same, in order, and with caches flushed before and
    /// after: none of them acts while it changes.
    pub fn writes(&self) -> impl Iterator<Item = (u32, u64)> {
        let fixed = FIXED.into_iter().zip(self.fixed.iter().flatten().copied());
        let variable = self.variable[..self.count].iter().flatten().copied();
        [(DEFAULT_TYPE, self.default_type & !ENABLE)]
            .into_iter()
            .chain(fixed)
            .chain((VARIABLE_BASE..).zip(variable))
            .chain([(DEFAULT_TYPE, self.default_type)])
    }
}
