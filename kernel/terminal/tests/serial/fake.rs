//! A 16550 of software: registers, a receiver's FIFO with errors per byte, a transmitter.

use std::collections::VecDeque;

use bulkhead_terminal::serial::Registers;

pub(crate) const DATA_READY: u8 = 1;
pub(crate) const OVERRUN: u8 = 1 << 1;
pub(crate) const PARITY: u8 = 1 << 2;
pub(crate) const FRAMING: u8 = 1 << 3;
pub(crate) const BREAK: u8 = 1 << 4;
const EMPTY: u8 = 0b0110_0000;
pub(crate) const RTS: u8 = 1 << 1;
pub(crate) const OUT2: u8 = 1 << 3;

/// The device.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    /// Bytes with the errors that came with them.
    pub(crate) received: VecDeque<(u8, u8)>,
    pub(crate) sent: Vec<u8>,
    /// Bytes that were written while the transmitter had no room.
    pub(crate) trampled: usize,
    /// The transmitter never gets done.
    pub(crate) is_stuck: bool,
    pub(crate) has_fifo: bool,
    pub(crate) is_gone: bool,
    pub(crate) divisor: [u8; 2],
    pub(crate) interrupts: u8,
    pub(crate) line: u8,
    pub(crate) modem: u8,
    in_transmitter: usize,
    scratch: u8,
    overrun: u8,
    /// Reads of the line status register before which the errors of the first byte were told.
    is_told: bool,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            has_fifo: true,
            ..Self::default()
        }
    }

    fn depth(&self) -> usize {
        if self.has_fifo { 16 } else { 1 }
    }

    /// A byte comes in on the line; whether there was room.
    pub(crate) fn arrives(&mut self, byte: u8, errors: u8) -> bool {
        let is_room = self.received.len() < self.depth();
        if is_room {
            self.received.push_back((byte, errors));
        } else {
            self.overrun = OVERRUN;
        }
        is_room
    }

    /// The transmitter gets its bytes out.
    pub(crate) fn drain(&mut self) {
        self.in_transmitter = 0;
    }
}

impl Registers for Fake {
    fn read(&mut self, register: u8) -> u8 {
        if self.is_gone {
            return 0xff;
        }
        let latch = self.line & 0x80 != 0;
        match register {
            0 | 1 if latch => self.divisor[usize::from(register)],
            0 => {
                self.is_told = false;
                self.received.pop_front().map_or(0, |(byte, _)| byte)
            }
            1 => self.interrupts,
            2 if self.has_fifo => 0xc1,
            2 => 1,
            3 => self.line,
            4 => self.modem,
            5 => {
                let mut status = std::mem::take(&mut self.overrun);
                if let Some((_, errors)) = self.received.front() {
                    status |= DATA_READY;
                    if !self.is_told {
                        status |= errors;
                    }
                    self.is_told = true;
                }
                if self.in_transmitter == 0 && !self.is_stuck {
                    status |= EMPTY;
                }
                status
            }
            6 => 0,
            _ => self.scratch,
        }
    }

    fn write(&mut self, register: u8, value: u8) {
        if self.is_gone {
            return;
        }
        let latch = self.line & 0x80 != 0;
        match register {
            0 | 1 if latch => self.divisor[usize::from(register)] = value,
            0 if self.in_transmitter < self.depth() => {
                self.in_transmitter += 1;
                self.sent.push(value);
            }
            0 => self.trampled += 1,
            1 => self.interrupts = value,
            2 if value & 2 != 0 => self.received.clear(),
            2 => {}
            3 => self.line = value,
            4 => self.modem = value,
            7 => self.scratch = value,
            _ => {}
        }
    }
}
