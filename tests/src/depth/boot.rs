//! The code of the boot, which the kernel gives up when the shell begins (`kernel/linker.ld`,
//! `paging::give_up_boot_code`): nothing that runs later may call into it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::deepest::Calls;
use super::graph::Graph;
use super::image::Image;

/// Where what runs later begins.
const LATER: &[&str] = &[
    "bulkhead::operator::run",
    "bulkhead::operator::resume_on_fresh_stack",
    "core_entry",
    "core_call",
    "trap_stubs",
];

/// Bytes of it, and what of the kernel leads there later, in words.
pub(super) fn check(image: &Image, graph: &Graph) -> (u64, Vec<String>) {
    let boot = image.symbol("image_start")..image.symbol("boot_code_end");
    let later = reached(graph, LATER.iter().map(|name| image.symbol(name)));
    let name = |function: &u64| image.functions[function].name.as_str();
    let mut failures = Vec::new();
    for function in &later {
        if boot.contains(function) {
            failures.push(format!("{} is given up, and runs later", name(function)));
        }
        if let Some(address) = mentioned(graph, *function, &boot) {
            failures.push(format!(
                "{} has {address:#x}, which is given up",
                name(function)
            ));
        }
    }
    (boot.end - boot.start, failures)
}

/// All that is called from there on.
fn reached(calls: &impl Calls, roots: impl Iterator<Item = u64>) -> BTreeSet<u64> {
    let mut reached = BTreeSet::new();
    let mut pending: Vec<u64> = roots.collect();
    while let Some(function) = pending.pop() {
        if reached.insert(function) {
            let callees = calls.calls(function).iter();
            pending.extend(callees.flat_map(|(_, callees)| callees));
        }
    }
    reached
}

/// An address of that range in a function's instructions: to be called, or to be given to somebody.
fn mentioned(graph: &Graph, function: u64, range: &Range<u64>) -> Option<u64> {
    let frame = graph.frames.get(&function)?;
    let addresses = frame.code.iter().map(|i| {
        if i.is_ip_rel_memory_operand() {
            i.ip_rel_memory_address()
        } else {
            i.near_branch_target()
        }
    });
    addresses
        .into_iter()
        .find(|address| range.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Small;

    impl Calls for Small {
        fn own(&self, _: u64) -> u64 {
            0
        }
        fn calls(&self, function: u64) -> &[(u64, Vec<u64>)] {
            const NONE: &[(u64, Vec<u64>)] = &[];
            static CALLS: std::sync::OnceLock<Vec<(u64, Vec<u64>)>> = std::sync::OnceLock::new();
            let calls = CALLS.get_or_init(|| vec![(8, vec![2, 3]), (16, vec![4]), (8, vec![1])]);
            match function {
                1 => &calls[..2],
                4 => &calls[2..],
                _ => NONE,
            }
        }
    }

    #[test]
    fn all_that_may_be_called_is_reached() {
        assert_eq!(
            reached(&Small, [1].into_iter()),
            BTreeSet::from([1, 2, 3, 4])
        );
        assert_eq!(reached(&Small, [3].into_iter()), BTreeSet::from([3]));
    }
}
