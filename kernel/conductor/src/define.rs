//! Definitions: what changes what a partition has.
//!
//! A plan is made for a claim. So that none can be launched over memory of somebody else, by whoever
//! sees no shell, it goes in the same step as its claim, and before.

use alloc::vec::Vec;

use bulkhead_ledger::PlanError;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Warning};

use crate::{Conductor, Stage};

impl<S: Stage, const P: usize, const C: usize> Conductor<'_, S, P, C> {
    /// Defines a partition.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn define(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        // A number that is free in the ledger may still be a record's.
        self.observe();
        self.ledger.define(&self.machine, name, change)
    }

    /// Changes a partition. Where it gets something else, its plan goes; where its memory becomes another
    /// one, what is kept there too.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn set(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.observe();
        let stage = &mut self.stage;
        let give_up = |id: usize, keeps_memory: bool| {
            let is_given_up = give_up::<S, P>(stage, id);
            if is_given_up && !keeps_memory && id < P {
                stage.vacate(id);
            }
            is_given_up
        };
        self.ledger.set_if(&self.machine, name, change, give_up)
    }

    /// Links two partitions: what lay in that memory is gone.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn link(&mut self, names: [&str; 2], size: Option<u64>) -> Result<Region, PlanError> {
        self.observe();
        let stage = &mut self.stage;
        let give_up = |id| give_up::<S, P>(stage, id);
        let region = self.ledger.link(&self.machine, names, size, give_up)?;
        self.stage.wipe(region);
        Ok(region)
    }

    /// Gives the link of two partitions up.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn unlink(&mut self, names: [&str; 2]) -> Result<(), PlanError> {
        self.observe();
        let stage = &mut self.stage;
        self.ledger.unlink(names, |id| give_up::<S, P>(stage, id))
    }

    /// Forgets a partition, its plan, and what is kept in its memory.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn undefine(&mut self, name: &str) -> Result<(), PlanError> {
        self.observe();
        let stage = &mut self.stage;
        let mut number = None;
        let give_up = |id: usize| {
            number = Some(id);
            give_up::<S, P>(stage, id)
        };
        self.ledger.undefine_if(name, give_up)?;
        if let Some(id) = number {
            // What has happened to it may still be to be told.
            let next = self.life.recent_events().end;
            self.formers.remember(id, name.into(), next);
            self.observe_one(id);
        }
        Ok(())
    }
}

/// Whether nothing launches it any more; beyond the records nothing does.
fn give_up<S: Stage, const P: usize>(stage: &mut S, id: usize) -> bool {
    id >= P || stage.store(id, None)
}
