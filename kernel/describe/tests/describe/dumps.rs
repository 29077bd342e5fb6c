//! What CPUID answers on some processors.

/// Leaf, subleaf, EAX, EBX, ECX, EDX. Written by hand after the manuals: no machine's own.
pub(crate) type Dump = &'static [(u32, u32, [u32; 4])];

/// Two packages of ten cores with two threads; their numbers have gaps.
pub(crate) const TEN_CORES: Dump = &[
    (0x00, 0, [0x16, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    (
        0x01,
        0,
        [0x0005_0654, 0x2020_0800, 0x7ffe_fbff, 0xbfeb_fbff],
    ),
    (0x0b, 0, [1, 2, 0x100, 0x20]),
    (0x0b, 1, [5, 20, 0x201, 0x20]),
    (0x0b, 2, [0, 0, 2, 0x20]),
    (0x16, 0, [2200, 3000, 100, 0]),
];

/// Two packages of 128 cores with two threads.
pub(crate) const MANY_CORES: Dump = &[
    (0x00, 0, [0x10, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
    (
        0x01,
        0,
        [0x00aa_0f02, 0x00ff_0800, 0x7ef8_320b, 0x178b_fbff],
    ),
    (0x0b, 0, [1, 2, 0x100, 0]),
    (0x0b, 1, [8, 256, 0x201, 0]),
    (0x0b, 2, [0, 0, 2, 0]),
];

/// Threads, cores and dies: leaf 0x1f tells of the dies, leaf 0x0b has them among the cores.
pub(crate) const TWO_DIES: Dump = &[
    (0x00, 0, [0x1f, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    (
        0x01,
        0,
        [0x0005_0657, 0x0020_0800, 0x7ffe_fbff, 0xbfeb_fbff],
    ),
    (0x0b, 0, [1, 2, 0x100, 0]),
    (0x0b, 1, [6, 48, 0x201, 0]),
    (0x1f, 0, [1, 2, 0x100, 0]),
    (0x1f, 1, [5, 24, 0x201, 0]),
    (0x1f, 2, [6, 48, 0x502, 0]),
];

/// QEMU's `-smp 4`: no threads.
pub(crate) const QEMU: Dump = &[
    (0x00, 0, [0x0d, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
    (
        0x01,
        0,
        [0x0006_0fb1, 0x0004_0800, 0x8000_2001, 0x178b_fbff],
    ),
    (0x0b, 0, [0, 1, 0x100, 0]),
    (0x0b, 1, [2, 4, 0x201, 0]),
];

/// No leaf 0x0b, as before Nehalem: a package of four cores, by leaf 1.
pub(crate) const OLD: Dump = &[
    (0x00, 0, [0x0a, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    (
        0x01,
        0,
        [0x0000_06fb, 0x0004_0800, 0x0000_e3bd, 0xbfeb_fbff],
    ),
    (0x0a, 0, [0x0728_0202, 0, 0, 0]),
];

/// A hypervisor with leaf 0x0b that tells nothing.
pub(crate) const EMPTY_LEAF: Dump = &[
    (0x00, 0, [0x0d, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    (
        0x01,
        0,
        [0x0000_06fb, 0x0003_0800, 0x8000_2201, 0x178b_fbff],
    ),
    (0x0b, 0, [0, 0, 0, 0]),
];

/// AMD's Zen 1, a Ryzen of eight cores with two threads: no leaf 0x0b.
pub(crate) const ZEN_1: Dump = &[
    (0x00, 0, [0x0d, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
    (
        0x01,
        0,
        [0x0080_0f11, 0x0010_0800, 0x7ed8_320b, 0x178b_fbff],
    ),
    (0x8000_0000, 0, [0x8000_001f, 0, 0, 0]),
    (0x8000_0001, 0, [0x0080_0f11, 0, 0x35c2_33ff, 0x2fd3_fbff]),
    (0x8000_0008, 0, [0x3030, 7, 0x400f, 0]),
    (0x8000_001e, 0, [0, 0x100, 0, 0]),
];

/// AMD's first EPYC, a package of 24 cores with two threads: its IDs have room for 32.
pub(crate) const NAPLES: Dump = &[
    (0x00, 0, [0x0d, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
    (
        0x01,
        0,
        [0x0080_0f12, 0x0030_0800, 0x7ed8_320b, 0x178b_fbff],
    ),
    (0x8000_0000, 0, [0x8000_001f, 0, 0, 0]),
    (0x8000_0001, 0, [0x0080_0f12, 0, 0x35c2_33ff, 0x2fd3_fbff]),
    (0x8000_0008, 0, [0x3030, 7, 0x602f, 0]),
    (0x8000_001e, 0, [0, 0x100, 0x300, 0]),
];

/// A Phenom II of six cores, whose APIC IDs firmware moves up; no topology extensions.
pub(crate) const PHENOM: Dump = &[
    (0x00, 0, [0x06, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
    (
        0x01,
        0,
        [0x0010_0fa0, 0x0006_0800, 0x0080_2009, 0x178b_fbff],
    ),
    (0x8000_0000, 0, [0x8000_001b, 0, 0, 0]),
    (0x8000_0001, 0, [0x0010_0fa0, 0, 0x0000_37ff, 0xefd3_fbff]),
    (0x8000_0008, 0, [0x3030, 0, 0x3005, 0]),
];

/// One processor, which does not say HTT: the field of leaf 1 means nothing.
pub(crate) const ONE: Dump = &[
    (0x00, 0, [1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    (
        0x01,
        0,
        [0x0000_06fb, 0x00ff_0800, 0x8000_2201, 0x078b_fbff],
    ),
];
