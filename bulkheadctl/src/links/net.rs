//! A network of two: frames of a TAP interface here come out of one there.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

use bulkhead_rings::{MOST_BYTES, Need};
use bulkhead_tables::link::Told;
use rustix::event::PollFlags;

use super::post::Post;
use super::{Half, find};
use crate::inside::link::Trouble;

/// Frames in one direction before the other one is looked at.
const TURN: usize = 64;
/// Bytes of an interface's name.
const MOST_NAME: usize = 15;

/// Makes the interface and passes frames until it is taken away. `name` is the interface's; without it
/// `bh-` and the other partition's.
///
/// # Errors
/// A sentence says why not.
pub fn run(peer: &str, name: Option<&str>) -> Result<(), Trouble> {
    let end = find::to(peer, None)?;
    let name = name.map_or_else(|| interface(peer), String::from);
    let post = Post::open(&end, Half::Net, &name)?;
    let tap =
        bulkheadctl_rim::tap(&name, hardware_address(&end.told)).map_err(|error| {
            match error.kind() {
                ErrorKind::NotFound => Trouble::Missing(String::from(
                    "there is no /dev/net/tun (accepted: modprobe tun)",
                )),
                ErrorKind::InvalidInput => Trouble::Usage(format!(
                    "{name:?} can't be an interface (accepted: 1-{MOST_NAME} bytes)"
                )),
                _ => Trouble::Missing(format!("interface {name}: {error}")),
            }
        })?;
    let frame = vec![0; MOST_BYTES];
    let error = Net { post, tap, frame }.pass();
    Err(Trouble::Missing(format!("interface {name}: {error}")))
}

fn interface(peer: &str) -> String {
    let mut name = format!("bh-{peer}");
    name.truncate(MOST_NAME);
    name
}

/// The same at each run, so that what the other side keeps of it (ARP) stays true: locally administered,
/// of the names of both, and with a last bit that tells the two apart.
fn hardware_address(told: &Told) -> [u8; 6] {
    // FNV-1a, of what a name can't have between them.
    let text = told.names.iter().flat_map(|name| name.bytes().chain([0]));
    let hash = text.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [a, b, c, d] = hash.to_be_bytes();
    [0x02, 0xb1, a, b, c, d & !1 | u8::from(told.is_second)]
}

struct Net {
    post: Post,
    tap: File,
    frame: Vec<u8>,
}

impl Net {
    /// Until the interface is gone.
    fn pass(&mut self) -> std::io::Error {
        loop {
            self.post.poll();
            let is_moved = match self.outward() {
                Ok(moved) => self.inward() || moved,
                Err(error) => return error,
            };
            // While the other one is not there or has no room frames wait.
            let has_room = self.post.channel.has_room(MOST_BYTES);
            let tap: (&dyn AsFd, PollFlags) = (&self.tap, PollFlags::IN);
            let files = if has_room { &[tap][..] } else { &[] };
            self.post.settle(is_moved, Need::Record, files);
        }
    }

    /// From the interface to the other side; whether there was anything.
    fn outward(&mut self) -> std::io::Result<bool> {
        for turn in 0..TURN {
            if !self.post.channel.has_room(MOST_BYTES) {
                return Ok(turn > 0);
            }
            match self.tap.read(&mut self.frame) {
                Ok(length) => {
                    self.post.channel.send(&[&self.frame[..length]]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(turn > 0),
                // The interface is down.
                Err(error) if error.raw_os_error() == Some(5) => return Ok(turn > 0),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// From the other side to the interface; whether there was anything.
    fn inward(&mut self) -> bool {
        for turn in 0..TURN {
            let Some(length) = self.post.channel.receive(&mut self.frame) else {
                return turn > 0;
            };
            // What the interface does not take, because it is down or the frame is none, is lost.
            let _ = self.tap.write(&self.frame[..length]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_link_and_all_links_have_addresses_of_their_own() {
        let address = |names: [&str; 2], is_second| {
            hardware_address(&Told {
                window: (0, 0),
                names: names.map(String::from),
                is_second,
            })
        };
        let all = [
            address(["one", "two"], false),
            address(["two", "one"], true),
            address(["one", "three"], false),
            address(["onet", "wo"], false),
        ];
        for (nth, one) in all.iter().enumerate() {
            assert_eq!(one[0] & 3, 2, "locally administered, and of one interface");
            assert!(!all[..nth].contains(one), "{all:x?}");
        }
        assert_eq!(all[0], address(["one", "two"], false));
    }
}
