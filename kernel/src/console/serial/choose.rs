//! Which serial port the shell has.
//!
//! It starts on COM1, or on the COM port that the command line names, before anything is known of
//! the machine: whatever goes wrong can be said. Once the firmware's tables and PCI are known it
//! moves to where it is wanted, and stays if nobody answers there.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_describe::ShellLine;
use bulkhead_firmware::{Firmware, NoSerialPort, SerialPort, SerialRegisters};
use bulkhead_memory::Region;
use bulkhead_model::{Com, MemoryKind, MemoryRange};
use bulkhead_pci::{Address, Bar, BarKind, Function, poll};
use bulkhead_shell::{Console, ConsolePlace, Options};
use bulkhead_terminal::serial::{PC_CLOCK, Speed};

use super::{LINE, write};
use crate::boot::Alone;
use crate::mem::phys;
use crate::pci::Ecam;

/// Registers of a 16550.
const REGISTERS: u64 = 8;

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
    firmware: Option<&'a Result<SerialPort, NoSerialPort>>,
    functions: &'a [Function],
    memory: &'a [MemoryRange],
}

/// A port that may be tried.
struct Candidate {
    registers: SerialRegisters,
    speed: Speed,
    function: Option<Address>,
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
        let wanted = match known.firmware {
            Some(Ok(port)) => Some(known.of_firmware(port, None)),
            Some(Err(NoSerialPort::Off)) | None => None,
            Some(Err(why)) => Some(Err(format!("it {why}"))),
        };
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
    let function = port.function.or_else(|| known.function_at(port.registers));
    let text = match function {
        Some(function) => format!("PCI function {function}, {baud} baud"),
        None => format!("{}, {baud} baud", where_it_is(port.registers)),
    };
    Ok(Choice {
        line: ShellLine {
            com: com(port.registers),
            function,
            text,
        },
        problems: Vec::new(),
    })
}

impl Choice {
    fn with(self, problems: Vec<String>) -> Self {
        Self { problems, ..self }
    }
}

impl Candidate {
    fn of_com(com: Com, speed: Option<Speed>) -> Self {
        Self {
            registers: SerialRegisters::Io(com.io_base()),
            speed: speed.unwrap_or_default(),
            function: None,
        }
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
        Self {
            alone,
            firmware: firmware.console.as_ref(),
            functions,
            memory,
        }
    }

    fn candidate(&self, console: Console) -> Result<Candidate, String> {
        match console.place {
            ConsolePlace::None => Err("is no port".to_string()),
            ConsolePlace::Com(com) => Ok(Candidate::of_com(com, console.speed)),
            ConsolePlace::Pci(address) => self.of_pci(address, console.speed),
            ConsolePlace::Spcr => match self.firmware {
                None => Err("the firmware has no SPCR table".to_string()),
                Some(Err(why)) => Err(format!("the table {why}")),
                Some(Ok(port)) => self.of_firmware(port, console.speed),
            },
        }
    }

    /// The port that the firmware's table names.
    fn of_firmware(&self, port: &SerialPort, speed: Option<Speed>) -> Result<Candidate, String> {
        let told = || match port.baud {
            None => Ok(Speed::KEEP),
            Some(baud) => Speed::new(baud, port.clock.unwrap_or(PC_CLOCK)),
        };
        // A rate that does not go with the clock: the firmware, which knows better, has set it.
        let speed = speed.unwrap_or_else(|| told().unwrap_or(Speed::KEEP));
        if let SerialRegisters::Memory { address, stride } = port.registers {
            self.check_memory(address, REGISTERS * u64::from(stride))?;
        }
        let by_table = port.function.map(|function| Address {
            segment: u16::from(function.segment),
            bus: function.bus,
            device: function.device,
            function: function.function,
        });
        let by_table = by_table.filter(|address| self.function(*address).is_some());
        Ok(Candidate {
            registers: port.registers,
            speed,
            function: by_table,
        })
    }

    /// The first base address register of a function that can be a 16550.
    fn of_pci(&self, address: Address, speed: Option<Speed>) -> Result<Candidate, String> {
        let Some(function) = self.function(address) else {
            return Err(format!("there is no PCI function {address}"));
        };
        // Serial controllers that are 16550s or better (PCI Code and ID Assignment Specification,
        // base class 07, sub-class 00): 16550, 16650, 16750, 16850, 16950.
        let class = (function.class, function.subclass, function.interface);
        if !matches!(class, (0x07, 0x00, 0x02..=0x06)) {
            let (class, subclass, interface) = class;
            return Err(format!(
                "PCI function {address} is of class {class:02x}{subclass:02x}{interface:02x}, no 16550 \
                 (accepted: 070002 to 070006)"
            ));
        }
        let is_enough = |bar: &&Bar| bar.size >= REGISTERS;
        let Some(bar) = function.bars.iter().find(is_enough) else {
            return Err(format!("PCI function {address} has no registers"));
        };
        let Some(base) = bar.address else {
            return Err(format!(
                "PCI function {address} was given no address for its registers"
            ));
        };
        poll::answer(&Ecam::before_launches(self.alone), address, bar.kind);
        let is_there = |registers| {
            // SAFETY: registers of a function that is a UART by its own words, and which nobody
            // uses yet: memory was checked to be no RAM, hence mapped uncached.
            let mut place = unsafe { super::Place::new(registers) };
            bulkhead_terminal::serial::is_present(&mut place)
        };
        let registers = if bar.kind == BarKind::Io {
            let base = u16::try_from(base).ok();
            let base = base.filter(|base| base.checked_add(REGISTERS as u16 - 1).is_some());
            base.map(SerialRegisters::Io)
        } else {
            // How far apart they are nobody tells.
            let strides = [1u8, 4].into_iter();
            let mut fitting = strides.filter(|stride| REGISTERS * u64::from(*stride) <= bar.size);
            self.check_memory(base, bar.size)?;
            let memory = |stride| SerialRegisters::Memory {
                address: base,
                stride,
            };
            fitting.find(|stride| is_there(memory(*stride))).map(memory)
        };
        let registers = registers.ok_or_else(|| format!("no UART answers at {base:#x}"))?;
        Ok(Candidate {
            registers,
            speed: speed.unwrap_or_default(),
            function: Some(address),
        })
    }

    fn function(&self, address: Address) -> Option<&Function> {
        self.functions.iter().find(|f| f.address == address)
    }

    /// The function in whose registers those are.
    fn function_at(&self, registers: SerialRegisters) -> Option<Address> {
        let (is_io, start) = match registers {
            SerialRegisters::Io(port) => (true, u64::from(port)),
            SerialRegisters::Memory { address, .. } => (false, address),
        };
        let has_it = |function: &&Function| {
            let bars = function.bars.iter();
            let mut bars = bars.filter(|bar| (bar.kind == BarKind::Io) == is_io);
            bars.any(|bar| bar.region().is_some_and(|bar| bar.contains(start)))
        };
        Some(self.functions.iter().find(has_it)?.address)
    }

    /// Refuses what is RAM, or is not mapped.
    fn check_memory(&self, address: u64, size: u64) -> Result<(), String> {
        let region = Region::new(address, size).filter(|region| phys::reaches(*region));
        let region = region.ok_or_else(|| format!("{address:#x} is out of reach"))?;
        let is_device = |range: &&MemoryRange| range.kind == MemoryKind::Reserved;
        let mut ram = self.memory.iter().filter(|range| !is_device(range));
        if ram.any(|range| range.region.overlaps(region)) {
            return Err(format!("{address:#x} is RAM"));
        }
        Ok(())
    }
}

fn com(registers: SerialRegisters) -> Option<Com> {
    let mut all = Com::ALL.into_iter();
    all.find(|com| registers == SerialRegisters::Io(com.io_base()))
}

/// `com2`, or the address.
fn where_it_is(registers: SerialRegisters) -> String {
    match (com(registers), registers) {
        (Some(com), _) => com.name().to_string(),
        (None, SerialRegisters::Io(port)) => format!("I/O port {port:#x}"),
        (None, SerialRegisters::Memory { address, .. }) => format!("memory {address:#x}"),
    }
}
