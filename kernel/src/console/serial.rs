//! The shell's serial line: COM1 at 115200 8N1, polled.
//!
//! Polled, because its interrupt would go through the I/O APIC, which a partition may own. A line
//! that is dead or not there costs a bounded wait, never a hang.

use bulkhead_plan::Com;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550};

use crate::cpu::tsc;
use crate::sync::IrqLock;

/// The port that the shell uses.
pub(crate) const SHELL_PORT: Com = Com::Com1;

/// Longest wait for room in the transmitter, in microseconds: a FIFO of 16 bytes drains in 1.4 ms
/// at 115200 baud.
const SEND_LIMIT_US: u64 = 20_000;

struct Line {
    uart: Option<Uart16550<PioBackend>>,
}

static LINE: IrqLock<Line> = IrqLock::new(Line { uart: None });

/// Whether a UART answers at the port, by its scratch register and loop-back.
pub(crate) fn is_present(port: Com) -> bool {
    // SAFETY: one of the four standard addresses; nobody else uses the port before partitions run.
    let Ok(mut uart) = (unsafe { Uart16550::new_port(port.io_base()) }) else {
        return false;
    };
    uart.check_present()
}

/// Initializes the shell's port; without one the shell is mute.
pub(crate) fn init() {
    // SAFETY: the port is Bulkhead's alone.
    let Ok(mut uart) = (unsafe { Uart16550::new_port(SHELL_PORT.io_base()) }) else {
        return;
    };
    if uart
        .init(Config {
            check_cts_before_sending: false,
            ..Config::DEFAULT
        })
        .is_ok()
    {
        LINE.lock().uart = Some(uart);
    }
}

/// Sends text, `\n` as `\r\n`.
pub(crate) fn write(text: &str) {
    let mut line = LINE.lock();
    send(&mut line, text);
}

/// Sends text even if the line is in use: the panic path.
pub(crate) fn write_now(text: &str) {
    if let Some(mut line) = LINE.try_lock() {
        send(&mut line, text);
    }
}

fn send(line: &mut Line, text: &str) {
    let Some(uart) = &mut line.uart else { return };
    for byte in text.bytes() {
        if byte == b'\n' {
            send_byte(uart, b'\r');
        }
        send_byte(uart, byte);
    }
}

fn send_byte(uart: &mut Uart16550<PioBackend>, byte: u8) {
    let _ = tsc::wait_until(SEND_LIMIT_US, || uart.try_send_byte(byte).is_ok());
}

/// The next byte that came in.
pub(crate) fn read() -> Option<u8> {
    LINE.lock().uart.as_mut()?.try_receive_byte().ok()
}
