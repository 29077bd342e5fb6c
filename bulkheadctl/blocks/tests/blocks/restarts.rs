//! Either side begins again.

use bulkhead_blocks::wire::Disk;
use bulkhead_blocks::{Client, Server, Taken};
use bulkhead_rings::Channel;
use proptest::prelude::*;

use crate::common::{Memory, ask, client_turn, disk, give, memory, server_turn, told};

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
    There,
    /// A side's program begins again: the client's channel alone, as nothing is left of a program.
    AgainHere,
    AgainThere,
    /// The server's Linux begins again.
    Crash,
}

/// What, which sector, how many of them.
fn asked() -> impl Strategy<Value = (u16, u64, u32)> {
    let what = prop_oneof![4 => Just(0), 4 => Just(1_u16), 2 => Just(3), 1 => Just(4)];
    (what, 0..1500_u64, 1..500_u32)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Here),
        4 => Just(Step::There),
        1 => Just(Step::AgainHere),
        1 => Just(Step::AgainThere),
        1 => Just(Step::Crash),
    ]
}

/// A client, and what is known of its server.
struct Whole {
    client: Client,
    store: Memory,
    run: u8,
    /// What was answered, and not flushed.
    is_dirty: bool,
    /// Something of that may be lost, which no flush has told yet.
    is_torn: bool,
}

impl Whole {
    /// One request is under way at a time, so that it is known what a read has to give.
    fn settle(&mut self, what: u16, kernel: &[u8], steps: &[Step]) {
        let cells = memory();
        let mut here = Channel::open(&cells, false, true).unwrap();
        let mut there = Channel::open(&cells, true, true).unwrap();
        self.client.begin();
        assert_eq!(give(&mut self.client, kernel, 4000), kernel.len());
        let end = [Step::Here, Step::There];
        for step in steps.iter().chain(end.iter().cycle().take(24)) {
            match step {
                Step::Here => drop(client_turn(&mut self.client, &mut here)),
                Step::There => {
                    server_turn(
                        &mut Server::new(disk(self.run), &mut self.store),
                        &mut there,
                    );
                }
                Step::AgainHere => here = Channel::open(&cells, false, true).unwrap(),
                Step::AgainThere => there = Channel::open(&cells, true, true).unwrap(),
                Step::Crash => {
                    there = Channel::open(&cells, true, true).unwrap();
                    self.store.now.clone_from(&self.store.safe);
                    self.run += 1;
                    let was_answered = !self.client.output().is_empty();
                    self.is_torn |= match what {
                        3 => self.is_dirty && !was_answered,
                        0 => self.is_dirty,
                        _ => self.is_dirty || was_answered,
                    };
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Every request is answered once; what was answered is what is read; and if something was lost, a
    /// flush has said so before one says that all is safe.
    #[test]
    fn nothing_is_lost_without_a_word(
        rounds in proptest::collection::vec((asked(), proptest::collection::vec(step(), 0..12)), 1..20),
    ) {
        let (client, store) = (Client::new(), Memory::new());
        let mut wanted = store.now.clone();
        let mut whole = Whole { client, store, run: 1, is_dirty: false, is_torn: false };
        for (cookie, ((what, sector, count), between)) in rounds.into_iter().enumerate() {
            let (cookie, from, bytes) = (cookie as u64, sector * 512, count * 512);
            let range = from as usize..from as usize + bytes as usize;
            let data = vec![cookie as u8 + 1; if what == 1 { range.len() } else { 0 }];
            let kernel = match what {
                3 => ask(cookie, 3, 0, 0, &[]),
                _ => ask(cookie, what, from, bytes, &data),
            };
            whole.settle(what, &kernel, &between);
            let all = told(&mut whole.client, |_| if what == 0 { range.len() } else { 0 });
            prop_assert_eq!(all.len(), 1, "{:?}", all);
            let (told, error, read) = &all[0];
            prop_assert_eq!(*told, cookie);
            match (what, *error) {
                (0 | 1 | 4, 28) => prop_assert!(range.end > wanted.len()),
                (0, 0) => prop_assert!(whole.is_torn || read[..] == wanted[range]),
                (1 | 4, 0) => {
                    whole.is_dirty = true;
                    wanted[range].fill(if what == 1 { cookie as u8 + 1 } else { 0 });
                }
                (3, 5) => {
                    prop_assert!(whole.is_torn);
                    (whole.is_torn, whole.is_dirty) = (false, false);
                    wanted.clone_from(&whole.store.now);
                }
                (3, 0) => {
                    prop_assert!(!whole.is_torn && whole.store.safe == wanted);
                    whole.is_dirty = false;
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
