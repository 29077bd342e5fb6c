//! A network of two: frames of a TAP interface here come out of one there.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

use bulkhead_rings::{Channel, MOST_BYTES, State};
use bulkhead_tables::link::Told;
use bulkheadctl_rim::Tracepoint;
use rustix::event::{PollFd, PollFlags};

use super::bell::{Bell, hear};
use super::rest::Rest;
use super::{Half, find, map};
use crate::inside::link::Trouble;

/// Frames in one direction before the other one is looked at.
const TURN: usize = 64;
/// Which of the interrupts of a link.
const RING: usize = 0;
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
    let cells = map(&end, Half::Net)?;
    let bell = Bell::new(peer, RING);
    let ear = hear(&end, RING);
    let channel = Channel::open(cells, end.told.is_second, bell.is_some());
    let channel = channel.ok_or_else(|| Trouble::Missing(String::from("the link is too small")))?;
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
    eprintln!("{name}: link to {peer}, {}", end.address);
    if let Err(why) = &ear {
        eprintln!("{name}: looks up by itself, as this Linux hears no interrupt ({why})");
    }
    if bell.is_none() {
        eprintln!("{name}: can't wake {peer}, which looks up by itself (accepted: mount efivarfs)");
    }
    let error = Net {
        channel,
        tap,
        frame: vec![0; MOST_BYTES],
        bell,
        ear: ear.ok(),
    }
    .pass(peer);
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
    channel: Channel<'static>,
    tap: File,
    frame: Vec<u8>,
    bell: Option<Bell>,
    ear: Option<Tracepoint>,
}

impl Net {
    /// Until the interface is gone.
    fn pass(&mut self, peer: &str) -> std::io::Error {
        let mut rest = Rest::new();
        let mut lies = 0;
        loop {
            match self.channel.poll() {
                State::Begun => eprintln!("{peer} is there"),
                State::Up | State::Down => {}
            }
            let moved = match self.outward() {
                Ok(moved) => self.inward() || moved,
                Err(error) => return error,
            };
            if self.channel.lies() > lies {
                lies = self.channel.lies();
                if lies.is_power_of_two() {
                    eprintln!("{peer} has written what can't be, {lies} times by now: begun anew");
                }
            }
            if moved {
                rest.busy();
                self.ring();
            } else if rest.is_tired() {
                self.channel.doze();
                self.sleep(&mut rest);
                self.channel.wake();
            }
        }
    }

    /// Wakes the other side, if it waits.
    fn ring(&mut self) {
        if self.channel.is_waited_for()
            && let Some(bell) = &mut self.bell
        {
            bell.ring();
        }
    }

    /// Until there is something to do, or it is time to look up.
    fn sleep(&mut self, rest: &mut Rest) {
        if self.channel.has_more() {
            return;
        }
        let is_open = self.channel.has_room(MOST_BYTES);
        // A beginning is not rung for.
        let is_rung = self.channel.is_up() && self.channel.is_rung();
        let file = |file| PollFd::from_borrowed_fd(file, PollFlags::IN);
        // While the other one is not there or has no room frames wait.
        let tap = is_open.then(|| file(self.tap.as_fd()));
        let ear = self.ear.as_ref().map(|ear| file(ear.as_fd()));
        let mut files: Vec<PollFd<'_>> = tap.into_iter().chain(ear).collect();
        rest.sleep(&mut files, is_rung && self.ear.is_some());
    }

    /// From the interface to the other side; whether there was anything.
    fn outward(&mut self) -> std::io::Result<bool> {
        for turn in 0..TURN {
            if !self.channel.has_room(MOST_BYTES) {
                return Ok(turn > 0);
            }
            match self.tap.read(&mut self.frame) {
                Ok(length) => {
                    self.channel.send(&[&self.frame[..length]]);
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
            let Some(length) = self.channel.receive(&mut self.frame) else {
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
