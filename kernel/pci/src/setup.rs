//! One function of a grant: its registers as they shall be, without the heap.

use crate::bar::{self, ENDPOINT_BARS};
use crate::bridge::BridgeRegisters;
use crate::capability::Capabilities;
use crate::config::{ConfigSpace, Registers};
use crate::function::Header;
use crate::register::{
    BUS_MASTER, CACHE_LINE, INTERRUPT, INTX_DISABLE, IO_DECODE, MEMORY_DECODE, ROM, ROM_ENABLE,
    bridge, express, resizable,
};
use crate::{Address, BarKind, Function};

/// How a function forgets what it was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// By PCI Express function-level reset.
    Function,
    /// By that of the Advanced Features.
    Advanced,
    /// By going to D3hot and back.
    Power,
    /// Not by itself: with its bus, or not at all.
    None,
}

/// A function as it shall be before a launch, and what quieting it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) address: Address,
    /// The first dword: a function that answers with another one is not touched.
    identity: u32,
    /// Command before a launch.
    command: u16,
    cache_line: u16,
    interrupt_line: u8,
    pub(crate) layout: Layout,
    pub(crate) capabilities: Capabilities,
    /// Which of the grant's gates it is behind, as an index.
    pub(crate) gate: Option<u16>,
    pub(crate) reset: Reset,
}

// A grant is resident, and there is one of these for each function.
const _: () = assert!(size_of::<Setup>() <= 160);

/// What differs between header types.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    Endpoint {
        bars: [u32; ENDPOINT_BARS as usize],
        /// Which of the registers exist, a bit each.
        present: u8,
        /// Of the BAR with this index: its size as a power of two.
        sizes: [u8; ENDPOINT_BARS as usize],
        rom: u32,
    },
    Bridge {
        bars: [u32; 2],
        present: u8,
        rom: u32,
        registers: BridgeRegisters,
    },
    /// Unknown header type, or a function made by hand.
    Unknown,
}

impl Setup {
    /// `reset` is how the function would be reset by itself.
    pub(crate) fn new(f: &Function, gate: Option<u16>, reset: Reset) -> Self {
        Self {
            address: f.address,
            identity: u32::from(f.device_id) << 16 | u32::from(f.vendor),
            command: command(f),
            cache_line: f.found.cache_line,
            interrupt_line: f.found.interrupt_line,
            layout: layout(f),
            capabilities: f.found.capabilities,
            gate,
            reset,
        }
    }

    /// Whether `other`, which is later in the grant, may be below this bridge.
    pub(crate) fn may_lead_to(&self, other: &Self) -> bool {
        other.address.segment == self.address.segment
            && other.address.bus > self.address.bus
            && (self.gate.is_none() || other.gate == self.gate)
    }

    pub(crate) fn registers(self, config: &dyn ConfigSpace) -> Registers<'_> {
        Registers::new(config, self.address)
    }

    /// What the function's place answers.
    pub(crate) fn presence(&self, config: &dyn ConfigSpace) -> Presence {
        match self.registers(config).identity() {
            Some(id) if id == self.identity => Presence::Here,
            Some(_) => Presence::Other,
            None => Presence::Absent,
        }
    }

    /// Puts every register back that a Linux sets. Bus mastering stays off, and so do interrupts:
    /// stock Linux turns INTx on again where a driver enables the device.
    pub(crate) fn prepare(&self, config: &dyn ConfigSpace) {
        let registers = self.registers(config);
        // Neither memory nor I/O is answered while addresses change.
        registers.set_command(self.command & !(IO_DECODE | MEMORY_DECODE));
        self.stop_messages(registers);
        self.restore_express(registers);
        registers.write(CACHE_LINE, u32::from(self.cache_line));
        match &self.layout {
            Layout::Endpoint {
                bars,
                present,
                sizes,
                rom,
            } => {
                self.restore_sizes(registers, sizes);
                write_bars(registers, bars, *present);
                registers.write(ROM, *rom);
                registers.write(INTERRUPT, u32::from(self.interrupt_line));
            }
            Layout::Bridge {
                bars,
                present,
                rom,
                registers: own,
            } => {
                own.write(registers);
                write_bars(registers, bars, *present);
                registers.write(bridge::ROM, *rom);
                registers.write(INTERRUPT, own.control_with_line(self.interrupt_line));
            }
            Layout::Unknown => {}
        }
        registers.set_command(self.command);
    }

    fn restore_express(&self, registers: Registers<'_>) {
        let Some(e) = self.capabilities.express else {
            return;
        };
        // The high halves are statuses: zeros leave them alone.
        let write = |register, value: u16| registers.write(e.register(register), u32::from(value));
        write(express::DEVICE_CONTROL, e.device_control);
        if let Some(control) = e.link_control {
            write(express::LINK_CONTROL, control);
        }
        if let Some(control) = e.device_control_2 {
            write(express::DEVICE_CONTROL_2, control);
        }
    }

    /// A driver may have resized BARs (graphics drivers do), and a reset goes back to the device's
    /// own choice rather than the firmware's.
    fn restore_sizes(&self, registers: Registers<'_>, sizes: &[u8; ENDPOINT_BARS as usize]) {
        let Some(at) = self.capabilities.resizable else {
            return;
        };
        let control = |n: u16| at + resizable::CONTROL + resizable::STRIDE * n;
        let count = (registers.read(at + resizable::CONTROL) >> 5 & 0b111) as u16;
        for n in 0..count.min(u16::from(ENDPOINT_BARS)) {
            if control(n) >= 0x1000 {
                return;
            }
            let value = registers.read(control(n));
            let size = sizes.get((value & 0b111) as usize).copied().unwrap_or(0);
            // The register counts from 1 MiB.
            if let Some(exponent) = size.checked_sub(20) {
                let wanted = value & !resizable::SIZE
                    | u32::from(exponent) << resizable::SIZE_SHIFT & resizable::SIZE;
                if wanted != value {
                    registers.write(control(n), wanted);
                }
            }
        }
    }
}

/// What answers in a function's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The function.
    Here,
    /// Another device.
    Other,
    /// Nothing, or something that is not ready.
    Absent,
}

/// Command before a launch: as the firmware had it, but no bus mastering and no INTx, and no
/// decode of a kind of which a BAR has no address.
fn command(f: &Function) -> u16 {
    let mut command = f.found.command & !BUS_MASTER;
    if f.interrupt_pin != 0 {
        command |= INTX_DISABLE;
    }
    for bar in f.bars.iter().filter(|bar| bar.address.is_none()) {
        command &= !match bar.kind {
            BarKind::Io => IO_DECODE,
            BarKind::Memory32 | BarKind::Memory64 => MEMORY_DECODE,
        };
    }
    command
}

fn layout(f: &Function) -> Layout {
    let mut bars = [0; ENDPOINT_BARS as usize];
    let mut sizes = [0; ENDPOINT_BARS as usize];
    let mut present = 0;
    let mut set = |index: u8, value: u32| {
        if let Some(bar) = bars.get_mut(usize::from(index)) {
            *bar = value;
            present |= 1 << index;
        }
    };
    for bar in &f.bars {
        let (lower, upper) = bar.values();
        set(bar.index, lower);
        if let Some(upper) = upper {
            set(bar.index.saturating_add(1), upper);
        }
        if let Some(size) = sizes.get_mut(usize::from(bar.index)) {
            let bits = bar.size.checked_ilog2().unwrap_or(0);
            *size = (bits & 0x3f) as u8;
        }
    }
    let rom = f.found.rom & !ROM_ENABLE;
    match f.found.header {
        Header::Endpoint => Layout::Endpoint {
            bars,
            present,
            sizes,
            rom,
        },
        Header::Bridge => Layout::Bridge {
            bars: [bars[0], bars[1]],
            present: present & 0b11,
            rom,
            registers: f.found.bridge,
        },
        Header::Unknown => Layout::Unknown,
    }
}

fn write_bars(registers: Registers<'_>, bars: &[u32], present: u8) {
    for (index, &value) in (0u8..).zip(bars) {
        if present & 1 << index != 0 {
            registers.write(bar::offset(index), value);
        }
    }
}
