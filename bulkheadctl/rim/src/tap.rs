//! A network interface whose other end is this program (Linux: `Documentation/networking/tuntap.rst`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use rustix::ioctl::{IntegerSetter, Opcode, Setter, ioctl, opcode};

/// What is in front of every frame: `struct virtio_net_hdr`, which says what of it is left to be done.
pub const HEADER_BYTES: usize = 10;

const TAP: u16 = 0x0002;
const NO_PACKET_INFO: u16 = 0x1000;
const HEADER: u16 = 0x4000;
/// Checksums, and segments of TCP over IPv4 and IPv6, are left to be done: by the neighbour, or never.
const OFFLOADS: usize = 1 | 2 | 4;

const SET_INTERFACE: Opcode = opcode::write::<i32>(b'T', 202);
/// SIOCSIFHWADDR, which a TAP's file takes, too.
const SET_ADDRESS: Opcode = 0x8924;
/// ARPHRD_ETHER.
const ETHERNET: u16 = 1;
const SET_OFFLOADS: Opcode = opcode::write::<u32>(b'T', 208);

/// `struct ifreq`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Request {
    name: [u8; 16],
    /// Flags, or a family of addresses with one behind it.
    flags: u16,
    rest: [u8; 22],
}

/// Makes a network interface of that name, with that hardware address: each frame that is sent there is
/// read, behind [`HEADER_BYTES`], and each that is written arrives there. Nothing waits.
///
/// # Errors
/// Those of the kernel, and [`io::ErrorKind::InvalidInput`] if the name has no or more than 15 bytes.
pub fn tap(name: &str, address: [u8; 6]) -> io::Result<File> {
    let mut request = Request {
        name: [0; 16],
        flags: TAP | NO_PACKET_INFO | HEADER,
        rest: [0; 22],
    };
    if name.is_empty() || name.len() >= request.name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, byte) in request.name.iter_mut().zip(name.bytes()) {
        *to = byte;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open("/dev/net/tun")?;
    // SAFETY: TUNSETIFF takes the address of a `struct ifreq`, which this is.
    let interface = unsafe { Setter::<SET_INTERFACE, Request>::new(request) };
    // SAFETY: it keeps none of it.
    unsafe { ioctl(&file, interface)? };
    request.flags = ETHERNET;
    request.rest[..address.len()].copy_from_slice(&address);
    // SAFETY: SIOCSIFHWADDR takes the address of a `struct ifreq`, which this is.
    let address = unsafe { Setter::<SET_ADDRESS, Request>::new(request) };
    // SAFETY: it keeps none of it.
    unsafe { ioctl(&file, address)? };
    // SAFETY: TUNSETOFFLOAD takes a number in place of an address.
    let offloads = unsafe { IntegerSetter::<SET_OFFLOADS>::new_usize(OFFLOADS) };
    // SAFETY: as above; no memory is involved.
    unsafe { ioctl(&file, offloads)? };
    Ok(file)
}
