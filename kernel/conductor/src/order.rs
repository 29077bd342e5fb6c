//! What a Linux is asked for by its agent, for the operator.

use bulkhead_lifecycle::{Agent, Order};

use crate::{ConductError, Conductor, Stage};

impl<S: Stage, const P: usize, const C: usize> Conductor<'_, S, P, C> {
    /// Asks a partition's Linux by its agent to end itself, in so many seconds; then it is done by force.
    ///
    /// # Errors
    /// [`ConductError`] says why it is not asked.
    pub fn order(&mut self, name: &str, order: Order, seconds: u32) -> Result<(), ConductError> {
        let id = self.ledger.get(name)?.id;
        let done = self.life.order(&self.stage, id, order, seconds);
        self.observe_one(id);
        done.map_err(ConductError::Refused)
    }

    /// What is known of a partition's agent.
    pub fn agent(&self, id: usize) -> Agent {
        self.life.agent(&self.stage, id)
    }
}
