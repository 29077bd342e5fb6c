//! A disk of the other partition as a block device of this Linux, by its driver nbd, whose socket is this
//! program's.

mod file;
mod serve;

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
            if self.client.has_left() {
                return self.leave();
            }
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, !self.client.room().is_empty());
            wanted.set(PollFlags::OUT, !self.client.output().is_empty());
            let socket: (&dyn AsFd, PollFlags) = (&self.socket, wanted);
            // Before the driver has the other end there is nothing to hear.
            let files = if self.running.is_some() {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use bulkhead_blocks::MOST_DATA;
    use bulkhead_blocks::wire::REQUEST_BYTES;
    use bulkhead_rings::Channel;

    use super::*;
    use crate::links::post::tests::pair;

    #[test]
    fn requests_that_wait_for_room_go_on_when_there_is_some() {
        let (mut user, mut peer, _driver) = user();
        // It is known of already.
        let disk = Disk {
            size: 1 << 20,
            is_read_only: false,
            which: 1,
            run: [1; 16],
        };
        assert_eq!(user.client.take(&disk.record()), Taken::Disk(disk));
        while !user.client.room().is_empty() {
            let room = user.client.room();
            // A write's header, then its data.
            let length = (1_u32 << 20).to_be_bytes();
            let header = [0x25, 0x60, 0x95, 0x13, 0, 0, 0, 1];
            let header = [&header[..], &[0; 16], &length].concat();
            let taken = room.len().min(header.len());
            room[..taken].copy_from_slice(&header[..taken]);
            let taken = room.len();
            user.client.filled(taken);
        }
        while user.ask() {}
        assert_eq!(user.need(), Need::Either(REQUEST_BYTES + MOST_DATA));
        let mut into = vec![0; MOST_BYTES];
        while peer.receive(&mut into).is_some() {}
        assert!(!peer.is_waited_for());
        user.post.channel.doze();
        let need = user.need();
        assert!(user.post.channel.has(need) && user.ask());
    }

    #[test]
    fn the_first_free_device_is_taken() {
        let folder = std::env::temp_dir().join(format!("bulkhead-nbd-{}", std::process::id()));
        let make = |name: &str| fs::create_dir_all(folder.join(name)).unwrap();
        make("sda");
        let said = format!("{:?}", free(&folder));
        assert!(said.contains("modprobe nbd"), "{said}");
        make("nbd0/pid");
        let said = format!("{:?}", free(&folder));
        assert!(said.contains("in use"), "{said}");
        make("nbd1");
        make("nbd2");
        assert_eq!(free(&folder).unwrap(), Path::new("/dev/nbd1"));
        fs::remove_dir_all(&folder).unwrap();
    }

    /// One, the other side, and the driver's end of its socket.
    fn user() -> (User, Channel<'static>, UnixStream) {
        let (post, peer) = pair();
        let (socket, driver) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let user = User {
            post,
            client: Client::new(),
            name: String::from("disk"),
            device: File::open("/dev/null").unwrap(),
            socket,
            drivers: None,
            running: None,
            is_read_only: false,
        };
        (user, peer, driver)
    }
}
