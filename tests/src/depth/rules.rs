//! What no program can see in the kernel's code.

use super::deepest::Rules;
use super::graph::{Known, Trait};
use super::image::Image;

/// Sinks of text, and functions that write values to them.
const SINKS: &[&str] = &["core::fmt::Write", "::write_"];
const DEBUG: &[&str] = &["core::fmt::Debug>::fmt"];

pub(super) const KNOWN: &[Known] = &[
    Known {
        caller: "core::fmt::write",
        callees: &[&["core::fmt::", ">::fmt"], SINKS],
    },
    Known {
        caller: "<core::fmt::Formatter>::debug_",
        callees: &[DEBUG, SINKS],
    },
    Known {
        caller: "<core::fmt::builders::Debug",
        callees: &[DEBUG, SINKS],
    },
    Known {
        caller: "bulkhead_shell::run::table::",
        callees: &[SINKS],
    },
    Known {
        caller: "bulkhead_shell::run::watch::uptime",
        callees: &[&["bulkhead_shell::control::Control", "partition_uptime_ms"]],
    },
    // These ask the kernel, and have it ask a Linux.
    Known {
        caller: "bulkhead_shell::run::stop::",
        callees: &[&["bulkhead_shell::control::Control"]],
    },
    Known {
        caller: "bulkhead_shell::run::printed::kept",
        callees: &[&["bulkhead_shell::control::Control", "printed_runs"]],
    },
    Known {
        caller: "bulkhead_shell::run::links::known",
        callees: &[&["bulkhead_shell::control::Control"]],
    },
    Known {
        caller: "bulkhead_shell::script::tell_events",
        callees: &[SINKS, &["bulkhead_shell::control::Control"]],
    },
    // Asks the kernel what a partition's devices were launched with, and what the machine is.
    Known {
        caller: "bulkhead_shell::run::walls::now",
        callees: &[
            &["bulkhead_shell::control::Control", "isolation"],
            &["bulkhead_shell::control::Control", "machine"],
        ],
    },
    // These write to the console, or to what a partition that asked for a line reads.
    Known {
        caller: "bulkhead_shell::run::change::",
        callees: &[SINKS],
    },
    Known {
        caller: "bulkhead_shell::run::devices::",
        callees: &[SINKS],
    },
    Known {
        caller: "bulkhead_shell::run::handoff::",
        callees: &[SINKS],
    },
    Known {
        caller: "bulkhead_shell::script::write_event",
        callees: &[SINKS],
    },
    // What writes a plan's or a check's lines is given the console.
    Known {
        caller: "bulkhead_shell::run::launch::plan",
        callees: &[SINKS, &["bulkhead_shell::control::Control"]],
    },
    // Compares names; the address is put together from two numbers.
    Known {
        caller: "bulkhead_launch::layout::Layout::of",
        callees: &[&["memcmp"], &["memcpy"]],
    },
    // What is done with each register.
    Known {
        caller: "<core::iter::adapters::flatten::FlattenCompat<I,U> as core::iter::traits::iterator::Iterator>::fold",
        callees: &[&["bulkhead_processor::steps::"]],
    },
    // A pair in a map to its two parts.
    Known {
        caller: "bulkhead_ledger::history::History::",
        callees: &[&["litemap::store::vec_impl::map_f"]],
    },
    // The same, where that is inlined.
    Known {
        caller: "bulkhead_ledger::ledger::Ledger::plan",
        callees: &[&["litemap::store::vec_impl::map_f"]],
    },
    // Partitions to their names.
    Known {
        caller: "<core::iter::adapters::map::Map<I,F>",
        callees: &[&["core::ops::function::FnOnce::call_once"]],
    },
    Known {
        caller: "core::iter::traits::iterator::Iterator::nth",
        callees: &[&["core::ops::function::FnOnce::call_once"]],
    },
    // The tables of what can be completed.
    Known {
        caller: "<alloc::vec::Vec<T> as alloc::vec::spec_from_iter_nested",
        callees: &[&["core::ops::function::FnOnce::call_once"]],
    },
    Known {
        caller: "<I as core::iter::traits::iterator::Iterator::advance_by",
        callees: &[
            &["core::iter::traits::iterator::Iterator>::next"],
            // Which images can be completed.
            &["bulkhead_shell::complete::"],
        ],
    },
    Known {
        caller: "bulkhead_memory::sort::s",
        callees: &[&["bulkhead_memory::sort::Places>::"]],
    },
    // What is done with each function that a scan finds.
    Known {
        caller: "bulkhead_pci::scan::scan_bus",
        callees: &[
            &["bulkhead_pci::scan::scan::{{closure}}"],
            &["bulkhead_pci::config::"],
        ],
    },
    Known {
        caller: "acpi_tables::aml::Name::new",
        callees: &[&["to_aml_bytes"], &["acpi_tables::AmlSink"]],
    },
];

pub(super) const TRAITS: &[Trait] = &[
    // Nothing is printed as `{:#?}`.
    Trait {
        function: "core::fmt::builders::PadAdapter",
        callers: &[],
    },
    Trait {
        function: "core::fmt::Debug>::fmt",
        callers: &[
            "core::fmt::write",
            "core::fmt::Formatter>::debug_",
            "core::fmt::builders::Debug",
            "&T as core::fmt",
        ],
    },
    Trait {
        function: "core::fmt::Display>::fmt",
        callers: &["core::fmt::write", "&T as core::fmt", "bulkhead_shell"],
    },
    // What can be completed.
    Trait {
        function: "core::iter::traits::iterator::Iterator>::",
        callers: &["bulkhead_shell", "core::iter", "alloc::"],
    },
    Trait {
        function: "bulkhead_memory::sort::Places>::",
        callers: &["bulkhead_memory::sort"],
    },
    Trait {
        function: "to_aml_bytes",
        callers: &[
            "acpi_tables::aml::Name::new",
            "acpi_tables::aml::Scope",
            "acpi_tables::aml::Package",
            "acpi_tables::aml::ResourceTemplate",
        ],
    },
    Trait {
        function: "acpi_tables::AmlSink",
        callers: &["acpi_tables"],
    },
    Trait {
        function: "log::Log>::",
        callers: &["bulkhead::"],
    },
    Trait {
        function: "bulkhead_shell::control::Control",
        callers: &["bulkhead_shell", "bulkhead::operator"],
    },
    Trait {
        function: "bulkhead_pci::config::",
        callers: &["bulkhead_pci", "bulkhead::"],
    },
];

/// What is counted only once for a whole path is the first of [`LIMITS`]; the others begin anew
/// behind the first of all.
const STOP: &str = "bulkhead::panic::stop";
const KEPT: usize = 2;

/// How often a path may come to functions whose names begin so; and when a core says why it stops.
const LIMITS: &[(&str, u32, u32)] = &[
    // `cores::count_stop` sees to it: once `say` or `report`, then less, then nothing.
    (STOP, 3, 0),
    ("bulkhead::panic::", 1, 0),
    // An error in an error in a line; a panic's place and message are one in another.
    ("core::fmt::write", 4, 3),
    // Values in values that derive it: only for a panic's message.
    ("<&T as core::fmt::Debug>::fmt", 2, 1),
    ("<core::fmt::Formatter>::debug_tuple_field", 1, 1),
    ("<core::fmt::builders::DebugStruct>::field", 1, 1),
    // `DEEPEST` there, and the first.
    ("bulkhead_shell::script::Reader::script", 9, 0),
    // Gives up on a pattern, and sorts once more without.
    ("core::slice::sort::stable::drift::sort", 2, 0),
    // Cuts its own message out of the text.
    ("core::str::slice_error_fail", 2, 2),
];

/// Where a path begins to be such that it does not come to others: names begin so.
const BARRED: &[(&[&str], &[&str])] = &[
    // What a core has to say as it stops goes to a sink of its own, and no panic's message has one
    // of these errors in words, nor what `log` counts.
    (
        &["bulkhead::panic::say", "bulkhead::panic::report"],
        &[
            "<bulkhead::console::Console as core::fmt::Write>",
            "<bulkhead::console::log::",
            "<alloc::string::String as core::fmt::Write>",
            "<arrayvec::array_string::ArrayString",
            "<bulkhead_memory::size::TextBuffer",
            "<bulkhead_conductor::",
            "<bulkhead_ledger::",
            "<bulkhead_launch::",
            "<bulkhead_pci::",
            "bulkhead_pci::scan::",
            "<bulkhead_shell::",
            "<bulkhead_terminal::serial::uart::Counts",
        ],
    ),
    // Services are for a Linux: they answer in words of the lifecycle, not of the shell's.
    (
        &["bulkhead::partition::call::serve"],
        &[
            "<bulkhead::console::Console as core::fmt::Write>",
            "<bulkhead_conductor::",
            "<bulkhead_ledger::",
            "<bulkhead_launch::",
            "<bulkhead_pci::assign_error::",
            "<bulkhead_shell::",
        ],
    ),
];

/// How deep functions nest that call themselves. The standard library's sorting halves what it
/// sorts, of at most 2048 elements, at most twice as often as that takes.
const NESTING: &[(&str, u64)] = &[
    ("core::slice::sort::unstable::quicksort::quicksort", 22),
    ("core::slice::sort::stable::quicksort::quicksort", 22),
    ("core::slice::sort::shared::pivot::median3_rec", 4),
    // Conditions in conditions: those of the table nest twice at most.
    ("bulkhead_processor::presence::Presence::holds", 4),
    // Once more behind what a separator at the end leaves.
    ("core::str::iter::SplitInternal<P>::next_back", 2),
];

/// Of a kernel's functions.
pub(super) fn of(image: &Image) -> Rules {
    let mut rules = Rules {
        limits: LIMITS.iter().map(|(_, limit, _)| *limit).collect(),
        renewed: LIMITS.iter().map(|(.., limit)| *limit).collect(),
        kept: KEPT,
        barred: vec![Default::default(); BARRED.len()],
        ..Rules::default()
    };
    for (start, function) in &image.functions {
        let begins = |name: &str| function.name.starts_with(name);
        let kind = LIMITS.iter().position(|(name, ..)| begins(name));
        rules.limited.extend(kind.map(|kind| (*start, kind)));
        let nests = NESTING.iter().find(|(name, _)| begins(name));
        rules
            .nesting
            .extend(nests.map(|(_, nests)| (*start, *nests)));
        let is_any = |names: &[&str]| names.iter().any(|name| begins(name)).then_some(*start);
        rules.renews.extend(is_any(&[STOP]));
        for ((gates, others), found) in BARRED.iter().zip(&mut rules.barred) {
            found.0.extend(is_any(gates));
            found.1.extend(is_any(others));
        }
    }
    rules
}
