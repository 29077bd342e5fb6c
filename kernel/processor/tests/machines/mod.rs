//! Processors as CPUID describes them: only the bits that are looked at, composed from the manuals.
//! Those of QEMU's models are what it answers under TCG.
#![allow(dead_code, reason = "each test uses some of them")]
#![allow(missing_docs, reason = "a test has no public interface")]

use bulkhead_processor::Features;

pub(crate) const INTEL: [u32; 3] = [
    u32::from_le_bytes(*b"Genu"),
    u32::from_le_bytes(*b"ntel"),
    u32::from_le_bytes(*b"ineI"),
];
pub(crate) const AMD: [u32; 3] = [
    u32::from_le_bytes(*b"Auth"),
    u32::from_le_bytes(*b"cAMD"),
    u32::from_le_bytes(*b"enti"),
];

/// One processor: its maker, its highest leaves, its leaves, and its capability registers.
pub(crate) struct Processor {
    pub(crate) name: &'static str,
    pub(crate) maker: [u32; 3],
    pub(crate) highest: [u32; 2],
    pub(crate) leaves: &'static [((u32, u32), [u32; 4])],
    pub(crate) registers: &'static [(u32, u64)],
}

pub(crate) const fn bits(numbers: &[u32]) -> u32 {
    let (mut value, mut at) = (0, 0);
    while at < numbers.len() {
        value |= 1 << numbers[at];
        at += 1;
    }
    value
}

impl Processor {
    pub(crate) fn query(&self, leaf: u32, sub: u32) -> [u32; 4] {
        let [first, second, third] = self.maker;
        match leaf {
            0 => [self.highest[0], first, second, third],
            0x8000_0000 => [self.highest[1], first, second, third],
            _ => {
                let is_beyond = leaf > self.highest[usize::from(leaf >= 0x8000_0000)];
                assert!(!is_beyond, "{}: leaf {leaf:x}: another's answer", self.name);
                let found = self.leaves.iter().find(|(at, _)| *at == (leaf, sub));
                found.map_or([0; 4], |(_, answer)| *answer)
            }
        }
    }

    pub(crate) fn features(&self) -> Features {
        Features::read(
            |leaf, sub| self.query(leaf, sub),
            |register| {
                let found = self
                    .registers
                    .iter()
                    .find(|(number, _)| *number == register);
                let (_, value) = found
                    .unwrap_or_else(|| panic!("{}: it has no register {register:#x}", self.name));
                Some(*value)
            },
        )
    }
}

/// A client of Intel with trace, feedback, shadow stacks and architectural last branches (Alder
/// Lake's large cores).
pub(crate) const CLIENT: Processor = Processor {
    name: "Intel client",
    maker: INTEL,
    highest: [0x20, 0x8000_0008],
    leaves: &[
        ((1, 0), [0, 0, bits(&[7, 24, 26]), bits(&[11, 14, 21, 22])]),
        ((6, 0), [bits(&[6, 7, 8, 19, 23]), 0, bits(&[3]), 0]),
        (
            (7, 0),
            [
                2,
                bits(&[1, 15, 25]),
                bits(&[5, 7, 22, 31]),
                bits(&[19, 20, 26, 27, 28, 29, 30, 31]),
            ],
        ),
        ((7, 1), [bits(&[22]), 0, 0, 0]),
        ((0xa, 0), [0x0730_0605, 0, 0, 0x8604]),
        ((0xd, 1), [bits(&[3]), 0, 0, 0]),
        ((0x14, 0), [1, bits(&[0]), bits(&[0, 1, 2]), 0]),
        ((0x14, 1), [2, 0, 0, 0]),
        ((0x8000_0001, 0), [0, 0, 0, bits(&[27])]),
    ],
    registers: &[
        (0x179, 1 << 27 | 1 << 10 | 12),
        (0xcf, 1 << 5),
        (0x10a, 1 << 12),
        (0x1a0, 0x85_0089),
    ],
};

/// A server of Intel before architectural last branches, with transactions, PASID and matrices, and
/// with FRED, so that all of Intel's rows are met.
pub(crate) const SERVER: Processor = Processor {
    name: "Intel server",
    maker: INTEL,
    highest: [0x20, 0x8000_0008],
    leaves: &[
        ((1, 0), [0, 0, bits(&[7, 24, 26]), bits(&[11, 14, 21, 22])]),
        ((6, 0), [bits(&[6, 7, 8]), 0, bits(&[3]), 0]),
        (
            (7, 0),
            [
                1,
                bits(&[1, 12, 14, 15, 25]),
                bits(&[5, 7, 22, 29, 31]),
                bits(&[5, 9, 13, 20, 26, 27, 28, 29, 30, 31]),
            ],
        ),
        ((7, 1), [bits(&[17]), 0, 0, 0]),
        ((0xa, 0), [0x0830_0805, 0, 0, 0x8604]),
        ((0xd, 1), [bits(&[3, 4]), 0, 0, 0]),
        ((0x14, 0), [0, 0, bits(&[0]), 0]),
        ((0x8000_0001, 0), [0, 0, 0, bits(&[27])]),
    ],
    registers: &[
        (0x179, 1 << 27 | 1 << 10 | 32),
        (0xcf, 1 << 5),
        (0x10a, 1 << 7 | 1 << 12),
        (0x1a0, 0x85_0089),
    ],
};

pub(crate) const ZEN_1: Processor = Processor {
    name: "AMD Zen 1",
    maker: AMD,
    highest: [0xd, 0x8000_001f],
    leaves: &[
        ((1, 0), [0, 0, bits(&[26]), bits(&[11, 14])]),
        ((7, 0), [0, 0, 0, 0]),
        ((0xd, 1), [bits(&[3]), 0, 0, 0]),
        (
            (0x8000_0001, 0),
            [0, 0, bits(&[2, 10, 23, 24, 26, 28]), bits(&[27])],
        ),
        ((0x8000_0007, 0), [0, 0, 0, bits(&[7])]),
        ((0x8000_0008, 0), [0, bits(&[12]), 0, 0]),
        ((0x8000_000a, 0), [1, 0, 0, bits(&[0, 4])]),
        ((0x8000_001b, 0), [bits(&[0, 1, 2]), 0, 0, 0]),
    ],
    registers: &[(0x179, 23)],
};

pub(crate) const ZEN_4: Processor = Processor {
    name: "AMD Zen 4",
    maker: AMD,
    highest: [0x10, 0x8000_0028],
    leaves: &[
        ((1, 0), [0, 0, bits(&[26]), bits(&[11, 14])]),
        ((7, 0), [1, bits(&[12, 15]), bits(&[7, 22]), 0]),
        ((0xd, 1), [bits(&[3]), 0, 0, 0]),
        (
            (0x8000_0001, 0),
            [0, 0, bits(&[2, 10, 23, 24, 26, 28]), bits(&[27])],
        ),
        ((0x8000_0007, 0), [0, 0, 0, bits(&[7])]),
        ((0x8000_0008, 0), [0, bits(&[12, 14, 15, 24, 27]), 0, 0]),
        ((0x8000_000a, 0), [1, 0, 0, bits(&[0, 4])]),
        ((0x8000_001b, 0), [bits(&[0, 1, 2]), 0, 0, 0]),
        ((0x8000_0022, 0), [bits(&[0, 1]), 6, 0, 0]),
    ],
    registers: &[(0x179, 1 << 24 | 32)],
};

/// The same with what came after: adjustable time, bus-lock traps, and more counters than six.
pub(crate) const ZEN_5: Processor = Processor {
    name: "AMD Zen 5",
    leaves: &[
        ((1, 0), [0, 0, bits(&[24, 26]), bits(&[11, 14])]),
        ((7, 0), [1, bits(&[1, 12, 15]), bits(&[7, 22]), 0]),
        ((0xd, 1), [bits(&[3]), 0, 0, 0]),
        (
            (0x8000_0001, 0),
            [0, 0, bits(&[2, 10, 23, 24, 26, 28]), bits(&[27])],
        ),
        ((0x8000_0007, 0), [0, 0, 0, bits(&[7])]),
        ((0x8000_0008, 0), [0, bits(&[12, 14, 15, 24, 27]), 0, 0]),
        ((0x8000_000a, 0), [1, 0, 0, bits(&[0, 4])]),
        ((0x8000_001b, 0), [bits(&[0, 1, 2]), 0, 0, 0]),
        ((0x8000_0022, 0), [bits(&[0, 1]), 8, 0, 0]),
    ],
    ..ZEN_4
};

/// QEMU's oldest model: hardly anything, by a maker that has legacy counters.
pub(crate) const QEMU_64: Processor = Processor {
    name: "qemu64",
    maker: AMD,
    highest: [0xd, 0x8000_000a],
    leaves: &[
        ((1, 0), [0, 0, 0, bits(&[11, 14])]),
        ((0x8000_0001, 0), [0, 0, bits(&[2]), 0]),
    ],
    registers: &[(0x179, 1 << 24 | 1 << 8 | 10)],
};

/// QEMU's largest model under TCG.
pub(crate) const QEMU_MAX: Processor = Processor {
    name: "max",
    maker: AMD,
    highest: [0xd, 0x8000_000a],
    leaves: &[
        ((1, 0), [0, 0, bits(&[26]), bits(&[11, 14, 22])]),
        ((6, 0), [4, 0, 0, 0]),
        ((7, 0), [2, 0, bits(&[22, 31]), 0]),
        ((0x8000_0001, 0), [0, 0, bits(&[2]), bits(&[27])]),
    ],
    registers: &[(0x179, 1 << 24 | 1 << 8 | 10)],
};

pub(crate) const ALL: [&Processor; 7] = [
    &CLIENT, &SERVER, &ZEN_1, &ZEN_4, &ZEN_5, &QEMU_64, &QEMU_MAX,
];
