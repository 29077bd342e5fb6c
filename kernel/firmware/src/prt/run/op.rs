//! Operators and their operands (ACPI §20.2.5.4, §20.2.5.3).

/// Opcodes that follow 0x5b have that above them.
pub(super) const EXTENDED: u16 = 0x5b00;

pub(super) mod code {
    pub(in crate::prt::run) const NAME: u16 = 0x08;
    pub(in crate::prt::run) const BYTE: u16 = 0x0a;
    pub(in crate::prt::run) const LOCAL_0: u16 = 0x60;
    pub(in crate::prt::run) const ARG_6: u16 = 0x6e;
    pub(in crate::prt::run) const STORE: u16 = 0x70;
    pub(in crate::prt::run) const INCREMENT: u16 = 0x75;
    pub(in crate::prt::run) const DECREMENT: u16 = 0x76;
    pub(in crate::prt::run) const DIVIDE: u16 = 0x78;
    pub(in crate::prt::run) const NOT: u16 = 0x80;
    pub(in crate::prt::run) const NOTIFY: u16 = 0x86;
    pub(in crate::prt::run) const LAND: u16 = 0x90;
    pub(in crate::prt::run) const LNOT: u16 = 0x92;
    pub(in crate::prt::run) const COPY: u16 = 0x9d;
    pub(in crate::prt::run) const CONTINUE: u16 = 0x9f;
    pub(in crate::prt::run) const IF: u16 = 0xa0;
    pub(in crate::prt::run) const ELSE: u8 = 0xa1;
    pub(in crate::prt::run) const WHILE: u16 = 0xa2;
    pub(in crate::prt::run) const NOOP: u16 = 0xa3;
    pub(in crate::prt::run) const RETURN: u16 = 0xa4;
    pub(in crate::prt::run) const BREAK: u16 = 0xa5;
    pub(in crate::prt::run) const COND_REF_OF: u16 = super::EXTENDED | 0x12;
    pub(in crate::prt::run) const STALL: u16 = super::EXTENDED | 0x21;
    pub(in crate::prt::run) const SLEEP: u16 = super::EXTENDED | 0x22;
    pub(in crate::prt::run) const ACQUIRE: u16 = super::EXTENDED | 0x23;
    pub(in crate::prt::run) const RELEASE: u16 = super::EXTENDED | 0x27;
    pub(in crate::prt::run) const REVISION: u16 = super::EXTENDED | 0x30;
    pub(in crate::prt::run) const DEBUG: u16 = super::EXTENDED | 0x31;
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
        0x72 | 0x74 | 0x77 | 0x79..=0x7f | 0x85 => (3, 0b100),
        code::NOT | 0x81 | 0x82 | 0x99 => (2, 0b10),
        code::NOTIFY => (2, 0b01),
        code::LAND | 0x91 | 0x93..=0x95 => (2, 0),
        code::LNOT | code::RETURN | code::STALL | code::SLEEP => (1, 0),
        code::COND_REF_OF => (2, 0b11),
        _ => return None,
    })
}
