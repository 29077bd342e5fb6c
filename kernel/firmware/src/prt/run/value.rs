//! What expressions are worth.

use super::op::code;
use crate::prt::aml::{Object, byte, data};
use crate::prt::path::{Name, Path};

/// A value, or where to put one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::prt) enum Value<'a> {
    /// There is one, and it isn't known: a register's, or one that follows from such.
    Unknown,
    Integer(u64),
    /// Something else, and the scope in which names in it are meant.
    Object(Path, Object<'a>),
    /// A reference to an element of a package, which stands at the front of what follows; names in it
    /// are meant in that scope.
    Element(Path, &'a [u8]),
    /// A place: none.
    Nowhere,
    /// A place: `Local0` to `Local7`, then `Arg0` to `Arg6`.
    Variable(u8),
    /// A place: an object with a name, which may be absent.
    Named(Path, bool),
}

impl<'a> Value<'a> {
    pub(super) fn integer(self) -> Option<u64> {
        match self {
            Self::Integer(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn known(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Integer)
    }

    /// An element of a package by its number; `None` if there is none, or the number isn't known.
    pub(super) fn element(package: Self, number: Self) -> Option<Self> {
        let Self::Object(scope, Object::Package(mut elements)) = package else {
            return None;
        };
        let count = byte(&mut elements)?;
        let number = number.integer().filter(|number| *number < count.into())?;
        for _ in 0..number {
            let mut after = elements;
            if data(&mut after).is_none() {
                after = elements;
                Name::read(&mut after)?;
            }
            elements = after;
        }
        (!elements.is_empty()).then_some(Self::Element(scope, elements))
    }

    fn text(self) -> Option<&'a [u8]> {
        match self {
            Self::Object(_, Object::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// What `_OSI` answers (ACPI §5.7.2): as Linux, which passes for each Windows and nothing else.
    pub(super) fn os_interface(self, ones: u64) -> Self {
        let answer = |text: &[u8]| {
            if text.starts_with(b"Windows") {
                ones
            } else {
                0
            }
        };
        Self::known(self.text().map(answer))
    }
}

/// An operator of integers, by opcode; `None` if it is none that is known. `ones` is the largest
/// integer.
pub(super) fn compute(opcode: u16, left: Value<'_>, right: Value<'_>, ones: u64) -> Value<'static> {
    let truth = |holds: bool| if holds { ones } else { 0 };
    let (a, b) = (left.integer(), right.integer());
    // Some are certain by one side.
    let by_one_side = match opcode {
        code::LAND if a == Some(0) || b == Some(0) => Some(0),
        code::LOR if a.is_some_and(|a| a != 0) || b.is_some_and(|b| b != 0) => Some(ones),
        code::LEQUAL => left
            .text()
            .and_then(|left| Some(truth(left == right.text()?))),
        _ => None,
    };
    if by_one_side.is_some() {
        return Value::known(by_one_side);
    }
    let (Some(a), Some(b)) = (a, b) else {
        return Value::Unknown;
    };
    let shift = |by: u64| u32::try_from(by).ok();
    Value::Integer(
        match opcode {
            code::ADD => a.wrapping_add(b),
            code::SUBTRACT => a.wrapping_sub(b),
            code::MULTIPLY => a.wrapping_mul(b),
            code::SHIFT_LEFT => shift(b).and_then(|b| a.checked_shl(b)).unwrap_or(0),
            code::SHIFT_RIGHT => shift(b).and_then(|b| a.checked_shr(b)).unwrap_or(0),
            code::AND => a & b,
            code::NAND => !(a & b),
            code::OR => a | b,
            code::NOR => !(a | b),
            code::XOR => a ^ b,
            // Not, of which the other side is 0, and so are those behind it.
            code::NOT => !a,
            code::FIND_SET_LEFT_BIT => u64::from(a.checked_ilog2().map_or(0, |bit| bit + 1)),
            code::FIND_SET_RIGHT_BIT if a == 0 => 0,
            code::FIND_SET_RIGHT_BIT => u64::from(a.trailing_zeros()) + 1,
            code::MOD => match a.checked_rem(b) {
                Some(rest) => rest,
                None => return Value::Unknown,
            },
            code::LAND => truth(a != 0 && b != 0),
            code::LOR => truth(a != 0 || b != 0),
            code::LNOT => truth(a == 0),
            code::LEQUAL => truth(a == b),
            code::LGREATER => truth(a > b),
            code::LLESS => truth(a < b),
            // ToInteger, and what copies.
            _ => a,
        } & ones,
    )
}
