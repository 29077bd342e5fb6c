//! Bulkhead: a partitioning kernel for x86-64.
//!
//! This file is the table of contents: what happens from the loader's jump to the prompt, in
//! order. The design is in `docs/design.md`.
#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod console;
mod cpu;
mod layout;
mod legacy;
mod machine;
mod mem;
mod operator;
mod panic;
mod partition;
mod pci;
mod power;
mod reset_vector;
mod sync;

use boot::BootInfo;
use bulkhead_shell::Options;
use cpu::{apic, cores, mtrr, pic, smp, trap, tsc};
use power::Power;

/// From the loader's record to the shell.
fn kmain(info: BootInfo) -> ! {
    tsc::note_hand_over();
    // The console first: whatever goes wrong can then be said.
    let options = Options::parse(&info.command_line);
    console::serial::start(&options);
    console::log::init();
    console::log::show_live(options.is_verbose);
    log::info!("loaded by {}, {} modules", info.loader, info.modules.len());
    cores::init_boot_core(apic::id());
    // SAFETY: once, before any core loads the table.
    unsafe { trap::init() };
    trap::load();
    trap::enable_machine_checks();

    let memory = machine::own_memory(&info);
    cores::init_boot_core(apic::id());
    console::screen::init(&info);
    log::info!("memory: own page tables, {} ranges", memory.len());
    let firmware = machine::read_firmware(&info);
    log::info!("firmware: {} ACPI tables", firmware.tables.len());
    machine::settle_heap(&info, &firmware);
    tsc::calibrate(firmware.fadt.as_ref().and_then(|fadt| fadt.pm_timer_port));
    log::info!("TSC: {} kHz", tsc::khz());

    pic::mask_pics();
    machine::mask_io_apics(&firmware);
    apic::record_mode();
    apic::quiesce();
    apic::calibrate_timer();
    mtrr::record();
    let has_trampoline = smp::install_trampoline();
    partition::runtime::init();
    let left_out = machine::init_cores(&firmware);
    log::info!("cores: {} to be started", cores::count().saturating_sub(1));
    if has_trampoline {
        smp::start_all();
    }
    log::info!("cores: started; devices are looked for");

    let power = Power::new(&firmware);
    let (machine, console) = machine::describe(&info, &options, firmware, &memory);
    machine::hide_mp_table(&machine);
    operator::report(
        &info,
        &options,
        &machine,
        &console,
        left_out,
        has_trampoline,
    );
    operator::run(machine, power, &options)
}
