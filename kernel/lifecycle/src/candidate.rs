//! Who of a partition's cores does the work of its end.

use crate::hardware::Hardware;
use crate::slot::Slot;
use crate::{CoreState, Lifecycle};

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Whether a partition at rest has a core that did not come back, or stopped in Bulkhead's code,
    /// and that can be called: the machine's boot processor can't be.
    pub(crate) fn can_call_back(&self, hw: &impl Hardware, slot: &Slot) -> bool {
        let is_lost = |index| self.core_state(index) == CoreState::Lost;
        slot.is_defined()
            && slot
                .members()
                .any(|index| !hw.is_boot_processor(index) && is_lost(index))
    }

    /// A core of the partition that can do the work of its end: the machine's boot processor only
    /// if there is no other, because it can't be reset. If all are lost, the next one behind `after`,
    /// which was tried: so each gets its call, and none two.
    pub(crate) fn candidate(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        after: Option<usize>,
    ) -> Option<usize> {
        let is_lost = |index: usize| self.is_lost_from(index, partition);
        let can_be_called = |index: &usize| !hw.is_boot_processor(*index);
        let there = slot.members().filter(can_be_called).find(|i| !is_lost(*i));
        let is_free = |index: &usize| {
            let state = self.core_state(*index);
            hw.is_boot_processor(*index)
                && !is_lost(*index)
                && !matches!(state, CoreState::Bulkhead | CoreState::Lost)
        };
        there.or_else(|| slot.members().find(is_free)).or_else(|| {
            let mut callable = slot.members().filter(can_be_called);
            callable.find(|index| Some(*index) > after)
        })
    }
}
