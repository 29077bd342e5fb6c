//! This Linux's side of a channel over half of a link: rings, sleeps, and tells what becomes of the other side.

use std::fs::File;
use std::os::fd::AsFd;

use bulkhead_rings::{Channel, Need, State};
use bulkheadctl_rim::Tracepoint;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FlockOperation, flock};

use super::bell::{Bell, hear};
use super::find::End;
use super::rest::Rest;
use super::{Half, map};
use crate::inside::link::Trouble;

#[derive(Debug)]
pub(super) struct Post {
    pub(super) channel: Channel<'static>,
    peer: String,
    bell: Option<Bell>,
    ear: Option<Tracepoint>,
    rest: Rest,
    /// Those that were told of.
    lies: u64,
    /// Held by one program for each half.
    _lock: File,
}

impl Post {
    /// Begins; says on standard error, after `name`, what it has to do without.
    pub(super) fn open(end: &End, half: Half, name: &str) -> Result<Self, Trouble> {
        let lock = lock(end, half)?;
        let peer = end.peer().to_string();
        let cells = map(end, half)?;
        let bell = Bell::new(&peer, half.interrupt());
        let ear = hear(end, half.interrupt());
        let channel = Channel::open(cells, end.told.is_second, bell.is_some());
        let channel =
            channel.ok_or_else(|| Trouble::Missing(String::from("the link is too small")))?;
        eprintln!("{name}: link to {peer}, {}", end.address);
        if let Err(why) = &ear {
            eprintln!("{name}: looks up by itself, as this Linux hears no interrupt ({why})");
        }
        if bell.is_none() {
            eprintln!(
                "{name}: can't wake {peer}, which looks up by itself (accepted: mount efivarfs)"
            );
        }
        Ok(Self {
            channel,
            peer,
            bell,
            ear: ear.ok(),
            rest: Rest::new(),
            lies: 0,
            _lock: lock,
        })
    }

    /// Looks what became of the other side, at the beginning of each round.
    pub(super) fn poll(&mut self) -> State {
        let state = self.channel.poll();
        if state == State::Begun {
            eprintln!("{} is there", self.peer);
        }
        state
    }

    /// At the end of a round in which something was moved or nothing: rings or sleeps until there is what the
    /// next one needs of the other side, or one of these files.
    pub(super) fn settle(&mut self, is_moved: bool, need: Need, files: &[(&dyn AsFd, PollFlags)]) {
        if self.channel.lies() > self.lies {
            self.lies = self.channel.lies();
            if self.lies.is_power_of_two() {
                let (peer, lies) = (&self.peer, self.lies);
                eprintln!("{peer} has written what can't be, {lies} times by now: begun anew");
            }
        }
        if is_moved {
            self.rest.busy();
            self.ring();
        } else if self.rest.is_tired() {
            self.channel.doze();
            if !self.channel.has(need) {
                self.sleep(files);
            }
            self.channel.wake();
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

    fn sleep(&mut self, files: &[(&dyn AsFd, PollFlags)]) {
        // A beginning is not rung for.
        let is_rung = self.channel.is_up() && self.channel.is_rung();
        let ear = self.ear.as_ref();
        let ears = ear.map(|ear| PollFd::from_borrowed_fd(ear.as_fd(), PollFlags::IN));
        let files = files.iter();
        let files = files.map(|(file, flags)| PollFd::from_borrowed_fd(file.as_fd(), *flags));
        let mut all: Vec<PollFd<'_>> = files.chain(ears).collect();
        self.rest.sleep(&mut all, is_rung && self.ear.is_some());
    }
}

/// What two programs of this Linux can't have at once.
fn lock(end: &End, half: Half) -> Result<File, Trouble> {
    let file = match half {
        Half::Net => "config",
        Half::Disk => "resource",
    };
    let path = format!("/sys/bus/pci/devices/{}/{file}", end.address);
    let open = File::open(&path).map_err(|error| Trouble::Missing(format!("{path}: {error}")))?;
    flock(&open, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        let peer = end.peer();
        Trouble::Missing(format!(
            "another bulkheadctl of this Linux does that with {peer} already (accepted: one)"
        ))
    })?;
    Ok(open)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A post, and the other side; both have seen each other. Each ring has room for two of the longest records.
    pub(in crate::links) fn pair() -> (Post, Channel<'static>) {
        let cells: Vec<AtomicU64> = (0..41_000).map(|_| AtomicU64::new(0)).collect();
        let cells = cells.leak();
        let channel = Channel::open(cells, false, true).expect("it has room");
        let mut post = Post {
            channel,
            peer: String::from("peer"),
            bell: None,
            ear: None,
            rest: Rest::new(),
            lies: 0,
            _lock: File::open("/dev/null").expect("there is one"),
        };
        let mut peer = Channel::open(cells, true, true).expect("it has room");
        for _ in 0..3 {
            post.poll();
            peer.poll();
        }
        (post, peer)
    }
}
