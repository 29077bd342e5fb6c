//! Before the shell's core leaves.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{ConductError, Conductor, Stage};

impl<S: Stage, const P: usize, const C: usize> Conductor<'_, S, P, C> {
    /// Keeps a plan of every partition that is at rest and could be launched while no core is
    /// Bulkhead's: a partition with control may ask for it. One after the other, each in the place of
    /// the one before.
    ///
    /// The result is those of which none can be made, and why.
    pub fn prepare(&mut self) -> Vec<(String, ConductError)> {
        self.observe();
        let names: Vec<String> = {
            let can_rest = |name: &str| self.ledger.check_launch(&self.machine, name).is_ok();
            let names = self.ledger.iter().map(|p| p.definition.name.as_str());
            names
                .filter(|name| can_rest(name))
                .map(String::from)
                .collect()
        };
        names
            .into_iter()
            .filter_map(|name| {
                let error = self.plan(&name).err()?;
                Some((name, error))
            })
            .collect()
    }
}
