//! Names on buses of others' under which functions' requests may come ([`crate::named_elsewhere`]).

use core::sync::atomic::{AtomicU64, Ordering};

use alloc::vec::Vec;

use crate::Requester;

/// Those of a machine, and which domains let them pass just now. Cores of any partition change that.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Name>);

#[derive(Debug)]
struct Name {
    name: Requester,
    /// A bit for each domain. Several may send under one name: it passes until the last has ended.
    domains: AtomicU64,
}

impl Names {
    /// These, of which none passes.
    pub(crate) fn new(names: &[Requester]) -> Self {
        let mut known: Vec<Name> = Vec::with_capacity(names.len());
        for &name in names {
            if !known.iter().any(|other| other.name == name) {
                let domains = AtomicU64::new(0);
                known.push(Name { name, domains });
            }
        }
        Self(known)
    }

    fn get(&self, name: Requester) -> Option<&Name> {
        self.0.iter().find(|known| known.name == name)
    }

    /// Notes that a domain lets it pass, or does so no longer: whether any does then. `None`: it is not one
    /// of these.
    pub(crate) fn note(&self, name: Requester, domain: u16, passes: bool) -> Option<bool> {
        let domains = &self.get(name)?.domains;
        let bit = 1 << (domain.wrapping_sub(1) % 64);
        let before = if passes {
            domains.fetch_or(bit, Ordering::AcqRel)
        } else {
            domains.fetch_and(!bit, Ordering::AcqRel)
        };
        let others = before & !bit;
        Some(passes || others != 0)
    }

    /// Whether a domain lets it pass.
    pub(crate) fn passes(&self, name: Requester) -> bool {
        let known = self.get(name);
        known.is_some_and(|known| known.domains.load(Ordering::Acquire) != 0)
    }
}
