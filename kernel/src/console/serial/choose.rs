//! Which serial port the shell has.
//!
//! It starts on COM1, or on the COM port that the command line names, before anything is known of
//! the machine: whatever goes wrong can be said. Once the firmware's tables and PCI are known it
//! moves to where it is wanted, and stays if nobody answers there.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_describe::ShellLine;
use bulkhead_describe::ports::{Candidate, Ports, where_it_is};
use bulkhead_firmware::{Firmware, SerialRegisters};
use bulkhead_model::{Com, MemoryRange};
use bulkhead_pci::{Address, Function, poll};
use bulkhead_shell::{Console, ConsolePlace, Options};
use bulkhead_terminal::serial::Speed;

use super::{LINE, write};
use crate::boot::Alone;
use crate::mem::phys;
use crate::pci::Ecam;

/// What became of the choice.
#[derive(Default)]
pub(crate) struct Choice {
    /// The port that is the shell's.
    pub(crate) line: ShellLine,
    /// What did not go as it was wanted.
    pub(crate) problems: Vec<String>,
}

/// What is known when the port is chosen.
pub(crate) struct Known<'a> {
    alone: &'a Alone,
    ports: Ports<'a>,
}

/// Takes a first port: the one wanted most if it is a COM port, else COM1.
pub(crate) fn start(options: &Options) {
    let first = options.consoles.first().copied().unwrap_or(Console::USUAL);
    let usual = Candidate::of_com(Com::Com1, None);
    let wanted = match first.place {
        ConsolePlace::None => return,
        ConsolePlace::Com(com) => Candidate::of_com(com, first.speed),
        ConsolePlace::Pci(_) | ConsolePlace::Spcr => Candidate::of_com(Com::Com1, None),
    };
    let mut line = LINE.lock();
    if !line.open(wanted.registers, wanted.speed) {
        line.open(usual.registers, usual.speed);
    }
}

/// Moves the console to the port that is wanted most of those that are there: looks for a UART at
/// each in turn, lets a PCI function answer for that, and sets up the one that is taken.
pub(crate) fn settle(options: &Options, known: &Known<'_>) -> Choice {
    let mut problems = Vec::new();
    for console in &options.consoles {
        if console.place == ConsolePlace::None {
            LINE.lock().close();
            return Choice {
                problems,
                ..Choice::default()
            };
        }
        match known.candidate(*console).and_then(|port| take(port, known)) {
            Ok(choice) => return choice.with(problems),
            Err(why) => problems.push(format!("{}: {why}", console.place)),
        }
    }
    if options.consoles.is_empty() {
        let wanted = known.ports.unasked();
        match wanted.map(|port| port.and_then(|port| take(port, known))) {
            Some(Ok(choice)) => return choice,
            Some(Err(why)) => problems.push(format!("the firmware's SPCR table: {why}")),
            None => {}
        }
    }
    let choice = take(Candidate::of_com(Com::Com1, None), known).unwrap_or_else(|_| {
        LINE.lock().close();
        Choice::default()
    });
    choice.with(problems)
}

/// Moves the shell's line there, and says so where it was.
fn take(port: Candidate, known: &Known<'_>) -> Result<Choice, String> {
    let before = {
        let line = LINE.lock();
        line.registers.zip(Some(line.speed))
    };
    if before != Some((port.registers, port.speed)) {
        // SAFETY: `Known` saw to it that a UART of ours is there, or nothing.
        let mut place = unsafe { super::Place::new(port.registers) };
        let name = where_it_is(port.registers);
        if !bulkhead_terminal::serial::is_present(&mut place) {
            return Err(format!("no UART answers at {name}"));
        }
        if before.is_some_and(|(registers, _)| registers != port.registers) {
            write(&format!("\nBulkhead: the console goes on at {name}\n"));
        }
        if !LINE.lock().open(port.registers, port.speed) {
            return Err(format!("the UART at {name} does not answer any more"));
        }
    }
    let baud = LINE.lock().baud;
    Ok(Choice {
        line: known.ports.shell_line(&port, &baud),
        problems: Vec::new(),
    })
}

impl Choice {
    fn with(self, problems: Vec<String>) -> Self {
        Self { problems, ..self }
    }
}

impl<'a> Known<'a> {
    /// All of it: no partition runs, so every port can be tried.
    pub(crate) fn new(
        alone: &'a Alone,
        firmware: &'a Firmware,
        functions: &'a [Function],
        memory: &'a [MemoryRange],
    ) -> Self {
        let ports = Ports {
            firmware: firmware.console.as_ref(),
            functions,
            memory,
            reach: phys::reach(),
        };
        Self { alone, ports }
    }

    fn candidate(&self, console: Console) -> Result<Candidate, String> {
        match console.place {
            ConsolePlace::None => Err("is no port".to_string()),
            ConsolePlace::Com(com) => Ok(Candidate::of_com(com, console.speed)),
            ConsolePlace::Pci(address) => self.of_pci(address, console.speed),
            ConsolePlace::Spcr => self.ports.by_table(console.speed),
        }
    }

    /// A function that can be a 16550: made to answer, and looked for where its registers may be.
    fn of_pci(&self, address: Address, speed: Option<Speed>) -> Result<Candidate, String> {
        let pci = self.ports.of_pci(address)?;
        poll::answer(&Ecam::before_launches(self.alone), address, pci.kind);
        let answers = |registers: &SerialRegisters| {
            // SAFETY: registers of a function that is a UART by its own words, and which nobody
            // uses yet: memory was checked to be no RAM, hence mapped uncached.
            let mut place = unsafe { super::Place::new(*registers) };
            bulkhead_terminal::serial::is_present(&mut place)
        };
        let registers = pci.places.into_iter().find(answers);
        Ok(Candidate {
            registers: registers.ok_or_else(|| format!("no UART answers at {:#x}", pci.base))?,
            speed: speed.unwrap_or_default(),
            function: Some(address),
        })
    }
}
