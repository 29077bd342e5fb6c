//! What is true of a partition now, for whoever asks.

use arrayvec::ArrayString;
use bulkhead_model::MAX_NAME_BYTES;

use crate::life::Phase;
use crate::slot::Definition;
use crate::{CoreState, End, Lifecycle, State};

/// The record of one partition, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Where it is in its life.
    pub state: State,
    /// How often its kernel was entered.
    pub runs: u32,
    /// How often its memory began to be written.
    pub attempts: u32,
    /// Whether what others left in its RAM is cleared or overwritten.
    pub is_cleared: bool,
    /// Failures in a row.
    pub failures: u32,
    /// How it ends now, or last ended.
    pub end: Option<End>,
    /// The partition that reads its RAM.
    pub holder: Option<usize>,
    /// Whether its restart waits for that.
    pub awaits_dump: bool,
    /// Whether its devices may reach its RAM although it has ended.
    pub leaks: bool,
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// What is true of that partition; `None` for a number that none can have.
    pub fn view(&self, partition: usize) -> Option<View> {
        let slot = self.slot(partition)?;
        // The memory first: what is written after this look is seen at the next one.
        let (attempts, is_cleared) = (slot.attempts(), slot.is_cleared());
        let life = slot.life();
        Some(View {
            state: life.state(attempts > 0),
            runs: slot.runs(life),
            attempts,
            is_cleared,
            failures: u32::from(life.failures),
            end: life.end,
            holder: life.holder,
            awaits_dump: life.awaits_dump,
            leaks: slot.toll.leaks(),
        })
    }

    /// Whether that core did not come back from that partition.
    pub fn is_lost_from(&self, core: usize, partition: usize) -> bool {
        self.core(core)
            .is_some_and(|core| core.is_lost_from(partition))
    }

    /// What a core does.
    pub fn core_state(&self, core: usize) -> CoreState {
        self.core(core)
            .map_or(CoreState::Absent, crate::Core::state)
    }

    /// Says what a core does: when it is found, and when it took an exception.
    pub fn set_core_state(&self, core: usize, state: CoreState) {
        if let Some(core) = self.core(core) {
            core.set_state(state);
        }
    }

    /// The partition's boot core.
    pub fn boot_core(&self, partition: usize) -> Option<usize> {
        let slot = self.slot(partition).filter(|slot| slot.is_defined())?;
        Some(slot.boot_core())
    }

    /// The partition's cores, ascending.
    pub fn members(&self, partition: usize) -> impl Iterator<Item = usize> + '_ {
        self.slot(partition)
            .into_iter()
            .flat_map(crate::Slot::members)
    }

    /// Ticks at which its kernel was entered.
    pub fn entered(&self, partition: usize) -> u64 {
        self.slot(partition).map_or(0, crate::Slot::entered)
    }

    /// Ticks from the doorbell to its kernel's entry at its last launch, and those of them that
    /// the images took.
    pub fn launch_ticks(&self, partition: usize) -> (u64, u64) {
        self.slot(partition).map_or((0, 0), |slot| {
            let launch = slot.entered().saturating_sub(slot.rung());
            (launch, slot.copied())
        })
    }

    /// Whether a service must not return to that partition's Linux, which is being ended, or has
    /// been ended without this core.
    pub fn is_ending(&self, partition: usize) -> bool {
        self.slot(partition)
            .is_some_and(|slot| slot.phase() != Phase::Running)
    }

    /// Its name, if there is such a partition.
    pub fn name(&self, partition: usize) -> Option<ArrayString<MAX_NAME_BYTES>> {
        let slot = self.slot(partition).filter(|slot| slot.is_defined())?;
        Some(slot.name())
    }

    // --- by the shell's core, while the partition is at rest ---------------------------------------

    /// Brings a record in line with the definition; `None` if there is none any more. Nothing is done
    /// while it is live: what it was launched by holds.
    pub fn publish(&self, partition: usize, definition: Option<&Definition<'_>>) {
        let Some(slot) = self.slot(partition) else {
            return;
        };
        if slot.phase() != Phase::Idle {
            return;
        }
        match definition {
            Some(definition) if slot.shows(definition) => {}
            // Whoever saw no shell a moment ago may be about a launch, by the old plan.
            Some(definition) if slot.uses_same(definition) || self.withdraw_plan(partition) => {
                slot.publish(definition);
            }
            Some(_) => {}
            None if slot.is_defined() => {
                slot.retire(self.events.next_ticket());
                self.end_consoles_of(partition);
            }
            None => {}
        }
    }

    /// Whether its plan may be replaced: no core uses it.
    pub fn may_replace_plan(&self, partition: usize) -> bool {
        self.slot(partition).is_some_and(|slot| {
            let is_held = slot.life().holder.is_some();
            slot.phase() == Phase::Idle && !is_held && !self.has_lost(partition, slot)
        })
    }

    /// It has no plan any more, and is at rest: from here on nothing launches it, and no core uses
    /// the plan that it had. `false`, and nothing changes, if one does: a request that came while the
    /// shell was away may begin a launch at this very moment.
    #[must_use]
    pub fn withdraw_plan(&self, partition: usize) -> bool {
        self.slot(partition).is_some_and(|slot| {
            // Before the checks, so that they hold for the step.
            let life = slot.life();
            self.may_replace_plan(partition) && slot.set_planned(life, false)
        })
    }

    /// A plan is stored for it, after [`withdraw_plan`](Self::withdraw_plan).
    pub fn provide_plan(&self, partition: usize) {
        if let Some(slot) = self.slot(partition) {
            slot.set_planned(slot.life(), true);
        }
    }
}
