//! A 16550-compatible UART, polled.

use core::fmt;

use uart_16550::spec::registers::{FCR, FifoTriggerLevel, LCR, LSR, MCR, offsets};

use super::{Ring, Speed};

/// "Send no more for now": asked of the other side when the ring fills up.
pub const XOFF: u8 = 0x13;
/// "Go on sending."
pub const XON: u8 = 0x11;

/// Bytes of a 16550's FIFO.
const FIFO: usize = 16;
/// Bytes taken at once at most: a device that always says that there is one more must not hold us.
const MOST_AT_ONCE: usize = 256;
/// Looks at a transmitter that firmware may have left at work: more than 20 ms of them, at a
/// microsecond each.
const DRAIN_LOOKS: usize = 20_000;
/// What a device that is not there reads as.
const GONE: u8 = 0xff;
/// "FIFO enabled", in the interrupt identification register: both, or it is no working FIFO.
const FIFO_WORKS: u8 = 0b1100_0000;

/// The registers of a UART, by number from 0 to 7.
pub trait Registers {
    /// Reads one.
    fn read(&mut self, register: u8) -> u8;
    /// Writes one.
    fn write(&mut self, register: u8, value: u8);
}

/// What went wrong on the line. Displays as one sentence, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Breaks: the line was held for longer than a byte.
    pub breaks: u64,
    /// Bytes without a stop bit: noise, or another rate.
    pub framing: u64,
    /// Bytes of wrong parity.
    pub parity: u64,
    /// How often bytes were lost because nobody took those before them in time.
    pub overruns: u64,
    /// How often the other side was asked to wait.
    pub waits: u64,
}

/// A UART at work.
#[derive(Debug)]
pub struct Uart<R> {
    registers: R,
    fifo: usize,
    /// The divisor that was found.
    found: u16,
    /// Errors of the byte that is next to be taken: reading the register cleared them.
    errors: LSR,
    counts: Counts,
    /// Whether the other side was asked to wait.
    holds: bool,
    /// What it is to be told as soon as the transmitter has room.
    owed: Option<u8>,
}

/// A register's number, of which the crate with the offsets makes more than there can be.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a UART has eight registers"
)]
const fn number(register: usize) -> u8 {
    register as u8
}

/// Whether a UART answers: it keeps what is written to its scratch register.
pub fn is_present(registers: &mut impl Registers) -> bool {
    let before = registers.read(number(offsets::SPR));
    let is_kept = [0x42, 0x73].into_iter().all(|pattern| {
        registers.write(number(offsets::SPR), pattern);
        registers.read(number(offsets::SPR)) == pattern
    });
    registers.write(number(offsets::SPR), before);
    is_kept
}

impl<R: Registers> Uart<R> {
    /// Sets a UART up: 8 data bits, no parity, one stop bit, no interrupt. `None` if none answers.
    pub fn open(mut registers: R, speed: Speed) -> Option<Self> {
        if !is_present(&mut registers) {
            return None;
        }
        let mut uart = Self {
            registers,
            fifo: 1,
            found: 0,
            errors: LSR::empty(),
            counts: Counts::default(),
            holds: false,
            owed: None,
        };
        // The divisor latch may be in front of the interrupt register.
        let word = LCR::from_bits_retain(0b11);
        uart.write(offsets::LCR, word.bits());
        uart.write(offsets::IER, 0);
        uart.let_drain();
        uart.found = uart.latch();
        if let Some(divisor) = speed.divisor() {
            let [low, high] = divisor.to_le_bytes();
            uart.write(offsets::LCR, (word | LCR::DLAB).bits());
            uart.write(offsets::DLL, low);
            uart.write(offsets::DLM, high);
            uart.write(offsets::LCR, word.bits());
        }
        // The trigger level is for interrupts, but an emulator goes by it too: QEMU gives so many
        // bytes at once.
        let reset = FCR::FIFO_ENABLE | FCR::RX_FIFO_RESET | FCR::TX_FIFO_RESET;
        let reset = reset.set_fifo_trigger_level(FifoTriggerLevel::Fourteen);
        uart.write(offsets::FCR, reset.bits());
        // A 16450 has none; the first 16550s' does not work.
        if uart.read(offsets::ISR) & FIFO_WORKS == FIFO_WORKS {
            uart.fifo = FIFO;
        }
        uart.discard();
        uart.let_send();
        Some(uart)
    }

    /// The divisor that was there before this one was set up.
    #[must_use]
    pub const fn found_divisor(&self) -> u16 {
        self.found
    }

    /// Takes what has arrived into `ring`, as far as it has room. Says whether bytes can be sent.
    pub fn poll(&mut self, ring: &mut Ring) -> bool {
        let mut can_send = false;
        for _ in 0..MOST_AT_ONCE {
            let value = self.read(offsets::LSR);
            if value == GONE {
                return false;
            }
            let status = LSR::from_bits_retain(value);
            self.note(status);
            can_send = status.contains(LSR::THR_EMPTY);
            // Left where it is, a byte makes a device with flow control of its own wait.
            if !status.contains(LSR::DATA_READY) || ring.is_full() {
                break;
            }
            self.take(ring);
        }
        self.regulate(ring);
        if can_send && let Some(byte) = self.owed.take() {
            self.write(offsets::DATA, byte);
            can_send = false;
        }
        can_send
    }

    /// Sends the first of `bytes` if the transmitter has room, and takes what has arrived. Says
    /// how many were sent.
    pub fn send(&mut self, bytes: &[u8], ring: &mut Ring) -> usize {
        if !self.poll(ring) {
            return 0;
        }
        let count = bytes.len().min(self.fifo);
        for byte in bytes.iter().take(count) {
            self.write(offsets::DATA, *byte);
        }
        count
    }

    /// What went wrong so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts as before: a port that was set up anew.
    pub fn set_counts(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// The registers.
    pub const fn registers_mut(&mut self) -> &mut R {
        &mut self.registers
    }

    fn read(&mut self, register: usize) -> u8 {
        self.registers.read(number(register))
    }

    fn write(&mut self, register: usize, value: u8) {
        self.registers.write(number(register), value);
    }

    /// What is in the divisor latch.
    fn latch(&mut self) -> u16 {
        let word = self.read(offsets::LCR);
        self.write(offsets::LCR, word | LCR::DLAB.bits());
        let divisor = u16::from_le_bytes([self.read(offsets::DLL), self.read(offsets::DLM)]);
        self.write(offsets::LCR, word);
        divisor
    }

    /// Waits until what firmware sent has left, but not for ever: another rate would garble it.
    fn let_drain(&mut self) {
        for _ in 0..DRAIN_LOOKS {
            if self.read(offsets::LSR) & LSR::TRANSMITTER_EMPTY.bits() != 0 {
                break;
            }
        }
    }

    /// Forgets what came before, and its errors.
    fn discard(&mut self) {
        for _ in 0..=FIFO {
            if self.read(offsets::LSR) & LSR::DATA_READY.bits() == 0 {
                break;
            }
            self.read(offsets::DATA);
        }
        self.read(offsets::MSR);
    }

    /// Remembers errors: an overrun is nobody's, the others belong to the byte that is next.
    fn note(&mut self, status: LSR) {
        if status.contains(LSR::OVERRUN_ERROR) {
            self.counts.overruns += 1;
        }
        self.errors |= status & (LSR::BREAK_INTERRUPT | LSR::FRAMING_ERROR | LSR::PARITY_ERROR);
    }

    /// Takes a byte, and drops it if it is broken.
    fn take(&mut self, ring: &mut Ring) {
        let byte = self.read(offsets::DATA);
        let errors = core::mem::replace(&mut self.errors, LSR::empty());
        if errors.contains(LSR::BREAK_INTERRUPT) {
            self.counts.breaks += 1;
            // The byte of a break is 0 (it has no stop bit either). Another one is an emulator's
            // that tells of the break before it gives the bytes that came earlier.
            if byte != 0 {
                ring.push(byte);
            }
        } else if errors.contains(LSR::FRAMING_ERROR) {
            self.counts.framing += 1;
        } else if errors.contains(LSR::PARITY_ERROR) {
            self.counts.parity += 1;
        } else {
            ring.push(byte);
        }
    }

    /// Asks the other side to wait when three quarters of the ring are full, and to go on when one
    /// quarter is: by RTS and by XOFF, since nobody tells which of them it heeds. It may heed
    /// neither.
    fn regulate(&mut self, ring: &Ring) {
        let (filled, room) = (ring.len(), ring.capacity());
        if !self.holds && filled > room / 4 * 3 {
            self.holds = true;
            self.counts.waits += 1;
            self.write(offsets::MCR, MCR::DTR.bits());
            self.owed = Some(XOFF);
        } else if self.holds && filled <= room / 4 {
            self.let_send();
            // An XOFF that was never sent needs no answer.
            self.owed = match self.owed {
                Some(XOFF) => None,
                _ => Some(XON),
            };
        }
    }

    /// Not OUT2: it would put the port onto an interrupt line that a partition may have.
    fn let_send(&mut self) {
        self.holds = false;
        self.write(offsets::MCR, (MCR::DTR | MCR::RTS).bits());
    }
}

impl Counts {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.breaks, "breaks"),
            (self.framing, "bytes without a stop bit, dropped"),
            (self.parity, "bytes of wrong parity, dropped"),
            (self.overruns, "overruns, of a byte or more each, lost"),
            (self.waits, "times the other side was asked to wait"),
        ];
        let mut separator = "";
        for (count, what) in parts.into_iter().filter(|(count, _)| *count != 0) {
            write!(f, "{separator}{count} {what}")?;
            separator = "; ";
        }
        Ok(())
    }
}
