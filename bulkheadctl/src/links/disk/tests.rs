//! Which device is taken, and what becomes of it while the other side does nothing.

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
    fill(&mut user.client);
    while user.ask() {}
    assert_eq!(user.need(), Need::Either(REQUEST_BYTES + MOST_DATA));
    let mut into = vec![0; MOST_BYTES];
    while peer.receive(&mut into).is_some() {}
    assert!(!peer.is_waited_for());
    user.post.channel.doze();
    let need = user.need();
    assert!(user.post.channel.has(need) && user.ask());
}

/// The other side is not there, and as much is kept of requests as there is room for.
#[test]
fn a_device_that_was_detached_ends_though_nothing_is_read_of_it() {
    let (mut user, _peer, driver) = user();
    fill(&mut user.client);
    user.running = Some(std::thread::spawn(move || {
        drop(driver);
        Ok(())
    }));
    let (say, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || say.send(user.run()));
    let ended = hear.recv_timeout(std::time::Duration::from_secs(10));
    assert_eq!(ended, Ok(Ok(())));
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

/// Writes, until there is no room for any more.
fn fill(client: &mut Client) {
    let length = (1_u32 << 20).to_be_bytes();
    let header = [0x25, 0x60, 0x95, 0x13, 0, 0, 0, 1];
    let header = [&header[..], &[0; 16], &length].concat();
    while !client.room().is_empty() {
        // A header, then its data.
        let room = client.room();
        let taken = room.len().min(header.len());
        room[..taken].copy_from_slice(&header[..taken]);
        let taken = room.len();
        client.filled(taken);
    }
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
