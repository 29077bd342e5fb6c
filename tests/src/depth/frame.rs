//! What one function does with its stack: how deep it gets, and how deep it is where it calls.
//!
//! All paths through it are followed from its beginning. Where one goes is not known at a jump by a
//! table: what was not reached is then taken to begin with all of the function's frame.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Code, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::image::{Function, Image};
use super::returns::decode;

/// More than any stack: a loop that pushes.
const ENDLESS: u64 = 1 << 20;

/// A call, or a jump to another function.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Bytes of stack in use when its first instruction runs, its return address among them.
    pub(super) depth: u64,
    pub(super) instruction: Instruction,
}

/// What one function does with its stack.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// Bytes at most, without those whom it calls.
    pub(super) deepest: u64,
    pub(super) calls: Vec<Call>,
    /// Its instructions, in order.
    pub(super) code: Vec<Instruction>,
}

/// The state before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    depth: u64,
    /// The depth that `rbp` remembers.
    saved: Option<u64>,
    /// The depth at the end of the loop that touches each page of a large frame, which `r11` has.
    probed: Option<u64>,
    /// On another stack, which has a beginning of its own.
    is_elsewhere: bool,
}

struct Walk<'a> {
    function: &'a Function,
    returning: &'a BTreeSet<u64>,
    code: BTreeMap<u64, Instruction>,
    seen: BTreeMap<u64, State>,
    pending: Vec<(u64, State)>,
}

impl Frame {
    /// Of a function, with the set of those that can return.
    pub(super) fn of(image: &Image, function: &Function, returning: &BTreeSet<u64>) -> Self {
        let mut walk = Walk {
            function,
            returning,
            code: decode(image, function),
            seen: BTreeMap::new(),
            pending: Vec::new(),
        };
        let empty = State {
            depth: 0,
            saved: None,
            probed: None,
            is_elsewhere: false,
        };
        walk.follow(function.range.start, empty);
        while let Some(address) = walk.unreached() {
            let all = walk.seen.values().max_by_key(|state| state.depth);
            walk.follow(address, *all.unwrap_or(&empty));
        }
        walk.frame()
    }
}

impl Walk<'_> {
    /// What only a jump by a table leads to. Assembly has none, but has gaps.
    fn unreached(&self) -> Option<u64> {
        let mut code = self.code.values();
        let is_new =
            |i: &&Instruction| !self.seen.contains_key(&i.ip()) && i.code() != Code::INVALID;
        if self.function.is_assembly {
            return None;
        }
        Some(code.find(is_new)?.ip())
    }

    fn follow(&mut self, address: u64, state: State) {
        self.pending.push((address, state));
        while let Some((address, mut state)) = self.pending.pop() {
            let Some(instruction) = self.code.get(&address).copied() else {
                continue;
            };
            let seen = self.seen.get(&address);
            if seen.is_some_and(|seen| seen.depth >= state.depth) {
                continue;
            }
            assert!(
                state.depth < ENDLESS,
                "{}: its stack grows in a loop at {address:#x}",
                self.function.name
            );
            self.seen.insert(address, state);
            step(&instruction, &mut state, self.function.is_assembly);
            self.go_on(&instruction, state);
        }
    }

    fn go_on(&mut self, instruction: &Instruction, state: State) {
        let target = instruction.near_branch_target();
        let next = instruction.next_ip();
        match instruction.flow_control() {
            FlowControl::Call if !self.returning.contains(&target) => {}
            FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall => {
                self.pending.push((next, state));
            }
            FlowControl::ConditionalBranch => {
                // The way back of the loop that touches pages leads to its end.
                let is_probing = target < instruction.ip() && state.probed.is_some();
                let after = State {
                    depth: if is_probing {
                        state.probed.unwrap_or(0)
                    } else {
                        state.depth
                    },
                    probed: None,
                    ..state
                };
                self.pending.push((next, after));
                if !is_probing {
                    self.pending.push((target, state));
                }
            }
            FlowControl::UnconditionalBranch => self.pending.push((target, state)),
            _ => {}
        }
    }

    fn frame(self) -> Frame {
        let mut frame = Frame::default();
        for (address, instruction) in &self.code {
            let Some(state) = self.seen.get(address) else {
                continue;
            };
            frame.code.push(*instruction);
            if state.is_elsewhere {
                continue;
            }
            let mut after = *state;
            step(instruction, &mut after, self.function.is_assembly);
            frame.deepest = frame.deepest.max(after.depth).max(state.depth);
            let target = instruction.near_branch_target();
            let extra = match instruction.flow_control() {
                FlowControl::Call | FlowControl::IndirectCall => 8,
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
                    if target != 0 && !self.function.range.contains(&target) =>
                {
                    0
                }
                // Out of the function if it has given its frame back, else by a table of its own.
                FlowControl::IndirectBranch if state.depth == 0 && !self.function.is_assembly => 0,
                _ => continue,
            };
            frame.calls.push(Call {
                depth: state.depth + extra,
                instruction: *instruction,
            });
        }
        frame
    }
}

/// What an instruction does to the stack. Assembly that loads one is where that stack begins.
fn step(i: &Instruction, state: &mut State, is_assembly: bool) {
    let to_rsp =
        i.op_count() > 0 && i.op0_kind() == OpKind::Register && i.op0_register() == Register::RSP;
    let has_number =
        i.op_count() == 2 && !matches!(i.op1_kind(), OpKind::Register | OpKind::Memory);
    match i.mnemonic() {
        Mnemonic::Sub if to_rsp && has_number => {
            state.depth = state.depth.wrapping_add(i.immediate(1));
        }
        Mnemonic::Add if to_rsp && has_number => {
            state.depth = state.depth.wrapping_sub(i.immediate(1));
        }
        Mnemonic::And if to_rsp => state.depth += (!i.immediate(1)) & !7,
        Mnemonic::Lea if to_rsp && i.memory_base() == Register::RSP => {
            state.depth = state.depth.wrapping_sub(i.memory_displacement64());
        }
        Mnemonic::Lea if to_rsp && i.memory_base() == Register::RBP => {
            let saved = state.saved.expect("rbp is a frame pointer there");
            state.depth = saved.wrapping_sub(i.memory_displacement64());
        }
        // Up to there pages are touched; what is above is a variable's address.
        Mnemonic::Lea
            if i.op0_register() == Register::R11
                && i.memory_base() == Register::RSP
                && i.memory_displacement64().cast_signed() < 0 =>
        {
            state.probed = Some(state.depth.wrapping_sub(i.memory_displacement64()));
        }
        Mnemonic::Mov if i.op0_register() == Register::RBP && i.op1_register() == Register::RSP => {
            state.saved = Some(state.depth);
        }
        Mnemonic::Mov if to_rsp && i.op1_register() == Register::RBP && state.saved.is_some() => {
            state.depth = state.saved.unwrap_or_default();
        }
        Mnemonic::Mov | Mnemonic::Lea if to_rsp => {
            state.depth = 0;
            state.is_elsewhere = !is_assembly;
        }
        Mnemonic::Call | Mnemonic::Ret | Mnemonic::Iretq => {}
        _ => {
            assert!(
                !to_rsp || i.is_stack_instruction() || !writes(i),
                "{:#x}: {:?} is not understood",
                i.ip(),
                i.code()
            );
            let change = i64::from(i.stack_pointer_increment());
            state.depth = state.depth.wrapping_add_signed(-change);
        }
    }
}

fn writes(i: &Instruction) -> bool {
    !matches!(i.mnemonic(), Mnemonic::Cmp | Mnemonic::Test)
}
