//! The real shell on a machine that is not there: what it would say.
//!
//! A launch goes as far as its plan; then the partition is taken for one that runs.

use std::fmt;

use bulkhead_conductor::{ConductError, How};
use bulkhead_launch::ResidentCode;
use bulkhead_ledger::{Ledger, PlanError};
use bulkhead_lifecycle::CoreState;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Isolation, Life, Machine, Ram, State, Warning};
use bulkhead_shell::{Control, ScriptStopped, Shell};
use bulkhead_terminal::keyboard::Keymap;

/// As long as the kernel's, which has the same bound; its contents are only copied by a plan.
const CODE: [u8; 3072] = [0; 3072];
/// Why nothing happens to the machine.
const NOT_HERE: &str = "this is bulkheadctl, which changes nothing";

/// What the shell works on.
pub struct Operator {
    machine: Machine,
    ledger: Ledger,
    images: Vec<(Region, &'static [u8])>,
}

impl Operator {
    /// On that machine, of which images lie where it says. They are needed as long as the program runs.
    #[must_use]
    pub fn new(machine: Machine, files: Vec<crate::board::File>) -> Self {
        let places = machine.images.iter().map(|image| image.region);
        let files = files.into_iter().zip(places).filter_map(|(file, place)| {
            let bytes: &'static [u8] = Vec::leak(file.bytes);
            Some((place?, bytes))
        });
        Self {
            images: files.collect(),
            machine,
            ledger: Ledger::new(),
        }
    }

    /// What the shell prints for `text`, the script called `name`; and where it stopped.
    pub fn run(&mut self, name: &str, text: &str) -> (String, Result<(), ScriptStopped>) {
        let mut out = String::new();
        let done = Shell::new().script(name, text, self, &mut out);
        (out, done)
    }
}

impl Control for Operator {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn define(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.ledger.define(&self.machine, name, change)
    }

    fn set(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.ledger.set(&self.machine, name, change)
    }

    fn undefine(&mut self, name: &str) -> Result<(), PlanError> {
        self.ledger.undefine(name)
    }

    fn set_isolation(&mut self, isolation: Option<Isolation>) {
        self.machine.isolation = isolation;
    }

    fn link(&mut self, names: [&str; 2], size: Option<u64>) -> Result<Region, PlanError> {
        self.ledger.link(&self.machine, names, size, |_| true)
    }

    fn unlink(&mut self, names: [&str; 2]) -> Result<(), PlanError> {
        self.ledger.unlink(names, |_| true)
    }

    fn resident_code(&self) -> ResidentCode {
        ResidentCode {
            code: &CODE,
            partition_id_offset: 0,
            services: [
                64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 272,
            ],
        }
    }

    fn observe(&mut self) {}

    fn launch(&mut self, name: &str, _: How) -> Result<(), ConductError> {
        let plan = self
            .ledger
            .plan(&self.machine, &self.resident_code(), name)?;
        drop(plan);
        if let Some(id) = self.ledger.find(name).map(|partition| partition.id) {
            let life = Life {
                state: State::Running,
                runs: 1,
                ..Life::default()
            };
            let ram = Ram {
                attempts: 1,
                is_cleared: true,
            };
            self.ledger.observe(id, life, ram);
        }
        Ok(())
    }

    fn kill(&mut self, name: &str) -> Result<(), ConductError> {
        if let Some(partition) = self.ledger.find(name) {
            let (id, ram) = (partition.id, partition.ram);
            let life = Life {
                state: State::Stopped,
                runs: 1,
                ..Life::default()
            };
            self.ledger.observe(id, life, ram);
        }
        Ok(())
    }

    fn prepare(&mut self) -> Vec<(String, ConductError)> {
        Vec::new()
    }

    fn handoff(&mut self, name: &str) -> Result<(), ConductError> {
        self.launch(name, How::Handoff)
    }

    fn halt(&mut self) -> Result<(), ConductError> {
        Ok(())
    }

    fn image_bytes(&self, region: Region) -> &'static [u8] {
        let mut images = self.images.iter();
        images
            .find(|(place, _)| *place == region)
            .map_or(&[], |(_, bytes)| bytes)
    }

    fn next_event(&mut self) -> Option<String> {
        None
    }

    fn pause(&mut self) -> bool {
        // Nothing happens here: who waits for something that is not so would wait for ever.
        true
    }

    fn free_bytes(&self) -> usize {
        usize::MAX
    }

    fn log(&self, _: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    fn printed(
        &self,
        _: usize,
        _: Option<u32>,
        _: &mut dyn fmt::Write,
    ) -> Result<bool, fmt::Error> {
        Ok(false)
    }

    fn printed_runs(&self, _: usize) -> [Option<u32>; 3] {
        [None; 3]
    }

    fn reason(&self, _: usize) -> Option<String> {
        None
    }

    fn core_state(&self, apic_id: u32) -> CoreState {
        let is_live = |name| {
            self.ledger
                .find(name)
                .is_some_and(|p| p.life.state.is_live())
        };
        match self.ledger.owner_of_core(apic_id) {
            Some(name) if is_live(name) => CoreState::Running,
            _ if apic_id == self.machine.boot_core => CoreState::Bulkhead,
            _ => CoreState::Parked,
        }
    }

    fn reset(&mut self) -> String {
        NOT_HERE.into()
    }

    fn poweroff(&mut self) -> String {
        NOT_HERE.into()
    }

    fn version(&self) -> &str {
        concat!("Bulkhead ", env!("CARGO_PKG_VERSION"))
    }

    fn uptime_ms(&self) -> u64 {
        0
    }

    fn partition_uptime_ms(&self, _: usize) -> Option<u64> {
        None
    }

    fn keymaps(&self) -> &'static [&'static str] {
        &Keymap::NAMES
    }

    fn keymap(&self) -> (&'static str, &'static str) {
        (Keymap::NAMES[0], "not known here")
    }

    fn set_keymap(&mut self, _: &str) {}

    fn status(&self) -> Option<bool> {
        self.machine.screen.map(|_| false)
    }

    fn set_status(&mut self, _: bool) {}
}
