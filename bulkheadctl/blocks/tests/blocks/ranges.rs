//! What may be asked for, and what goes through when all are honest.

use bulkhead_blocks::wire::{Answer, Disk, Request, What};
use bulkhead_blocks::{Client, MOST_DATA, Server};
use bulkhead_rings::Channel;

use crate::common::{Memory, SIZE, ask, client_turn, disk, give, memory, server_turn, told};

const END: u64 = SIZE as u64;

/// The error that a request is answered with.
fn error(disk: Disk, request: Request, data: &[u8]) -> u32 {
    let mut memory = Memory::new();
    let mut server = Server::new(disk, &mut memory);
    let record = [&request.record()[..], data].concat();
    let answer = server.serve(&record).expect("it is a request");
    let (answer, _) = Answer::read(answer).expect("it is an answer");
    assert_eq!(answer.tag, request.tag);
    answer.error
}

#[test]
fn what_a_server_checks() {
    let request = |what, offset, length| Request {
        what: Some(what),
        tag: 5,
        offset,
        length,
    };
    let most = MOST_DATA as u32;
    let data = vec![1; MOST_DATA + 512];
    let (read, write, flush, trim) = (What::Read, What::Write, What::Flush, What::Trim);
    let table = [
        (read, 0, 512, 0, 0),
        (read, END - 512, 512, 0, 0),
        (read, 0, most, 0, 0),
        (read, 0, most + 512, 0, 22),
        (read, END - 512, 1024, 0, 28),
        (read, END, 512, 0, 28),
        (read, u64::MAX - 511, 512, 0, 28),
        (read, 1, 512, 0, 22),
        (read, 0, 511, 0, 22),
        (read, 0, 0, 0, 22),
        (read, 0, 512, 512, 22),
        (write, 0, 512, 512, 0),
        (write, 0, 512, 511, 22),
        (write, 0, 512, 0, 22),
        (write, END - 512, 1024, 1024, 28),
        (write, 0, most + 512, most + 512, 22),
        (flush, 0, 0, 0, 0),
        (flush, 512, 0, 0, 22),
        (flush, 0, 512, 0, 22),
        (trim, 0, SIZE as u32, 0, 0),
        (trim, 512, SIZE as u32, 0, 28),
        (trim, 0, 0xffff_fe00, 0, 28),
        (trim, 0, 512, 512, 22),
    ];
    for (what, offset, length, bytes, wanted) in table {
        let request = request(what, offset, length);
        let data = &data[..bytes as usize];
        assert_eq!(error(disk(1), request, data), wanted, "{request:?}");
    }
    let nobodys = Request {
        what: None,
        ..request(read, 0, 512)
    };
    assert_eq!(error(disk(1), nobodys, &[]), 22);
    let only = Disk {
        is_read_only: true,
        ..disk(1)
    };
    assert_eq!(error(only, request(write, 0, 512), &data[..512]), 1);
    assert_eq!(error(only, request(trim, 0, 512), &[]), 1);
    assert_eq!(error(only, request(read, 0, 512), &[]), 0);
    let mut memory = Memory::new();
    let mut server = Server::new(disk(1), &mut memory);
    assert_eq!(server.serve(b"what?"), None);
    assert_eq!(server.serve(&Answer { tag: 1, error: 0 }.record()), None);
}

#[test]
fn a_disk_that_can_not_be_is_none() {
    assert_eq!(Disk::read(&disk(3).record()), Some(disk(3)));
    for size in [0, 511, 513, 1 << 63, u64::MAX] {
        let record = Disk { size, ..disk(3) }.record();
        assert_eq!(Disk::read(&record), None, "{size}");
    }
    let record = disk(3).record();
    assert_eq!(Disk::read(&record[..47]), None);
    assert_eq!(Disk::read(&[&record[..], b"x"].concat()), None);
    for byte in [0, 4, 17, 20] {
        let mut record = record;
        record[byte] ^= 0x10;
        assert_eq!(Disk::read(&record), None, "{byte}");
    }
}

#[test]
fn requests_of_every_kind_go_through() {
    let cells = memory();
    let mut here = Channel::open(&cells, false, true).unwrap();
    let mut there = Channel::open(&cells, true, true).unwrap();
    let mut memory = Memory::new();
    let mut server = Server::new(disk(1), &mut memory);
    let mut client = Client::new();
    let bytes: Vec<u8> = (0..300_032)
        .map(|i: usize| (i * 7 + i / 256) as u8)
        .collect();
    let mut kernel = ask(1, 1, 1024, 300_032, &bytes);
    // A request that this protocol does not have.
    kernel.extend(ask(4, 6, 0, 512, &[]));
    assert_eq!(give(&mut client, &kernel, 1000), kernel.len());
    let mut turns = |client: &mut Client| {
        for _ in 0..20 {
            client_turn(client, &mut here);
            server_turn(&mut server, &mut there);
        }
    };
    turns(&mut client);
    assert_eq!(told(&mut client, |_| 0), [(4, 22, vec![]), (1, 0, vec![])]);
    let mut kernel = ask(2, 4, 1024, 512, &[]);
    kernel.extend(ask(3, 3, 0, 0, &[]));
    give(&mut client, &kernel, 7);
    turns(&mut client);
    let kernel = ask(5, 0, 0, 310_272, &[]);
    give(&mut client, &kernel, 7);
    turns(&mut client);
    let all = told(&mut client, |cookie| if cookie == 5 { 310_272 } else { 0 });
    assert_eq!((all[0].0, all[0].1), (2, 0));
    assert_eq!((all[1].0, all[1].1), (3, 0));
    let mut wanted = vec![0; 310_272];
    wanted[1536..1024 + 300_032].copy_from_slice(&bytes[512..]);
    assert!(all[2] == (5, 0, wanted));
    // Beyond the end, and nobody is asked any more.
    let mut kernel = ask(6, 0, END - 512, 1024, &[]);
    kernel.extend(ask(7, 2, 0, 0, &[]));
    kernel.extend(ask(8, 0, 0, 512, &[]));
    let taken = give(&mut client, &kernel, 28);
    assert_eq!(taken, 56, "nothing is taken after the kernel has left");
    turns(&mut client);
    assert_eq!(told(&mut client, |_| 0), [(6, 28, vec![])]);
    assert!(client.has_left());
}

#[test]
fn who_speaks_otherwise_is_left() {
    let table = [
        vec![0; 28],
        ask(1, 1, 0, 33 << 20, &[]),
        ask(1, 0, 0, u32::MAX, &[]),
    ];
    for kernel in table {
        let mut client = Client::new();
        give(&mut client, &kernel, 28);
        assert!(client.has_left() && client.room().is_empty());
    }
}

#[test]
fn no_more_is_taken_than_can_be_kept() {
    let mut client = Client::new();
    let one = ask(1, 1, 0, 1 << 20, &vec![0; 1 << 20]);
    let taken: usize = (0..100).map(|_| give(&mut client, &one, 1 << 20)).sum();
    assert!((8..10).contains(&(taken >> 20)), "{taken}");
    let mut client = Client::new();
    let flush = ask(1, 3, 0, 0, &[]);
    let taken: usize = (0..100_000).map(|_| give(&mut client, &flush, 28)).sum();
    assert!(taken / 28 < 20_000, "{taken}");
}
