//! How much heap a machine needs, line by line.
//!
//! The kernel's heap is as large as [`heap_bytes`] says and does not grow, and running out of it
//! would be a panic. So whatever can grow has a line here, with what bounds it. `shell/tests/budget`
//! runs the real shell and the real planner on a heap of just this size, and `kernel/launch/tests/stored`
//! counts plans.

use crate::{MOST_LINKS, Machine};

/// What the size of a heap depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Cores.
    pub cores: usize,
    /// PCI functions.
    pub functions: usize,
    /// Images that the loader brought.
    pub images: usize,
    /// Ranges of the firmware's memory map.
    pub ranges: usize,
    /// Partitions that can be defined at once.
    pub partitions: usize,
    /// Bytes of what firmware tells of how fast memory is ([`Performance::bytes`]).
    ///
    /// [`Performance::bytes`]: bulkhead_memory::performance::Performance::bytes
    pub performance: usize,
}

/// A line of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is for.
    pub what: &'static str,
    /// Bytes for each.
    pub each: usize,
    /// How many there are.
    pub count: usize,
}

impl Line {
    const fn new(what: &'static str, each: usize, count: usize) -> Self {
        Self { what, each, count }
    }

    /// Bytes in all.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.each.saturating_mul(self.count)
    }
}

/// Most USB controllers that the shell listens to keyboards on.
pub const USB_CONTROLLERS: usize = 3;
/// Bytes for each.
pub const USB_BYTES: usize = 1536;

/// Most ranges of memory that a Linux can be told of in its zero page (`E820_MAX_ENTRIES_ZEROPAGE`).
const TOLD_RANGES: usize = 128;

impl Extent {
    /// A machine on which at most so many partitions can be defined.
    #[must_use]
    pub fn of(machine: &Machine, partitions: usize) -> Self {
        Self {
            cores: machine.cores.len(),
            functions: machine.functions.len(),
            images: machine.images.len(),
            ranges: machine.memory.len(),
            partitions,
            performance: machine.performance.bytes(),
        }
    }

    /// Ranges that a plan tells of: those of the firmware, and its own.
    const fn told_ranges(&self) -> usize {
        let told = self.ranges + 16;
        if told < TOLD_RANGES {
            told
        } else {
            TOLD_RANGES
        }
    }
}

/// What a command needs at most while it runs, beside what stays of it: a line, and a plan in the
/// making, of a partition that has all of the machine.
#[must_use]
pub const fn command_lines(extent: &Extent) -> [Line; 6] {
    let ranges = extent.told_ranges();
    [
        // What `limits::PEAK_BYTES` of the shell has beyond its `HELD_BYTES`.
        Line::new("a line: its words, its values, its error", 27 << 10, 1),
        Line::new("a plan: zero page, command line, tables", 15 << 10, 1),
        Line::new("a plan, for each range told: its maps", 192, ranges),
        Line::new(
            "a plan, for each core: lists, twice in a MADT, in a DSDT",
            256,
            extent.cores,
        ),
        Line::new(
            "a plan, for each PCI function: registers",
            144,
            extent.functions,
        ),
        // By other numbers, as a table, and that among all.
        Line::new("a plan: how fast memory is", 4, extent.performance),
    ]
}

/// All lines.
#[must_use]
pub const fn lines(extent: &Extent) -> [Line; 14] {
    let partitions = extent.partitions;
    let told = partitions * extent.told_ranges();
    [
        Line::new("what a command needs", command_bytes(extent), 1),
        // `limits::HELD_BYTES` of the shell.
        Line::new("the shell: a line, its history", 18 << 10, 1),
        // The kernel's `MOST_TYPED`, growing, and its serial line's `RING`, which grows into what is
        // spare.
        Line::new(
            "what arrives: while the shell waits, on the line",
            11 << 10,
            1,
        ),
        Line::new(
            "USB controllers: each with its devices",
            USB_BYTES,
            USB_CONTROLLERS,
        ),
        Line::new("firmware's tables, routes, texts, services", 8 << 10, 1),
        Line::new(
            "cores: their tables, what each is, in a claim, in a plan",
            184,
            extent.cores,
        ),
        Line::new(
            "PCI functions: what each is, in a claim, in a plan",
            480,
            extent.functions,
        ),
        // A UKI's command line is most of it.
        Line::new(
            "images: what each is, with its header",
            (2 << 10) + 640,
            extent.images,
        ),
        Line::new("ranges of memory: what each is", 96, extent.ranges),
        Line::new(
            "partitions: definition, claim, history, plan",
            9 << 10,
            partitions,
        ),
        Line::new("partitions: each range told, in the plan", 72, told),
        Line::new(
            "links: each end in a claim, in a plan",
            768,
            link_ends(partitions),
        ),
        // While the machine is described, by two numberings.
        Line::new("how fast memory is", 2, extent.performance),
        Line::new(
            "partitions: how fast memory is, in the plan",
            extent.performance,
            partitions,
        ),
    ]
}

/// Ends of links that so many partitions can have: each can have one to each other, and not too many.
const fn link_ends(partitions: usize) -> usize {
    let others = partitions.saturating_sub(1);
    partitions
        * if others < MOST_LINKS {
            others
        } else {
            MOST_LINKS
        }
}

const fn sum(lines: &[Line]) -> usize {
    let mut total: usize = 0;
    let mut at = 0;
    while at < lines.len() {
        total = total.saturating_add(lines[at].bytes());
        at += 1;
    }
    total
}

/// Bytes that a command needs at most while it runs: as many must be free when one begins.
#[must_use]
pub const fn command_bytes(extent: &Extent) -> usize {
    sum(&command_lines(extent))
}

/// Size of the heap in bytes, in whole pages.
#[must_use]
pub const fn heap_bytes(extent: &Extent) -> usize {
    sum(&lines(extent)).next_multiple_of(4096)
}
