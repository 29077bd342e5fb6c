//! A disk in memory, a kernel that asks, and a channel between.

use std::sync::atomic::AtomicU64;

use bulkhead_blocks::wire::Disk;
use bulkhead_blocks::{Client, MOST_RECORD, Server, Store, Taken};
use bulkhead_rings::{Channel, MOST_BYTES, State};

pub(crate) const SIZE: usize = 1 << 20;

pub(crate) fn memory() -> Vec<AtomicU64> {
    (0..41_000).map(|_| AtomicU64::new(0)).collect()
}

pub(crate) fn disk(run: u8) -> Disk {
    Disk {
        size: SIZE as u64,
        is_read_only: false,
        which: 7,
        run: [run; 16],
    }
}

/// A disk whose changes are gone at the end of a run unless they were flushed; it panics when it is asked beyond
/// its end.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) now: Vec<u8>,
    pub(crate) safe: Vec<u8>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            now: vec![0; SIZE],
            safe: vec![0; SIZE],
        }
    }

    /// Its Linux begins again.
    pub(crate) fn crash(&mut self) {
        self.now.clone_from(&self.safe);
    }
}

impl Store for &mut Memory {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), u32> {
        into.copy_from_slice(&self.now[offset as usize..][..into.len()]);
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), u32> {
        self.now[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), u32> {
        self.safe.clone_from(&self.now);
        Ok(())
    }

    fn trim(&mut self, offset: u64, length: u64) -> Result<(), u32> {
        self.now[offset as usize..][..length as usize].fill(0);
        Ok(())
    }
}

/// A request as Linux's driver writes it.
pub(crate) fn ask(cookie: u64, what: u16, offset: u64, length: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = 0x2560_9513_u32.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&what.to_be_bytes());
    bytes.extend_from_slice(&cookie.to_be_bytes());
    bytes.extend_from_slice(&offset.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// Gives the client what the kernel says, in pieces of that many bytes; how much it took.
pub(crate) fn give(client: &mut Client, bytes: &[u8], piece: usize) -> usize {
    let mut given = 0;
    while given < bytes.len() {
        let room = client.room();
        let take = room.len().min(piece).min(bytes.len() - given);
        if take == 0 {
            break;
        }
        room[..take].copy_from_slice(&bytes[given..given + take]);
        client.filled(take);
        given += take;
    }
    given
}

/// What the kernel is told: the cookie, the error, and the data of reads, whose lengths are known to `of`.
pub(crate) fn told(client: &mut Client, of: impl Fn(u64) -> usize) -> Vec<(u64, u32, Vec<u8>)> {
    let bytes = client.output().to_vec();
    client.written(bytes.len());
    let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
    while !rest.is_empty() {
        assert_eq!(rest[..4], 0x6744_6698_u32.to_be_bytes());
        let error = u32::from_be_bytes(rest[4..8].try_into().unwrap());
        let cookie = u64::from_be_bytes(rest[8..16].try_into().unwrap());
        let data = if error == 0 { of(cookie) } else { 0 };
        all.push((cookie, error, rest[16..16 + data].to_vec()));
        rest = &rest[16 + data..];
    }
    all
}

/// The client's side, once.
pub(crate) fn client_turn(client: &mut Client, channel: &mut Channel<'_>) -> Vec<Taken> {
    if channel.poll() == State::Begun {
        client.begin();
    }
    while let Some((header, data)) = client.to_send() {
        if !channel.send(&[&header, data]) {
            break;
        }
        client.sent();
    }
    let (mut into, mut all) = (vec![0; MOST_BYTES], Vec::new());
    while let Some(length) = channel.receive(&mut into) {
        all.push(client.take(&into[..length]));
    }
    all
}

/// The server's side, once.
pub(crate) fn server_turn<S: Store>(server: &mut Server<S>, channel: &mut Channel<'_>) {
    server_turn_of(server, channel, usize::MAX);
}

/// The same, for so many requests at most.
pub(crate) fn server_turn_of<S: Store>(
    server: &mut Server<S>,
    channel: &mut Channel<'_>,
    most: usize,
) {
    if channel.poll() == State::Begun {
        assert!(channel.send(&[&server.disk().record()]));
    }
    let mut into = vec![0; MOST_BYTES];
    for _ in 0..most {
        if !channel.has_room(MOST_RECORD) {
            return;
        }
        let Some(length) = channel.receive(&mut into) else {
            return;
        };
        if let Some(answer) = server.serve(&into[..length]) {
            channel.send(&[answer]);
        }
    }
}
