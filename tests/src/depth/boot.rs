//! The code of the boot, which the kernel gives up when the shell begins (`kernel/linker.ld`,
//! `paging::give_up_boot_code`): nothing that runs later may call into it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use iced_x86::{Instruction, OpKind, Register};

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
    // Where the image begins is the loaders' header; whoever gives up the code behind it has its address.
    let start = image.symbol("image_start");
    let boot = start + 1..image.symbol("boot_code_end");
    let later = reached(graph, LATER.iter().map(|name| image.symbol(name)));
    let name = |function: &u64| image.functions[function].name.as_str();
    let data = Data::of(image.words(), graph);
    let mut failures = Vec::new();
    for function in &later {
        if boot.contains(function) {
            failures.push(format!("{} is given up, and runs later", name(function)));
        }
        let mentioned = mentioned_by(graph, *function);
        if let Some(address) = mentioned.iter().find(|address| boot.contains(address)) {
            failures.push(format!(
                "{} has {address:#x}, which is given up",
                name(function)
            ));
        }
        if let Some((at, word)) = data.leads_to(&mentioned, &boot) {
            failures.push(format!(
                "{} comes by data to {at:#x}, which has {word:#x}, which is given up",
                name(function)
            ));
        }
    }
    (boot.end - start, failures)
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

/// All addresses in a function's instructions: to be called, to be read, or to be given to somebody.
fn mentioned_by(graph: &Graph, function: u64) -> BTreeSet<u64> {
    let frame = graph.frames.get(&function);
    let code = frame.map_or(&[][..], |frame| &frame.code);
    code.iter().flat_map(mentioned).collect()
}

/// The addresses in one instruction.
fn mentioned(i: &Instruction) -> Vec<u64> {
    let operand = |number: u32| match i.op_kind(number) {
        OpKind::NearBranch64 => Some(i.near_branch_target()),
        OpKind::Immediate64 | OpKind::Immediate32to64 => Some(i.immediate(number)),
        // A number of 32 bits, with zeros or ones above: which, the user of it decides.
        OpKind::Immediate32 => Some(i64::from(i.immediate32().cast_signed()).cast_unsigned()),
        // Its displacement, which is the address where it is relative to the instruction.
        OpKind::Memory if i.is_ip_rel_memory_operand() => Some(i.ip_rel_memory_address()),
        OpKind::Memory if !matches!(i.memory_base(), Register::RSP | Register::RBP) => {
            Some(i.memory_displacement64())
        }
        _ => None,
    };
    (0..i.op_count()).filter_map(operand).collect()
}

/// What is not code. How long anything there is nobody says: it is taken to end where the next address
/// is that anything names.
struct Data {
    words: BTreeMap<u64, u64>,
    /// All addresses in it that are named, in code or in data.
    begins: BTreeSet<u64>,
}

impl Data {
    fn of(words: BTreeMap<u64, u64>, graph: &Graph) -> Self {
        let code = graph.frames.values().flat_map(|frame| &frame.code);
        Self::named(words, code.flat_map(mentioned))
    }

    fn named(words: BTreeMap<u64, u64>, in_code: impl Iterator<Item = u64>) -> Self {
        let is_data = |address: &u64| words.contains_key(&(address & !7));
        let all = in_code.chain(words.values().copied());
        let begins = all.filter(is_data).collect();
        Self { words, begins }
    }

    /// A word of that range to which these addresses lead, through as much data as it takes, and where
    /// it is.
    fn leads_to(&self, from: &BTreeSet<u64>, range: &Range<u64>) -> Option<(u64, u64)> {
        let mut pending: Vec<u64> = from.intersection(&self.begins).copied().collect();
        let mut seen: BTreeSet<u64> = pending.iter().copied().collect();
        while let Some(begin) = pending.pop() {
            let next = self.begins.range(begin + 1..).next();
            let end = next.copied().unwrap_or(u64::MAX);
            for (at, word) in self.words.range(begin & !7..end) {
                if range.contains(word) {
                    return Some((*at, *word));
                }
                if self.begins.contains(word) && seen.insert(*word) {
                    pending.push(*word);
                }
            }
        }
        None
    }
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

    fn instruction(bytes: &[u8]) -> Instruction {
        iced_x86::Decoder::with_ip(64, bytes, 0xffff_ffff_8020_1000, 0).decode()
    }

    #[test]
    fn all_ways_to_name_an_address_are_seen() {
        const THERE: u64 = 0xffff_ffff_8020_0040;
        for bytes in [
            // mov rdi, imm32 with its sign; mov edi, imm32; push imm32; movabs rdi, imm64
            &[0x48, 0xc7, 0xc7, 0x40, 0x00, 0x20, 0x80][..],
            &[0xbf, 0x40, 0x00, 0x20, 0x80],
            &[0x68, 0x40, 0x00, 0x20, 0x80],
            &[0x48, 0xbf, 0x40, 0x00, 0x20, 0x80, 0xff, 0xff, 0xff, 0xff],
            // mov qword [rdi], imm32; cmp rax, imm32
            &[0x48, 0xc7, 0x07, 0x40, 0x00, 0x20, 0x80],
            &[0x48, 0x3d, 0x40, 0x00, 0x20, 0x80],
            // lea rdi, [rip - 0xfc7]; call; jmp [rax * 8 + disp32]
            &[0x48, 0x8d, 0x3d, 0x39, 0xf0, 0xff, 0xff],
            &[0xe8, 0x3b, 0xf0, 0xff, 0xff],
            &[0xff, 0x24, 0xc5, 0x40, 0x00, 0x20, 0x80],
        ] {
            let found = mentioned(&instruction(bytes));
            assert!(found.contains(&THERE), "{bytes:x?}: {found:x?}");
        }
        assert!(mentioned(&instruction(&[0x90])).is_empty());
    }

    #[test]
    fn an_address_that_stands_in_data_is_found() {
        // A table of two words, one of which leads on; a word that only others know.
        let words = [(0x100, 7), (0x108, 0x200), (0x110, 0x10), (0x200, 0x20)];
        let data = Data::named(words.into(), [0x100, 0x110].into_iter());
        let leads = |from: u64, range| data.leads_to(&BTreeSet::from([from]), &range);
        assert_eq!(leads(0x100, 0x20..0x30), Some((0x200, 0x20)));
        assert_eq!(leads(0x100, 0x10..0x20), None, "behind its end");
        assert_eq!(leads(0x110, 0x10..0x20), Some((0x110, 0x10)));
        assert_eq!(leads(0x300, 0..u64::MAX), None);
        // What leads to itself.
        let data = Data::named([(0x100, 0x100)].into(), std::iter::empty());
        assert_eq!(data.leads_to(&BTreeSet::from([0x100]), &(0..1)), None);
    }
}
