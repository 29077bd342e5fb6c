//! A shell whose heap is measured.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;

use bulkhead_shell::limits::{HELD_BYTES, HISTORY_BYTES, HISTORY_LINES, LINE_BYTES, PEAK_BYTES};
use bulkhead_shell::{Control, Shell};

use crate::support::FakeKernel;

/// The host's allocator, counted for each thread (each test has its own). A block that grows is, as
/// in the kernel, a new one beside the old (`GlobalAlloc::realloc` as it comes), and sizes are
/// rounded as the kernel's allocator does.
struct Counted;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn rounded(layout: Layout) -> usize {
    layout.size().next_multiple_of(8).max(16)
}

// SAFETY: every block is the host allocator's own; counting does not allocate.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get().wrapping_add(rounded(layout));
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        // SAFETY: the caller's duties are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(rounded(layout)));
        // SAFETY: as above; `alloc` got the block from there.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// What `make` makes, and the heap that it held meanwhile.
pub(crate) fn measured<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let made = make();
    (made, PEAK.get() - before)
}

/// What was printed last, in room that is there from the beginning.
pub(crate) struct Output(pub(crate) String);

impl Default for Output {
    fn default() -> Self {
        Self(String::with_capacity(64 << 10))
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.0.len() + s.len() > self.0.capacity() {
            self.0.clear();
        }
        self.0.push_str(s);
        Ok(())
    }
}

/// A shell whose heap is watched.
pub(crate) struct Watched {
    pub(crate) shell: Shell,
    pub(crate) kernel: FakeKernel,
    pub(crate) out: Output,
    /// What was held before the shell was there.
    before: usize,
}

impl Watched {
    /// A shell that has shown nothing yet, over a kernel without partitions.
    pub(crate) fn new() -> Self {
        Self::with(FakeKernel::default())
    }

    /// The same over that kernel.
    pub(crate) fn with(kernel: FakeKernel) -> Self {
        let out = Output::default();
        let before = HELD.get();
        PEAK.set(before);
        let shell = Shell::new();
        Self {
            shell,
            kernel,
            out,
            before,
        }
    }

    /// As much is remembered as can be, and a long line was begun when that was looked at.
    pub(crate) fn with_full_history() -> Self {
        let mut watched = Self::new();
        let filler = "x".repeat(HISTORY_BYTES / HISTORY_LINES - 6);
        for i in 0..HISTORY_LINES {
            watched.type_in(&format!("show{i:02}{filler}\r"));
        }
        watched.type_in(&"y".repeat(LINE_BYTES));
        watched.type_in("\u{1b}[A\u{15}");
        watched
    }

    /// Types it.
    pub(crate) fn type_in(&mut self, text: &str) {
        for byte in text.bytes() {
            self.shell.feed(byte, &mut self.kernel, &mut self.out);
        }
    }

    /// Runs it as a script; whether it went through.
    pub(crate) fn script(&mut self, text: &str) -> bool {
        let Self {
            shell, kernel, out, ..
        } = self;
        shell.script("boot", text, kernel, out).is_ok()
    }

    /// The most that was held at once, and what is held now.
    pub(crate) fn heap(&self) -> (usize, usize) {
        (PEAK.get() - self.before, HELD.get() - self.before)
    }

    /// Asserts that the bounds were kept and no partition was defined.
    pub(crate) fn assert_bounded(&self, what: &str) {
        let (peak, held) = self.heap();
        println!("{what}: peak {peak}, held {held}");
        assert!(
            peak <= PEAK_BYTES,
            "{what}: {peak} bytes at once, at most {PEAK_BYTES}"
        );
        assert!(
            held <= HELD_BYTES,
            "{what}: {held} bytes are kept, at most {HELD_BYTES}"
        );
        assert_eq!(
            self.kernel.ledger().iter().count(),
            0,
            "{what}: something was defined"
        );
    }

    /// The last `error: ...` that was printed.
    pub(crate) fn error(&self) -> &str {
        let at = self.out.0.rfind("error: ").expect("there was an error");
        self.out.0[at..].lines().next().unwrap()
    }
}

/// The longest line of that form: `%` stands where its long word goes.
pub(crate) fn longest(form: &str) -> String {
    let (before, after) = form.split_once('%').unwrap();
    let word = "y".repeat(LINE_BYTES - before.len() - after.len());
    format!("{before}{word}{after}")
}
