//! How deep the kernel's stacks get: the deepest path from each place where a stack begins, computed
//! from the linked kernel, and compared with the stack's size, which the kernel itself says
//! (`STACK_BYTES` in `kernel/src/cpu/stacks.rs`).
//!
//! * [`image`]: functions and constant data.
//! * [`frame`]: what one function does with its stack.
//! * [`returns`]: which functions come back.
//! * [`graph`]: who calls whom.
//! * [`deepest`]: the deepest path.
//! * [`boot`]: what is given up after the boot, which nothing may call then.
//!
//! * [`rules`]: what no program can see: who is behind a function's argument, who has objects of
//!   which trait, how often what calls itself can nest.
//!
//! A call of which nothing is known, and recursion that is not named, are failures. The result is an
//! upper bound: what a function calls is taken to be called at any time, whatever its arguments are.

use std::fmt::Write as _;
use std::path::Path;

mod boot;
mod deepest;
mod frame;
mod graph;
mod image;
mod returns;
mod rules;

use deepest::{Calls, Search};
use graph::Graph;
use image::Image;
use rules::{KNOWN, TRAITS};

/// A stack, the functions that begin on it, and whether a trap may come on top of them.
struct Stack {
    name: &'static str,
    /// Which of the kernel's `STACK_BYTES` it is.
    index: u64,
    roots: &'static [&'static str],
    is_trapped: bool,
}

const STACKS: &[Stack] = &[
    Stack {
        name: "the boot processor's",
        index: 0,
        roots: &[
            "bulkhead::boot::limine::enter",
            "bulkhead::boot::multiboot2::enter",
            "bulkhead::operator::resume_on_fresh_stack",
        ],
        is_trapped: true,
    },
    Stack {
        name: "another core's",
        index: 1,
        roots: &["core_entry", "core_call"],
        is_trapped: true,
    },
    Stack {
        name: "an emergency's",
        index: 2,
        roots: &["trap_stubs"],
        is_trapped: false,
    },
];

/// What is written in assembly and runs on these stacks.
const ASSEMBLY: &[&str] = &["core_entry", "core_call", "trap_stubs", "enter_linux"];

/// What the processor pushes first: five words, after it has aligned the stack to 16 bytes.
const PUSHED: u64 = 5 * 8 + 8;

impl Calls for Graph {
    fn own(&self, function: u64) -> u64 {
        self.frames.get(&function).map_or(0, |frame| frame.deepest)
    }
    fn calls(&self, function: u64) -> &[(u64, Vec<u64>)] {
        self.calls.get(&function).map_or(&[], Vec::as_slice)
    }
}

/// What was computed: a table in words, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Depths {
    /// Each stack, the deepest path from each of its roots, and the room that is left.
    pub report: String,
    /// Stacks that are too small, and what could not be computed.
    pub failures: Vec<String>,
}

/// Computes the depths of a kernel's stacks.
///
/// # Panics
/// If it can't be read.
#[must_use]
pub fn of_kernel(path: &Path) -> Depths {
    let image = Image::read(path);
    let graph = Graph::of(&image, ASSEMBLY, KNOWN, TRAITS);
    let mut depths = Depths::default();
    let rules = rules::of(&image);
    let mut search = Search::new(&graph, &rules);
    let traps = PUSHED + search.from(image.symbol("trap_stubs")).bytes;
    for stack in STACKS {
        let size = image.word(image.symbol("STACK_BYTES") + 8 * stack.index);
        let size = size.expect("the kernel says it");
        let on_top = if stack.is_trapped { traps } else { PUSHED };
        let _ = writeln!(depths.report, "{} stack: {size} bytes", stack.name);
        for root in stack.roots {
            let deepest = search.from(image.symbol(root));
            let all = deepest.bytes + on_top;
            let _ = writeln!(
                depths.report,
                "  {root}: {} + {on_top} by a trap = {all}, {} left",
                deepest.bytes,
                size.saturating_sub(all)
            );
            for (function, base) in &deepest.path {
                let name = &image.functions[function].name;
                let _ = writeln!(depths.report, "    {base:6} {name}");
            }
            if all > size {
                depths
                    .failures
                    .push(format!("{root} needs {all} bytes of {size}"));
            }
        }
    }
    let (bytes, failures) = boot::check(&image, &graph);
    let _ = writeln!(
        depths.report,
        "given up after the boot: {bytes} bytes of code"
    );
    depths.failures.extend(failures);
    for cycle in &search.cycles {
        let names: Vec<&str> = cycle
            .iter()
            .map(|f| image.functions[f].name.as_str())
            .collect();
        depths
            .failures
            .push(format!("recursion: {}", names.join(" -> ")));
    }
    for words in &graph.unknown {
        depths.failures.push(format!("an unknown call: {words}"));
    }
    depths
}
