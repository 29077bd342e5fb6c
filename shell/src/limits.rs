//! What the shell accepts at most, and the heap that follows from it.
//!
//! Whatever is typed, pasted or read from a script is bounded here, in bytes: the heap is small,
//! and running out of it would be a panic. What is beyond a bound is refused with a sentence, and
//! nothing is changed. Sizes that follow from the machine (how many cores, functions, images) are
//! not the shell's to bound.
//!
//! `tests/limits` measures that [`HELD_BYTES`] and [`PEAK_BYTES`] are kept.

/// Longest line, typed or of a script, in bytes: the longest kernel command line (2047, Linux's
/// `COMMAND_LINE_SIZE` on x86) and 1025 for the rest of a `define`.
pub const LINE_BYTES: usize = 3072;

/// Most words in a line: a command and the names of all partitions, with some to spare.
pub const WORDS: usize = 72;

/// Lines of the history.
pub const HISTORY_LINES: usize = 64;

/// Text of the history in bytes: the oldest lines go first.
pub const HISTORY_BYTES: usize = 8 << 10;

/// Most cores in `cores=`. Ranges are short to write: `0-4000000000` has twelve characters.
pub const CORES: usize = 1024;

/// Most items in `memory=`; a memory map for Linux has 128 entries (`E820_MAX_ENTRIES_ZEROPAGE`).
pub const MEMORY_ITEMS: usize = 64;

/// Most names in `initrd=`.
pub const INITRDS: usize = 16;

/// Most items in `devices=`.
pub const DEVICE_ITEMS: usize = 256;

/// How deep scripts may include each other.
pub const INCLUDES: usize = 8;

/// Largest script in bytes: a larger one is a mistake. It is read where the loader has put it.
pub const SCRIPT_BYTES: u64 = 1 << 20;

/// Characters of a word that an error repeats.
pub const QUOTED_CHARS: usize = 64;

/// Names that an error lists.
pub const LISTED_NAMES: usize = 32;

/// Longest sentence of an error, in bytes.
pub const MESSAGE_BYTES: usize = 2048;

/// Mistakes of Bulkhead's own command line that are told.
pub const PROBLEMS: usize = 16;

/// Serial ports that it may name.
pub const CONSOLES: usize = 16;

/// Longest name of a boot script on the command line, in bytes.
pub const SCRIPT_NAME_BYTES: usize = 256;

/// Candidates that Tab lists.
pub const CANDIDATES: usize = 128;

/// Longest event that `watch` keeps, in bytes: what a row shows.
pub const EVENT_BYTES: usize = 80;

/// Heap that the shell holds between two lines, in bytes, at most: the line being typed and the one
/// kept while the history is looked at, the history with what its lines cost beside their text, and
/// the rows and events that are shown.
pub const HELD_BYTES: usize =
    2 * LINE_BYTES + HISTORY_BYTES + HISTORY_LINES * PER_LINE + 8 * EVENT_BYTES;

/// Heap that the shell holds while it takes one line, in bytes, at most, [`HELD_BYTES`] among them.
/// A line is there as text, as words and as values; the last two once as read and once in the
/// command; and what is refused stands in the error and in its sentence. A buffer that grows holds
/// its old half as well. The worst line that the tests know of needs 36 KiB in all.
///
/// Not counted is what a command has the planner make (plans, claims), and tables of the machine.
pub const PEAK_BYTES: usize = HELD_BYTES + 9 * LINE_BYTES;

/// A line's place in the history, and what its text is rounded up by.
const PER_LINE: usize = 24 + 16;

// The kernel's heap has to have room for it.
const _: () = assert!(PEAK_BYTES <= 45 << 10);
const _: () = assert!(LINE_BYTES <= HISTORY_BYTES && LINE_BYTES <= u16::MAX as usize);
