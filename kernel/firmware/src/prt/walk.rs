//! The walk over the definitions in a table.
//!
//! AML can't be parsed in one go: where a name that stands for a method ends its arguments is
//! known only to who knows all methods, those of other tables included. Definitions, however, have
//! fixed forms, and nearly all that stands outside of methods is definitions. So the walk takes
//! these by their form, leaves out method bodies and fields by their length, and passes over
//! anything else opcode by opcode until the next thing that has the form of a definition.

use alloc::vec::Vec;

use super::aml::{Object, block, byte, data, op, skip};
use super::path::{Name, Path};

/// What is nested deeper isn't looked at.
const MAX_NESTING: usize = 24;

/// A block whose definitions are being walked over.
struct Frame<'a> {
    rest: &'a [u8],
    /// `None` if it is too deep for a path.
    scope: Option<Path>,
    /// Whether it is certain to be executed as the table is loaded.
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
        match term(&mut after, frame, visit) {
            Some(inner) => {
                frame.rest = after;
                if let Some(inner) = inner.filter(|_| frames.len() < MAX_NESTING) {
                    frames.push(inner);
                }
            }
            None => skip(&mut frame.rest),
        }
    }
}

/// Takes one definition or one block from the front; a block whose contents count is returned.
/// `None` if there is neither.
#[expect(clippy::option_option, reason = "no term, and a term without contents")]
fn term<'a>(
    aml: &mut &'a [u8],
    frame: &Frame<'a>,
    visit: &mut dyn FnMut(Path, Object<'a>),
) -> Option<Option<Frame<'a>>> {
    let mut define = |name: Name, object| {
        let path = frame.scope.and_then(|scope| name.defined_in(scope));
        if let Some(path) = path {
            visit(
                path,
                if frame.is_certain {
                    object
                } else {
                    Object::Unknown
                },
            );
        }
        path
    };
    let inner = |rest, scope| Frame {
        rest,
        scope,
        is_certain: frame.is_certain,
    };
    match byte(aml)? {
        op::NAME => {
            let name = named(aml)?;
            let mut after = *aml;
            let value = data(&mut after);
            if value.is_some() {
                *aml = after;
            }
            define(name, value.unwrap_or(Object::Unknown));
            Some(None)
        }
        op::ALIAS => {
            Name::read(aml)?;
            define(named(aml)?, Object::Unknown);
            Some(None)
        }
        op::EXTERNAL => {
            named(aml)?;
            *aml = aml.get(2..)?;
            Some(None)
        }
        op::METHOD => {
            let mut body = block(aml)?;
            let name = named(&mut body)?;
            byte(&mut body)?;
            define(name, Object::Method(body));
            Some(None)
        }
        op::SCOPE => {
            let mut contents = block(aml)?;
            let name = Name::read(&mut contents)?;
            let scope = frame.scope.and_then(|scope| name.opened_in(scope));
            Some(Some(inner(contents, scope)))
        }
        op::IF | op::ELSE | op::WHILE => Some(Some(Frame {
            rest: block(aml)?,
            scope: frame.scope,
            is_certain: false,
        })),
        op::EXTENDED => match byte(aml)? {
            opcode @ (op::DEVICE | op::PROCESSOR | op::POWER_RESOURCE | op::THERMAL_ZONE) => {
                let mut contents = block(aml)?;
                let name = named(&mut contents)?;
                // Between name and contents: a processor's ID and block, a resource's level.
                let (object, fixed) = match opcode {
                    op::DEVICE => (Object::Device, 0),
                    op::PROCESSOR => (Object::Unknown, 6),
                    op::POWER_RESOURCE => (Object::Unknown, 3),
                    _ => (Object::Unknown, 0),
                };
                let contents = contents.get(fixed..)?;
                Some(Some(inner(contents, define(name, object))))
            }
            op::FIELD | op::INDEX_FIELD | op::BANK_FIELD => {
                block(aml)?;
                Some(None)
            }
            _ => None,
        },
        _ => None,
    }
}

/// A name that something can be defined by.
fn named(aml: &mut &[u8]) -> Option<Name> {
    Name::read(aml).filter(|name| !name.is_empty())
}
