//! Where the shell's serial port may be: what can be said before anybody is asked there.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use bulkhead_firmware::{NoSerialPort, SerialPort, SerialRegisters};
use bulkhead_memory::Region;
use bulkhead_model::{Com, MemoryKind, MemoryRange};
use bulkhead_pci::{Address, Bar, BarKind, Function};
use bulkhead_terminal::serial::{PC_CLOCK, Speed};

use crate::ShellLine;

/// Registers of a 16550.
const REGISTERS: u64 = 8;

/// What is known when the port is chosen.
pub struct Ports<'a> {
    /// The port that firmware's table (SPCR) names, if there is one.
    pub firmware: Option<&'a Result<SerialPort, NoSerialPort>>,
    /// PCI functions as firmware left them.
    pub functions: &'a [Function],
    /// The memory map.
    pub memory: &'a [MemoryRange],
    /// One past the highest address that is mapped.
    pub reach: u64,
}

/// A port that may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where its registers are: no RAM.
    pub registers: SerialRegisters,
    /// How fast it is to be.
    pub speed: Speed,
    /// The PCI function that it is, if that is known already.
    pub function: Option<Address>,
}

/// A PCI function that may be tried, after it was made to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciCandidate {
    /// The function.
    pub function: Address,
    /// How its registers are decoded.
    pub kind: BarKind,
    /// Where they begin.
    pub base: u64,
    /// Where a 16550's may be, to be tried in turn: how far apart they are nobody tells.
    pub places: Vec<SerialRegisters>,
}

impl Candidate {
    /// One of the four standard ports.
    #[must_use]
    pub fn of_com(com: Com, speed: Option<Speed>) -> Self {
        Self {
            registers: SerialRegisters::Io(com.io_base()),
            speed: speed.unwrap_or_default(),
            function: None,
        }
    }
}

impl Ports<'_> {
    /// The port that the firmware's table names, if it names one for a console that nobody asked for.
    ///
    /// # Errors
    /// Why that can't be taken.
    #[must_use]
    pub fn unasked(&self) -> Option<Result<Candidate, String>> {
        match self.firmware? {
            Ok(port) => Some(self.of_firmware(port, None)),
            Err(NoSerialPort::Off) => None,
            Err(why) => Some(Err(format!("it {why}"))),
        }
    }

    /// The port that the firmware's table names, for an operator who wants that one.
    ///
    /// # Errors
    /// Why that is none: a part of the sentence `console: spcr: ...`.
    pub fn by_table(&self, speed: Option<Speed>) -> Result<Candidate, String> {
        match self.firmware {
            None => Err("the firmware has no SPCR table".to_string()),
            Some(Err(why)) => Err(format!("the table {why}")),
            Some(Ok(port)) => self.of_firmware(port, speed),
        }
    }

    /// What is said of a port that the shell has, at so many baud.
    #[must_use]
    pub fn shell_line(&self, port: &Candidate, baud: &impl Display) -> ShellLine {
        let function = port.function.or_else(|| self.function_at(port.registers));
        let text = match function {
            Some(function) => format!("PCI function {function}, {baud} baud"),
            None => format!("{}, {baud} baud", where_it_is(port.registers)),
        };
        ShellLine {
            com: com(port.registers),
            function,
            text,
        }
    }

    /// The port that a table describes.
    ///
    /// # Errors
    /// Why it can't be taken: a part of the sentence `console: spcr: ...`.
    pub fn of_firmware(
        &self,
        port: &SerialPort,
        speed: Option<Speed>,
    ) -> Result<Candidate, String> {
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
        Ok(Candidate {
            registers: port.registers,
            speed,
            function: by_table.filter(|address| self.function(*address).is_some()),
        })
    }

    /// The first base address register of a function that can be a 16550.
    ///
    /// # Errors
    /// Why there is none: a part of the sentence `console: 02:00.0: ...`.
    pub fn of_pci(&self, address: Address) -> Result<PciCandidate, String> {
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
        Ok(PciCandidate {
            function: address,
            kind: bar.kind,
            base,
            places: self.places(bar, base)?,
        })
    }

    fn places(&self, bar: &Bar, base: u64) -> Result<Vec<SerialRegisters>, String> {
        if bar.kind == BarKind::Io {
            // Eight of the 65,536 ports.
            let last = base.checked_add(REGISTERS - 1);
            let is_port = last.is_some_and(|last| u16::try_from(last).is_ok());
            let port = u16::try_from(base).ok().filter(|_| is_port);
            return Ok(port.map(SerialRegisters::Io).into_iter().collect());
        }
        self.check_memory(base, bar.size)?;
        let strides = [1u8, 4].into_iter();
        let fitting = strides.filter(|stride| REGISTERS * u64::from(*stride) <= bar.size);
        let memory = |stride| SerialRegisters::Memory {
            address: base,
            stride,
        };
        Ok(fitting.map(memory).collect())
    }

    fn function(&self, address: Address) -> Option<&Function> {
        self.functions.iter().find(|f| f.address == address)
    }

    /// The function in whose registers those are.
    #[must_use]
    pub fn function_at(&self, registers: SerialRegisters) -> Option<Address> {
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
        let region = Region::new(address, size).filter(|region| region.end() <= self.reach);
        let region = region.ok_or_else(|| format!("{address:#x} is out of reach"))?;
        let is_device = |range: &&MemoryRange| range.kind == MemoryKind::Reserved;
        let mut ram = self.memory.iter().filter(|range| !is_device(range));
        if ram.any(|range| range.region.overlaps(region)) {
            return Err(format!("{address:#x} is RAM"));
        }
        Ok(())
    }
}

/// The standard port that has those registers.
#[must_use]
pub fn com(registers: SerialRegisters) -> Option<Com> {
    let mut all = Com::ALL.into_iter();
    all.find(|com| registers == SerialRegisters::Io(com.io_base()))
}

/// `com2`, or the address.
#[must_use]
pub fn where_it_is(registers: SerialRegisters) -> String {
    match (com(registers), registers) {
        (Some(com), _) => com.name().to_string(),
        (None, SerialRegisters::Io(port)) => format!("I/O port {port:#x}"),
        (None, SerialRegisters::Memory { address, .. }) => format!("memory {address:#x}"),
    }
}
