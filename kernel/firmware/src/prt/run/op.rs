//! Operators and their operands (ACPI §20.2.5.4, §20.2.5.3).

use crate::prt::aml::op;

/// Opcodes that follow [`op::EXTENDED`] have that above them.
pub(super) const EXTENDED: u16 = (op::EXTENDED as u16) << 8;

/// Opcodes (ACPI §20.3, Table 20.2); [`op`] has those that definitions are made of.
pub(super) mod code {
    use super::{EXTENDED, op};

    pub(in crate::prt::run) const NAME: u16 = op::NAME as u16;
    pub(in crate::prt::run) const LOCAL_0: u16 = 0x60;
    pub(in crate::prt::run) const ARG_6: u16 = 0x6e;
    pub(in crate::prt::run) const STORE: u16 = 0x70;
    pub(in crate::prt::run) const ADD: u16 = 0x72;
    pub(in crate::prt::run) const SUBTRACT: u16 = 0x74;
    pub(in crate::prt::run) const INCREMENT: u16 = 0x75;
    pub(in crate::prt::run) const DECREMENT: u16 = 0x76;
    pub(in crate::prt::run) const MULTIPLY: u16 = 0x77;
    pub(in crate::prt::run) const DIVIDE: u16 = 0x78;
    pub(in crate::prt::run) const SHIFT_LEFT: u16 = 0x79;
    pub(in crate::prt::run) const SHIFT_RIGHT: u16 = 0x7a;
    pub(in crate::prt::run) const AND: u16 = 0x7b;
    pub(in crate::prt::run) const NAND: u16 = 0x7c;
    pub(in crate::prt::run) const OR: u16 = 0x7d;
    pub(in crate::prt::run) const NOR: u16 = 0x7e;
    pub(in crate::prt::run) const XOR: u16 = 0x7f;
    pub(in crate::prt::run) const NOT: u16 = 0x80;
    pub(in crate::prt::run) const FIND_SET_LEFT_BIT: u16 = 0x81;
    pub(in crate::prt::run) const FIND_SET_RIGHT_BIT: u16 = 0x82;
    pub(in crate::prt::run) const DEREF_OF: u16 = 0x83;
    pub(in crate::prt::run) const MOD: u16 = 0x85;
    pub(in crate::prt::run) const NOTIFY: u16 = 0x86;
    pub(in crate::prt::run) const INDEX: u16 = 0x88;
    pub(in crate::prt::run) const LAND: u16 = 0x90;
    pub(in crate::prt::run) const LOR: u16 = 0x91;
    pub(in crate::prt::run) const LNOT: u16 = 0x92;
    pub(in crate::prt::run) const LEQUAL: u16 = 0x93;
    pub(in crate::prt::run) const LGREATER: u16 = 0x94;
    pub(in crate::prt::run) const LLESS: u16 = 0x95;
    pub(in crate::prt::run) const TO_INTEGER: u16 = 0x99;
    pub(in crate::prt::run) const COPY: u16 = 0x9d;
    pub(in crate::prt::run) const CONTINUE: u16 = 0x9f;
    pub(in crate::prt::run) const IF: u16 = op::IF as u16;
    pub(in crate::prt::run) const WHILE: u16 = op::WHILE as u16;
    pub(in crate::prt::run) const NOOP: u16 = 0xa3;
    pub(in crate::prt::run) const RETURN: u16 = 0xa4;
    pub(in crate::prt::run) const BREAK: u16 = 0xa5;
    pub(in crate::prt::run) const COND_REF_OF: u16 = EXTENDED | 0x12;
    pub(in crate::prt::run) const STALL: u16 = EXTENDED | 0x21;
    pub(in crate::prt::run) const SLEEP: u16 = EXTENDED | 0x22;
    pub(in crate::prt::run) const ACQUIRE: u16 = EXTENDED | 0x23;
    pub(in crate::prt::run) const RELEASE: u16 = EXTENDED | 0x27;
    pub(in crate::prt::run) const REVISION: u16 = EXTENDED | 0x30;
    pub(in crate::prt::run) const DEBUG: u16 = EXTENDED | 0x31;
    /// No opcodes of AML: a method, and the method that is everywhere.
    pub(in crate::prt::run) const CALL: u16 = 0x100;
    pub(in crate::prt::run) const OSI: u16 = 0x101;
}

/// How many operands an operator has, and which of them are places, a bit each; `None` if it is
/// none that is known here.
pub(super) fn shape(code: u16) -> Option<(u8, u8)> {
    Some(match code {
        code::INCREMENT | code::DECREMENT => (1, 0b1),
        code::RELEASE => (1, 0b1),
        // The timeout that follows is taken with it.
        code::ACQUIRE => (1, 0b1),
        code::STORE | code::COPY => (2, 0b10),
        code::DIVIDE => (4, 0b1100),
        code::ADD
        | code::SUBTRACT
        | code::MULTIPLY
        | code::SHIFT_LEFT..=code::XOR
        | code::MOD
        | code::INDEX => (3, 0b100),
        code::NOT | code::FIND_SET_LEFT_BIT | code::FIND_SET_RIGHT_BIT | code::TO_INTEGER => {
            (2, 0b10)
        }
        code::NOTIFY => (2, 0b01),
        code::LAND | code::LOR | code::LEQUAL..=code::LLESS => (2, 0),
        code::LNOT | code::DEREF_OF | code::RETURN | code::STALL | code::SLEEP => (1, 0),
        code::COND_REF_OF => (2, 0b11),
        _ => return None,
    })
}
