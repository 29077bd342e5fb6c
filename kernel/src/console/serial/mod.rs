//! The shell's serial line: a 16550, polled.
//!
//! Polled, because its interrupt would go through the I/O APIC, which a partition may own. The
//! tick of the shell's core looks at it, so often that no FIFO runs over at the line's rate, and
//! so does everything that waits to send. What has arrived lies in a ring until the shell reads
//! it. A line that is dead or not there costs a bounded wait, never a hang.
//!
//! * [`choose`]: which port it is.

use alloc::vec::Vec;
use core::fmt;

use bulkhead_firmware::SerialRegisters;
use bulkhead_model::Com;
use bulkhead_terminal::serial::{Outlet, PC_CLOCK, Ring, Speed, Uart};

use crate::boot::Alone;
use crate::cpu::tsc;
use crate::mem::heap;
use crate::sync::IrqLock;

mod choose;
mod registers;

pub(crate) use choose::{Known, settle, start};
use registers::Place;

/// Bytes that can wait for the shell, on the heap: 0.7 s at 115200 baud.
const RING: usize = 8 << 10;
/// As many as they can become while more comes in than is executed: a long script that is pasted
/// prints more than it has itself, at the same rate.
const LARGEST_RING: usize = 64 << 10;
/// What is written at once: a FIFO.
const PIECE: usize = 16;
/// Microseconds between two looks if there is no line.
const IDLE_LOOK_US: u64 = 1000;

struct Line {
    uart: Option<Uart<Place>>,
    ring: Ring,
    /// To set the port up again.
    registers: Option<SerialRegisters>,
    speed: Speed,
    baud: u32,
    /// A port that was set up, and the rate that the firmware had left it.
    found: Option<(SerialRegisters, u32)>,
    outlet: Outlet,
}

static LINE: IrqLock<Line> = IrqLock::new(Line {
    uart: None,
    ring: Ring::none(),
    registers: None,
    speed: Speed::USUAL,
    baud: 0,
    found: None,
    outlet: Outlet::new(),
});

/// The standard ports, but the shell's, at which a UART answers. Its scratch register is written
/// for that, and put back.
pub(crate) fn probe(_: &Alone, shell: Option<Com>) -> Vec<Com> {
    let answers = |port: &Com| {
        // SAFETY: one of the four standard addresses; nobody else uses it, for no partition runs.
        let mut place = unsafe { Place::new(SerialRegisters::Io(port.io_base())) };
        bulkhead_terminal::serial::is_present(&mut place)
    };
    let others = Com::ALL.into_iter().filter(|port| shell != Some(*port));
    others.filter(answers).collect()
}

/// Sets the shell's port up again: a Linux may have had it.
pub(crate) fn init() {
    let mut line = LINE.lock();
    if let Some(registers) = line.registers {
        let speed = line.speed;
        line.open(registers, speed);
    }
}

/// From now on what arrives is kept.
pub(crate) fn start_receiving() {
    if let Some(ring) = Ring::new(RING) {
        LINE.lock().ring = ring;
    }
}

/// Microseconds after which the line must be looked at again.
pub(crate) fn look_us() -> u64 {
    let line = LINE.lock();
    match line.uart {
        Some(_) => Speed::look_us(line.baud),
        None => IDLE_LOOK_US,
    }
}

/// Takes what has arrived: for the tick of the shell's core.
pub(crate) fn on_tick() {
    // Never in use here: whoever uses it masks interrupts. But a tick must not wait.
    if let Some(mut line) = LINE.try_lock() {
        line.receive();
    }
}

/// Sends text, `\n` as `\r\n`.
pub(crate) fn write(text: &str) {
    LINE.lock().send(text);
}

/// Sends text even if the line is in use: the panic path.
pub(crate) fn write_now(text: &str) {
    if let Some(mut line) = LINE.try_lock() {
        line.send(text);
    }
}

/// The next byte that came in.
pub(crate) fn read() -> Option<u8> {
    take(Ring::pop)
}

/// Takes what came in up to the last `byte`, if there is one.
pub(crate) fn cut(byte: u8) -> bool {
    take(|ring| ring.cut(byte))
}

/// Takes something of what came in, and gives the ring room for what there was.
fn take<T>(what: impl FnOnce(&mut Ring) -> T) -> T {
    let (taken, filled, room) = {
        let mut line = LINE.lock();
        line.receive();
        let filled = line.ring.len();
        (what(&mut line.ring), filled, line.ring.capacity())
    };
    if filled > room / 2 && room < LARGEST_RING {
        resize(room * 2);
    } else if filled == 0 && room > RING {
        resize(RING);
    }
    taken
}

/// Gives the ring another size, unless a command might want for room then.
fn resize(size: usize) {
    if size <= heap::spare()
        && let Some(ring) = Ring::new(size)
    {
        let old = LINE.lock().ring.replace(ring);
        // Not while the lock is held.
        drop(old);
    }
}

/// Says what went wrong on the line, if anything did.
pub(crate) fn show_counts(out: &mut dyn fmt::Write) -> fmt::Result {
    // Not while the lock is held: `out` may be the line itself.
    let counts = LINE.lock().uart.as_ref().map(Uart::counts);
    match counts {
        Some(counts) if !counts.is_clean() => writeln!(out, "serial line: {counts}"),
        _ => Ok(()),
    }
}

impl Line {
    /// Sets the UART there up; false, and nothing is changed, if none answers.
    fn open(&mut self, registers: SerialRegisters, speed: Speed) -> bool {
        // SAFETY: whoever chose the place saw to it that it is a port of ours (`choose`).
        let place = unsafe { Place::new(registers) };
        let found = self.found.filter(|(at, _)| *at == registers);
        let set = match (speed.baud(), found) {
            // As the firmware left it, not as we or a Linux did since then.
            (None, Some((_, baud))) => Speed::new(baud, PC_CLOCK).unwrap_or(speed),
            _ => speed,
        };
        let Some(mut uart) = Uart::open(place, set) else {
            return false;
        };
        let before = speed.of_divisor(uart.found_divisor());
        if found.is_none() {
            self.found = Some((registers, before));
        }
        if self.registers == Some(registers)
            && let Some(before) = &self.uart
        {
            uart.set_counts(before.counts());
        }
        self.baud = set.baud().unwrap_or(before);
        self.uart = Some(uart);
        self.registers = Some(registers);
        self.speed = speed;
        self.outlet = Outlet::new();
        true
    }

    /// The shell has no line from now on.
    fn close(&mut self) {
        self.uart = None;
        self.registers = None;
    }

    fn receive(&mut self) {
        if let Some(uart) = &mut self.uart {
            uart.poll(&mut self.ring);
        }
    }

    fn send(&mut self, text: &str) {
        let mut piece = [0; PIECE];
        let mut length = 0;
        for byte in text.bytes() {
            let bytes: &[u8] = if byte == b'\n' { b"\r\n" } else { &[byte] };
            for byte in bytes {
                if length == PIECE {
                    self.send_piece(&piece);
                    length = 0;
                }
                if let Some(place) = piece.get_mut(length) {
                    *place = *byte;
                    length += 1;
                }
            }
        }
        // Nothing here panics: what panics comes by here.
        self.send_piece(piece.get(..length).unwrap_or_default());
    }

    /// Sends a few bytes; those for which there is no room in time are dropped.
    fn send_piece(&mut self, bytes: &[u8]) {
        let Some(uart) = &mut self.uart else { return };
        let (ring, limit) = (&mut self.ring, Speed::patience_us(self.baud));
        self.outlet.send(bytes, |rest, waits| {
            let mut sent = 0;
            tsc::wait_until(if waits { limit } else { 0 }, || {
                sent = uart.send(rest, ring);
                sent > 0
            });
            sent
        });
    }
}
