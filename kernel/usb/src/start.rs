//! From firmware's hands to running (xHCI §4.2, §4.22.1).

use crate::Io;
use crate::device::Device;
use crate::host::{Host, Phase};
use crate::layout::{
    ADDRESSES, COMMANDS, DEVICES, EVENT_COUNT, EVENTS, SCRATCH, SEGMENTS, SLOTS, scratch_pages,
};
use crate::register::{capability, extended, interrupter, operational, port};
use crate::ring::{EventRing, Ring, clear};

/// Longest waits in milliseconds: for firmware, for the halt, for the reset.
const ASK_MS: u64 = 1_000;
const HALT_MS: u64 = 100;
const RESET_MS: u64 = 1_000;
/// Some controllers are not to be looked at so soon after their reset was begun.
const CALM_MS: u64 = 2;
/// Most extended capabilities.
const MOST_EXTENDED: usize = 64;
/// Ports that are looked at are those below this.
const MOST_PORTS: u8 = 64;

/// Where a controller's registers are, and what it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    pub(crate) operational: u32,
    pub(crate) runtime: u32,
    pub(crate) doorbells: u32,
    /// The capability of firmware's hold; 0: none.
    legacy: u32,
    /// Bytes of a context.
    pub(crate) context: u32,
    slots: u32,
    /// The ports of USB 2, by bits.
    pub(crate) ports: u64,
}

impl Registers {
    pub(crate) fn find(io: &impl Io) -> Self {
        let first = io.read(capability::PARAMETERS_1);
        let [slots, _, _, ports] = first.to_le_bytes();
        let parameters = io.read(capability::PARAMETERS);
        let is_large = parameters & capability::LARGE_CONTEXTS != 0;
        let mut registers = Self {
            operational: io.read(capability::LENGTH) & 0xff,
            runtime: io.read(capability::RUNTIME) & 0x00ff_ffe0,
            doorbells: io.read(capability::DOORBELLS) & 0x00ff_fffc,
            legacy: 0,
            context: if is_large { 64 } else { 32 },
            slots: u32::from(slots.min(SLOTS)),
            ports: ports_of(1, ports),
        };
        let mut at = (parameters >> 16) * 4;
        for _ in 0..MOST_EXTENDED {
            if at == 0 {
                break;
            }
            let dword = io.read(at);
            let [id, next, _, major] = dword.to_le_bytes();
            match u32::from(id) {
                extended::LEGACY => registers.legacy = at,
                extended::PROTOCOL if major >= 3 => {
                    let [first, count, _, _] = io.read(at.saturating_add(8)).to_le_bytes();
                    registers.ports &= !ports_of(first, count);
                }
                _ => {}
            }
            if next == 0 {
                break;
            }
            at = at.saturating_add(u32::from(next) * 4);
        }
        registers
    }

    /// Where a port's register is.
    pub(crate) fn port(&self, port: u8) -> u32 {
        let number = u32::from(port).saturating_sub(1);
        self.operational + operational::PORTS + number * 16
    }
}

fn ports_of(first: u8, count: u8) -> u64 {
    let end = first.saturating_add(count).min(MOST_PORTS);
    (first.max(1)..end).fold(0, |bits, port| bits | 1 << port)
}

impl Host {
    /// Asks firmware to leave the controller.
    pub(crate) fn ask(&mut self, io: &mut impl Io, now: u64) {
        self.phase = Phase::Asking;
        self.until = now + ASK_MS;
        let legacy = self.registers.legacy;
        if legacy != 0 {
            let hold = io.read(legacy);
            io.write(legacy, hold | extended::OS_OWNS);
        }
    }

    /// The next step towards running.
    pub(crate) fn bring_up(&mut self, io: &mut impl Io, now: u64) {
        let is_over = now >= self.until;
        match self.phase {
            Phase::Asking if is_over || !self.firmware_has_it(io) => {
                self.take_from_firmware(io);
                self.set_command(io, 0);
                self.phase = Phase::Halting;
                self.until = now + HALT_MS;
            }
            Phase::Halting if self.has_halted(io) && self.has_answer(io) => {
                self.reset(io);
                self.phase = Phase::Resetting;
                self.until = now + RESET_MS;
            }
            Phase::Resetting if now + RESET_MS >= self.until + CALM_MS && self.is_reset(io) => {
                self.phase = Phase::Ready;
            }
            Phase::Ready => self.run(io),
            Phase::Halting | Phase::Resetting if is_over => self.broken(io, now),
            _ => {}
        }
    }

    fn firmware_has_it(&self, io: &impl Io) -> bool {
        let legacy = self.registers.legacy;
        legacy != 0 && io.read(legacy) & extended::BIOS_OWNS != 0
    }

    /// Whether it has left it or not: no event enters system management mode any more.
    fn take_from_firmware(&self, io: &mut impl Io) {
        let legacy = self.registers.legacy;
        if legacy == 0 {
            return;
        }
        if self.firmware_has_it(io) {
            let hold = io.read(legacy) & !extended::BIOS_OWNS;
            io.write(legacy, hold | extended::OS_OWNS);
        }
        let control = legacy + extended::LEGACY_CONTROL;
        let kept = io.read(control) & !extended::LEGACY_ENABLES;
        io.write(control, kept | extended::LEGACY_EVENTS);
    }

    fn has_answer(&self, io: &impl Io) -> bool {
        io.read(self.registers.operational + operational::STATUS) != u32::MAX
    }

    /// Gives the controller its memory and has it run; its ports are looked at.
    fn run(&mut self, io: &mut impl Io) {
        let base = io.base();
        let at = self.registers.operational;
        let runtime = self.registers.runtime;
        self.share(io);
        self.commands = Ring::new(io, COMMANDS);
        self.events = EventRing::NEW;
        self.devices = [Device::FREE; DEVICES];
        self.job = None;
        self.trouble.1 = 0;
        let commands = self.commands.dequeue(io);
        for (register, value) in [
            (at + operational::CONFIGURE, self.registers.slots),
            (at + operational::CONTEXTS, base + ADDRESSES),
            (at + operational::CONTEXTS + 4, 0),
            (at + operational::COMMAND_RING, commands),
            (at + operational::COMMAND_RING + 4, 0),
            (runtime + interrupter::MANAGEMENT, 1),
            (runtime + interrupter::SIZE, 1),
            (runtime + interrupter::DEQUEUE, base + EVENTS),
            (runtime + interrupter::DEQUEUE + 4, 0),
            (runtime + interrupter::TABLE, base + SEGMENTS),
            (runtime + interrupter::TABLE + 4, 0),
            (at + operational::COMMAND, operational::RUN),
        ] {
            io.write(register, value);
        }
        self.roots = self.registers.ports;
        self.useless = 0;
        for number in 1..MOST_PORTS {
            let register = self.registers.port(number);
            if self.roots & 1 << number != 0 && io.read(register) & port::POWER == 0 {
                io.write(register, port::POWER);
            }
        }
        self.phase = Phase::Running;
    }

    /// Clears the shared memory, and says in it where its parts are.
    fn share(&self, io: &mut impl Io) {
        let base = io.base();
        let scratch = self.needs.scratch;
        clear(io, 0, self.needs.bytes());
        if scratch > 0 {
            io.store(ADDRESSES, base + SCRATCH);
        }
        for page in 0..scratch {
            io.store(
                SCRATCH + page * 8,
                base + scratch_pages(scratch) + page * 4096,
            );
        }
        io.store(SEGMENTS, base + EVENTS);
        io.store(SEGMENTS + 8, EVENT_COUNT);
    }
}
