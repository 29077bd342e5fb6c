//! What partitions' cores report, told to the operator.

use alloc::string::String;
use core::fmt;

use bulkhead_lifecycle::Kind;
use bulkhead_shell::Shell;

use super::Kernel;
use crate::console::Console;
use crate::cpu::tsc;
use crate::iommu;
use crate::panic;
use crate::partition::LIFE;
use crate::power::Fixed;
use crate::usb;

/// What is said when the machine's power button is pressed.
const BUTTON: &str =
    "the power button was pressed: nothing is done by it (poweroff ends the machine)";

impl Kernel {
    /// Tells what happened to partitions since the last time; whether anything did.
    pub(super) fn tell_events(&mut self, shell: &mut Shell) -> bool {
        let mut any = false;
        while let Some(line) = self.take_event() {
            any = true;
            shell.event(&line, &mut Console);
        }
        any
    }

    /// Brings the ledger in line, does what partitions ask for, and words the next thing that
    /// happened.
    pub(super) fn take_event(&mut self) -> Option<String> {
        if let Some(line) = panic::take_report() {
            log::error!("{line}");
            return Some(line);
        }
        if let Some(line) = usb::take_report() {
            log::warn!("{line}");
            return Some(line);
        }
        if let Some(line) = self.conductor.take_blocked(iommu::take_fault) {
            log::warn!("{line}");
            return Some(line);
        }
        if self.power.take_button(&mut Fixed, tsc::uptime_ms()) {
            log::info!("{BUTTON}");
            return Some(String::from(BUTTON));
        }
        let (event, line) = self.conductor.next_line()?;
        if let Some(event) = event.filter(|event| event.kind == Kind::Launched) {
            let (launch, copy) = LIFE.launch_ticks(event.partition);
            log::info!(
                "{}: doorbell to kernel entry {}, {} of it copying",
                line.split(':').next().unwrap_or_default(),
                Milliseconds(launch),
                Milliseconds(copy)
            );
        }
        log::info!("{line}");
        Some(line)
    }
}

/// Ticks of the time-stamp counter, shown in milliseconds.
struct Milliseconds(u64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = tsc::us(self.0);
        write!(f, "{}.{} ms", us / 1000, us % 1000 / 100)
    }
}
