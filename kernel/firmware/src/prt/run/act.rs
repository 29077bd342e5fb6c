//! What names and operators do.

use super::machine::{MAX_CONDITIONS, MAX_STORED, Machine};
use super::op::code;
use super::value::{Value, compute};
use crate::prt::aml::{Object, block, byte, op};
use crate::prt::path::{Name, Path};

impl<'a> Machine<'_, 'a> {
    /// A name as an operand, or as the method that it is.
    pub(super) fn named(&mut self, name: &Name, scope: Path, place: bool) -> Option<()> {
        // A method's own objects come first.
        let own = name
            .places(scope)
            .find(|path| self.stored.contains_key(path));
        let found = self.names.referred(name, scope);
        let stored = own.and_then(|path| Some((path, *self.stored.get(&path)?)));
        if place {
            let path = own.or(found.map(|(path, _)| path));
            if matches!(found, Some((_, Object::Unknown))) {
                return None;
            }
            return self.give(match path {
                Some(path) => Value::Named(path, true),
                None => Value::Named(Path::ROOT, false),
            });
        }
        if let Some((_, value)) = stored {
            return self.give(value);
        }
        let Some((path, object)) = found else {
            return self.predefined(name);
        };
        match object {
            Object::Absent | Object::Unknown => None,
            Object::Field => self.give(Value::Unknown),
            Object::Integer(value) => self.give(self.variable(path, value)),
            Object::Method(body, arguments) => {
                self.operator(code::CALL, (arguments, 0), Some((path, body)))
            }
            object => self.give(Self::worth(path, object)),
        }
    }

    /// What a variable holds to which the tables give that value.
    fn variable(&self, path: Path, value: u64) -> Value<'a> {
        if self.is_doubtful || self.is_initialised(path) {
            Value::Unknown
        } else {
            Value::Integer(value & self.ones())
        }
    }

    /// Whether an `_INI` that matters speaks of a variable.
    fn is_initialised(&self, path: Path) -> bool {
        let segment = path.last();
        self.initialisers
            .iter()
            .any(|initialiser| match initialiser {
                Object::Method(body, _) => body
                    .windows(4)
                    .any(|bytes| Some(bytes) == segment.as_ref().map(|s| &s[..])),
                _ => false,
            })
    }

    /// What is there without being defined (ACPI §5.7).
    fn predefined(&mut self, name: &Name) -> Option<()> {
        match name.defined_in(Path::ROOT)?.last()? {
            segment if segment == *b"_OSI" => self.operator(code::OSI, (1, 0), None),
            segment if segment == *b"_REV" => self.give(Value::Integer(2)),
            _ => None,
        }
    }

    /// Does what the last operator says, all of whose operands are there.
    pub(super) fn complete(&mut self) -> Option<()> {
        let operator = self.operators.pop()?;
        if let (code::CALL, Some((path, body))) = (operator.code, operator.method) {
            return self.enter(path, body, operator.first);
        }
        let operand = |index: usize| {
            let operands = self.operands.get(operator.first..).unwrap_or_default();
            operands.get(index).copied().unwrap_or(Value::Integer(0))
        };
        let (a, b, c, d) = (operand(0), operand(1), operand(2), operand(3));
        self.operands.truncate(operator.first);
        let ones = self.ones();
        match operator.code {
            code::RETURN => return self.leave(a),
            code::IF | code::WHILE => return self.decide(operator.code, a),
            code::NOTIFY | code::STALL | code::SLEEP | code::RELEASE => return Some(()),
            code::ACQUIRE => {
                let rest = &mut self.blocks.last_mut()?.rest;
                *rest = rest.get(2..)?;
                return self.give(Value::Integer(0));
            }
            code::COND_REF_OF => {
                let is_there = matches!(a, Value::Named(_, true) | Value::Variable(_));
                // A reference can't be stored.
                return match b {
                    Value::Nowhere => self.give(Value::Integer(if is_there { ones } else { 0 })),
                    _ => None,
                };
            }
            code::OSI => return self.give(a.os_interface(ones)),
            code::STORE | code::COPY => {
                self.store(b, a)?;
                return self.give(a);
            }
            code::INCREMENT | code::DECREMENT => {
                let opcode = if operator.code == code::INCREMENT {
                    code::ADD
                } else {
                    code::SUBTRACT
                };
                let value = compute(opcode, self.at(a)?, Value::Integer(1), ones);
                self.store(a, value)?;
                return self.give(value);
            }
            code::DIVIDE => {
                let ratio = match (a.integer(), b.integer()) {
                    (Some(a), Some(b)) => Value::known(a.checked_div(b)),
                    _ => Value::Unknown,
                };
                self.store(c, compute(code::MOD, a, b, ones))?;
                self.store(d, ratio)?;
                return self.give(ratio);
            }
            _ => {}
        }
        // The place, if there is one, is the last of them.
        let is_unary = operator.shape.0 + u8::from(operator.shape.1 == 0) == 2;
        let right = if is_unary { Value::Integer(0) } else { b };
        let value = compute(operator.code, a, right, ones);
        match (operator.shape.1, is_unary) {
            (0, _) => {}
            (_, true) => self.store(b, value)?,
            (_, false) => self.store(c, value)?,
        }
        self.give(value)
    }

    /// What is at a place.
    fn at(&mut self, place: Value<'a>) -> Option<Value<'a>> {
        match place {
            Value::Variable(index) => {
                let variables = &self.calls.last()?.variables;
                variables.get(usize::from(index)).copied()
            }
            Value::Named(path, true) => Some(match self.stored.get(&path) {
                Some(value) => *value,
                None => match self.names.at(Some(path)) {
                    Object::Integer(value) => self.variable(path, value),
                    _ => Value::Unknown,
                },
            }),
            _ => None,
        }
    }

    pub(super) fn store(&mut self, place: Value<'a>, value: Value<'a>) -> Option<()> {
        match place {
            Value::Nowhere => {}
            Value::Variable(index) => {
                let variables = &mut self.calls.last_mut()?.variables;
                *variables.get_mut(usize::from(index))? = value;
            }
            Value::Named(path, true) => {
                if self.stored.len() == MAX_STORED {
                    return None;
                }
                self.stored.insert(path, value);
            }
            _ => return None,
        }
        Some(())
    }

    /// Goes on inside of the innermost block, or behind it.
    fn decide(&mut self, opcode: u16, condition: Value<'a>) -> Option<()> {
        let holds = match condition {
            Value::Integer(value) => value != 0,
            // It might never end.
            _ if opcode == code::WHILE => return None,
            _ => self.either()?,
        };
        if opcode == code::WHILE {
            if !holds {
                self.blocks.pop();
            }
            return Some(());
        }
        let inside = self.blocks.pop()?;
        let outside = self.blocks.last_mut()?;
        let mut otherwise = None;
        if outside.rest.first() == Some(&op::ELSE) {
            byte(&mut outside.rest)?;
            otherwise = Some(block(&mut outside.rest)?);
        }
        let next = if holds { Some(inside.rest) } else { otherwise };
        if let Some(rest) = next {
            self.open(rest);
        }
        Some(())
    }

    /// Which way to go where it isn't known.
    fn either(&mut self) -> Option<bool> {
        let way = self.ways.get(self.conditions).copied();
        if way.is_none() {
            if self.ways.len() == MAX_CONDITIONS {
                return None;
            }
            self.ways.push(true);
        }
        self.conditions += 1;
        Some(way.unwrap_or(true))
    }
}
