//! More and more partitions.

use super::super::Measured;
use super::super::results::Scale;
use super::{PAGE, all, digits, has, line, read};

/// Those of that file.
fn machines(name: &str) -> Vec<Scale> {
    let all = all();
    let mut found = all.into_iter().filter_map(|one| match one.measured {
        Measured::Scale(machines) if one.name == name => Some(machines),
        _ => None,
    });
    found.next().expect("a file of scale")
}

pub(super) fn most_partitions() -> f64 {
    let last = machines("scale").pop().expect("one");
    last.partitions
}

/// What the first table and the section say of the most, which have a file of their own.
pub(super) fn most_of_all() -> [String; 2] {
    let (one, all) = (machines("scale"), machines("scale-64"));
    let ([one, ..], [all]) = (one.as_slice(), all.as_slice()) else {
        panic!("one machine");
    };
    let more = digits((all.boot_s / one.boot_s - 1.0) * 100.0, 1);
    [
        format!("of {} a boot costs each {more} % more", all.partitions),
        format!("A boot costs each {more} % more than where there is one"),
    ]
}

#[test]
fn the_sentences_on_scale_have_what_was_measured() {
    let machines = machines("scale");
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
        most_of_all()[1].clone(),
    ];
    has(PAGE, &line(&read("README.md")), &wanted);
}
