//! Bytes from outside, and every parser that takes them: a target is a function that takes any bytes, and
//! must come to an end without a panic and with what it asserts.
//!
//! ```text
//! tests/fuzz/search   libFuzzer, which follows the code's branches (make fuzz)  --+
//!                                                                                 +-> a target
//! tests/replay.rs     corpus/NAME, what the search has found so far (cargo test) --+
//! ```
#![forbid(unsafe_code)]

mod boot;
mod bytes;
mod clock;
mod consoles;
pub mod corpus;
mod firmware;
mod hardware;
mod images;
mod inside;
mod lifecycle;
mod links;
mod made;
mod pci;
mod planted;
mod printk;
mod processor;
mod shell;
mod store;
mod survey;

/// What takes bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As `make fuzz TARGET=` calls it.
    pub name: &'static str,
    /// The most bytes that make sense.
    pub most: usize,
    /// Takes them; a panic is a finding.
    pub run: fn(&[u8]),
    /// What a search begins with: sound things.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
#[must_use]
pub fn targets() -> Vec<Target> {
    [
        &firmware::TARGETS[..],
        &images::TARGETS,
        &pci::TARGETS,
        &hardware::TARGETS,
        &shell::TARGETS,
        &lifecycle::TARGETS,
        &store::TARGETS,
        &consoles::TARGETS,
        &clock::TARGETS,
        &processor::TARGETS,
        &printk::TARGETS,
        &links::TARGETS,
        &boot::TARGETS,
        &inside::TARGETS,
        &survey::TARGETS,
    ]
    .concat()
}

/// The one of that name.
///
/// # Errors
/// There is none; which there are.
pub fn target(name: &str) -> Result<Target, String> {
    let all = targets();
    // It is none of the list, which are to be right.
    let mut known = all.iter().chain([&planted::TARGET]);
    let found = known.find(|target| target.name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|target| target.name).collect();
        format!("no target {name:?} (accepted: {})", names.join(", "))
    })
}
