//! Of what was asked for together some was answered by a run that has crashed since.

use bulkhead_blocks::{Client, Server, Taken};

use crate::common::{Memory, ask, disk, give, told};

const TWO: usize = 128 << 10;

/// The channel begins, and so many records are served in that run.
fn serve(client: &mut Client, store: &mut Memory, run: u8, most: usize) -> Taken {
    let mut server = Server::new(disk(run), store);
    client.begin();
    let met = client.take(&server.disk().record());
    for _ in 0..most {
        let Some((header, data)) = client.to_send() else {
            break;
        };
        let record = [&header, data].concat();
        client.sent();
        let answer = server.serve(&record).expect("it is a request");
        assert_eq!(client.take(answer), Taken::Answer);
    }
    met
}

fn errors(client: &mut Client) -> Vec<(u64, u32)> {
    let all = told(client, |_| 0);
    all.iter().map(|all| (all.0, all.1)).collect()
}

#[test]
fn a_write_that_a_lost_run_has_answered_in_part_is_asked_for_again_in_whole() {
    let (mut client, mut store) = (Client::new(), Memory::new());
    give(&mut client, &ask(1, 1, 0, TWO as u32, &[1; TWO]), TWO);
    serve(&mut client, &mut store, 1, 1);
    // The same run has what it has answered.
    serve(&mut client, &mut store, 1, 0);
    let left = client.to_send().expect("a piece is left").1.len();
    assert_eq!((left, client.waiting()), (TWO / 2, 1));
    store.crash();
    // Whoever asked has no answer yet: nothing is lost.
    assert_eq!(serve(&mut client, &mut store, 2, 2), Taken::Again);
    give(&mut client, &ask(2, 3, 0, 0, &[]), 28);
    serve(&mut client, &mut store, 2, 9);
    assert_eq!(errors(&mut client), [(1, 0), (2, 0)]);
    assert!(store.safe[..TWO] == [1; TWO], "a flush has said so");
}

#[test]
fn a_flush_that_fails_meanwhile_is_not_told_of_the_other_half() {
    let (mut client, mut store) = (Client::new(), Memory::new());
    give(&mut client, &ask(1, 1, 0, 512, &[1; 512]), 512);
    give(&mut client, &ask(2, 1, 0, TWO as u32, &[2; TWO]), TWO);
    give(&mut client, &ask(3, 3, 0, 0, &[]), 28);
    serve(&mut client, &mut store, 1, 2);
    store.crash();
    assert_eq!(serve(&mut client, &mut store, 2, 9), Taken::Lost);
    give(&mut client, &ask(4, 3, 0, 0, &[]), 28);
    serve(&mut client, &mut store, 2, 9);
    let all = errors(&mut client);
    assert_eq!(all[..3], [(1, 0), (2, 0), (3, 5)]);
    assert_eq!(all.len(), 4);
    assert!(store.safe[..TWO] == [2; TWO], "{all:?}");
}

#[test]
fn a_flush_given_before_a_change_was_answered_does_not_tell_for_it() {
    let (mut client, mut store) = (Client::new(), Memory::new());
    give(&mut client, &ask(1, 1, 0, 512, &[1; 512]), 512);
    give(&mut client, &ask(2, 3, 0, 0, &[]), 28);
    serve(&mut client, &mut store, 1, 1);
    store.crash();
    assert_eq!(serve(&mut client, &mut store, 2, 9), Taken::Lost);
    // Whoever flushes what it knows to be written can't know of the failure of a flush before.
    for flush in [3, 4] {
        give(&mut client, &ask(flush, 3, 0, 0, &[]), 28);
        serve(&mut client, &mut store, 2, 9);
    }
    assert_eq!(errors(&mut client), [(1, 0), (2, 5), (3, 5), (4, 0)]);
}
