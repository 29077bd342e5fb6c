//! The shell's view of the kernel, and the loop that feeds the shell.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use bulkhead_plan::{Event, LaunchPlan, Ledger, Machine, ResidentCode};
use bulkhead_shell::{Control, Shell};

use crate::boot::BootInfo;
use crate::console::{self, Console, println, serial};
use crate::cpu::cores::{self, CoreState};
use crate::cpu::{apic, trap, tsc};
use crate::layout::MAX_PARTITIONS;
use crate::machine::image_bytes;
use crate::mem::heap;
use crate::partition::event::{self, Kind};
use crate::partition::slot::{self, Phase};
use crate::partition::{launch, runtime};
use crate::power::Power;

/// Which Bulkhead this is.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The image that holds the boot script.
const SCRIPT: &str = "bulkhead.conf";

/// Everything that the shell works on.
pub(crate) struct Kernel {
    machine: Machine,
    ledger: Ledger,
    power: Power,
}

impl Kernel {
    /// A kernel without partitions.
    pub(crate) const fn new(machine: Machine, power: Power) -> Self {
        Self {
            machine,
            ledger: Ledger::new(),
            power,
        }
    }

    /// Runs the boot script, then the shell, for ever.
    pub(crate) fn run(&mut self) -> ! {
        let mut shell = Shell::new();
        apic::start_timer();
        self.run_script(&mut shell);
        self.tell_events(&mut shell);
        shell.prompt(&mut Console);
        loop {
            let mut idle = true;
            while let Some(byte) = serial::read() {
                shell.feed(byte, self, &mut Console);
                idle = false;
            }
            idle &= !self.tell_events(&mut shell);
            if idle {
                // The tick wakes; a byte is seen a millisecond late at most.
                x86_64::instructions::interrupts::enable_and_hlt();
                x86_64::instructions::interrupts::disable();
            }
        }
    }

    /// Runs the boot script if the loader brought one.
    fn run_script(&mut self, shell: &mut Shell) {
        let Some(image) = self.machine.image(SCRIPT) else {
            println!("no boot script (a module named {SCRIPT}); type \"help\"");
            return;
        };
        match core::str::from_utf8(image_bytes(image.region)) {
            // It says what stopped it; the shell goes on.
            Ok(text) => drop(shell.script(SCRIPT, text, self, &mut Console)),
            Err(error) => println!("{SCRIPT}: error: is not UTF-8 text: {error}"),
        }
    }

    /// Tells what happened to partitions since the last time; whether anything did.
    fn tell_events(&mut self, shell: &mut Shell) -> bool {
        let mut any = false;
        while let Some(event) = event::take() {
            any = true;
            let partition = self.ledger.by_id(event.partition);
            let name = partition.map_or_else(|| "?".to_string(), |p| p.definition.name.clone());
            let line = self.digest(event, &name);
            log::info!("{line}");
            shell.event(&line, &mut Console);
        }
        any
    }

    /// Brings the ledger up to date with an event, and words it.
    fn digest(&mut self, event: event::Event, name: &str) -> String {
        let (what, line) = match event.kind {
            Kind::Launched => {
                let slot = slot::get(event.partition);
                let runs = slot.map_or(0, slot::Slot::runs);
                let us = slot.map_or(0, slot::Slot::launch_ticks) * 1000 / tsc::khz();
                log::info!(
                    "{name}: doorbell to kernel entry {}.{} ms",
                    us / 1000,
                    us % 1000 / 100
                );
                let line = format!("{name}: launched run={runs} core={}", event.detail);
                (Some(Event::Launched), line)
            }
            Kind::PoweredOff => (Some(Event::PoweredOff), format!("{name}: powered-off")),
            Kind::Rebooted => (Some(Event::PoweredOff), format!("{name}: rebooted")),
            Kind::Killed => (Some(Event::Killed), format!("{name}: killed")),
            Kind::CoreLost => (
                None,
                format!("{name}: core {} did not come back", event.detail),
            ),
        };
        let is_known = event.kind == Kind::Killed
            && self
                .ledger
                .by_id(event.partition)
                .is_none_or(|p| !p.state.is_live());
        if let Some(what) = what
            && !is_known
            && let Err(error) = self.ledger.apply(event.partition, &what)
        {
            log::warn!("{name}: {error}");
        }
        line
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

    fn resident_code(&self) -> ResidentCode<'_> {
        runtime::resident_code()
    }

    fn start(&mut self, plan: LaunchPlan) -> Result<(), String> {
        let id = plan.partition;
        let slot = slot::get(id)
            .ok_or_else(|| format!("at most {MAX_PARTITIONS} partitions can be defined"))?;
        if slot.phase() != Phase::Idle {
            return Err("its cores have not come back yet".to_string());
        }
        let all = core::iter::once(&plan.boot_core).chain(&plan.other_cores);
        for apic_id in all {
            match cores::find(*apic_id).map(cores::Core::state) {
                Some(CoreState::Parked) => {}
                state => {
                    let what = state.map_or("unknown", CoreState::name);
                    return Err(format!("core {apic_id} is not parked but {what}"));
                }
            }
        }
        self.ledger
            .apply(id, &Event::Launch)
            .map_err(|error| error.to_string())?;
        launch::ring(slot, plan);
        Ok(())
    }

    fn kill(&mut self, id: usize) -> Result<(), String> {
        let slot = slot::get(id).ok_or("there is no such partition")?;
        if !slot.begin_ending() {
            return Err("it is ending by itself".to_string());
        }
        runtime::take_back_cores(id, None);
        slot.advance(Phase::Ending, Phase::Idle);
        // The ledger at once, so that the next command finds it stopped; the line with the others.
        self.ledger
            .apply(id, &Event::Killed)
            .map_err(|error| error.to_string())?;
        event::post(Kind::Killed, id, 0);
        Ok(())
    }

    fn log(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        console::log::show(out)?;
        let (used, size) = heap::usage();
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
}

/// Says at boot what is not as it should be; the machine works without.
pub(crate) fn report(info: &BootInfo, machine: &Machine, left_out: usize, has_trampoline: bool) {
    println!("\nBulkhead {VERSION}, loaded by {}", info.loader);
    println!(
        "{} cores, {} of RAM, {} images",
        machine.cores.len(),
        bulkhead_memory::Bytes(machine.ram().total() & !((1 << 20) - 1)),
        machine.images.len(),
    );
    for problem in &machine.problems {
        println!("firmware: {problem}");
    }
    if left_out > 0 {
        println!(
            "{left_out} cores are left out: at most {} are handled",
            crate::layout::MAX_CORES
        );
    }
    if !has_trampoline {
        println!("no other core was started: there is no free page below 64 KiB for it");
    }
    for core in machine.cores.iter().filter(|core| !core.responding) {
        println!("core {} did not answer when it was started", core.apic_id);
    }
}
