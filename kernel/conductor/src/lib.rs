//! What is wanted of partitions, by the operator or by a partition with the right: checked, planned
//! and carried out, once, here.
//!
//! The [`Ledger`] knows what was said, the [`Lifecycle`] what is true. The conductor keeps the two in
//! line: before anything is decided it [observes](Conductor::observe). It runs on the shell's core.
//!
//! Neighbours: `bulkhead-shell` has the words, the kernel's `operator` the core and the console.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod carry;
mod define;
mod error;
mod former;
mod leave;
mod order;
mod tell;
mod terminals;
mod walls;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_launch::{LaunchPlan, ResidentCode};
use bulkhead_ledger::{Ledger, Partition, PlanError};
use bulkhead_lifecycle::{Definition, Hardware, Lifecycle, OtherEnd};
use bulkhead_memory::Region;
use bulkhead_model::{Life, Machine, Ram, Warning};

use former::Formers;

pub use error::ConductError;
pub use tell::{failed, packed, quoted, silent, unpacked};
pub use walls::{blocked, isolation};

/// How a partition is to be launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// From rest.
    Start,
    /// Its cores are taken back first, if it is live.
    Restart,
    /// On Bulkhead's own core, from rest.
    Handoff,
}

/// What the conductor needs of the machine beside what the lifecycle needs.
pub trait Stage: Hardware {
    /// Keeps the plan of a partition, or forgets it; whether that was possible. It is asked for
    /// partitions at rest only.
    fn store(&mut self, partition: usize, plan: Option<LaunchPlan>) -> bool;

    /// Clears what a partition's Linux kept in its firmware: the definition is gone.
    fn forget(&mut self, partition: usize);

    /// Drops what is kept in a partition's RAM, which is not its own any more.
    fn vacate(&mut self, partition: usize);

    /// Clears memory that nobody uses: it is about to be a link.
    fn wipe(&mut self, region: Region);

    /// What a partition's Linux said in that run why it panicked, fit to stand between quotes.
    fn reason(&self, _partition: usize, _run: u32) -> Option<String> {
        None
    }

    /// The runtime services that every launch puts into its partition.
    fn resident_code(&self) -> ResidentCode;
}

/// The shell's side of all partitions.
pub struct Conductor<'a, S, const P: usize, const C: usize> {
    life: &'a Lifecycle<P, C>,
    stage: S,
    machine: Machine,
    ledger: Ledger,
    formers: Formers<P>,
    /// When all partitions are looked at again although nothing was heard of them.
    next_look: u64,
    /// When all requests are, although none was told of.
    next_scan: u64,
}

/// Whether a partition could be launched in that way now: with what is worth saying. Nothing is kept
/// of the plan.
///
/// # Errors
/// [`PlanError`] says why it can't be.
pub fn can_launch(
    machine: &Machine,
    ledger: &Ledger,
    code: &ResidentCode,
    name: &str,
    how: How,
) -> Result<Vec<Warning>, PlanError> {
    check(machine, ledger, name, how)?;
    let plan = ledger.plan(machine, code, name)?;
    Ok(plan.warnings)
}

/// Whether its state and its cores allow it.
fn check(machine: &Machine, ledger: &Ledger, name: &str, how: How) -> Result<(), PlanError> {
    match how {
        How::Start => ledger.check_launch(machine, name),
        How::Restart => ledger.check_restart(machine, name),
        How::Handoff => ledger.check_handoff(machine, name),
    }
}

impl<'a, S: Stage, const P: usize, const C: usize> Conductor<'a, S, P, C> {
    /// No partitions yet.
    pub const fn new(life: &'a Lifecycle<P, C>, stage: S, machine: Machine) -> Self {
        Self {
            life,
            stage,
            machine,
            ledger: Ledger::new(),
            formers: Formers::new(),
            next_look: 0,
            next_scan: 0,
        }
    }

    /// The machine.
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The partitions, as they were last observed.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The hardware.
    pub const fn stage(&self) -> &S {
        &self.stage
    }

    /// What is true of all partitions.
    pub const fn lifecycle(&self) -> &'a Lifecycle<P, C> {
        self.life
    }

    /// Brings the ledger in line with what is true, and the records with what was said. Takes up
    /// work that was left.
    pub fn observe(&mut self) {
        self.life.tend(&self.stage);
        for id in 0..P {
            self.observe_one(id);
        }
    }

    fn observe_one(&mut self, id: usize) {
        let life = self.life;
        let cores = &self.machine.cores;
        let Some(partition) = self.ledger.by_id(id) else {
            if life.name(id).is_some() && life.may_replace_plan(id) {
                // It says no if a request that was made while the shell was away begins a launch at
                // this moment: then all of it is still needed.
                if self.stage.store(id, None) {
                    self.stage.forget(id);
                    life.publish(id, None);
                }
            }
            return;
        };
        let Some(view) = life.view(id) else {
            return;
        };
        let indices = indices(cores, partition);
        let lost = indices.iter().filter(|core| life.is_lost_from(**core, id));
        let lost_cores = lost.filter_map(|core| Some(cores.get(*core)?.apic_id));
        let seen = Life {
            state: view.state,
            runs: view.runs,
            failures: view.failures,
            last_end: view.end,
            lost_cores: lost_cores.collect(),
            held_by: view.holder,
            awaits_dump: view.awaits_dump,
            leaks: view.leaks,
        };
        let ram = Ram {
            attempts: view.attempts,
            is_cleared: view.is_cleared,
        };
        let regions = partition.claim.own_regions();
        life.publish(
            id,
            Some(&Definition {
                name: &partition.definition.name,
                cores: &indices,
                policy: partition.definition.restart,
                has_control: partition.definition.control.is_any(),
                only: partition.definition.control.only(),
                memory: partition
                    .claim
                    .memory
                    .iter()
                    .map(|region| region.size())
                    .sum(),
                shares_low: partition.claim.shares_low_chunk,
                regions: &regions,
                wants_dump: partition.definition.dump,
                watchdog: partition.definition.watchdog.unwrap_or(0),
            }),
        );
        let ends = partition.claim.links.iter().filter_map(|end| {
            Some(OtherEnd {
                peer: self.ledger.find(&end.peer)?.id,
                table: end.window()?.start() + end.others_table(),
            })
        });
        life.publish_links(id, ends);
        life.publish_isolation(id, walls::isolation(&self.machine, partition));
        self.ledger.observe(id, seen, ram);
    }

    /// Makes the plan of a partition and keeps it. The old one goes first: there is room for one
    /// of each partition, and for one that is being made.
    fn plan(&mut self, name: &str) -> Result<(), ConductError> {
        let id = self.ledger.get(name)?.id;
        if id >= P {
            return Err(ConductError::TooMany { most: P });
        }
        if !self.stage.store(id, None) {
            return Err(ConductError::Launch(bulkhead_lifecycle::LaunchError::Live));
        }
        let code = self.stage.resident_code();
        let plan = self.ledger.plan(&self.machine, &code, name)?;
        self.stage.store(id, Some(plan));
        Ok(())
    }
}

/// The numbers of a partition's cores, ascending: the kernel's table has the machine's order.
fn indices(cores: &[bulkhead_model::Core], partition: &Partition) -> Vec<usize> {
    let is_claimed = |id: u32| partition.claim.cores.contains(&id);
    let numbered = cores.iter().enumerate();
    numbered
        .filter(|(_, core)| is_claimed(core.apic_id))
        .map(|(index, _)| index)
        .collect()
}
