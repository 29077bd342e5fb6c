//! The kernel's log: the last 8 KiB of messages, shown by `log`.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::cpu::tsc;
use crate::sync::IrqLock;

const LENGTH: usize = 8 << 10;

/// A ring of text; what is oldest is overwritten.
struct Ring {
    bytes: [u8; LENGTH],
    next: usize,
    wrapped: bool,
}

static RING: IrqLock<Ring> = IrqLock::new(Ring {
    bytes: [0; LENGTH],
    next: 0,
    wrapped: false,
});

impl Write for Ring {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.bytes[self.next] = byte;
            self.next = (self.next + 1) % LENGTH;
            self.wrapped |= self.next == 0;
        }
        Ok(())
    }
}

/// Whether messages are printed as they come, too.
static IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// Prints messages as they come, too, from now on or no longer: while no line is being typed.
pub(crate) fn show_live(yes: bool) {
    IS_SHOWN.store(yes, Ordering::Relaxed);
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let ms = tsc::uptime_ms();
            // Writing into the ring never fails.
            let _ = writeln!(
                RING.lock(),
                "[{:6}.{:03}] {}",
                ms / 1000,
                ms % 1000,
                record.args()
            );
            if IS_SHOWN.load(Ordering::Relaxed) {
                super::println!("[{:6}.{:03}] {}", ms / 1000, ms % 1000, record.args());
            }
        }
    }

    fn flush(&self) {}
}

/// Makes `log::info!` and the like end up here.
pub(crate) fn init() {
    static LOGGER: Logger = Logger;
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

/// Prints what the ring holds, oldest first, from the first whole line on.
pub(crate) fn show(out: &mut dyn Write) -> fmt::Result {
    let ring = RING.lock();
    let (old, new) = (
        if ring.wrapped {
            &ring.bytes[ring.next..]
        } else {
            &[][..]
        },
        &ring.bytes[..ring.next],
    );
    let whole = old
        .iter()
        .position(|b| *b == b'\n')
        .map_or(old, |at| &old[at + 1..]);
    for part in [whole, new] {
        for chunk in part.utf8_chunks() {
            out.write_str(chunk.valid())?;
        }
    }
    Ok(())
}
