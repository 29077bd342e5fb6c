//! Rings in memory that another Linux writes, too, and what is said of a disk over them.

use std::sync::atomic::{AtomicU64, Ordering};

use bulkhead_blocks::wire::Disk;
use bulkhead_blocks::{Client, SECTOR, Server, Store, Taken};
use bulkhead_rings::{Channel, MOST_BYTES};

use crate::Target;
use crate::bytes::{self, Plan};

pub(crate) const TARGETS: [Target; 2] = [
    Target {
        name: "rings",
        most: 1024,
        run: rings,
        seeds: || {
            vec![
                vec![1, 2, 9, 0, 3, 20, 0, 0, 32, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 4],
                vec![1, 1, 2, 200, 0, 3, 200, 0],
            ]
        },
    },
    Target {
        name: "blocks",
        most: 1024,
        run: blocks,
        seeds: || {
            let lie = [&[1][..], &bytes::piece(&DISK.record())].concat();
            let read = vec![4, 3, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 5];
            let write = vec![3, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5];
            vec![lie, read, write]
        },
    },
];

/// Words that are enough for rings of about two and a half of the longest records.
const WORDS: usize = 41_000;

/// A liar's words between what the honest side does; an honest peer that comes afterwards is served.
fn rings(bytes: &[u8]) {
    let cells: Vec<AtomicU64> = (0..WORDS).map(|_| AtomicU64::new(0)).collect();
    let open = |is_second| Channel::open(&cells, is_second, !is_second).expect("it has room");
    let (mut honest, mut peer) = (open(false), open(true));
    meet(&mut honest, &mut peer);
    let most = vec![1; MOST_BYTES + 10];
    let mut into = vec![0; MOST_BYTES];
    let mut plan = Plan(bytes);
    while !plan.is_over() {
        match plan.u8() % 6 {
            // Mostly in the blocks at the beginning.
            0 => cells[plan.below(80)].store(plan.u64(), Ordering::Relaxed),
            5 => cells[plan.below(WORDS)].store(plan.u64(), Ordering::Relaxed),
            1 => drop(honest.poll()),
            2 => drop(honest.send(&[&most[..plan.below(MOST_BYTES + 10)]])),
            3 => {
                let length = plan.below(MOST_BYTES);
                let taken = honest.receive(&mut into[..length]);
                assert!(taken.is_none_or(|taken| taken <= length));
            }
            _ => {
                honest.doze();
                honest.is_waited_for();
                honest.wake();
            }
        }
    }
    let mut peer = open(true);
    meet(&mut honest, &mut peer);
    assert!(honest.is_up() && peer.is_up());
    assert!(honest.send(&[b"still here"]));
    assert_eq!(peer.receive(&mut into), Some(10));
    assert_eq!(&into[..10], b"still here");
}

fn meet(first: &mut Channel<'_>, second: &mut Channel<'_>) {
    for _ in 0..4 {
        second.poll();
        first.poll();
    }
}

/// Small, so that requests reach its end.
const SIZE: usize = 32 << 10;
const DISK: Disk = Disk {
    size: SIZE as u64,
    is_read_only: false,
    which: 7,
    run: [1; 16],
};

/// It indexes: whatever is beyond the disk is a finding.
struct Memory(Vec<u8>);

impl Memory {
    fn at(&mut self, offset: u64, length: usize) -> &mut [u8] {
        let start = usize::try_from(offset).expect("it is on the disk");
        &mut self.0[start..start + length]
    }
}

impl Store for Memory {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), u32> {
        into.copy_from_slice(self.at(offset, into.len()));
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), u32> {
        self.at(offset, data.len()).copy_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), u32> {
        Ok(())
    }

    fn trim(&mut self, offset: u64, length: u64) -> Result<(), u32> {
        let length = usize::try_from(length).expect("it is on the disk");
        self.at(offset, length).fill(0);
        Ok(())
    }
}

/// A disk's server, its client and that one's kernel, each of which is told lies; an honest server that comes
/// afterwards answers all that was asked for.
fn blocks(bytes: &[u8]) {
    let mut server = Server::new(DISK, Memory(vec![0; SIZE]));
    let mut client = Client::new();
    let mut plan = Plan(bytes);
    while !plan.is_over() {
        match plan.u8() % 6 {
            0 => drop(server.serve(plan.piece()).map(<[u8]>::to_vec)),
            1 => drop(client.take(plan.piece())),
            2 => say(&mut client, plan.piece()),
            3 => say(&mut client, &asked(&mut plan)),
            4 => {
                client.begin();
                client.take(&DISK.record());
            }
            _ => drop(cross(&mut client, &mut server)),
        }
        let told = client.output().len();
        client.written(told);
    }
    client.begin();
    if matches!(client.take(&DISK.record()), Taken::Another(_)) {
        // A liar came first, with a disk of its own: nothing is asked of this one.
        assert!(client.to_send().is_none());
        return;
    }
    while let Some(taken) = cross(&mut client, &mut server) {
        assert_eq!(taken, Taken::Answer);
    }
    assert_eq!(client.waiting(), 0);
}

/// What a kernel may ask for, of any place: the protocol's numbers are big-endian.
fn asked(plan: &mut Plan<'_>) -> Vec<u8> {
    let what = u16::from(plan.u8() % 8);
    let offset = if plan.u8().is_multiple_of(4) {
        plan.u64()
    } else {
        u64::from(plan.u8()) * SECTOR / 2
    };
    let length = u32::from(plan.u16()) * 256;
    let mut bytes = 0x2560_9513_u32.to_be_bytes().to_vec();
    bytes.extend([0; 2]);
    bytes.extend(what.to_be_bytes());
    bytes.extend([3; 8]);
    bytes.extend(offset.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    if what == 1 {
        bytes.resize(bytes.len() + length as usize, 0x5a);
    }
    bytes
}

/// The kernel's bytes, as far as the client takes them now.
fn say(client: &mut Client, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let room = client.room();
        let count = room.len().min(bytes.len());
        if count == 0 {
            break;
        }
        room[..count].copy_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        client.filled(count);
    }
}

/// A record to the server, and its answer.
fn cross(client: &mut Client, server: &mut Server<Memory>) -> Option<Taken> {
    let (header, data) = client.to_send()?;
    let record = [&header[..], data].concat();
    client.sent();
    let answer = server.serve(&record).expect("it is a request");
    Some(client.take(answer))
}
