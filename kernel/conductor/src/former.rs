//! Names of partitions that are undefined, as long as something that happened to them is still to be told:
//! their numbers may be others' by then.

use alloc::string::String;
use alloc::vec::Vec;

/// One of them.
struct Former {
    id: usize,
    name: String,
    /// Events with a ticket below this one are of it, or of one before it.
    until: u32,
}

/// Those that are remembered, oldest first.
pub(crate) struct Formers<const P: usize>(Vec<Former>);

impl<const P: usize> Formers<P> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// It is undefined; events from `next` on are not its. As many are remembered as there can be
    /// partitions.
    pub(crate) fn remember(&mut self, id: usize, name: String, next: u32) {
        if self.0.len() >= P {
            self.0.remove(0);
        }
        self.0.push(Former {
            id,
            name,
            until: next,
        });
    }

    /// The name of whoever had that number at the time of an event.
    pub(crate) fn name(&self, id: usize, ticket: u32) -> Option<&str> {
        let is_it = |former: &&Former| former.id == id && ticket < former.until;
        self.0.iter().find(is_it).map(|f| f.name.as_str())
    }

    /// All before that event is told.
    pub(crate) fn forget_before(&mut self, ticket: u32) {
        self.0.retain(|former| former.until > ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_of_who_had_the_number_then() {
        let mut formers = Formers::<3>::new();
        for (name, until) in [("a", 5), ("b", 9), ("c", 9)] {
            formers.remember(1, name.into(), until);
        }
        let named = |formers: &Formers<3>, ticket| formers.name(1, ticket).map(String::from);
        assert_eq!(named(&formers, 4).as_deref(), Some("a"));
        assert_eq!(named(&formers, 5).as_deref(), Some("b"));
        assert_eq!(named(&formers, 9), None);
        assert_eq!(formers.name(2, 4), None);
        // Bounded, and forgotten.
        formers.remember(2, "d".into(), 12);
        assert_eq!(named(&formers, 4).as_deref(), Some("b"));
        formers.forget_before(9);
        assert_eq!(named(&formers, 8), None);
        assert_eq!(formers.name(2, 11), Some("d"));
    }
}
