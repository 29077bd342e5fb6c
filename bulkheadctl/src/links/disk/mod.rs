//! A disk of the other partition as a block device of this Linux, by its driver nbd, whose socket is this
//! program's.

mod file;
mod serve;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use bulkhead_blocks::wire::Disk;
use bulkhead_blocks::{Client, SECTOR, Taken};
use bulkhead_rings::{MOST_BYTES, Need, State};
use bulkheadctl_rim::nbd;
use rustix::event::PollFlags;

use super::post::Post;
use super::{Half, find};
use crate::inside::link::Trouble;
pub use serve::serve;

/// Records in one direction before the other one is looked at.
const TURN: usize = 64;
const DEVICES: &str = "/sys/block";

/// Makes the other partition's disk a block device for as long as this runs: `device`, or the first one of
/// nbd's that is free.
///
/// # Errors
/// A sentence says why not, or why no longer.
pub fn attach(peer: &str, device: Option<&str>, is_read_only: bool) -> Result<(), Trouble> {
    let end = find::to(peer, None)?;
    let path = match device {
        Some(path) => PathBuf::from(path),
        None => free(Path::new(DEVICES))?,
    };
    let name = path.display().to_string();
    let wrong = |error: std::io::Error| Trouble::Missing(format!("{name}: {error}"));
    let device = OpenOptions::new().read(true).write(true).open(&path);
    let device = device.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Trouble::Missing(format!("there is no {name} (accepted: modprobe nbd)"))
        }
        _ => wrong(error),
    })?;
    let post = Post::open(&end, Half::Disk, &name)?;
    let (ours, drivers) = UnixStream::pair().map_err(wrong)?;
    ours.set_nonblocking(true).map_err(wrong)?;
    nbd::is_on_the_way_of_writes();
    let user = User {
        post,
        client: Client::new(),
        name: name.clone(),
        device,
        socket: ours,
        drivers: Some(drivers),
        running: None,
        is_read_only,
    };
    user.run()
        .map_err(|why| Trouble::Missing(format!("{name}: {why}")))
}

/// The first device that nobody serves.
fn free(folder: &Path) -> Result<PathBuf, Trouble> {
    let all = (0..).map(|number| format!("nbd{number}"));
    let mut there = all.take_while(|name| folder.join(name).exists()).peekable();
    if there.peek().is_none() {
        return Err(Trouble::Missing(String::from(
            "there is no /dev/nbd0 (accepted: modprobe nbd)",
        )));
    }
    let free = there.find(|name| !folder.join(name).join("pid").exists());
    free.map(|name| Path::new("/dev").join(name))
        .ok_or_else(|| {
            Trouble::Missing(String::from(
                "all devices of nbd are in use (accepted: modprobe nbd nbds_max=32)",
            ))
        })
}

struct User {
    post: Post,
    client: Client,
    name: String,
    device: File,
    socket: UnixStream,
    /// The driver's end, until it has it.
    drivers: Option<UnixStream>,
    running: Option<JoinHandle<std::io::Result<()>>>,
    is_read_only: bool,
}

impl User {
    /// Until the device is detached, or its disk is another one.
    fn run(mut self) -> Result<(), String> {
        let mut record = vec![0; MOST_BYTES];
        loop {
            if self.post.poll() == State::Begun {
                self.client.begin();
            }
            let mut is_moved = self.ask();
            for _ in 0..TURN {
                let Some(length) = self.post.channel.receive(&mut record) else {
                    break;
                };
                is_moved = true;
                let taken = self.client.take(&record[..length]);
                self.heed(taken)?;
            }
            let wrong = |error: std::io::Error| error.to_string();
            is_moved |= self.tell().map_err(wrong)?;
            is_moved |= self.hear().map_err(wrong)?;
            let is_detached = self.running.as_ref().is_some_and(JoinHandle::is_finished);
            if self.client.has_left() || is_detached {
                return self.leave();
            }
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, !self.client.room().is_empty());
            wanted.set(PollFlags::OUT, !self.client.output().is_empty());
            let socket: (&dyn AsFd, PollFlags) = (&self.socket, wanted);
            // Before the driver has the other end there is nothing to hear; and one that is hung up would not let
            // this side sleep, though nothing is wanted of it.
            let files = if self.running.is_some() && !wanted.is_empty() {
                &[socket][..]
            } else {
                &[]
            };
            self.post.settle(is_moved, self.need(), files);
        }
    }

    /// To the other side; whether there was anything.
    fn ask(&mut self) -> bool {
        for turn in 0..TURN {
            let Some((header, data)) = self.client.to_send() else {
                return turn > 0;
            };
            if !self.post.channel.send(&[&header, data]) {
                return turn > 0;
            }
            self.client.sent();
        }
        true
    }

    /// What the next round needs of the other side.
    fn need(&self) -> Need {
        match self.client.to_send() {
            Some((header, data)) => Need::Either(header.len() + data.len()),
            None => Need::Record,
        }
    }

    /// What the other side has said.
    fn heed(&mut self, taken: Taken) -> Result<(), String> {
        let name = &self.name;
        match taken {
            Taken::Disk(disk) => self.begin(disk)?,
            Taken::Again => eprintln!("{name}: its disk is there again"),
            Taken::Lost => eprintln!(
                "{name}: its disk is there again after a crash, and may have lost what was not flushed"
            ),
            Taken::Another(_) => {
                return Err(String::from(
                    "the disk is another one now, or of another size",
                ));
            }
            Taken::Answer => {}
            Taken::Strange => eprintln!("{name}: an answer that can't be"),
        }
        Ok(())
    }

    /// The disk is known: the driver is given its end of the socket.
    fn begin(&mut self, disk: Disk) -> Result<(), String> {
        let Some(drivers) = self.drivers.take() else {
            return Ok(());
        };
        let is_read_only = self.is_read_only || disk.is_read_only;
        let blocks = (disk.size / SECTOR, SECTOR);
        let attached = nbd::attach(&self.device, drivers.as_fd(), blocks, is_read_only);
        attached.map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy => String::from("it is in use (accepted: another one)"),
            _ => error.to_string(),
        })?;
        let device = self.device.try_clone().map_err(|error| error.to_string())?;
        // The driver has a hold of its own on its end.
        self.running = Some(std::thread::spawn(move || nbd::run(&device)));
        let kind = if is_read_only { ", read-only" } else { "" };
        eprintln!("{}: {} bytes{kind}", self.name, disk.size);
        Ok(())
    }

    /// To the driver; whether there was anything.
    fn tell(&mut self) -> std::io::Result<bool> {
        let mut is_moved = false;
        while !self.client.output().is_empty() {
            match self.socket.write(self.client.output()) {
                Ok(bytes) => self.client.written(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            is_moved = true;
        }
        Ok(is_moved)
    }

    /// From the driver; whether there was anything.
    fn hear(&mut self) -> std::io::Result<bool> {
        for turn in 0..TURN {
            let room = self.client.room();
            if room.is_empty() {
                return Ok(turn > 0);
            }
            match self.socket.read(room) {
                // Nobody has the other end any more.
                Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
                Ok(bytes) => self.client.filled(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(turn > 0),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The device was detached.
    fn leave(mut self) -> Result<(), String> {
        drop(self.socket);
        match self.running.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}
