//! What the shell asks of the kernel.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use bulkhead_launch::{LaunchPlan, ResidentCode};
use bulkhead_ledger::Ledger;
use bulkhead_memory::Region;
use bulkhead_model::{Event, Machine};
use bulkhead_shell::Control;
use bulkhead_terminal::keyboard::Keymap;

use super::Kernel;
use crate::console::{self, keyboard, screen, serial};
use crate::cpu::cores::{self, CoreState};
use crate::cpu::{apic, trap, tsc};
use crate::layout::MAX_PARTITIONS;
use crate::machine::image_bytes;
use crate::mem::heap;
use crate::partition::slot::{self, Phase, Slot};
use crate::partition::{self, launch, request, runtime};

/// `^C`.
const INTERRUPT: u8 = 3;
/// Bytes that are kept of what is typed while the shell waits; more are left where they are.
const MOST_TYPED: usize = 16 << 10;

impl Kernel {
    /// The idle record for a plan whose cores, but Bulkhead's own, are all parked.
    fn idle_slot(&self, plan: &LaunchPlan) -> Result<&'static Slot, String> {
        let slot = slot::get(plan.partition)
            .ok_or_else(|| format!("at most {MAX_PARTITIONS} partitions can be defined"))?;
        if slot.phase() != Phase::Idle {
            return Err("its cores have not come back yet".to_string());
        }
        let others = plan.cores().filter(|id| *id != self.machine.boot_core);
        for apic_id in others {
            match cores::find(apic_id).map(cores::Core::state) {
                Some(CoreState::Parked) => {}
                state => {
                    let what = state.map_or("unknown", CoreState::name);
                    return Err(format!("core {apic_id} is not parked but {what}"));
                }
            }
        }
        if self
            .ledger
            .by_id(plan.partition)
            .is_some_and(|p| p.runs == 0)
        {
            slot.retire(); // the number may have served another partition
        }
        Ok(slot)
    }

    /// Bytes that are resident for ever: Bulkhead's own, and those of the images.
    fn resident_bytes(&self) -> (u64, u64) {
        let is_image = |region: &Region| {
            let images = &self.machine.images;
            images
                .iter()
                .any(|image| region.contains_region(image.region))
        };
        let mut bytes = (0, 0);
        for resident in &self.machine.resident {
            if is_image(&resident.region) {
                bytes.1 += resident.region.size();
            } else {
                bytes.0 += resident.region.size();
            }
        }
        bytes
    }

    /// Records that the operator launches a partition, which ends its row of failures.
    fn begin(&mut self, slot: &Slot, id: usize) -> Result<(), String> {
        slot.set_failures(0);
        self.lend_to(id);
        let launch = |ledger: &mut Ledger| {
            ledger.forgive(id)?;
            ledger.apply(id, &Event::Launch)
        };
        launch(&mut self.ledger).map_err(|error| error.to_string())
    }

    /// Leaves the shell: this core does something else from now on, and touches neither screen nor
    /// keyboard. Whose they are by then is seen when it is back.
    fn leave() {
        screen::draw();
        screen::set_lent(true);
        keyboard::set_lent(true);
        x86_64::instructions::interrupts::disable();
        apic::stop_timer();
        request::set_shell_runs(false);
    }
}

impl Control for Kernel {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn parts(&mut self) -> (&Machine, &mut Ledger) {
        (&self.machine, &mut self.ledger)
    }

    fn resident_code(&self) -> ResidentCode<'static> {
        runtime::resident_code()
    }

    fn start(&mut self, plan: LaunchPlan) -> Result<(), String> {
        let slot = self.idle_slot(&plan)?;
        self.begin(slot, plan.partition)?;
        launch::ring(slot, plan);
        Ok(())
    }

    fn kill(&mut self, id: usize) -> Result<(), String> {
        let slot = slot::get(id).ok_or("there is no such partition")?;
        let all_came = runtime::kill(id, slot).map_err(|refusal| refusal.to_string())?;
        // The ledger at once, so that the next command finds it stopped; the line with the others.
        self.ledger
            .apply(id, &Event::Killed)
            .map_err(|error| error.to_string())?;
        if all_came {
            Ok(())
        } else {
            Err("a core did not come back; see the log".to_string())
        }
    }

    fn restart(&mut self, plan: LaunchPlan) -> Result<(), String> {
        let is_live = self
            .ledger
            .by_id(plan.partition)
            .is_some_and(|p| p.state.is_live());
        if is_live {
            self.kill(plan.partition)?;
        }
        self.start(plan)
    }

    fn prepare(&mut self, plans: Vec<LaunchPlan>) {
        for plan in plans {
            if let Ok(slot) = self.idle_slot(&plan) {
                slot.set_plan(plan);
            }
        }
    }

    fn handoff(&mut self, plan: LaunchPlan) -> Result<(), String> {
        let slot = self.idle_slot(&plan)?;
        self.begin(slot, plan.partition)?;
        Self::leave();
        launch::take_over(slot, plan);
        // Only if the launch was called off, which nobody else can do before it began.
        Err("the launch was called off".to_string())
    }

    fn halt(&mut self) -> Result<(), String> {
        request::set_halted(true);
        Self::leave();
        partition::park()
    }

    fn image_bytes(&self, region: Region) -> &'static [u8] {
        image_bytes(region)
    }

    fn next_event(&mut self) -> Option<String> {
        self.take_event()
    }

    fn pause(&mut self) -> bool {
        while self.typed.len() < MOST_TYPED
            && let Some(byte) = console::read()
        {
            if byte == INTERRUPT {
                self.typed.clear();
                return true;
            }
            self.typed.push_back(byte);
        }
        self.tend_seat(false);
        false
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
        let (used, size) = heap::usage();
        serial::show_counts(out)?;
        writeln!(out, "heap: {used} of {size} bytes in use")?;
        for vector in 0..=u8::MAX {
            let count = trap::unexpected(vector);
            if count != 0 {
                writeln!(
                    out,
                    "trap: vector {vector:#x} came {count} times unexpectedly"
                )?;
            }
        }
        for core in cores::all()
            .iter()
            .filter(|core| core.state() == CoreState::Lost)
        {
            let [vector, instruction, address] = core.fault();
            writeln!(
                out,
                "core {}: lost (vector {vector}, instruction {instruction:#x}, address {address:#x})",
                core.apic_id(),
            )?;
        }
        Ok(())
    }

    fn core_state(&self, apic_id: u32) -> &'static str {
        cores::find(apic_id).map_or("absent", |core| core.state().name())
    }

    fn reset(&mut self) -> String {
        self.power.reset()
    }

    fn poweroff(&mut self) -> String {
        self.power.off()
    }

    fn version(&self) -> &str {
        concat!("Bulkhead ", env!("CARGO_PKG_VERSION"))
    }

    fn uptime_ms(&self) -> u64 {
        tsc::uptime_ms()
    }

    fn partition_uptime_ms(&self, id: usize) -> Option<u64> {
        let slot = slot::get(id).filter(|slot| slot.phase() == Phase::Running)?;
        Some(tsc::now().saturating_sub(slot.entered()) / tsc::khz())
    }

    fn keymaps(&self) -> &'static [&'static str] {
        &Keymap::NAMES
    }

    fn keymap(&self) -> (&'static str, &'static str) {
        (keyboard::keymap().name(), keyboard::describe())
    }

    fn set_keymap(&mut self, name: &str) {
        if let Some(keymap) = Keymap::from_name(name) {
            keyboard::set_keymap(keymap);
        }
    }

    fn status(&self) -> Option<bool> {
        screen::wants_status()
    }

    fn set_status(&mut self, on: bool) {
        screen::want_status(on);
    }
}
