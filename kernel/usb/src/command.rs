//! Commands to the controller, and transfers of devices.

use crate::Io;
use crate::context::Input;
use crate::host::Host;
use crate::job::Wait;
use crate::layout::{ADDRESSES, BUFFER, INPUT, PACKET, context, control, interrupt, packet};
use crate::request::Request;
use crate::ring::{Ring, clear};
use crate::trb::Trb;

/// Longest waits in milliseconds. The controller itself tries a device's address for a while.
const COMMAND_MS: u64 = 3_000;
const TRANSFER_MS: u64 = 1_000;
/// Reports that a keyboard can send while nobody looks.
const AHEAD: u32 = 8;

impl Host {
    fn ring(&self, io: &mut impl Io, slot: u8, target: u8) {
        let doorbell = self.registers.doorbells + u32::from(slot) * 4;
        io.write(doorbell, u32::from(target));
    }

    /// Gives a command.
    pub(crate) fn command(&mut self, io: &mut impl Io, now: u64, trb: Trb) -> Wait {
        let at = self.commands.push(io, trb);
        self.ring(io, 0, 0);
        let until = now + COMMAND_MS;
        Wait::Command { at, until }
    }

    /// Gives a command about a device, with the input context.
    pub(crate) fn command_with_input(
        &mut self,
        io: &mut impl Io,
        now: u64,
        (kind, slot): (u32, u8),
    ) -> Wait {
        let input = io.base() + INPUT;
        self.command(io, now, Trb::command(kind, slot, input))
    }

    /// The input context, to be filled.
    pub(crate) const fn input<'a, I>(&self, io: &'a mut I) -> Input<'a, I> {
        let size = self.registers.context;
        Input { io, size }
    }

    /// Makes a control transfer. What it brings will be in the buffer, behind which are zeros.
    pub(crate) fn control(
        &mut self,
        io: &mut impl Io,
        now: u64,
        slot: u8,
        request: Request,
    ) -> Wait {
        let (length, is_in) = (request.length(), request.is_in());
        let buffer = io.base() + BUFFER;
        if is_in {
            clear(io, BUFFER, length.next_multiple_of(4));
        }
        let Some(device) = self.device(slot) else {
            return Wait::Over;
        };
        let ring = &mut device.control;
        ring.push(io, Trb::setup(request.0, is_in));
        if length > 0 {
            ring.push(io, Trb::data(buffer, length, is_in));
        }
        let at = ring.push(io, Trb::status(is_in && length > 0));
        self.ring(io, slot, 1);
        let until = now + TRANSFER_MS;
        Wait::Transfer { at, slot, until }
    }

    /// Gives a slot its memory.
    pub(crate) fn furnish(&mut self, io: &mut impl Io, slot: u8) {
        clear(io, context(slot), 4096);
        let address = io.base() + context(slot);
        io.store(ADDRESSES + u32::from(slot) * 8, address);
        if let Some(device) = self.device(slot) {
            device.control = Ring::new(io, control(slot));
            device.interrupt = Ring::new(io, interrupt(slot));
        }
    }

    /// Takes it away.
    pub(crate) fn unfurnish(io: &mut impl Io, slot: u8) {
        io.store(ADDRESSES + u32::from(slot) * 8, 0);
    }

    /// Listens to what a device sends by itself.
    pub(crate) fn listen(&mut self, io: &mut impl Io, slot: u8) {
        for _ in 0..AHEAD {
            self.listen_once(io, slot);
        }
    }

    /// Listens for one packet more.
    pub(crate) fn listen_once(&mut self, io: &mut impl Io, slot: u8) {
        let Some(device) = self.device(slot) else {
            return;
        };
        let Some(function) = device.function else {
            return;
        };
        let length = u32::from(function.packet).min(PACKET);
        let (_, index) = device.interrupt.place();
        let buffer = io.base() + packet(slot, index);
        device.interrupt.push(io, Trb::packet(buffer, length));
        self.ring(io, slot, function.endpoint);
    }

    /// Bytes of the shared memory.
    pub(crate) fn bytes<const N: usize>(io: &impl Io, at: u32) -> [u8; N] {
        let mut bytes = [0; N];
        for (dword, chunk) in (at..).step_by(4).zip(bytes.chunks_mut(4)) {
            let value = io.load(dword).to_le_bytes();
            chunk.copy_from_slice(&value[..chunk.len()]);
        }
        bytes
    }
}
