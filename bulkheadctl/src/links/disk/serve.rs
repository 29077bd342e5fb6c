//! The side that has the disk: it answers for as long as it runs.

use std::path::Path;

use bulkhead_blocks::{MOST_RECORD, Server, Store};
use bulkhead_rings::{Channel, MOST_BYTES, Need, State};

use super::file;
use crate::inside::link::Trouble;
use crate::links::post::Post;
use crate::links::{Half, find};

/// Requests in one direction before the other one is looked at.
const TURN: usize = 64;

/// Serves a file or a block device to the partition at the other end.
///
/// # Errors
/// A sentence says why not.
pub fn serve(peer: &str, path: &Path, is_read_only: bool) -> Result<(), Trouble> {
    let end = find::to(peer, None)?;
    let (disk, kept) = file::open(path, is_read_only)?;
    let name = path.display().to_string();
    let mut post = Post::open(&end, Half::Disk, &name)?;
    let kind = if is_read_only { ", read-only" } else { "" };
    eprintln!("{name}: {} bytes for {peer}{kind}", disk.size);
    let mut serving = Serving::new(Server::new(disk, kept));
    let mut strange = 0;
    loop {
        let state = post.poll();
        let (is_moved, need) = serving.round(state, &mut post.channel);
        if serving.server.strange() > strange {
            strange = serving.server.strange();
            if strange.is_power_of_two() {
                eprintln!("{peer} has asked for what can't be, {strange} times by now");
            }
        }
        post.settle(is_moved, need, &[]);
    }
}

struct Serving<S> {
    server: Server<S>,
    record: Vec<u8>,
}

impl<S: Store> Serving<S> {
    fn new(server: Server<S>) -> Self {
        let record = vec![0; MOST_BYTES];
        Self { server, record }
    }

    /// Answers what there is: whether there was anything, and what the next round needs.
    fn round(&mut self, state: State, channel: &mut Channel<'_>) -> (bool, Need) {
        // Who has seen this side begin may sleep already.
        let mut is_moved = state == State::Begun && channel.send(&[&self.server.disk().record()]);
        for _ in 0..TURN {
            // What is taken has to be answered.
            if !channel.has_room(MOST_RECORD) {
                return (is_moved, Need::Room(MOST_RECORD));
            }
            let Some(length) = channel.receive(&mut self.record) else {
                break;
            };
            is_moved = true;
            if let Some(answer) = self.server.serve(&self.record[..length]) {
                channel.send(&[answer]);
            }
        }
        (is_moved, Need::Record)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use bulkhead_blocks::wire::{Disk, Request, What};

    use super::*;

    /// Has nothing but its size.
    struct Nothing;

    impl Store for Nothing {
        fn read(&mut self, _: u64, _: &mut [u8]) -> Result<(), u32> {
            Ok(())
        }

        fn write(&mut self, _: u64, _: &[u8]) -> Result<(), u32> {
            Ok(())
        }

        fn flush(&mut self) -> Result<(), u32> {
            Ok(())
        }

        fn trim(&mut self, _: u64, _: u64) -> Result<(), u32> {
            Ok(())
        }
    }

    fn serving() -> Serving<Nothing> {
        let disk = Disk {
            size: 1 << 20,
            is_read_only: false,
            which: 1,
            run: [1; 16],
        };
        Serving::new(Server::new(disk, Nothing))
    }

    /// Each ring has room for two of the longest records.
    fn memory() -> Vec<AtomicU64> {
        (0..41_000).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn a_server_whose_answers_are_not_taken_sleeps() {
        let cells = memory();
        let mut here = Channel::open(&cells, false, true).unwrap();
        let mut there = Channel::open(&cells, true, true).unwrap();
        let mut serving = serving();
        let mut round = |there: &mut Channel<'_>| {
            let state = there.poll();
            serving.round(state, there)
        };
        let mut is_begun = false;
        for _ in 0..3 {
            here.poll();
            is_begun |= round(&mut there).0;
        }
        assert!(here.receive(&mut [0; 64]).is_some(), "it tells of its disk");
        assert!(is_begun, "and rings for who waits for that");
        let read = Request {
            what: Some(What::Read),
            tag: 1,
            offset: 0,
            length: 64 << 10,
        };
        while here.send(&[&read.record()]) {}
        assert!(round(&mut there).0);
        let (is_moved, need) = round(&mut there);
        assert!(!is_moved && there.has(Need::Record));
        there.doze();
        assert!(!there.has(need), "it looks again and again: {need:?}");
        // Once they are taken it goes on.
        let mut into = vec![0; MOST_BYTES];
        while here.receive(&mut into).is_some() {}
        assert!(there.has(need) && round(&mut there).0);
    }
}
