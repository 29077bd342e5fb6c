//! Who calls whom. A call by a register or by memory is led back to where its target comes from: a
//! word of constant data, a place in a trait's table, or a function's argument.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::frame::Frame;
use super::image::{Function, Image};
use super::returns::returning;

/// Functions whose address is an argument of its caller's, or lies in memory: by the caller's name,
/// the names of what it can be. Both are beginnings and parts of names.
pub(super) struct Known {
    /// How the caller's name begins.
    pub(super) caller: &'static str,
    /// What the callees' names contain: all of one of these.
    pub(super) callees: &'static [&'static [&'static str]],
}

/// Traits whose objects only some call: what their functions' names contain, and how the callers'
/// names begin. The compiler inlines across crates, but no crate into one that it depends on.
pub(super) struct Trait {
    pub(super) function: &'static str,
    pub(super) callers: &'static [&'static str],
}

/// Who calls whom, and how deep in its own frame.
pub(super) struct Graph {
    pub(super) frames: BTreeMap<u64, Frame>,
    /// For each function the depth of each of its calls and whom it may call.
    pub(super) calls: BTreeMap<u64, Vec<(u64, Vec<u64>)>>,
    /// Calls of which nothing is known, in words.
    pub(super) unknown: Vec<String>,
}

/// Where a call leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Function(u64),
    /// So many bytes into a table of a trait.
    Place(u64),
}

/// Bytes of a trait's table before its first function: drop, size, alignment.
const HEAD: u64 = 24;

struct Tables {
    /// Functions at each place of any table.
    places: BTreeMap<u64, BTreeSet<u64>>,
    /// Functions whose address is anywhere in data, or taken in code.
    taken: BTreeSet<u64>,
}

impl Graph {
    /// Of a whole program; of what is written in assembly, only of these.
    pub(super) fn of(image: &Image, assembly: &[&str], known: &[Known], traits: &[Trait]) -> Self {
        let functions = image.functions.values();
        let functions: Vec<&Function> = functions
            .filter(|f| !f.is_assembly || assembly.contains(&f.name.as_str()))
            .collect();
        let returning = returning(image, &functions);
        let frames: BTreeMap<u64, Frame> = functions
            .into_iter()
            .map(|function| (function.range.start, Frame::of(image, function, &returning)))
            .collect();
        let tables = Tables::of(image, &frames);
        let mut graph = Self {
            frames,
            calls: BTreeMap::new(),
            unknown: Vec::new(),
        };
        for (start, frame) in &graph.frames {
            let name = &image.functions[start].name;
            let mut calls = Vec::new();
            for call in &frame.calls {
                let i = &call.instruction;
                let mut targets: BTreeSet<u64> = targets_of(image, frame, i)
                    .into_iter()
                    .flat_map(|target| match target {
                        Target::Function(target) => vec![target],
                        Target::Place(place) => tables.at(place, image, name, traits),
                    })
                    .collect();
                if matches!(i.op0_kind(), OpKind::Memory | OpKind::Register) {
                    targets.extend(tables.known(image, name, known, traits));
                }
                let is_jump_table = i.flow_control() == FlowControl::IndirectBranch;
                let has_no_frame = targets
                    .iter()
                    .any(|target| !graph.frames.contains_key(target));
                if targets.is_empty() && !is_jump_table || has_no_frame {
                    graph.unknown.push(format!("{name} at {:#x}", i.ip()));
                }
                calls.push((call.depth, targets.into_iter().collect()));
            }
            graph.calls.insert(*start, calls);
        }
        graph
    }
}

impl Tables {
    fn of(image: &Image, frames: &BTreeMap<u64, Frame>) -> Self {
        let words = image.words();
        let is_function = |word: &u64| image.function(*word).is_some();
        let mut taken: BTreeSet<u64> = words.values().copied().filter(is_function).collect();
        for i in frames.values().flat_map(|frame| &frame.code) {
            let address = match i.mnemonic() {
                Mnemonic::Lea if i.is_ip_rel_memory_operand() => i.ip_rel_memory_address(),
                Mnemonic::Mov if i.op1_kind() == OpKind::Immediate32to64 => i.immediate(1),
                _ => continue,
            };
            taken.extend(Some(address).filter(is_function));
        }
        let mut places: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for (at, drop) in &words {
            let word = |offset: u64| words.get(&(at + offset)).copied();
            let (Some(size), Some(alignment)) = (word(8), word(16)) else {
                continue;
            };
            let is_head = (*drop == 0 || is_function(drop))
                && alignment.is_power_of_two()
                && alignment <= 4096
                && size.is_multiple_of(alignment)
                && size < 1 << 20;
            let functions = (HEAD..).step_by(8).map_while(|place| {
                let function = word(place).filter(is_function)?;
                Some((place, function))
            });
            for (place, function) in functions.filter(|_| is_head) {
                places.entry(place).or_default().insert(function);
            }
        }
        Self { places, taken }
    }

    fn at(&self, place: u64, image: &Image, caller: &str, traits: &[Trait]) -> Vec<u64> {
        let functions = self.places.get(&place).into_iter().flatten().copied();
        let may_call = |function: &u64| may_call(image, caller, *function, traits);
        functions.filter(may_call).collect()
    }

    fn known(
        &self,
        image: &Image,
        caller: &str,
        known: &[Known],
        traits: &[Trait],
    ) -> BTreeSet<u64> {
        let mut known = known.iter();
        let known = known.find(|known| caller.starts_with(known.caller));
        let callees = known.map_or(&[][..], |known| known.callees);
        let is_one = |function: &u64| {
            let name = &image.functions[function].name;
            let mut callees = callees.iter();
            callees.any(|parts| parts.iter().all(|part| name.contains(part)))
        };
        let functions = self.taken.iter().copied().filter(is_one);
        functions
            .filter(|function| may_call(image, caller, *function, traits))
            .collect()
    }
}

/// Whether a function is of no trait that only others call.
fn may_call(image: &Image, caller: &str, function: u64, traits: &[Trait]) -> bool {
    let name = &image.functions[&function].name;
    let caller = caller.trim_start_matches('<');
    let mut of = traits.iter().filter(|t| name.contains(t.function));
    of.all(|t| t.callers.iter().any(|prefix| caller.starts_with(prefix)))
}

/// Looks for where the target of a call comes from, in the caller's own instructions.
struct Origin<'a> {
    image: &'a Image,
    frame: &'a Frame,
    /// Registers and places that are being looked at: loops lead back to them.
    seen: BTreeSet<(u64, Register)>,
    found: BTreeSet<Target>,
}

fn targets_of(image: &Image, frame: &Frame, i: &Instruction) -> BTreeSet<Target> {
    let mut origin = Origin {
        image,
        frame,
        seen: BTreeSet::new(),
        found: BTreeSet::new(),
    };
    match i.op0_kind() {
        OpKind::NearBranch64 => drop(
            origin
                .found
                .insert(Target::Function(i.near_branch_target())),
        ),
        OpKind::Memory => origin.memory(i),
        OpKind::Register => origin.register(i, i.op0_register()),
        _ => {}
    }
    origin.found
}

impl Origin<'_> {
    fn function(&mut self, address: Option<u64>) {
        let function = address.filter(|address| self.image.function(*address).is_some());
        self.found.extend(function.map(Target::Function));
    }

    /// What an instruction loads.
    fn memory(&mut self, i: &Instruction) {
        if i.is_ip_rel_memory_operand() {
            return self.function(self.image.word(i.ip_rel_memory_address()));
        }
        let place = i.memory_displacement64();
        if i.memory_index() != Register::None {
            return;
        }
        if matches!(i.memory_base(), Register::RSP | Register::RBP) && self.spilled(i) {
            return;
        }
        let is_place = (HEAD..1 << 10).contains(&place) && place.is_multiple_of(8);
        if is_place && i.memory_base() != Register::RSP {
            self.found.insert(Target::Place(place));
        }
    }

    /// What is stored where this loads from, in the function's own frame; whether anything is.
    fn spilled(&mut self, load: &Instruction) -> bool {
        let stores = self.frame.code.iter().filter(|i| {
            i.mnemonic() == Mnemonic::Mov
                && i.op0_kind() == OpKind::Memory
                && i.op1_kind() == OpKind::Register
                && i.memory_base() == load.memory_base()
                && i.memory_index() == Register::None
                && i.memory_displacement64() == load.memory_displacement64()
        });
        let stores: Vec<Instruction> = stores.copied().collect();
        for store in &stores {
            self.register(store, store.op1_register());
        }
        !stores.is_empty()
    }

    /// What was put last into a register that an instruction uses; if that says nothing, whatever
    /// is put into it.
    fn register(&mut self, user: &Instruction, register: Register) {
        if !self.seen.insert((user.ip(), register)) {
            return;
        }
        let code = &self.frame.code;
        let puts = |i: &&Instruction| {
            i.op_count() > 1
                && i.op0_kind() == OpKind::Register
                && i.op0_register().full_register() == register
                && !matches!(i.mnemonic(), Mnemonic::Cmp | Mnemonic::Test)
        };
        let end = code.partition_point(|i| i.ip() < user.ip());
        let last = code[..end].iter().rev().find(puts).copied();
        let all: Vec<Instruction> = code.iter().filter(puts).copied().collect();
        let before = self.found.len();
        last.iter().for_each(|put| self.put(put, register));
        if self.found.len() == before {
            all.iter().for_each(|put| self.put(put, register));
        }
    }

    fn put(&mut self, put: &Instruction, register: Register) {
        let is_conditional = !matches!(put.mnemonic(), Mnemonic::Mov | Mnemonic::Lea);
        match put.op1_kind() {
            _ if put.mnemonic() == Mnemonic::Lea => {
                let is_fixed = put.is_ip_rel_memory_operand();
                self.function(is_fixed.then(|| put.ip_rel_memory_address()));
            }
            OpKind::Register => self.register(put, put.op1_register()),
            OpKind::Memory => self.memory(put),
            OpKind::Immediate32to64 | OpKind::Immediate64 => self.function(Some(put.immediate(1))),
            _ => {}
        }
        if is_conditional {
            self.register(put, register);
        }
    }
}
