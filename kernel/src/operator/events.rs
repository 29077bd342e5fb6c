//! What partitions' cores report: the ledger is brought up to date, the operator is told.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use bulkhead_ledger::Ledger;
use bulkhead_model::{Event, State};
use bulkhead_shell::{Control, Shell};

use super::{Kernel, name_of};
use crate::console::Console;
use crate::cpu::cores::{self, Core, CoreState};
use crate::cpu::tsc;
use crate::partition::devices;
use crate::partition::event::{self, Kind};
use crate::partition::request::Verb;
use crate::partition::slot::{self, Slot};

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

    /// Brings the ledger up to date with the next thing that happened, and words it.
    pub(super) fn take_event(&mut self) -> Option<String> {
        // A core that was given up may answer to its INIT after all, and park.
        let parked = |core: &Core| core.state() == CoreState::Parked;
        self.ledger
            .regain(|core| cores::find(core).is_some_and(parked));
        loop {
            let event = event::take()?;
            let name = name_of(&self.ledger, event.partition);
            if let Some(text) = self.digest(event, &name) {
                let line = format!("{name}: {text}");
                log::info!("{line}");
                return Some(line);
            }
        }
    }

    /// Brings the ledger up to date with an event, and words it.
    fn digest(&mut self, event: event::Event, name: &str) -> Option<String> {
        let (id, detail) = (event.partition, event.detail);
        match event.kind {
            Kind::Launched => Some(self.launched(id, name, detail)),
            Kind::PoweredOff => Some(self.ended(id, &Event::PoweredOff)),
            Kind::Rebooted => Some(self.ended(id, &Event::Rebooted)),
            Kind::Failed => {
                if detail == 1 {
                    // The first of a row: the run before it was a stable one.
                    // An unknown number fails below, and is logged there.
                    let _ = self.ledger.forgive(id);
                }
                let reason = "panic".into();
                Some(self.ended(id, &Event::Failed { reason }))
            }
            Kind::Killed => {
                // The shell's own kill is in the ledger already.
                if self.ledger.by_id(id).is_some_and(|p| p.state.is_live()) {
                    self.apply(id, &Event::Killed);
                }
                Some(Event::Killed.to_string())
            }
            Kind::Restarting => {
                self.apply(id, &Event::Launch);
                (detail > 0).then(|| format!("launches again in {detail} ms"))
            }
            Kind::Parked => Some(format!("parked core={detail}")),
            Kind::GaveUp => Some(format!("not launched again: {detail} failures in a row")),
            Kind::DeviceStuck => Some(format!(
                "{} did not come back from its reset",
                devices::unpacked(detail)
            )),
            Kind::CoreLost => {
                // Its number is known: nobody could undefine it since.
                let _ = self.ledger.lose(id, detail);
                Some(format!("core {detail} did not come back"))
            }
            Kind::Requested => Some(self.requested(id, name, detail)),
        }
    }

    fn ended(&mut self, id: usize, event: &Event) -> String {
        self.apply(id, event);
        event.to_string()
    }

    /// A launch, by the shell or by the partition itself.
    fn launched(&mut self, id: usize, name: &str, core: u32) -> String {
        if self
            .ledger
            .by_id(id)
            .is_some_and(|p| p.state != State::Launching)
        {
            self.apply(id, &Event::Launch);
        }
        self.apply(id, &Event::Launched);
        let slot = slot::get(id);
        let (launch, copy) = slot.map_or((0, 0), |slot| (slot.launch_ticks(), slot.copy_ticks()));
        log::info!(
            "{name}: doorbell to kernel entry {}, {} of it copying",
            Milliseconds(launch),
            Milliseconds(copy)
        );
        format!("launched run={} core={core}", slot.map_or(0, Slot::runs))
    }

    /// A partition with the right asked for something: done as if the operator had typed it.
    fn requested(&mut self, id: usize, name: &str, verb: u32) -> String {
        let (asked, result) = match Verb::from_number(verb) {
            Some(Verb::Start) => ("start", self.request_launch(name, false)),
            Some(Verb::Restart) => ("restart", self.request_launch(name, true)),
            Some(Verb::Kill) => ("kill", self.kill(id)),
            Some(Verb::Shell) | None => ("do nothing", Ok(())),
        };
        match result {
            Ok(()) => format!("asked to {asked} by a partition with control"),
            Err(error) => format!("asked to {asked}, refused: {error}"),
        }
    }

    fn request_launch(&mut self, name: &str, again: bool) -> Result<(), String> {
        let check = if again {
            Ledger::check_restart
        } else {
            Ledger::check_launch
        };
        check(&self.ledger, &self.machine, name).map_err(|e| e.to_string())?;
        let code = self.resident_code();
        let plan = self
            .ledger
            .plan(&self.machine, &code, name)
            .map_err(|e| e.to_string())?;
        if again {
            self.restart(plan)
        } else {
            self.start(plan)
        }
    }

    fn apply(&mut self, id: usize, event: &Event) {
        if let Err(error) = self.ledger.apply(id, event) {
            log::warn!("{}: {error}", name_of(&self.ledger, id));
        }
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
