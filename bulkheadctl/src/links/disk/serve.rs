//! The side that has the disk: it answers for as long as it runs.

use std::path::Path;

use bulkhead_blocks::{MOST_RECORD, Server};
use bulkhead_rings::{MOST_BYTES, State};

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
    let mut server = Server::new(disk, kept);
    let mut record = vec![0; MOST_BYTES];
    let mut strange = 0;
    loop {
        if post.poll() == State::Begun {
            post.channel.send(&[&server.disk().record()]);
        }
        let mut is_moved = false;
        for _ in 0..TURN {
            // What is taken has to be answered.
            if !post.channel.has_room(MOST_RECORD) {
                break;
            }
            let Some(length) = post.channel.receive(&mut record) else {
                break;
            };
            is_moved = true;
            if let Some(answer) = server.serve(&record[..length]) {
                post.channel.send(&[answer]);
            }
        }
        if server.strange() > strange {
            strange = server.strange();
            if strange.is_power_of_two() {
                eprintln!("{peer} has asked for what can't be, {strange} times by now");
            }
        }
        post.settle(is_moved, &[]);
    }
}
