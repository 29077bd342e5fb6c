//! What the operator said of a partition, published by the shell's core alone, while it is at rest.

use super::{Definition, Slot, flag};
use crate::granted::name_words;
use crate::life::{Life, Phase};
use crate::set::CoreSet;

impl Slot {
    /// Says what there is.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer cores")]
    pub(crate) fn publish(&self, definition: &Definition<'_>) {
        let [low, high] = name_words(definition.name);
        self.name[0].store(low);
        self.name[1].store(high);
        let mut named = definition.only.iter().map(|name| name_words(name));
        for words in &self.only {
            let [low, high] = named.next().unwrap_or_default();
            words[0].store(low);
            words[1].store(high);
        }
        self.memory.store(definition.memory);
        self.ram.publish(definition.regions);
        self.agent.set_watchdog(definition.watchdog);
        let set: CoreSet = definition.cores.iter().copied().collect();
        for (word, bits) in self.cores.iter().zip(set.0) {
            word.store(bits);
        }
        self.boot_core
            .store(definition.cores.first().map_or(0, |core| *core as u32));
        let flag = |is_set, bit| if is_set { bit } else { 0 };
        let flags = flag(definition.has_control, flag::CONTROL)
            | flag(definition.shares_low, flag::SHARES_LOW)
            | flag(definition.wants_dump, flag::DUMP);
        let policy = u32::from(definition.policy.as_u8()) << flag::POLICY;
        self.change_flags(!flag::CLEARED, flag::DEFINED | flags | policy);
    }

    /// Whether that is what was published.
    pub(crate) fn shows(&self, definition: &Definition<'_>) -> bool {
        self.is_defined()
            && self.name[0].load() == name_words(definition.name)[0]
            && self.name[1].load() == name_words(definition.name)[1]
            && self.policy() == definition.policy
            && self.has_control() == definition.has_control
            && self.memory.load() == definition.memory
            && self.wants_dump() == definition.wants_dump
            && self.agent.watchdog() == definition.watchdog
            && self.is_limited_to(definition.only)
            && self.uses_same(definition)
    }

    /// Whether it has the same cores and RAM, and low memory of the same kind: what a plan is carried out
    /// with, and what is read while it is held.
    pub(crate) fn uses_same(&self, definition: &Definition<'_>) -> bool {
        let cores = definition.cores;
        self.members().all(|core| cores.contains(&core))
            && self.members().count() == cores.len()
            && self.shares_low() == definition.shares_low
            && self.ram.is(definition.regions)
    }

    /// It is no more: its number may serve another, whose events begin with that ticket.
    pub(crate) fn retire(&self, ticket: u32) {
        self.flags.store(0);
        // Whoever reads this before he finds the name asks for that one.
        self.definition.fetch_add(1);
        self.since.store(ticket);
        self.runs.store(0);
        self.attempts.store(0);
        self.reason_run.store(0);
        self.links.iter().for_each(|word| word.store(0));
        self.ram.publish(&[]);
        self.agent.retire();
        self.toll.retire();
        self.empty_places();
        let life = self.life();
        let next = Life {
            end: None,
            failures: 0,
            is_planned: false,
            is_odd_run: false,
            ..life.step(Phase::Idle)
        };
        self.advance(life, next);
    }
}
