//! A core of Bulkhead's code that can't go on: it says what happened, is marked lost, and stops. All
//! others go on.
//!
//! It may have no more stack than an emergency's (`cpu/stacks.rs`), whatever it was doing has its
//! locks for ever, and what it says may be the next thing to fail: so nothing here waits for a lock,
//! allocates, or is tried twice.
//!
//! Only the shell's core uses the console. Another leaves its words in a [`Report`], which the shell
//! prints; a lock that it held might stay held, because it may be reset at any time.

use alloc::string::String;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::console::{screen, serial};
use crate::cpu::{apic, cores, halt_for_ever};
use crate::partition::LIFE;

/// What still works without the shell, and what does not.
const SHELL_STOPPED: &str = "\
Bulkhead: the shell has stopped with it, until the machine is reset; running partitions go on.
Bulkhead: those that end start again by their policy, and a partition with control=yes can start,
Bulkhead: kill and restart the others.
";
const NO_SHELL_RAN: &str = "\
Bulkhead: its partition has stopped, and the shell can't come back; the other partitions go on.
";
const STOPPED_AGAIN: &str = "\nBulkhead: it has failed again while it said so.\n";

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    stop([0; 3], format_args!("{info}"))
}

/// Stops this core for ever: marks it lost, at that vector, instruction and page-fault address (all
/// 0 if it was no exception), and says what happened.
#[expect(clippy::cast_possible_truncation, reason = "there are 256 vectors")]
pub(crate) fn stop(fault: [u64; 3], what: fmt::Arguments<'_>) -> ! {
    x86_64::instructions::interrupts::disable();
    match cores::count_stop() {
        0 => {
            let [vector, instruction, address] = fault;
            cores::lost(vector as u8, instruction, address);
            if cores::is_boot_core() {
                say(what);
            } else {
                report(what);
            }
        }
        // The console failed, or what it was to say.
        1 if cores::is_boot_core() => serial::write_now(STOPPED_AGAIN),
        _ => {}
    }
    halt_for_ever()
}

/// Writes without waiting for the console's lock: its holder may be what panicked.
struct Now;

impl Write for Now {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_now(text);
        screen::write_now(text);
        Ok(())
    }
}

/// The boot processor, whose console it is.
#[inline(never)]
fn say(what: fmt::Arguments<'_>) {
    let rest = if LIFE.shell_runs() {
        SHELL_STOPPED
    } else {
        NO_SHELL_RAN
    };
    // From now on nobody passes requests to it.
    LIFE.bury_shell();
    // One after another, not one in another: what is formatted nests as little as can be. The sink
    // never fails.
    let _ = write!(Now, "\nBulkhead: core {} has stopped: ", apic::id());
    let _ = Now.write_fmt(what);
    let _ = Now.write_str("\n").and_then(|()| Now.write_str(rest));
    screen::draw_now();
}

/// What another core leaves for the shell to print: it is cut off where it does not fit.
struct Report {
    state: AtomicU8,
    length: AtomicUsize,
    text: [AtomicU8; 256],
}

/// The slot's states: free; its core writes (for ever, if it is reset meanwhile); to be printed.
const FREE: u8 = 0;
const IN_WORK: u8 = 1;
const READY: u8 = 2;

/// As many as can wait for the shell at once; of more, the `log` command has the addresses.
static REPORTS: [Report; 4] = [const {
    Report {
        state: AtomicU8::new(FREE),
        length: AtomicUsize::new(0),
        text: [const { AtomicU8::new(0) }; 256],
    }
}; 4];

impl Write for &Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let at = self.length.fetch_add(1, Ordering::Relaxed);
            self.text
                .get(at)
                .ok_or(fmt::Error)?
                .store(byte, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Another core.
#[inline(never)]
fn report(what: fmt::Arguments<'_>) {
    let claim = |report: &&Report| {
        let state = &report.state;
        let claimed = state.compare_exchange(FREE, IN_WORK, Ordering::Acquire, Ordering::Relaxed);
        claimed.is_ok()
    };
    if let Some(mut report) = REPORTS.iter().find(claim) {
        report.length.store(0, Ordering::Relaxed);
        // Too much for a slot is cut off.
        let _ = write!(report, "core {} has stopped: ", apic::id())
            .and_then(|()| report.write_fmt(what));
        report.state.store(READY, Ordering::Release);
    }
}

/// What a core has left for the shell to print.
pub(crate) fn take_report() -> Option<String> {
    let is_ready = |report: &&Report| report.state.load(Ordering::Acquire) == READY;
    let report = REPORTS.iter().find(is_ready)?;
    let bytes = report
        .text
        .iter()
        .take(report.length.load(Ordering::Relaxed));
    let text = bytes.map(|byte| match byte.load(Ordering::Relaxed) {
        byte @ b' '..=b'~' => char::from(byte),
        _ => ' ',
    });
    let text = text.collect::<String>();
    report.state.store(FREE, Ordering::Release);
    Some(text + "; the shell and all other cores go on")
}
