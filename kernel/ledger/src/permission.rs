//! Whether and how a partition may be launched now: by `start`, by `restart`, or by `handoff`.

use bulkhead_model::Machine;

use crate::{Ledger, Partition, PlanError};

/// What may be done with a partition now.
impl Ledger {
    /// Whether a partition may be launched now, beside Bulkhead.
    ///
    /// # Errors
    /// [`PlanError::Unknown`] if there is none, [`PlanError::WrongState`] if it is live,
    /// [`PlanError::CoreLost`] if a core did not come back, [`PlanError::BulkheadsCore`] if it needs
    /// [`Self::check_handoff`].
    pub fn check_launch(&self, machine: &Machine, name: &str) -> Result<(), PlanError> {
        let partition = self.resting(self.index(name)?, "launched")?;
        leaves_bulkhead_its_core(machine, partition)
    }

    /// Whether a partition may be launched now, its cores taken back first if it is live.
    ///
    /// # Errors
    /// [`PlanError::Unknown`] if there is none, [`PlanError::CoreLost`] if a core did not come back,
    /// [`PlanError::BulkheadsCore`] if it needs [`Self::check_handoff`].
    pub fn check_restart(&self, machine: &Machine, name: &str) -> Result<(), PlanError> {
        let partition = self.get(name)?;
        crate::ledger::not_held(partition, "launched")?;
        if !partition.life.state.is_live() {
            self.resting(self.index(name)?, "launched")?;
        }
        leaves_bulkhead_its_core(machine, partition)
    }

    /// Whether Bulkhead's own core may now be handed to a partition, to launch it.
    ///
    /// # Errors
    /// [`PlanError::Unknown`] if there is none, [`PlanError::WrongState`] if it is live,
    /// [`PlanError::CoreLost`] if a core did not come back, [`PlanError::NotBulkheadsCore`] if it does
    /// not claim that core.
    pub fn check_handoff(&self, machine: &Machine, name: &str) -> Result<(), PlanError> {
        let partition = self.get(name)?;
        // First what no end of it would mend.
        if !has_bulkheads_core(machine, partition) {
            return Err(PlanError::NotBulkheadsCore {
                name: name.into(),
                core: machine.boot_core,
                is_live: partition.life.state.is_live(),
            });
        }
        self.resting(self.index(name)?, "launched").map(drop)
    }
}

/// Whether a partition claims the core on which Bulkhead's shell runs.
pub(crate) fn has_bulkheads_core(machine: &Machine, partition: &Partition) -> bool {
    partition.claim.cores.contains(&machine.boot_core)
}

fn leaves_bulkhead_its_core(machine: &Machine, partition: &Partition) -> Result<(), PlanError> {
    if has_bulkheads_core(machine, partition) {
        return Err(PlanError::BulkheadsCore {
            name: partition.definition.name.clone(),
            core: machine.boot_core,
        });
    }
    Ok(())
}
