//! A network of two: frames of a TAP interface here come out of one there.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

use bulkhead_rings::{MOST_BYTES, Need};
use bulkhead_tables::link::Told;
use rustix::event::PollFlags;

use super::find::End;
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
    let name = match name {
        Some(name) => String::from(name),
        None => interface(peer, &find::ends(None))?,
    };
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
                ErrorKind::ResourceBusy => Trouble::Missing(format!(
                    "interface {name}: it is in use (accepted: another one)"
                )),
                _ => Trouble::Missing(format!("interface {name}: {error}")),
            }
        })?;
    let frame = vec![0; MOST_BYTES];
    let error = Net { post, tap, frame }.pass();
    Err(Trouble::Missing(format!("interface {name}: {error}")))
}

/// Of one that was not named: the same each time, whichever of this Linux's links comes first.
fn interface(peer: &str, links: &[End]) -> Result<String, Trouble> {
    let cut = |peer: &str| {
        let mut name = format!("bh-{peer}");
        name.truncate(MOST_NAME);
        name
    };
    let name = cut(peer);
    let mut others = links.iter().map(End::peer).filter(|other| *other != peer);
    match others.find(|other| cut(other) == name) {
        Some(other) => Err(Trouble::Missing(format!(
            "interface {name}: that would be {other}'s, too (accepted: bulkheadctl net {peer} INTERFACE)"
        ))),
        None => Ok(name),
    }
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
            let (is_moved, need) = match self.round() {
                Ok(round) => round,
                Err(error) => return error,
            };
            let tap: (&dyn AsFd, PollFlags) = (&self.tap, PollFlags::IN);
            let files = if need == Need::Record {
                &[tap][..]
            } else {
                &[]
            };
            self.post.settle(is_moved, need, files);
        }
    }

    /// Both ways once: whether there was anything, and what the next round needs of the other side.
    fn round(&mut self) -> std::io::Result<(bool, Need)> {
        self.post.poll();
        let is_out = self.outward()?;
        let is_moved = self.inward() || is_out;
        // While the other one is not there or has no room frames wait.
        let has_room = self.post.channel.has_room(MOST_BYTES);
        let need = if has_room {
            Need::Record
        } else {
            Need::Either(MOST_BYTES)
        };
        Ok((is_moved, need))
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
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::links::post::tests::pair;

    #[test]
    fn frames_that_wait_for_room_go_on_when_there_is_some() {
        let (post, mut peer) = pair();
        let (tap, other) = UnixDatagram::pair().unwrap();
        tap.set_nonblocking(true).unwrap();
        let tap = File::from(OwnedFd::from(tap));
        let frame = vec![0; MOST_BYTES];
        let mut net = Net { post, tap, frame };
        peer.poll();
        while net.post.channel.has_room(MOST_BYTES) {
            other.send(&[1; 60_000]).unwrap();
            assert!(net.round().unwrap().0);
        }
        other.send(&[2; 60_000]).unwrap();
        let (is_moved, need) = net.round().unwrap();
        assert!(!is_moved, "there is no room");
        // The other side takes all, and has nobody to ring for yet.
        let mut into = vec![0; MOST_BYTES];
        while peer.receive(&mut into).is_some() {}
        assert!(!peer.is_waited_for());
        net.post.channel.doze();
        assert!(net.post.channel.has(need), "it would sleep: {need:?}");
        assert!(net.round().unwrap().0 && peer.receive(&mut into) == Some(60_000));
        assert_eq!(net.round().unwrap().1, Need::Record);
    }

    #[test]
    fn two_links_have_no_interface_of_one_name() {
        let end = |peer: &str| End {
            address: String::from("ff00:00:00.0"),
            told: Told {
                window: (0, 0),
                names: ["one", peer].map(String::from),
                is_second: false,
            },
        };
        let links = ["db", "customer-db-a", "customer-db-b", "customer-logs"].map(end);
        assert_eq!(interface("db", &links).unwrap(), "bh-db");
        assert_eq!(
            interface("customer-logs", &links).unwrap(),
            "bh-customer-log"
        );
        for name in ["customer-db-a", "customer-db-b"] {
            let Err(Trouble::Missing(why)) = interface(name, &links) else {
                panic!("{name} has one");
            };
            let cure = format!("accepted: bulkheadctl net {name} INTERFACE");
            assert!(
                why.contains("customer-db-a") && why.contains("customer-db-b"),
                "{why}"
            );
            assert!(why.contains(&cure), "{why}");
        }
        // The other one is not there.
        assert_eq!(
            interface("customer-db-a", &links[..2]).unwrap(),
            "bh-customer-db-"
        );
    }

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
