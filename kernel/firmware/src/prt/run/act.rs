//! What names and operators do.

use super::machine::{LOCALS, MAX_CONDITIONS, MAX_STORED, Machine};
use super::op::code;
use super::value::{Value, compute};
use crate::prt::aml::{Object, block, byte, data, op};
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
        let operands = [operand(0), operand(1), operand(2), operand(3)];
        self.operands.truncate(operator.first);
        match operator.code {
            code::RETURN => self.leave(operands[0]),
            code::IF | code::WHILE => self.decide(operator.code, operands[0]),
            code::NOTIFY | code::STALL | code::SLEEP | code::RELEASE => Some(()),
            code::ACQUIRE => {
                let rest = &mut self.blocks.last_mut()?.rest;
                *rest = rest.get(2..)?;
                self.give(Value::Integer(0))
            }
            opcode => {
                let value = self.result(opcode, operator.shape, operands)?;
                self.give(value)
            }
        }
    }

    /// What an expression is worth, once it has stored what it stores.
    fn result(
        &mut self,
        opcode: u16,
        shape: (u8, u8),
        [a, b, c, d]: [Value<'a>; 4],
    ) -> Option<Value<'a>> {
        let ones = self.ones();
        Some(match opcode {
            code::COND_REF_OF => {
                let is_there = matches!(a, Value::Named(_, true) | Value::Variable(_));
                // A reference can't be stored.
                (b == Value::Nowhere).then_some(())?;
                Value::Integer(if is_there { ones } else { 0 })
            }
            code::OSI => a.os_interface(ones),
            code::STORE | code::COPY => {
                self.store(b, a)?;
                a
            }
            code::INDEX => {
                let element = Value::element(a, b)?;
                self.store(c, element)?;
                element
            }
            code::DEREF_OF => self.dereferred(a)?,
            code::INCREMENT | code::DECREMENT => {
                let opcode = if opcode == code::INCREMENT {
                    code::ADD
                } else {
                    code::SUBTRACT
                };
                let value = compute(opcode, self.at(a)?, Value::Integer(1), ones);
                self.store(a, value)?;
                value
            }
            code::DIVIDE => {
                let ratio = match (a.integer(), b.integer()) {
                    (Some(a), Some(b)) => Value::known(a.checked_div(b)),
                    _ => Value::Unknown,
                };
                self.store(c, compute(code::MOD, a, b, ones))?;
                self.store(d, ratio)?;
                ratio
            }
            _ => {
                // The place, if there is one, is the last of them.
                let is_unary = shape.0 + u8::from(shape.1 == 0) == 2;
                let right = if is_unary { Value::Integer(0) } else { b };
                let value = compute(opcode, a, right, ones);
                match (shape.1, is_unary) {
                    (0, _) => {}
                    (_, true) => self.store(b, value)?,
                    (_, false) => self.store(c, value)?,
                }
                value
            }
        })
    }

    /// What a reference to an element leads to. Interpreters take what a name in a package stands for
    /// when they make the package; so of a variable it isn't known what it held then.
    fn dereferred(&mut self, reference: Value<'a>) -> Option<Value<'a>> {
        let Value::Element(scope, mut element) = reference else {
            return None;
        };
        if !element.first().is_some_and(|first| Name::begins(*first)) {
            let object = data(&mut element)?;
            return Some(self.constant(scope, object));
        }
        let name = Name::read(&mut element)?;
        match self.names.referred(&name, scope)? {
            (_, Object::Integer(_)) => Some(Value::Unknown),
            (path, object @ (Object::Text(_) | Object::Buffer(_) | Object::Package(_)))
                if !self.stored.contains_key(&path) =>
            {
                Some(Self::worth(path, object))
            }
            _ => None,
        }
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
                let variable = variables.get_mut(usize::from(index))?;
                // To an argument that refers to an element, that is stored into.
                let refers = matches!(variable, Value::Element(..));
                if refers && usize::from(index) >= LOCALS {
                    return None;
                }
                *variable = value;
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
