//! The walk over the definitions in a table.
//!
//! AML can't be parsed in one go: where the arguments of a method end is known only to who knows
//! the method, which may be another table's. Definitions, however, have fixed forms, and nearly
//! all that stands outside of methods is definitions. So the walk takes these by their form,
//! leaves out method bodies and fields by their length, and passes over anything else opcode by
//! opcode until the next thing that has the form of a definition.

use alloc::vec::Vec;

use super::aml::{Object, block, byte, data, integer, op, package_length, skip};
use super::path::{Name, Path, Segment, is_segment};
use crate::bytes::{array_at, u8_at};

/// What is nested deeper isn't looked at.
const MAX_NESTING: usize = 24;

/// A block whose definitions are being walked over.
struct Frame<'a> {
    rest: &'a [u8],
    /// `None` if it is too deep for a path.
    scope: Option<Path>,
    /// Whether it is executed in any case as the table is loaded.
    is_certain: bool,
}

/// Calls `visit` with the path and the value of whatever the table defines. The work is linear
/// in the table's length.
pub(super) fn definitions<'a>(table: &'a [u8], visit: &mut dyn FnMut(Path, Object<'a>)) {
    let mut frames = Vec::from([Frame {
        rest: table,
        scope: Some(Path::ROOT),
        is_certain: true,
    }]);
    while let Some(frame) = frames.last_mut() {
        if frame.rest.is_empty() {
            frames.pop();
            continue;
        }
        let mut after = frame.rest;
        let Some(term) = Term::read(&mut after) else {
            skip(&mut frame.rest);
            continue;
        };
        frame.rest = after;
        let inner = frame.take(&term, visit);
        frames.extend(inner);
        frames.truncate(MAX_NESTING);
    }
}

impl<'a> Frame<'a> {
    /// Tells of what a term defines here, and returns the block that it opens.
    fn take(&self, term: &Term<'a>, visit: &mut dyn FnMut(Path, Object<'a>)) -> Option<Self> {
        let defined = |name: &Name| name.defined_in(self.scope?);
        if let Term::Object(name, object) | Term::Block(name, object, _) = term
            && let Some(path) = defined(name)
        {
            let object = Some(*object).filter(|_| self.is_certain);
            visit(path, object.unwrap_or(Object::Unknown));
        }
        let (rest, scope, is_certain) = match term {
            Term::Other | Term::Object(..) => return None,
            Term::Fields(list) => {
                let mut list = *list;
                while let Some(found) = field(&mut list) {
                    let path = found.and_then(|segment| self.scope?.child(segment));
                    if let Some(path) = path {
                        let object = Some(Object::Field).filter(|_| self.is_certain);
                        visit(path, object.unwrap_or(Object::Unknown));
                    }
                }
                return None;
            }
            Term::Block(name, _, contents) => (contents, defined(name), self.is_certain),
            Term::Scope(name, contents) => {
                let scope = self.scope.and_then(|scope| name.opened_in(scope));
                (contents, scope, self.is_certain)
            }
            Term::Condition(contents) => (contents, self.scope, false),
        };
        Some(Self {
            rest,
            scope,
            is_certain,
        })
    }
}

/// What can be told from its form alone.
enum Term<'a> {
    /// Something that defines nothing of interest and is passed over.
    Other,
    Object(Name, Object<'a>),
    /// An object with others in it.
    Block(Name, Object<'a>, &'a [u8]),
    /// More to be put into an object that is there already.
    Scope(Name, &'a [u8]),
    /// Fields of a region.
    Fields(&'a [u8]),
    /// What is done only if a condition holds; the condition stands before it.
    Condition(&'a [u8]),
}

impl<'a> Term<'a> {
    /// Takes a term from the front.
    fn read(aml: &mut &'a [u8]) -> Option<Self> {
        match byte(aml)? {
            op::NAME => {
                let name = named(aml)?;
                let mut after = *aml;
                let value = data(&mut after);
                // What can't be read as a constant is left to be passed over.
                *aml = value.map_or(*aml, |_| after);
                Some(Self::Object(name, value.unwrap_or(Object::Unknown)))
            }
            op::ALIAS => {
                Name::read(aml)?;
                Some(Self::Object(named(aml)?, Object::Unknown))
            }
            op::EXTERNAL => {
                named(aml)?;
                *aml = aml.get(2..)?;
                Some(Self::Other)
            }
            op::METHOD => {
                let mut body = block(aml)?;
                let name = named(&mut body)?;
                let arguments = byte(&mut body)? & 7;
                Some(Self::Object(name, Object::Method(body, arguments)))
            }
            op::SCOPE => {
                let mut contents = block(aml)?;
                let name = Name::read(&mut contents)?;
                Some(Self::Scope(name, contents))
            }
            op::IF | op::ELSE | op::WHILE => block(aml).map(Self::Condition),
            op::EXTENDED => Self::read_extended(aml),
            _ => None,
        }
    }

    /// Takes what follows [`op::EXTENDED`].
    fn read_extended(aml: &mut &'a [u8]) -> Option<Self> {
        // Bytes between name and contents: a processor's ID and block, a resource's level.
        let (object, fixed_bytes) = match byte(aml)? {
            op::DEVICE => (Object::Device, 0),
            op::PROCESSOR => (Object::Unknown, 6),
            op::POWER_RESOURCE => (Object::Unknown, 3),
            op::THERMAL_ZONE => (Object::Unknown, 0),
            kind @ (op::FIELD | op::INDEX_FIELD | op::BANK_FIELD) => {
                let mut contents = block(aml)?;
                Name::read(&mut contents)?;
                if kind != op::FIELD {
                    Name::read(&mut contents)?;
                }
                if kind == op::BANK_FIELD {
                    integer(&mut contents)?;
                }
                byte(&mut contents)?;
                return Some(Self::Fields(contents));
            }
            _ => return None,
        };
        let mut contents = block(aml)?;
        let name = named(&mut contents)?;
        let contents = contents.get(fixed_bytes..)?;
        Some(Self::Block(name, object, contents))
    }
}

/// An element of a field list (ACPI §20.2.5.2), with its name if it has one.
fn field(list: &mut &[u8]) -> Option<Option<Segment>> {
    let fixed_bytes = match u8_at(list, 0)? {
        // Reserved; access; connection; extended access.
        0 => {
            byte(list)?;
            package_length(list)?;
            return Some(None);
        }
        1 => 3,
        3 => 4,
        2 => {
            byte(list)?;
            if list.first() == Some(&op::BUFFER) {
                data(list)?;
            } else {
                Name::read(list)?;
            }
            return Some(None);
        }
        _ => {
            let segment = array_at(list, 0).filter(is_segment)?;
            *list = list.get(4..)?;
            package_length(list)?;
            return Some(Some(segment));
        }
    };
    *list = list.get(fixed_bytes..)?;
    Some(None)
}

/// A name that something can be defined by.
fn named(aml: &mut &[u8]) -> Option<Name> {
    Name::read(aml).filter(|name| !name.is_empty())
}
