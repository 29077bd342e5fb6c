//! `flood INTERFACE FILE`: sends broadcast frames without end, for whoever is on the other side.
//!
//! Each frame's payload is `BULKHEAD-FLOOD-XXXXXXXX-` over and over: a number in hexadecimal that
//! grows with every frame, so that a frame found in some memory says when it was sent. FILE holds
//! how many have been sent, as a decimal number, not older than 64 frames or a tenth of a second.
//! If it is there already, numbers go on well above it.
//! Source: packet(7).

use std::ffi::CString;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// For experiments between neighbours (IEEE 802, local experimental EtherType 1).
const ETHER_TYPE: u16 = 0x88b5;
const PAYLOAD_BYTES: usize = 1200;
/// A pause after so many, so that the host has time for others too.
const BURST: u64 = 16;
const PAUSE: Duration = Duration::from_micros(500);

/// A raw socket for an interface, with the address that frames are sent to.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the family is 17; its field is narrower than the argument of socket()"
)]
fn open(interface: &str) -> io::Result<(i32, libc::sockaddr_ll)> {
    let name = CString::new(interface)?;
    // SAFETY: takes numbers only.
    let socket = unsafe {
        libc::socket(
            libc::AF_PACKET,
            libc::SOCK_RAW,
            i32::from(ETHER_TYPE.to_be()),
        )
    };
    // SAFETY: the string ends with a zero and lives through the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if socket < 0 || index == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ETHER_TYPE.to_be();
    address.sll_ifindex = index as i32;
    address.sll_halen = 6;
    address.sll_addr[..6].fill(0xff);
    Ok((socket, address))
}

fn frame(number: u64) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend_from_slice(&[2, 0, 0, 0xb0, 0x1c, 1]); // a locally administered address
    frame.extend_from_slice(&ETHER_TYPE.to_be_bytes());
    let mark = format!("BULKHEAD-FLOOD-{number:08x}-");
    frame.extend(mark.bytes().cycle().take(PAYLOAD_BYTES));
    frame
}

#[expect(clippy::cast_possible_truncation, reason = "an address has 20 bytes")]
fn flood(interface: &str, file: &str) -> io::Result<()> {
    let (socket, address) = open(interface)?;
    let mut told = Instant::now();
    let earlier = std::fs::read_to_string(file).unwrap_or_default();
    let first = earlier.trim().parse::<u64>().map_or(0, |sent| sent + 1000);
    for number in first.. {
        let frame = frame(number);
        // SAFETY: the frame and the address live through the call, and their sizes are told.
        let sent = unsafe {
            libc::sendto(
                socket,
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const address).cast(),
                size_of_val(&address) as u32,
            )
        };
        let error = io::Error::last_os_error();
        // A queue that is full is no failure: the frame is lost, as on a wire.
        if sent < 0 && error.raw_os_error() != Some(libc::ENOBUFS) {
            return Err(error);
        }
        if number % BURST == 0 {
            std::thread::sleep(PAUSE);
        }
        if number % 64 == 0 || told.elapsed() > Duration::from_millis(100) {
            told = Instant::now();
            // By another name first: nobody reads half a number.
            let partial = format!("{file}.new");
            std::fs::write(&partial, format!("{}\n", number + 1))?;
            std::fs::rename(&partial, file)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, interface, file] = arguments.as_slice() else {
        eprintln!("usage: flood INTERFACE FILE");
        return ExitCode::FAILURE;
    };
    match flood(interface, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flood: {error}");
            ExitCode::FAILURE
        }
    }
}
