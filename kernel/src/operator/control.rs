//! What the shell asks of the kernel.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bulkhead_conductor::{ConductError, How};
use bulkhead_launch::ResidentCode;
use bulkhead_ledger::{Ledger, PlanError};
use bulkhead_lifecycle::{Agent, Blocked, CoreState, Order, State, Terminals};
use bulkhead_memory::Region;
use bulkhead_model::{Change, Isolation, Machine, Warning};
use bulkhead_pci::{Answer, Function};
use bulkhead_printk::{Follower, Note, Piece};
use bulkhead_shell::Control;
use bulkhead_terminal::keyboard::Keymap;

use super::{Kernel, Leaving};
use crate::console::{self, keyboard, screen, serial};
use crate::cpu::{apic, cores, state, trap, tsc};
use crate::images;
use crate::mem::heap;
use crate::partition::{self, LIFE, call, printed, rim, runtime};
use crate::power::{self, Fixed};
use crate::{pci, usb};

/// `^C`.
const INTERRUPT: u8 = 3;
/// Bytes that are kept of what is typed while the shell waits; more are left where they are, and looked through for
/// `^C`.
const MOST_TYPED: usize = 2 << 10;

impl Kernel {
    /// Keeps what is typed while the shell waits; whether `^C` is among it.
    fn take_typed(&mut self) -> bool {
        while self.typed.len() < MOST_TYPED {
            match console::read() {
                Some(INTERRUPT) => return true,
                Some(byte) => self.typed.push_back(byte),
                None => return false,
            }
        }
        // The line's ring has room for more. Keys have not, and who presses them now means `^C`.
        serial::cut(INTERRUPT)
            || core::iter::from_fn(console::read_keys).any(|key| key == INTERRUPT)
    }

    /// Bytes that are resident for ever: Bulkhead's own, and those of the images.
    fn resident_bytes(&self) -> (u64, u64) {
        let is_image = |region: &Region| {
            let images = &self.machine().images;
            let mut places = images.iter().filter_map(|image| image.region);
            places.any(|place| region.contains_region(place))
        };
        let mut bytes = (0, 0);
        for resident in &self.machine().resident {
            if is_image(&resident.region) {
                bytes.1 += resident.region.size();
            } else {
                bytes.0 += resident.region.size();
            }
        }
        bytes
    }

    /// Leaves the shell if a command had it so: this core does something else from now on, and touches
    /// neither screen nor keyboard. Whose they are by then is seen when it is back. Nothing on this
    /// stack owns memory: it is abandoned.
    pub(super) fn leave_if_asked(&mut self) {
        let Some(leaving) = self.leaving.take() else {
            return;
        };
        screen::draw();
        screen::set_lent(true);
        keyboard::set_lent(true);
        usb::set_lent(|_| true);
        self.power.note_button(&mut Fixed, false);
        x86_64::instructions::interrupts::disable();
        apic::stop_timer();
        match leaving {
            Leaving::Handoff => LIFE.lend_shell_core(self.conductor.stage()),
            Leaving::Halt => LIFE.halt_shell(self.conductor.stage()),
        }
        // A launch is this core's duty now; if it is called off, coming back to the shell is.
        partition::park()
    }
}

impl Control for Kernel {
    fn machine(&self) -> &Machine {
        self.conductor.machine()
    }

    fn ledger(&self) -> &Ledger {
        self.conductor.ledger()
    }

    fn define(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.conductor.define(name, change)
    }

    fn set(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError> {
        self.conductor.set(name, change)
    }

    fn undefine(&mut self, name: &str) -> Result<(), PlanError> {
        self.conductor.undefine(name)
    }

    fn link(&mut self, names: [&str; 2], size: Option<u64>) -> Result<Region, PlanError> {
        self.conductor.link(names, size)
    }

    fn unlink(&mut self, names: [&str; 2]) -> Result<(), PlanError> {
        self.conductor.unlink(names)
    }

    fn observe(&mut self) {
        self.conductor.observe();
    }

    fn resident_code(&self) -> ResidentCode {
        runtime::resident_code()
    }

    fn launch(&mut self, name: &str, how: How) -> Result<(), ConductError> {
        self.lend_to(name);
        let done = self.conductor.launch(name, how);
        self.lend();
        done
    }

    fn kill(&mut self, name: &str) -> Result<(), ConductError> {
        self.conductor.kill(name)
    }

    fn order(&mut self, name: &str, order: Order, seconds: u32) -> Result<(), ConductError> {
        self.conductor.order(name, order, seconds)
    }

    fn agent(&self, id: usize) -> Agent {
        self.conductor.agent(id)
    }

    fn prepare(&mut self) -> Vec<(String, ConductError)> {
        self.conductor.prepare()
    }

    fn handoff(&mut self, name: &str) -> Result<(), ConductError> {
        self.conductor.launch(name, How::Handoff)?;
        self.leaving = Some(Leaving::Handoff);
        Ok(())
    }

    fn halt(&mut self) -> Result<(), ConductError> {
        self.leaving = Some(Leaving::Halt);
        Ok(())
    }

    fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    fn image_bytes(&self, region: Region) -> &'static [u8] {
        images::bytes(region)
    }

    fn next_event(&mut self) -> Option<String> {
        self.take_event()
    }

    fn pause(&mut self) -> bool {
        if self.take_typed() {
            self.typed.clear();
            return true;
        }
        self.tend_seat(false);
        false
    }

    fn answer(&self, function: &Function) -> Answer {
        pci::answer(function)
    }

    fn removal_asked(&self, bridge: &Function) -> bool {
        pci::removal_asked(bridge)
    }

    fn free_bytes(&self) -> usize {
        heap::largest_free()
    }

    fn log(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        console::log::show(out)?;
        screen::describe(out)?;
        let (own, images) = self.resident_bytes();
        writeln!(
            out,
            "resident: {} KiB, and {} KiB of images",
            own >> 10,
            images >> 10
        )?;
        let heap = heap::usage();
        serial::show_counts(out)?;
        writeln!(
            out,
            "heap: {} of {} bytes in use, at most {} so far",
            heap.used, heap.size, heap.peak
        )?;
        let longest = call::longest_us();
        writeln!(out, "services: the longest call took {longest} us")?;
        let longest = printed::longest_us();
        writeln!(out, "printed: the longest look at an end took {longest} us")?;
        let refused = state::refused();
        if refused > 0 {
            writeln!(out, "processor: {refused} writes of registers were refused")?;
        }
        let unsent = rim::unsent();
        if unsent > 0 {
            writeln!(
                out,
                "processor: {unsent} interrupts to cores were not sent, whose IDs can't be addressed"
            )?;
        }
        for vector in 0..=u8::MAX {
            let count = trap::unexpected(vector);
            if count != 0 {
                writeln!(
                    out,
                    "trap: vector {vector:#x} came {count} times unexpectedly"
                )?;
            }
        }
        for index in (0..cores::count()).filter(|i| LIFE.core_state(*i) == CoreState::Lost) {
            let [vector, instruction, address] = cores::fault(index);
            writeln!(
                out,
                "core {}: lost (vector {vector}, instruction {instruction:#x}, address {address:#x})",
                cores::apic_id(index),
            )?;
        }
        Ok(())
    }

    fn printed(
        &self,
        id: usize,
        run: Option<u32>,
        out: &mut dyn fmt::Write,
    ) -> Result<bool, fmt::Error> {
        // SAFETY: only the shell's core has a kernel to ask.
        unsafe { printed::show(id, run, out) }
    }

    fn follow(&self, id: usize, follower: &mut Follower, piece: &mut Piece) -> Option<Note> {
        // SAFETY: as above.
        unsafe { printed::follow(id, follower, piece) }
    }

    fn terminals(&self) -> Option<&dyn Terminals> {
        Some(&self.conductor)
    }

    fn printed_runs(&self, id: usize) -> [Option<u32>; 3] {
        printed::runs(id)
    }

    fn set_isolation(&mut self, isolation: Option<Isolation>) {
        self.conductor.set_isolation(isolation);
    }

    fn toll(&self, id: usize) -> (u32, Option<Blocked>) {
        LIFE.toll(id)
    }

    fn isolation(&self, id: usize) -> Option<Isolation> {
        LIFE.isolation(id)
    }

    fn reason(&self, id: usize) -> Option<String> {
        let view = LIFE.view(id)?;
        let ended = view.runs - u32::from(view.state == State::Running && view.runs > 0);
        Some(String::from(printed::reason(id, ended)?.as_str()))
    }

    fn core_state(&self, apic_id: u32) -> CoreState {
        cores::state(apic_id)
    }

    fn reset(&mut self) -> String {
        String::from(power::reset(&self.power))
    }

    fn lacks_poweroff(&self) -> Option<String> {
        self.power.lacks_off().map(String::from)
    }

    fn poweroff(&mut self) -> String {
        String::from(self.power.off(&mut Fixed))
    }

    fn version(&self) -> &str {
        concat!("Bulkhead ", env!("CARGO_PKG_VERSION"))
    }

    fn uptime_ms(&self) -> u64 {
        tsc::uptime_ms()
    }

    fn partition_uptime_ms(&self, id: usize) -> Option<u64> {
        LIFE.view(id).filter(|view| view.state == State::Running)?;
        Some(tsc::now().saturating_sub(LIFE.entered(id)) / tsc::khz())
    }

    fn keymaps(&self) -> &'static [&'static str] {
        &Keymap::NAMES
    }

    fn keymap(&self) -> (&'static str, &'static str) {
        let keyboards = match (usb::keyboards(), keyboard::is_heard()) {
            (0, _) => keyboard::describe(),
            (_, false) => "USB",
            (_, true) => "PS/2, and USB",
        };
        (keyboard::keymap().name(), keyboards)
    }

    fn set_keymap(&mut self, name: &str) {
        if let Some(keymap) = Keymap::from_name(name) {
            keyboard::set_keymap(keymap);
            usb::set_keymap(keymap);
        }
    }

    fn status(&self) -> Option<bool> {
        screen::wants_status()
    }

    fn set_status(&mut self, on: bool) {
        screen::want_status(on);
    }
}
