//! Either side begins again.

use std::ops::Range;

use bulkhead_blocks::wire::Disk;
use bulkhead_blocks::{Client, Server, Taken};
use bulkhead_rings::Channel;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::common::{
    Memory, ask, client_turn, disk, give, memory, server_turn, server_turn_of, told,
};

/// What a server that begins says, and what the client makes of it.
fn meet(client: &mut Client, there: Disk) -> Vec<Taken> {
    let cells = memory();
    let mut here = Channel::open(&cells, false, true).unwrap();
    let mut memory = Memory::new();
    let mut server = Server::new(there, &mut memory);
    let mut channel = Channel::open(&cells, true, true).unwrap();
    let mut all = Vec::new();
    for _ in 0..6 {
        all.extend(client_turn(client, &mut here));
        server_turn(&mut server, &mut channel);
    }
    all
}

#[test]
fn another_disk_is_not_taken_for_the_one_before() {
    let mut client = Client::new();
    assert_eq!(meet(&mut client, disk(1)), [Taken::Disk(disk(1))]);
    assert_eq!(meet(&mut client, disk(1)), [Taken::Again]);
    // Nothing was written: another run has lost nothing.
    assert_eq!(meet(&mut client, disk(2)), [Taken::Again]);
    give(&mut client, &ask(1, 0, 0, 512, &[]), 28);
    for other in [
        Disk {
            size: 512,
            ..disk(2)
        },
        Disk {
            which: 8,
            ..disk(2)
        },
        Disk {
            is_read_only: true,
            ..disk(2)
        },
    ] {
        assert_eq!(meet(&mut client, other), [Taken::Another(other)]);
        assert!(client.to_send().is_none(), "nothing is asked of it");
    }
    assert_eq!(meet(&mut client, disk(2)), [Taken::Again, Taken::Answer]);
}

#[test]
fn what_a_run_may_have_lost_the_next_flush_tells() {
    let mut client = Client::new();
    give(&mut client, &ask(1, 1, 0, 512, &[1; 512]), 512);
    meet(&mut client, disk(1));
    // The same run: all is there.
    assert_eq!(meet(&mut client, disk(1)), [Taken::Again]);
    assert_eq!(meet(&mut client, disk(2)), [Taken::Lost]);
    give(&mut client, &ask(2, 3, 0, 0, &[]), 28);
    give(&mut client, &ask(3, 3, 0, 0, &[]), 28);
    meet(&mut client, disk(2));
    let all = told(&mut client, |_| 0);
    let errors: Vec<_> = all
        .iter()
        .map(|(cookie, error, _)| (*cookie, *error))
        .collect();
    assert_eq!(errors, [(1, 0), (2, 5), (3, 0)]);
    // Flushed is safe; what was flushed before the last change is not.
    give(&mut client, &ask(4, 1, 0, 512, &[1; 512]), 512);
    give(&mut client, &ask(5, 3, 0, 0, &[]), 28);
    // Both are under way at once.
    meet(&mut client, disk(2));
    assert_eq!(meet(&mut client, disk(3)), [Taken::Lost]);
    assert_eq!(meet(&mut client, disk(4)), [Taken::Again]);
}

#[test]
fn a_flush_that_waits_over_a_run_fails() {
    let mut client = Client::new();
    give(&mut client, &ask(1, 1, 0, 512, &[1; 512]), 512);
    meet(&mut client, disk(1));
    give(&mut client, &ask(2, 3, 0, 0, &[]), 28);
    assert_eq!(meet(&mut client, disk(2)), [Taken::Lost, Taken::Answer]);
    let all = told(&mut client, |_| 0);
    assert_eq!((all[1].0, all[1].1), (2, 5));
}

/// What happens.
#[derive(Clone, Debug)]
enum Step {
    Here,
    /// For so many records at most.
    There(usize),
    /// A side's program begins again: the client's channel alone, as nothing is left of a program.
    AgainHere,
    AgainThere,
    /// The server's Linux begins again.
    Crash,
}

/// What is asked for, and what happens until it is answered.
#[derive(Clone, Debug)]
struct Round {
    what: u16,
    sector: u64,
    count: u32,
    /// A flush is given right behind it, unless it is one.
    has_flush: bool,
    /// How often each side had its turn before.
    before: usize,
    steps: Vec<Step>,
}

fn round() -> impl Strategy<Value = Round> {
    let what = prop_oneof![4 => Just(0), 6 => Just(1_u16), 3 => Just(3), 1 => Just(4)];
    // One record or several.
    let count = prop_oneof![1..20_u32, 1..500_u32];
    let asked = (what, 0..1500_u64, count, any::<bool>());
    let steps = proptest::collection::vec(step(), 0..12);
    (asked, 0..4_usize, steps).prop_map(|((what, sector, count, flush), before, steps)| Round {
        what,
        sector,
        count,
        has_flush: flush && what != 3,
        before,
        steps,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Here),
        4 => (1..4_usize).prop_map(Step::There),
        1 => Just(Step::AgainHere),
        1 => Just(Step::AgainThere),
        1 => Just(Step::Crash),
    ]
}

/// What flushes come after the requests of a round.
const FLUSH: u64 = 1000;

/// A client, and what is known of its server.
struct Whole {
    client: Client,
    store: Memory,
    run: u8,
    /// What the disk has, as far as was answered, and no flush has told of anything else.
    wanted: Vec<u8>,
    /// Something was answered, and not flushed since.
    is_dirty: bool,
    /// That was so at a crash: a flush may fail.
    may_fail: bool,
    /// Something that was answered before this round is lost, which no flush has told yet: the next one has to.
    is_lost: bool,
}

/// What comes of a round's request.
struct Under {
    cookie: u64,
    what: u16,
    range: Range<usize>,
    is_answered: bool,
    /// Something was lost meanwhile: a read may have either.
    is_torn: bool,
    /// The flush behind it does not have to tell that it is lost.
    is_lost: bool,
}

impl Under {
    const fn is_change(&self) -> bool {
        matches!(self.what, 1 | 4)
    }

    /// What a change leaves there.
    const fn byte(&self) -> u8 {
        if self.what == 1 {
            self.cookie as u8 + 1
        } else {
            0
        }
    }
}

impl Whole {
    fn new() -> Self {
        let store = Memory::new();
        Self {
            client: Client::new(),
            wanted: store.now.clone(),
            store,
            run: 1,
            is_dirty: false,
            may_fail: false,
            is_lost: false,
        }
    }

    /// Until all of a round is answered. It has one request that reads or changes, so that it is known what is
    /// there.
    fn settle(&mut self, cookie: u64, round: &Round) -> Result<(), TestCaseError> {
        let cells = memory();
        let mut here = Channel::open(&cells, false, true).unwrap();
        let mut there = Channel::open(&cells, true, true).unwrap();
        let mut under = self.give(cookie, round);
        let mut wait = 1 + usize::from(round.has_flush);
        let turns = [Step::Here, Step::There(usize::MAX)];
        let before = turns.iter().cycle().take(2 * round.before);
        let end = turns.iter().cycle().take(24);
        for step in before.chain(&round.steps).chain(end) {
            match step {
                Step::Here => drop(client_turn(&mut self.client, &mut here)),
                Step::There(most) => {
                    let mut server = Server::new(disk(self.run), &mut self.store);
                    server_turn_of(&mut server, &mut there, *most);
                }
                Step::AgainHere => here = Channel::open(&cells, false, true).unwrap(),
                Step::AgainThere => there = Channel::open(&cells, true, true).unwrap(),
                Step::Crash => {
                    there = Channel::open(&cells, true, true).unwrap();
                    self.crash(&mut under);
                }
            }
            let bytes = under.range.len();
            let is_read = under.what == 0;
            let reads = |cookie| {
                if is_read && cookie < FLUSH { bytes } else { 0 }
            };
            for (cookie, error, read) in told(&mut self.client, reads) {
                wait -= 1;
                if under.what == 3 || cookie >= FLUSH {
                    self.flushed(&mut under, error)?;
                } else {
                    self.answered(&mut under, error, &read)?;
                }
            }
        }
        prop_assert_eq!(wait, 0);
        self.is_lost |= under.is_lost;
        Ok(())
    }

    /// The kernel asks.
    fn give(&mut self, cookie: u64, round: &Round) -> Under {
        let (from, bytes) = (round.sector * 512, round.count * 512);
        let under = Under {
            cookie,
            what: round.what,
            range: from as usize..from as usize + bytes as usize,
            is_answered: false,
            is_torn: self.is_lost,
            is_lost: false,
        };
        let mut kernel = match round.what {
            1 => ask(cookie, 1, from, bytes, &vec![under.byte(); bytes as usize]),
            3 => ask(cookie, 3, 0, 0, &[]),
            what => ask(cookie, what, from, bytes, &[]),
        };
        if round.has_flush {
            kernel.extend(ask(FLUSH + cookie, 3, 0, 0, &[]));
        }
        self.client.begin();
        assert_eq!(give(&mut self.client, &kernel, 4000), kernel.len());
        under
    }

    /// Of what was answered by now: what is lost, and what a client can take for lost.
    fn crash(&mut self, under: &mut Under) {
        self.run += 1;
        self.store.crash();
        self.may_fail |= self.is_dirty;
        self.is_lost |= !self.is_wanted_but_for(under, &self.store.safe);
        if under.is_change() && under.is_answered {
            let there = &self.store.safe[under.range.clone()];
            under.is_lost |= there != &self.wanted[under.range.clone()];
        }
        under.is_torn |= self.is_lost || under.is_lost;
    }

    /// Whether all is there that this round's request does not change.
    fn is_wanted_but_for(&self, under: &Under, there: &[u8]) -> bool {
        let (start, end) = match under.is_change() {
            true => (under.range.start, under.range.end),
            false => (0, 0),
        };
        there[..start] == self.wanted[..start] && there[end..] == self.wanted[end..]
    }

    fn flushed(&mut self, under: &mut Under, error: u32) -> Result<(), TestCaseError> {
        let has_changed = under.is_change() && under.is_answered;
        if error == 0 {
            prop_assert!(!self.is_lost && self.is_wanted_but_for(under, &self.store.safe));
        } else {
            prop_assert_eq!(error, 5);
            prop_assert!(self.may_fail);
            let kept = self.wanted[under.range.clone()].to_vec();
            self.wanted.clone_from(&self.store.now);
            if under.is_change() {
                self.wanted[under.range.clone()].copy_from_slice(&kept);
            }
            // Of what was answered while it waited the next one tells.
            (self.is_lost, self.may_fail) = (false, has_changed);
        }
        self.is_dirty = has_changed;
        Ok(())
    }

    fn answered(
        &mut self,
        under: &mut Under,
        error: u32,
        read: &[u8],
    ) -> Result<(), TestCaseError> {
        prop_assert_eq!(error, 0);
        let there = &mut self.wanted[under.range.clone()];
        if under.is_change() {
            there.fill(under.byte());
            let is_there = *there == self.store.now[under.range.clone()];
            prop_assert!(is_there, "what was answered is not there in whole");
            (under.is_answered, self.is_dirty) = (true, true);
        } else {
            prop_assert!(under.is_torn || read == there);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Every request is answered once; what was answered is what is read; and if something was lost, a
    /// flush has said so before one says that all is safe.
    #[test]
    fn nothing_is_lost_without_a_word(rounds in proptest::collection::vec(round(), 1..20)) {
        let mut whole = Whole::new();
        for (cookie, round) in rounds.iter().enumerate() {
            whole.settle(cookie as u64, round)?;
        }
    }
}
