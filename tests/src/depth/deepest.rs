//! The deepest path from a function. Recursion is refused, but for functions that are said to nest
//! only so often.

use std::collections::{BTreeMap, BTreeSet};

/// How deep a function gets by itself, and at what depths it calls whom.
pub(super) trait Calls {
    /// Bytes of its own.
    fn own(&self, function: u64) -> u64;
    /// Its calls: bytes in use, and whom it may call.
    fn calls(&self, function: u64) -> &[(u64, Vec<u64>)];
}

/// The deepest path: bytes, and the functions on it with the depth at which each begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Deepest {
    pub(super) bytes: u64,
    pub(super) path: Vec<(u64, u64)>,
}

/// What is known of functions that no program can see.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// So often a path may come to the functions of each kind, and no more.
    pub(super) limits: Vec<u32>,
    /// The kind of a function.
    pub(super) limited: BTreeMap<u64, usize>,
    /// Where other limits begin, but for the first kinds.
    pub(super) renews: BTreeSet<u64>,
    pub(super) renewed: Vec<u32>,
    pub(super) kept: usize,
    /// Functions that call themselves, so deep.
    pub(super) nesting: BTreeMap<u64, u64>,
    /// Behind the first of each pair a path does not come to the second ones.
    pub(super) barred: Vec<(BTreeSet<u64>, BTreeSet<u64>)>,
}

/// What a path may still do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    entries: Vec<u32>,
    /// Which of the rules' bars are behind it.
    bars: Vec<bool>,
}

/// Bytes from a function on, and the call that leads there: its depth, and whom.
type Found = (u64, Option<(u64, u64)>);

/// Looks for deepest paths; remembers what it has found.
pub(super) struct Search<'a, C> {
    calls: &'a C,
    rules: &'a Rules,
    found: BTreeMap<(u64, Left), Found>,
    active: BTreeSet<(u64, Left)>,
    stack: Vec<u64>,
    /// Paths that come back to where they were.
    pub(super) cycles: BTreeSet<Vec<u64>>,
}

impl<'a, C: Calls> Search<'a, C> {
    pub(super) fn new(calls: &'a C, rules: &'a Rules) -> Self {
        Self {
            calls,
            rules,
            found: BTreeMap::new(),
            active: BTreeSet::new(),
            stack: Vec::new(),
            cycles: BTreeSet::new(),
        }
    }

    /// The deepest path from there.
    pub(super) fn from(&mut self, root: u64) -> Deepest {
        let mut left = Left {
            entries: self.rules.limits.clone(),
            bars: vec![false; self.rules.barred.len()],
        };
        let bytes = self.bytes(root, &left);
        let mut path = Vec::new();
        let (mut at, mut base) = (Some(root), 0);
        while let Some(function) = at {
            path.push((function, base));
            self.spend(function, &mut left);
            let step = self
                .found
                .get(&(function, left.clone()))
                .and_then(|(_, step)| *step);
            base += step.map_or(0, |(depth, _)| depth);
            at = step.map(|(_, callee)| callee);
        }
        Deepest { bytes, path }
    }

    /// Takes one from what is left of a function's entries; `false` if it can't be entered.
    fn spend(&self, function: u64, left: &mut Left) -> bool {
        let rules = self.rules;
        for (is_behind, (gates, barred)) in left.bars.iter_mut().zip(&rules.barred) {
            if *is_behind && barred.contains(&function) {
                return false;
            }
            *is_behind |= gates.contains(&function);
        }
        let Some(index) = rules.limited.get(&function) else {
            return true;
        };
        let has_any = left.entries[*index] > 0;
        left.entries[*index] = left.entries[*index].saturating_sub(1);
        if rules.renews.contains(&function) {
            let limits = left.entries.iter_mut().zip(&rules.renewed);
            let renewed = limits.skip(rules.kept);
            renewed.for_each(|(entries, limit)| *entries = *limit);
        }
        has_any
    }

    fn bytes(&mut self, function: u64, left: &Left) -> u64 {
        let mut left = left.clone();
        if !self.spend(function, &mut left) {
            return 0;
        }
        let key = (function, left.clone());
        if let Some((bytes, _)) = self.found.get(&key) {
            return *bytes;
        }
        if !self.active.insert(key.clone()) {
            let start = self
                .stack
                .iter()
                .rposition(|on| *on == function)
                .unwrap_or(0);
            self.cycles.insert(self.stack[start..].to_vec());
            return 0;
        }
        self.stack.push(function);
        let mut deepest = (self.calls.own(function), None);
        let nests = self.rules.nesting.get(&function).copied();
        let to_itself = self.calls.calls(function).iter();
        let to_itself =
            to_itself.filter(|(_, callees)| nests.is_some() && callees.contains(&function));
        let above = to_itself
            .map(|(depth, _)| depth * nests.unwrap_or(0))
            .max()
            .unwrap_or(0);
        deepest.0 += above;
        for (depth, callees) in self.calls.calls(function) {
            let depth = &(depth + above);
            for callee in callees
                .iter()
                .filter(|callee| nests.is_none() || **callee != function)
            {
                let bytes = depth + self.bytes(*callee, &left);
                if bytes > deepest.0 {
                    deepest = (bytes, Some((*depth, *callee)));
                }
            }
        }
        self.stack.pop();
        self.active.remove(&key);
        self.found.insert(key, deepest);
        deepest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = (u64, Vec<(u64, Vec<u64>)>);

    struct Small(BTreeMap<u64, Function>);

    impl Calls for Small {
        fn own(&self, function: u64) -> u64 {
            self.0[&function].0
        }
        fn calls(&self, function: u64) -> &[(u64, Vec<u64>)] {
            &self.0[&function].1
        }
    }

    fn small() -> Small {
        Small(BTreeMap::from([
            (1, (10, vec![(8, vec![2]), (4, vec![3])])),
            (2, (20, vec![])),
            (3, (100, vec![(50, vec![4, 2])])),
            (4, (8, vec![(8, vec![3])])),
        ]))
    }

    fn limited(kinds: &[(u64, u32)]) -> Rules {
        Rules {
            limits: kinds.iter().map(|(_, limit)| *limit).collect(),
            limited: kinds
                .iter()
                .enumerate()
                .map(|(i, (f, _))| (*f, i))
                .collect(),
            ..Rules::default()
        }
    }

    #[test]
    fn a_limited_function_nests_so_often() {
        let (calls, rules) = (small(), limited(&[(3, 2)]));
        let mut search = Search::new(&calls, &rules);
        // 1 calls 3 at 4, which calls 4 at 50, which calls 3 at 8: 100 more.
        let deepest = search.from(1);
        assert_eq!(deepest.bytes, 4 + 50 + 8 + 100);
        assert_eq!(deepest.path, [(1, 0), (3, 4), (4, 54), (3, 62)]);
        assert!(search.cycles.is_empty());
    }

    #[test]
    fn limits_begin_anew() {
        let calls = small();
        let mut rules = limited(&[(4, 1), (3, 1)]);
        assert_eq!(Search::new(&calls, &rules).from(1).bytes, 4 + 100);
        rules.renews.insert(4);
        rules.renewed = vec![1, 1];
        rules.kept = 1;
        assert_eq!(Search::new(&calls, &rules).from(1).bytes, 4 + 50 + 8 + 100);
    }

    #[test]
    fn what_calls_itself_is_so_deep() {
        let calls = Small(BTreeMap::from([
            (1, (30, vec![(24, vec![1]), (16, vec![2])])),
            (2, (20, vec![])),
        ]));
        let mut rules = Rules::default();
        rules.nesting.insert(1, 3);
        let mut search = Search::new(&calls, &rules);
        assert_eq!(search.from(1).bytes, 3 * 24 + 16 + 20);
        assert!(search.cycles.is_empty());
    }

    #[test]
    fn behind_some_others_are_barred() {
        let calls = Small(BTreeMap::from([
            (1, (1, vec![(8, vec![2, 3])])),
            (2, (8, vec![(8, vec![3])])),
            (3, (20, vec![])),
        ]));
        let mut rules = Rules::default();
        assert_eq!(Search::new(&calls, &rules).from(1).bytes, 8 + 8 + 20);
        let bar = (BTreeSet::from([2]), BTreeSet::from([3]));
        rules.barred.push(bar);
        assert_eq!(Search::new(&calls, &rules).from(1).bytes, 8 + 20);
    }

    #[test]
    fn other_recursion_is_told() {
        let (calls, rules) = (small(), Rules::default());
        let mut search = Search::new(&calls, &rules);
        search.from(1);
        assert_eq!(search.cycles, BTreeSet::from([vec![3, 4]]));
    }
}
