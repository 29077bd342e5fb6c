//! More and more partitions.

use super::super::Measured;
use super::super::results::Scale;
use super::{PAGE, all, digits, has, line, read};

fn machines() -> Vec<Scale> {
    let all = all();
    let mut found = all.into_iter().filter_map(|one| match one.measured {
        Measured::Scale(machines) => Some(machines),
        _ => None,
    });
    found.next().expect("a file of scale")
}

pub(super) fn most_partitions() -> f64 {
    let last = machines().pop().expect("one");
    last.partitions
}

#[test]
fn the_sentences_on_scale_have_what_was_measured() {
    let machines = machines();
    let [first, .., last] = machines.as_slice() else {
        panic!("more than one");
    };
    // Of each partition that was added.
    let each =
        |of: fn(&Scale) -> f64| (of(last) - of(first)) / (last.partitions - first.partitions);
    let prompts = machines.iter().map(|machine| machine.prompt_ms);
    let wanted = [
        format!("Nothing bends up to {}:", last.partitions),
        format!(
            "resident memory grows by {} KiB with each and its core",
            digits(each(|one| one.resident) / 1024.0, 0)
        ),
        format!("the heap by {}", digits(each(|one| one.heap) / 1024.0, 0)),
        format!(
            "`list` by {} us",
            digits(each(|one| one.list_ms) * 1000.0, 0)
        ),
        format!(
            "The way to the prompt is {:.0} to {:.0} ms",
            prompts.clone().fold(f64::INFINITY, f64::min),
            prompts.fold(0.0, f64::max)
        ),
    ];
    has(PAGE, &line(&read("README.md")), &wanted);
}
