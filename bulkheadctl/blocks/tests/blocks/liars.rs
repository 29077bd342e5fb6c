//! A server that lies to a client, and a client that lies to a server.

use bulkhead_blocks::wire::{Answer, Request};
use bulkhead_blocks::{Client, MOST_RECORD, Server, Taken};
use bulkhead_rings::Channel;
use proptest::prelude::*;

use crate::common::{Memory, ask, client_turn, disk, give, memory, server_turn, told};

/// A record that is nearly right.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        0..6_u32,
        Just(512),
        Just(65_536),
        Just(65_537),
        any::<u32>()
    ];
    let long = prop_oneof![
        0..12_u64,
        Just(512),
        Just(1 << 20),
        Just((1 << 20) - 512),
        any::<u64>()
    ];
    let data = prop_oneof![Just(0), Just(512_usize), Just(65_536), 0..MOST_RECORD];
    let near = (1..4_u32, number.clone(), long.clone(), long, number, data).prop_map(
        |(kind, a, b, c, d, data)| {
            let mut bytes = [kind.to_le_bytes(), a.to_le_bytes()].concat();
            bytes.extend([b.to_le_bytes(), c.to_le_bytes()].concat());
            bytes.extend([d.to_le_bytes(), [0; 4]].concat());
            bytes.resize(bytes.len() + data, 9);
            bytes
        },
    );
    let answer = (
        0..12_u64,
        0..2_u32,
        prop_oneof![Just(0), Just(512_usize), Just(65_536)],
    )
        .prop_map(|(tag, error, data)| {
            [&Answer { tag, error }.record()[..], &vec![9; data]].concat()
        });
    prop_oneof![
        2 => near,
        2 => answer,
        1 => (1..3_u8).prop_map(|run| disk(run).record().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    /// The store, which panics, is never asked beyond its end, and an answer has the request's tag.
    #[test]
    fn a_client_that_lies_reaches_the_disk_alone(records in proptest::collection::vec(record(), 1..60)) {
        let mut memory = Memory::new();
        let mut server = Server::new(disk(1), &mut memory);
        for record in records {
            let asked = Request::read(&record).map(|(request, _)| request.tag);
            let answer = server.serve(&record).map(|answer| (answer.len(), Answer::read(answer).unwrap().0.tag));
            prop_assert_eq!(answer.map(|(_, tag)| tag), asked);
            prop_assert!(answer.is_none_or(|(length, _)| length <= MOST_RECORD));
        }
    }

    /// A client never panics and answers its kernel at most once for each request; and an honest server that
    /// comes after the liar is asked for all that is left.
    #[test]
    fn a_server_that_lies_harms_its_answers_alone(
        records in proptest::collection::vec(record(), 1..60),
        begins in 0..60_usize,
    ) {
        let mut client = Client::new();
        let reads = |cookie: u64| if cookie == 1 { 200_192 } else { 0 };
        let mut kernel = ask(1, 0, 0, 200_192, &[]);
        kernel.extend(ask(2, 1, 512, 70_144, &vec![3; 70_144]));
        kernel.extend(ask(3, 3, 0, 0, &[]));
        kernel.extend(ask(4, 4, 0, 4096, &[]));
        prop_assert_eq!(give(&mut client, &kernel, 5000), kernel.len());
        let mut all = Vec::new();
        let mut is_lost = false;
        for (nth, record) in records.iter().enumerate() {
            if nth == begins {
                client.begin();
            }
            while client.to_send().is_some() && nth % 3 != 0 {
                client.sent();
            }
            is_lost |= matches!(client.take(record), Taken::Another(_));
            all.extend(told(&mut client, reads));
        }
        // Then it has ended.
        prop_assume!(!is_lost);
        let cells = memory();
        let mut here = Channel::open(&cells, false, true).unwrap();
        let mut there = Channel::open(&cells, true, true).unwrap();
        let mut store = Memory::new();
        let mut server = Server::new(disk(3), &mut store);
        client.begin();
        for _ in 0..20 {
            client_turn(&mut client, &mut here);
            server_turn(&mut server, &mut there);
        }
        all.extend(told(&mut client, reads));
        let mut cookies: Vec<u64> = all.iter().map(|(cookie, ..)| *cookie).collect();
        cookies.sort_unstable();
        prop_assert_eq!(cookies, [1, 2, 3, 4]);
    }
}
