//! The machine that runs methods.

use alloc::vec::Vec;

use litemap::LiteMap;

use super::value::Value;
use crate::prt::aml::{Object, skip};
use crate::prt::names::Names;
use crate::prt::path::{Name, Path};

/// Nested blocks, operators, and calls.
pub(super) const MAX_NESTING: usize = 48;
const MAX_CALLS: usize = 8;
/// Objects that were stored into.
pub(super) const MAX_STORED: usize = 64;
/// Conditions that aren't known.
pub(super) const MAX_CONDITIONS: usize = 4;
/// Local variables and arguments of a call.
pub(super) const LOCALS: usize = 8;
const VARIABLES: usize = LOCALS + 7;
/// In methods up to this long all names are looked up at once.
const AHEAD_BYTES: usize = 512;

pub(super) struct Machine<'n, 'a> {
    pub(super) names: &'n mut Names<'a>,
    /// What was stored into named objects.
    pub(super) stored: LiteMap<Path, Value<'a>>,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) operators: Vec<Operator<'a>>,
    /// Operands of the operators, one after the other.
    pub(super) operands: Vec<Value<'a>>,
    /// Which way each condition went that isn't known, and how many were met so far.
    pub(super) ways: Vec<bool>,
    pub(super) conditions: usize,
    /// Variables aren't known: what `_PIC` does isn't.
    pub(super) is_doubtful: bool,
    /// Initialisation that isn't run, which may change variables.
    pub(super) initialisers: [Object<'a>; 3],
}

/// A method that runs, and what was there when it began.
pub(super) struct Call<'a> {
    pub(super) scope: Path,
    pub(super) variables: Vec<Value<'a>>,
    pub(super) blocks: usize,
    pub(super) operators: usize,
    operands: usize,
}

pub(super) struct Block<'a> {
    pub(super) rest: &'a [u8],
    /// Of a loop: the whole of it, which begins with its condition.
    pub(super) whole: Option<&'a [u8]>,
}

pub(super) struct Operator<'a> {
    pub(super) code: u16,
    /// How many operands it has, and which are places.
    pub(super) shape: (u8, u8),
    /// Where they begin.
    pub(super) first: usize,
    pub(super) method: Option<(Path, &'a [u8])>,
}

impl<'n, 'a> Machine<'n, 'a> {
    /// `path`: what is to be run.
    pub(super) fn new(names: &'n mut Names<'a>, path: Path, ways: Vec<bool>) -> Self {
        let ini = *b"_INI";
        let mut at = |device: Option<Path>| names.at(device.and_then(|device| device.child(ini)));
        let initialisers = [
            at(Some(Path::ROOT)),
            at(Path::ROOT.child(*b"_SB_")),
            at(path.parent()),
        ];
        Self {
            names,
            stored: LiteMap::new_vec(),
            calls: Vec::new(),
            blocks: Vec::new(),
            operators: Vec::new(),
            operands: Vec::new(),
            ways,
            conditions: 0,
            is_doubtful: false,
            initialisers,
        }
    }

    /// What a method has in place; names in it are meant in that scope.
    pub(super) fn constant(&self, scope: Path, object: Object<'a>) -> Value<'a> {
        match object {
            Object::Integer(value) => Value::Integer(value & self.ones()),
            object => Value::Object(scope, object),
        }
    }

    /// What an object that is no method is worth.
    pub(super) fn worth(path: Path, object: Object<'a>) -> Value<'a> {
        match object {
            Object::Integer(value) => Value::Integer(value),
            object => Value::Object(path.parent().unwrap_or(Path::ROOT), object),
        }
    }

    pub(super) fn ones(&self) -> u64 {
        if self.names.is_narrow {
            u64::from(u32::MAX)
        } else {
            u64::MAX
        }
    }

    /// Runs `\_PIC (1)`.
    pub(super) fn prepare(&mut self, path: Path, body: &'a [u8]) {
        if self.call(path, body, &[Value::Integer(1)]).is_none() {
            self.is_doubtful = true;
            self.stored = LiteMap::new_vec();
        }
        self.calls.clear();
        self.blocks.clear();
        self.operators.clear();
        self.operands.clear();
    }

    /// Runs a method to its end.
    pub(super) fn call(
        &mut self,
        path: Path,
        body: &'a [u8],
        arguments: &[Value<'a>],
    ) -> Option<Value<'a>> {
        self.operands.extend(arguments);
        self.enter(path, body, 0)?;
        while let Some(call) = self.calls.last() {
            self.names.step()?;
            let (depth, first) = (call.operators, call.operands);
            match self.operators.last() {
                Some(operator) if self.operators.len() > depth => {
                    let wanted = usize::from(operator.shape.0);
                    if self.operands.len() - operator.first == wanted {
                        self.complete()?;
                    } else {
                        self.read()?;
                    }
                }
                _ => {
                    // What a statement is worth is for nobody.
                    self.operands.truncate(first);
                    self.read()?;
                }
            }
        }
        self.operands.pop()
    }

    /// Begins with a method; its arguments are the operands from `first` on.
    pub(super) fn enter(&mut self, path: Path, body: &'a [u8], first: usize) -> Option<()> {
        if self.calls.len() == MAX_CALLS || self.blocks.len() == MAX_NESTING {
            return None;
        }
        let mut variables = Vec::from([Value::Unknown; VARIABLES]);
        let arguments = self.operands.get(first..)?;
        for (variable, argument) in variables.iter_mut().skip(LOCALS).zip(arguments) {
            *variable = *argument;
        }
        self.operands.truncate(first);
        self.calls.push(Call {
            scope: path,
            variables,
            blocks: self.blocks.len(),
            operators: self.operators.len(),
            operands: first,
        });
        self.blocks.push(Block {
            rest: body,
            whole: None,
        });
        self.look_ahead(body, path);
        Some(())
    }

    /// Asks for whatever looks like a name, so that one look-up answers for all.
    fn look_ahead(&mut self, mut body: &[u8], scope: Path) {
        if body.len() > AHEAD_BYTES || !self.names.has_room(AHEAD_BYTES) {
            return;
        }
        while let Some(first) = body.first() {
            let mut after = body;
            match Name::read(&mut after).filter(|name| *first != 0 && !name.is_empty()) {
                Some(name) => {
                    self.names.referred(&name, scope);
                    body = after;
                }
                None => skip(&mut body),
            }
        }
    }

    pub(super) fn leave(&mut self, value: Value<'a>) -> Option<()> {
        let call = self.calls.pop()?;
        self.blocks.truncate(call.blocks);
        self.operators.truncate(call.operators);
        self.operands.truncate(call.operands);
        self.operands.push(value);
        Some(())
    }

    /// An operator whose operands follow.
    pub(super) fn operator(
        &mut self,
        code: u16,
        shape: (u8, u8),
        method: Option<(Path, &'a [u8])>,
    ) -> Option<()> {
        let first = self.operands.len();
        (self.operators.len() < MAX_NESTING).then_some(())?;
        self.operators.push(Operator {
            code,
            shape,
            first,
            method,
        });
        Some(())
    }

    /// A block that is gone into once.
    pub(super) fn open(&mut self, rest: &'a [u8]) {
        self.blocks.push(Block { rest, whole: None });
    }

    pub(super) fn give(&mut self, value: Value<'a>) -> Option<()> {
        self.operands.push(value);
        Some(())
    }
}
