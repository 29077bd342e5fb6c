//! A PCI function that is made here, for what no model of QEMU's does: one that goes on mastering the
//! bus, one of a model that a reset of its bus loses.
//!
//! QEMU has only its place on a bus (`vfio-user-pci`, from 10.1 on), and asks over a socket for all that
//! is read from and written to its configuration space. It has no memory, no interrupt, no capability.
//! The protocol is that of `docs/interop/vfio-user.rst` of QEMU.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::devices::Device;
use crate::qemu;

const CONFIG_BYTES: usize = 256;
const COMMAND: usize = 4;
const CLASS: usize = 9;
/// Of the command register: memory, bus mastering, errors, INTx off.
const WRITABLE: u16 = 0x0546;
const BUS_MASTER: u16 = 4;

/// Whether this machine's QEMU can have such a card.
#[must_use]
pub fn is_available() -> bool {
    let output = Command::new(qemu::program())
        .args(["-device", "help"])
        .output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("\"vfio-user-pci\""))
}

/// Such a card, as long as it is kept. QEMU may connect once.
#[derive(Debug)]
pub struct MadeCard {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    config: [u8; CONFIG_BYTES],
    resets: u32,
    keeps_mastering: bool,
}

impl MadeCard {
    /// With these IDs, listening on a socket of that name in a story's folder.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn new(folder: &Path, name: &str, vendor: u16, device: u16) -> Self {
        let socket = folder.join(name);
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("a socket can be made");
        let mut config = [0; CONFIG_BYTES];
        config[..2].copy_from_slice(&vendor.to_le_bytes());
        config[2..4].copy_from_slice(&device.to_le_bytes());
        config[CLASS..CLASS + 3].copy_from_slice(&[0, 0, 0xff]);
        let state = Arc::new(Mutex::new(State {
            config,
            resets: 0,
            keeps_mastering: false,
        }));
        let its = Arc::clone(&state);
        // It ends with QEMU's end of the connection.
        std::thread::spawn(move || {
            if let Ok((mut stream, _)) = listener.accept() {
                while let Ok(Some(request)) = Request::read(&mut stream) {
                    let (bytes, error) = request.answer(&mut locked(&its));
                    if request.reply(&mut stream, &bytes, error).is_err() {
                        break;
                    }
                }
            }
        });
        Self { socket, state }
    }

    /// Its place on a board.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::by_socket(&self.socket)
    }

    /// From now on it masters the bus whenever it has once begun to, whatever it is told, resets included.
    pub fn keep_mastering(&self) {
        locked(&self.state).keeps_mastering = true;
    }

    /// How often it was reset.
    #[must_use]
    pub fn resets(&self) -> u32 {
        locked(&self.state).resets
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn command(&self) -> u16 {
        u16::from_le_bytes([self.config[COMMAND], self.config[COMMAND + 1]])
    }

    fn set_command(&mut self, wanted: u16) {
        let kept = if self.keeps_mastering {
            self.command() & BUS_MASTER
        } else {
            0
        };
        let command = wanted & WRITABLE | kept;
        self.config[COMMAND..COMMAND + 2].copy_from_slice(&command.to_le_bytes());
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let mut command = self.command().to_le_bytes();
        for (place, byte) in (offset..).zip(bytes) {
            if let Some(byte_of_command) = place
                .checked_sub(COMMAND)
                .and_then(|nth| command.get_mut(nth))
            {
                *byte_of_command = *byte;
            }
        }
        self.set_command(u16::from_le_bytes(command));
    }

    fn reset(&mut self) {
        self.resets += 1;
        self.set_command(0);
    }
}

/// A message of QEMU's: sixteen bytes of head, and what belongs to it.
struct Request {
    head: [u8; HEAD],
    body: Vec<u8>,
}

const HEAD: usize = 16;
/// Of a region's access: offset, region, count.
const ACCESS: usize = 16;
const CONFIG_REGION: u32 = 7;
/// `VFIO_PCI_NUM_REGIONS` and `VFIO_PCI_NUM_IRQS` of Linux's `linux/vfio.h`.
const REGIONS: u32 = 9;
const INTERRUPTS: u32 = 5;
const INVALID: u32 = 22;
const IS_REPLY: u32 = 1;
const WANTS_NO_REPLY: u32 = 0x10;
const IS_ERROR: u32 = 0x20;

impl Request {
    /// The next one; nothing if there is none any more.
    fn read(stream: &mut UnixStream) -> io::Result<Option<Self>> {
        let mut head = [0; HEAD];
        if stream.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let size = word(&head, 4) as usize;
        let mut body = vec![0; size.saturating_sub(HEAD)];
        stream.read_exact(&mut body)?;
        Ok(Some(Self { head, body }))
    }

    /// What follows the head of the answer, and the error's number or 0.
    fn answer(&self, state: &mut State) -> (Vec<u8>, u32) {
        let mut body = self.body.clone();
        // What has a structure of its own is answered in it.
        let mut set = |at: usize, value: u32| {
            if let Some(bytes) = body.get_mut(at..at + 4) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        };
        match u16::from_le_bytes([self.head[2], self.head[3]]) {
            // Version: QEMU's own, and no abilities.
            1 => body = [&self.body[..4], b"{\"capabilities\":{}}\0"].concat(),
            // Memory comes and goes, interrupts are set.
            2 | 3 | 8 => {}
            // The device: it is PCI and can be reset.
            4 => [(4, 3), (8, REGIONS), (12, INTERRUPTS)]
                .into_iter()
                .for_each(|(at, value)| set(at, value)),
            // A region: all but one are empty. That one can be read and written.
            5 => {
                let is_config = word(&self.body, 8) == CONFIG_REGION;
                set(4, if is_config { 3 } else { 0 });
                let bytes = if is_config { CONFIG_BYTES } else { 0 };
                set(16, u32::try_from(bytes).unwrap_or_default());
            }
            // An interrupt: there is none.
            7 => set(12, 0),
            9 => return self.access(|offset, count| state.config.get(offset..offset + count)),
            10 => {
                state.write(
                    word(&self.body, 0) as usize,
                    self.body.get(ACCESS..).unwrap_or_default(),
                );
                body.truncate(ACCESS);
            }
            13 => state.reset(),
            _ => return (Vec::new(), INVALID),
        }
        (body, 0)
    }

    /// Reads from the configuration space.
    fn access<'a>(&self, bytes: impl FnOnce(usize, usize) -> Option<&'a [u8]>) -> (Vec<u8>, u32) {
        let (offset, count) = (word(&self.body, 0) as usize, word(&self.body, 12) as usize);
        match bytes(offset, count) {
            Some(bytes) if word(&self.body, 8) == CONFIG_REGION => {
                ([&self.body[..ACCESS], bytes].concat(), 0)
            }
            _ => (Vec::new(), INVALID),
        }
    }

    fn reply(&self, stream: &mut UnixStream, body: &[u8], error: u32) -> io::Result<()> {
        if word(&self.head, 8) & WANTS_NO_REPLY != 0 {
            return Ok(());
        }
        let size = u32::try_from(HEAD + body.len()).unwrap_or(u32::MAX);
        let flags = IS_REPLY | if error == 0 { 0 } else { IS_ERROR };
        let words = [size, flags, error].map(u32::to_le_bytes).concat();
        stream.write_all(&[&self.head[..4], &words, body].concat())
    }
}

/// Four bytes of a message; 0 where it is too short.
fn word(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_keeps_mastering() {
        let folder = std::env::temp_dir();
        let name = format!("bulkhead-card-{}", std::process::id());
        let card = MadeCard::new(&folder, &name, 0x1234, 0x5678);
        let mut stream = UnixStream::connect(folder.join(&name)).expect("it listens");
        let mut ask = |command: u16, body: &[u8]| {
            let size = u32::try_from(HEAD + body.len()).expect("short");
            let mut head = [[7, 0], command.to_le_bytes()].concat();
            head.extend([size, 0, 0].map(u32::to_le_bytes).concat());
            stream.write_all(&[&head[..], body].concat()).expect("sent");
            let reply = Request::read(&mut stream).expect("answered");
            let reply = reply.expect("answered");
            assert_eq!(reply.head[..4], head[..4]);
            (reply.body, word(&reply.head, 8))
        };
        let at = |offset: u8, count: u8| {
            let mut body = [0; ACCESS];
            (body[0], body[8], body[12]) = (offset, 7, count);
            body
        };
        let write = |value: u8| [&at(4, 2)[..], &[value, 0]].concat();
        let (read, flags) = ask(9, &at(0, 4));
        assert_eq!(
            (&read[ACCESS..], flags),
            (&[0x34, 0x12, 0x78, 0x56][..], IS_REPLY)
        );
        for (keeps, value) in [(false, 0), (true, 4)] {
            if keeps {
                card.keep_mastering();
            }
            ask(10, &write(6));
            assert_eq!(ask(9, &at(4, 2)).0[ACCESS..], [6, 0]);
            ask(10, &write(0));
            assert_eq!(ask(9, &at(4, 2)).0[ACCESS..], [value, 0]);
            ask(13, &[]);
            assert_eq!(ask(9, &at(4, 2)).0[ACCESS..], [value, 0]);
        }
        assert_eq!(card.resets(), 2);
        assert_eq!(ask(99, &[]).1, IS_REPLY | IS_ERROR);
        assert_eq!(ask(9, &at(255, 4)).1, IS_REPLY | IS_ERROR);
        std::fs::remove_file(folder.join(&name)).expect("it can be removed");
    }
}
