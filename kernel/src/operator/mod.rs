//! The operator's side: the shell on Bulkhead's own core, and what it works on.
//!
//! * [`control`]: what the shell asks of the kernel.
//! * [`events`]: what partitions' cores report, told to the operator.
//! * [`seat`]: the screen and the keyboard, unless a partition has them.
//!
//! The core can leave for a last Linux (`handoff`) or park (`halt`), and come back: what the shell
//! works on is therefore on the heap, and [`resume`] takes it up again on a fresh stack.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, Ordering};

use bulkhead_conductor::Conductor;
use bulkhead_firmware::Power;
use bulkhead_model::Machine;
use bulkhead_shell::{Control, Options, Shell};

use crate::Started;
use crate::boot::{Alone, BootInfo};
use crate::console::{self, Console, keyboard, println, serial};
use crate::cpu::{apic, mtrr, stacks, tsc};
use crate::images;
use crate::layout::{MAX_CORES, MAX_FUNCTIONS, MAX_IMAGES, MAX_PARTITIONS, vector};
use crate::mem::paging;
use crate::partition::LIFE;
use crate::partition::rim::Rim;
use crate::pci;
use crate::power::Fixed;

mod control;
mod events;
mod seat;
mod stage;

/// Which Bulkhead this is.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that the shell works on.
pub(crate) struct Kernel {
    conductor: Conductor<'static, Rim, MAX_PARTITIONS, MAX_CORES>,
    power: Power,
    /// What was typed while the shell waited.
    typed: VecDeque<u8>,
    /// For what this core leaves the shell as soon as that has returned.
    leaving: Option<Leaving>,
}

/// Why the core leaves.
enum Leaving {
    /// For the launch that it has begun.
    Handoff,
    Halt,
}

/// The kernel and its shell, while the core may be away.
struct Session {
    kernel: Kernel,
    shell: Shell,
}

/// Set once, by the boot processor; used by it alone.
static SESSION: AtomicPtr<Session> = AtomicPtr::new(core::ptr::null_mut());

/// Runs the boot script, then the shell, for ever. From now on partitions may run: `alone` ends, and
/// the code of the boot.
///
/// Never inlined: it would be part of that.
#[inline(never)]
pub(crate) fn run(_alone: Alone, machine: Machine, power: Power, options: &Options) -> ! {
    // SAFETY: 1. Nothing is launched yet. 2. This function never returns, and what it calls is not
    // the boot's code (`make depth`).
    unsafe { paging::give_up_boot_code() };
    let kernel = Kernel {
        conductor: Conductor::new(&LIFE, Rim::here(), machine),
        power,
        typed: VecDeque::new(),
        leaving: None,
    };
    let session = Box::leak(Box::new(Session {
        kernel,
        shell: Shell::new(),
    }));
    SESSION.store(session, Ordering::Release);
    keyboard::init(session.kernel.machine().has_ps2);
    serial::start_receiving();
    take_interrupts();
    session.kernel.run_script(&mut session.shell, options);
    session.kernel.leave_if_asked();
    let us = tsc::us_since_hand_over();
    log::info!(
        "prompt {}.{:03} ms after the loader's hand-over",
        us / 1000,
        us % 1000
    );
    session.serve()
}

/// Takes the shell up again on the boot processor, whose Linux has ended or which was woken.
pub(crate) fn resume() -> ! {
    // The stack below is that of a life that has ended.
    // SAFETY: the boot processor's own stack, of which nothing is needed any more.
    unsafe {
        core::arch::asm!(
            "mov rsp, {stack}",
            "call {resume}",
            "ud2",
            stack = in(reg) stacks::boot_top(),
            resume = sym resume_on_fresh_stack,
            options(noreturn),
        )
    }
}

extern "C" fn resume_on_fresh_stack() -> ! {
    LIFE.resume_shell(&Rim::here());
    // The last Linux may have owned the port.
    serial::init();
    mtrr::write_combining();
    apic::quiesce();
    take_interrupts();
    let session = SESSION.load(Ordering::Acquire);
    // SAFETY: leaked in `run`, and used by this core alone, whose earlier frames are gone.
    let session = unsafe { &mut *session };
    println!("\nBulkhead {VERSION}: the shell is back");
    session.serve()
}

impl Session {
    fn serve(&mut self) -> ! {
        // From now on lines would fall into what is being typed; `log` has them.
        console::log::show_live(false);
        let Self { kernel, shell } = self;
        kernel.observe();
        kernel.lend();
        kernel.power.note_button(&mut Fixed, true);
        kernel.tell_events(shell);
        shell.prompt(&mut Console);
        loop {
            let mut idle = true;
            while let Some(byte) = kernel.typed.pop_front().or_else(console::read) {
                shell.feed(byte, kernel, &mut Console);
                kernel.leave_if_asked();
                idle = false;
            }
            idle &= !kernel.tell_events(shell);
            idle &= !shell.serve_line(&LIFE, kernel, &mut Console);
            shell.tick(kernel, &mut Console);
            kernel.tend_seat(!idle);
        }
    }
}

/// Starts the tick, which takes what is typed whatever the shell does meanwhile. Interrupts stay
/// on until the core leaves the shell.
fn take_interrupts() {
    apic::start_timer(vector::TIMER, serial::look_us());
    x86_64::instructions::interrupts::enable();
}

/// Sleeps until the next tick, a millisecond at most.
fn wait_for_tick() {
    x86_64::instructions::interrupts::enable_and_hlt();
}

impl Kernel {
    /// Runs the boot script if the loader brought one and it is wanted.
    fn run_script(&mut self, shell: &mut Shell, options: &Options) {
        if options.is_verbose {
            shell.echo_scripts();
        }
        let script = options.script.as_str();
        let Some(image) = self.machine().image(script) else {
            let names: Vec<&str> = self
                .machine()
                .images
                .iter()
                .map(|i| i.name.as_str())
                .collect();
            if options.is_script_named {
                println!(
                    "error: bulkhead.conf={script}: there is no such image (images: {})",
                    names.join(", ")
                );
            } else {
                println!("no boot script (a module named {script}); type \"help\"");
            }
            return;
        };
        if !options.runs_script {
            println!("bulkhead.noauto: the boot script was not run; to run it: include {script}");
            return;
        }
        let Some(place) = image.region else {
            println!("the boot script ({script}) is empty; type \"help\"");
            return;
        };
        match core::str::from_utf8(images::bytes(place)) {
            // It says what stopped it; the shell goes on.
            Ok(text) => drop(shell.script(script, text, self, &mut Console)),
            Err(error) => println!("{script}: error: is not UTF-8 text: {error}"),
        }
    }
}

/// Says at boot what is there, and what is not as it should be; the machine works without.
pub(crate) fn report(
    info: &BootInfo,
    options: &Options,
    machine: &Machine,
    console_problems: &[String],
    started: &Started,
) {
    println!("\nBulkhead {VERSION}, loaded by {}", info.loader);
    println!(
        "{} cores, {} of RAM, {} images",
        machine.cores.len(),
        bulkhead_memory::Bytes(machine.ram().total() & !((1 << 20) - 1)),
        machine.images.len(),
    );
    if !info.command_line.is_empty() {
        println!("command line: {}", info.command_line);
    }
    for problem in &options.problems {
        println!("warning: command line: {problem}");
    }
    for problem in console_problems {
        println!("warning: console: {problem}");
    }
    for problem in &machine.problems {
        println!("firmware: {problem}");
    }
    if !tsc::is_known() {
        println!(
            "warning: nothing tells the TSC's rate (neither CPUID nor an 8254 nor an ACPI timer): \
             {} MHz is assumed, and times are off",
            tsc::khz() / 1000
        );
    }
    let left_out = &started.left_out;
    if left_out.unreachable > 0 {
        println!(
            "{} cores are left out: firmware left the local APICs in xAPIC mode, in which IDs from 255 \
             on can't be addressed (its set-up may have x2APIC)",
            left_out.unreachable
        );
    }
    if left_out.too_many > 0 {
        let count = left_out.too_many;
        println!("{count} cores are left out: at most {MAX_CORES} are handled");
    }
    if info.modules.len() == MAX_IMAGES {
        println!("{MAX_IMAGES} images are taken; if the loader brought more, they are not");
    }
    let beyond = pci::beyond();
    if beyond > 0 {
        println!(
            "{beyond} ranges of PCI configuration space lie beyond what can be mapped: their functions \
             are not found"
        );
    }
    let functions = pci::left_out();
    if functions > 0 {
        println!(
            "{functions} PCI functions are left out, and can't be claimed: there is room for \
             {MAX_FUNCTIONS} at most"
        );
    }
    if !started.has_trampoline {
        println!("no other core was started: there is no free page below 64 KiB for it");
    }
    for core in machine.cores.iter().filter(|core| !core.responding) {
        println!("core {} did not answer when it was started", core.apic_id);
    }
}
