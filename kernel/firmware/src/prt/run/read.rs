//! Reading a method's terms.

use super::machine::{Block, MAX_NESTING, Machine};
use super::op::{EXTENDED, code, shape};
use super::value::Value;
use crate::prt::aml::{Object, block as block_of, byte, data, op};
use crate::prt::path::{Name, Path};

impl Machine<'_, '_> {
    /// Reads the next term of the innermost block, or leaves that.
    pub(super) fn read(&mut self) -> Option<()> {
        let call = self.calls.last()?;
        let (scope, depth, outermost) = (call.scope, call.operators, call.blocks + 1);
        let is_idle = self.operators.len() == depth;
        let is_outermost = self.blocks.len() == outermost;
        let place = self.wants_place(depth);
        let block = self.blocks.last_mut()?;
        if block.rest.is_empty() {
            return match block.whole {
                // A block ends within an expression.
                _ if !is_idle => None,
                Some(whole) => {
                    block.rest = whole;
                    self.operator(code::WHILE, (1, 0), None)
                }
                None if is_outermost => self.leave(Value::Unknown),
                None => self.blocks.pop().map(drop),
            };
        }
        let first = *block.rest.first()?;
        if Name::begins(first) {
            let name = Name::read(&mut block.rest)?;
            return self.named(&name, scope, place);
        }
        if matches!(
            first,
            op::ZERO | op::ONE | op::ONES | op::BUFFER | op::PACKAGE | op::BYTE..=op::QWORD
        ) {
            let object = data(&mut block.rest)?;
            return self.give(match object {
                Object::Integer(0) if place => Value::Nowhere,
                _ if place => return None,
                object => self.constant(scope, object),
            });
        }
        byte(&mut block.rest)?;
        let opcode = match first {
            op::EXTENDED => EXTENDED | u16::from(byte(&mut block.rest)?),
            opcode => u16::from(opcode),
        };
        self.opcode(opcode, scope, place)
    }

    /// Whether the next operand is a place.
    fn wants_place(&self, depth: usize) -> bool {
        let operator = self.operators.get(depth..).and_then(<[_]>::last);
        operator.is_some_and(|operator| {
            let index = self.operands.len() - operator.first;
            operator.shape.1 >> index & 1 != 0
        })
    }

    fn opcode(&mut self, opcode: u16, scope: Path, place: bool) -> Option<()> {
        let block = self.blocks.last_mut()?;
        match opcode {
            code::LOCAL_0..=code::ARG_6 => {
                let [index, _] = (opcode - code::LOCAL_0).to_le_bytes();
                if place {
                    return self.give(Value::Variable(index));
                }
                let variables = &self.calls.last()?.variables;
                let value = *variables.get(usize::from(index))?;
                self.give(value)
            }
            code::DEBUG => self.give(Value::Nowhere),
            _ if place => None,
            code::REVISION => self.give(Value::Integer(2)),
            code::NOOP => Some(()),
            code::NAME => {
                let name = Name::read(&mut block.rest)?;
                let object = data(&mut block.rest)?;
                let path = name.defined_in(scope)?;
                let value = self.constant(scope, object);
                self.store(Value::Named(path, true), value)
            }
            code::IF | code::WHILE => {
                let body = block_of(&mut block.rest)?;
                if self.blocks.len() == MAX_NESTING {
                    return None;
                }
                self.blocks.push(Block {
                    rest: body,
                    whole: (opcode == code::WHILE).then_some(body),
                });
                self.operator(opcode, (1, 0), None)
            }
            code::BREAK | code::CONTINUE => {
                let outermost = self.calls.last()?.blocks + 1;
                while self.blocks.last()?.whole.is_none() {
                    self.blocks.pop();
                }
                if self.blocks.len() <= outermost {
                    return None;
                }
                match opcode {
                    code::BREAK => drop(self.blocks.pop()),
                    // At its end it begins anew.
                    _ => self.blocks.last_mut()?.rest = &[],
                }
                Some(())
            }
            opcode => self.operator(opcode, shape(opcode)?, None),
        }
    }
}
