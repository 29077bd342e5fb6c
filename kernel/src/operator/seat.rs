//! The operator's seat at the machine: screen and keyboards, which a partition may own.
//!
//! They are a partition's from before its launch until no core runs it any more, whatever becomes
//! of it meanwhile: then it is as if the machine had neither. The serial line stays.

use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_shell::{Control, Shell};

use super::Kernel;
use crate::console::{keyboard, screen};
use crate::cpu::tsc;
use crate::partition::LIFE;
use crate::usb;

/// Ticks of the time-stamp counter at which the seat is looked at again although nothing was done.
static SEAT_DUE: AtomicU64 = AtomicU64::new(0);
/// Between two such looks, in microseconds: nobody sees a difference, and a core that waits for its
/// operator is to do next to nothing.
const SEAT_US: u64 = 8_000;

/// The second in which the status line was shown last.
static STATUS_SECOND: AtomicU64 = AtomicU64::new(u64::MAX);

impl Kernel {
    /// Sees who has screen and keyboard, and takes back what nobody has.
    ///
    /// While this core runs the shell no partition leaves its rest but by [`Self::lend_to`], so what
    /// is free here stays so until then.
    pub(super) fn lend(&self) {
        let is_live = |id| LIFE.view(id).is_some_and(|view| view.state.is_live());
        let live = || self.ledger().iter().filter(|p| is_live(p.id));
        let devices = || live().map(|p| &p.claim.devices);
        screen::set_lent(devices().any(|d| d.takes_screen(self.machine())));
        keyboard::set_lent(devices().any(|d| d.ps2));
        usb::set_lent(|controller| devices().any(|d| d.has_function(controller)));
    }

    /// Leaves screen and keyboard to a partition that is about to be launched, if it claims them.
    pub(super) fn lend_to(&self, name: &str) {
        let Some(partition) = self.ledger().find(name) else {
            return;
        };
        let devices = &partition.claim.devices;
        if devices.takes_screen(self.machine()) {
            screen::draw();
            screen::set_lent(true);
        }
        if devices.ps2 {
            keyboard::set_lent(true);
        }
    }

    /// Keeps screen and keyboard up to date while there is time; sleeps until the next tick if there
    /// is nothing to be drawn. Gives up after a row, so that the serial line is looked at in time.
    pub(super) fn tend_seat(&mut self, something_done: bool) {
        let now = tsc::now();
        if something_done || now >= SEAT_DUE.load(Ordering::Relaxed) {
            SEAT_DUE.store(now + tsc::ticks(SEAT_US), Ordering::Relaxed);
            self.lend();
            self.show_status(something_done);
        }
        if !screen::draw_one() && !something_done {
            super::wait_for_tick();
        }
    }

    /// Brings the status line up to date: once a second, or because something was done.
    pub(super) fn show_status(&mut self, something_done: bool) {
        let second = tsc::uptime_ms() / 1000;
        let is_due = STATUS_SECOND.swap(second, Ordering::Relaxed) != second;
        if (is_due || something_done) && screen::wants_status() == Some(true) {
            self.observe();
            screen::set_status(&Shell::status_line(self));
        }
    }
}
