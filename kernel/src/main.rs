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
mod images;
mod iommu;
mod layout;
mod machine;
mod mem;
mod operator;
mod panic;
mod partition;
mod pci;
mod power;
mod reset_vector;
mod sync;
mod usb;
mod watchdog;

use alloc::vec::Vec;

use boot::{Alone, BootInfo};
use bulkhead_describe::cores::ToStart;
use bulkhead_firmware::Firmware;
use bulkhead_model::budget::{self, Extent};
use bulkhead_model::{MemoryRange, map};
use bulkhead_shell::Options;
use console::serial::Known;
use cpu::{apic, cores, mtrr, pic, rtc, smp, state, trap, tsc};
use layout::LARGEST;
use mem::paging::ImagePlace;
use mem::{frames, heap, paging};

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

    // SAFETY: the boot processor; `operator::run`, which launches partitions, takes it.
    let alone = unsafe { Alone::new() };
    let memory = own_memory(&info);
    cores::init_boot_core(apic::id());
    console::screen::init(&info);
    log::info!("memory: own page tables, {} ranges", memory.len());
    let firmware = machine::read_firmware(&alone, &info);
    log::info!("firmware: {} ACPI tables", firmware.tables.len());
    // SAFETY: it was read from the machine's MCFG; no other core runs yet.
    unsafe { pci::find(&firmware.ecam) };
    settle_heap(&machine::extent(&info, &firmware, pci::count(&alone)));
    tsc::calibrate(firmware.fadt.as_ref().and_then(|fadt| fadt.pm_timer_port));
    log::info!("TSC: {} kHz", tsc::khz());
    rtc::read_at_boot(&alone);

    pic::mask_pics();
    // SAFETY: it was just read from the machine's tables.
    unsafe { machine::mask_io_apics(&alone, &firmware) };
    let power = power::take(&alone, &firmware);
    apic::record();
    apic::quiesce();
    apic::calibrate_timer();
    mtrr::record();
    let started = start_cores(&firmware);
    log::info!("cores: started; devices are looked for");

    let functions = pci::scan(&alone);
    pci::quiet_leftovers(&alone, &functions);
    let watchdogs = watchdog::stop_armed(&alone, &functions);
    reset_vector::take(&alone, &functions);
    if options.hears_usb {
        usb::find(&alone, &functions);
    }
    let iommu = iommu::start(&alone, &firmware, &functions);
    let known = Known::new(&alone, &firmware, &functions, &memory);
    let console = console::serial::settle(&options, &known);
    let ports = console::serial::probe(&alone, console.line.com);
    let mut machine = machine::describe(
        &alone,
        &info,
        memory,
        firmware,
        functions,
        ports,
        &console.line,
    );
    machine.set_iommu(iommu);
    machine::hide_mp_table(&alone, &machine);
    operator::report(&info, &options, &machine, &console.problems, &started);
    watchdog::report(&watchdogs);
    operator::run(alone, machine, power, &options)
}

/// Takes over memory: a ledger of what is free for the kernel to take, and own page tables. Gives
/// back the memory map as it will be described.
fn own_memory(info: &BootInfo) -> Vec<MemoryRange> {
    // SAFETY: once; the loader is done, and what it brought is not among what is free.
    unsafe { frames::init(machine::free(info)) };
    // SAFETY: once, on the boot processor, in the loader's mapping.
    unsafe { paging::activate(ImagePlace::of(info), &map::cacheable(&info.memory)) };
    // SAFETY: once, and the tables are active.
    unsafe { heap::open(budget::heap_bytes(&LARGEST)) };
    // SAFETY: the loader's modules, which are not among what is free.
    unsafe { images::keep(&info.modules) };
    machine::memory(info)
}

/// Makes the heap as large as this machine needs.
fn settle_heap(extent: &Extent) {
    // SAFETY: once; `own_memory` has opened it.
    unsafe { heap::settle(budget::heap_bytes(extent), budget::command_bytes(extent)) };
}

/// How the other cores were started.
struct Started {
    /// Cores that are not handled.
    left_out: ToStart,
    /// Whether there was a page for the trampoline; without it none is started.
    has_trampoline: bool,
}

/// Starts the other cores, which park.
fn start_cores(firmware: &Firmware) -> Started {
    let has_trampoline = smp::install_trampoline();
    partition::runtime::init();
    let left_out = machine::init_cores(firmware);
    state::put_back();
    log::info!("processor: {} registers remembered", state::remembered());
    log::info!("cores: {} to be started", cores::count().saturating_sub(1));
    if has_trampoline {
        smp::start_all();
    }
    Started {
        left_out,
        has_trampoline,
    }
}
