//! Which functions come back to their callers: what stands behind a call of one that does not is
//! another piece of the caller.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use super::image::{Function, Image};

/// The instructions of a function.
#[expect(
    clippy::cast_possible_truncation,
    reason = "this runs where usize has 64 bits"
)]
pub(super) fn decode(image: &Image, function: &Function) -> BTreeMap<u64, Instruction> {
    let start = function.range.start;
    let bytes = image.bytes(start);
    let length = ((function.range.end - start) as usize).min(bytes.len());
    let decoder = Decoder::with_ip(64, &bytes[..length], start, DecoderOptions::NONE);
    decoder.into_iter().map(|i| (i.ip(), i)).collect()
}

/// The functions that can return: the least set, so that those which only call each other are not in
/// it.
pub(super) fn returning(image: &Image, functions: &[&Function]) -> BTreeSet<u64> {
    let codes: Vec<_> = functions.iter().map(|f| (*f, decode(image, f))).collect();
    let mut returning = BTreeSet::new();
    loop {
        let new = codes.iter().filter(|(function, code)| {
            !returning.contains(&function.range.start) && returns(function, code, &returning)
        });
        let new: Vec<u64> = new.map(|(function, _)| function.range.start).collect();
        if new.is_empty() {
            return returning;
        }
        returning.extend(new);
    }
}

fn returns(
    function: &Function,
    code: &BTreeMap<u64, Instruction>,
    returning: &BTreeSet<u64>,
) -> bool {
    let has_table = code
        .values()
        .any(|i| i.flow_control() == FlowControl::IndirectBranch);
    if has_table
        && code
            .values()
            .any(|i| i.flow_control() == FlowControl::Return)
    {
        return true; // nothing is known of how it is reached
    }
    let mut seen = BTreeSet::new();
    let mut pending = vec![function.range.start];
    while let Some(address) = pending.pop() {
        let Some(i) = code.get(&address) else {
            // Into another function's code: it returns if that does.
            if returning.contains(&address) {
                return true;
            }
            continue;
        };
        if !seen.insert(address) {
            continue;
        }
        match i.flow_control() {
            FlowControl::Return | FlowControl::IndirectBranch => return true,
            FlowControl::Call if !returning.contains(&i.near_branch_target()) => {}
            FlowControl::UnconditionalBranch => pending.push(i.near_branch_target()),
            FlowControl::ConditionalBranch => pending.extend([i.near_branch_target(), i.next_ip()]),
            FlowControl::Exception => {}
            _ => pending.push(i.next_ip()),
        }
    }
    false
}
