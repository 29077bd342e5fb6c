//! FADT: fixed hardware, of which Bulkhead wants reset, power-off and a timer (ACPI §5.2.9).

use alloc::vec::Vec;

use crate::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::problem::Note as _;
use crate::{Events, Problem, Signature};

/// Offsets of fields (ACPI §5.2.9, Table 5.9).
mod offset {
    pub(super) const DSDT: usize = 40;
    pub(super) const SMI_CMD: usize = 48;
    pub(super) const ACPI_ENABLE: usize = 52;
    pub(super) const PM1A_EVT_BLK: usize = 56;
    pub(super) const PM1B_EVT_BLK: usize = 60;
    pub(super) const PM1A_CNT_BLK: usize = 64;
    pub(super) const PM1B_CNT_BLK: usize = 68;
    pub(super) const PM_TMR_BLK: usize = 76;
    pub(super) const GPE0_BLK: usize = 80;
    pub(super) const GPE1_BLK: usize = 84;
    pub(super) const PM1_EVT_LEN: usize = 88;
    pub(super) const PM_TMR_LEN: usize = 91;
    pub(super) const GPE0_BLK_LEN: usize = 92;
    pub(super) const GPE1_BLK_LEN: usize = 93;
    pub(super) const IAPC_BOOT_ARCH: usize = 109;
    pub(super) const FLAGS: usize = 112;
    pub(super) const RESET_REG: usize = 116;
    pub(super) const RESET_VALUE: usize = 128;
    pub(super) const X_DSDT: usize = 140;
    pub(super) const X_PM1A_EVT_BLK: usize = 148;
    pub(super) const X_PM1B_EVT_BLK: usize = 160;
    pub(super) const X_PM1A_CNT_BLK: usize = 172;
    pub(super) const X_PM1B_CNT_BLK: usize = 184;
    pub(super) const X_PM_TMR_BLK: usize = 208;
    pub(super) const X_GPE0_BLK: usize = 220;
    pub(super) const X_GPE1_BLK: usize = 232;
}

/// Length of the table's first revision: all fields up to and with `Flags`.
const SHORTEST_BYTES: usize = 116;
/// `RESET_REG_SUP` in `Flags`.
const FLAG_RESET_REGISTER: u32 = 1 << 10;
/// `PWR_BUTTON`: the power button is no fixed one.
const FLAG_BUTTON_IS_A_DEVICE: u32 = 1 << 4;
/// `HW_REDUCED_ACPI`: there is no fixed hardware.
const FLAG_REDUCED: u32 = 1 << 20;

/// Where a generic address lies (ACPI §5.2.3.2), as far as a reset register may lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSpace {
    /// Memory-mapped.
    Memory,
    /// An I/O port.
    Io,
    /// Configuration space of a device on bus 0 of segment 0.
    PciConfig,
}

/// The register that resets the machine (ACPI §4.8.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetRegister {
    /// Which address space.
    pub space: AddressSpace,
    /// Address in that space; a port number is at most 0xffff.
    pub address: u64,
    /// What to write, as one byte.
    pub value: u8,
}

/// Fixed hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fadt {
    /// How to reset the machine.
    pub reset: Option<ResetRegister>,
    /// I/O port of PM1a control; 0 if there is none.
    pub pm1a_control: u16,
    /// I/O port of PM1b control; 0 if there is none.
    pub pm1b_control: u16,
    /// I/O port of the 3.579545 MHz timer.
    pub pm_timer_port: Option<u16>,
    /// I/O port of SMI commands; 0 if there is none.
    pub smi_command: u16,
    /// What to write to [`Self::smi_command`] to turn ACPI mode on; 0 if it is always on.
    pub acpi_enable: u8,
    /// Where events are told.
    pub events: Events,
    /// Physical address of the DSDT.
    pub dsdt: u64,
    /// `IAPC_BOOT_ARCH`.
    pub boot_flags: u16,
}

/// Reads a FADT; a register that can't be used becomes a problem.
pub(crate) fn parse(table: &[u8], problems: &mut Vec<Problem>) -> Option<Fadt> {
    if table.len() < SHORTEST_BYTES {
        problems.note(Problem::TooShort {
            table: Signature(*b"FACP"),
            length: table.len(),
        });
        return None;
    }
    let flags = u32_at(table, offset::FLAGS)?;
    let extended_dsdt = u64_at(table, offset::X_DSDT).unwrap_or(0);
    let timer_bytes = u8_at(table, offset::PM_TMR_LEN)?;
    let mut port = |name, old, extended| port(table, name, old, extended, problems);
    let pm1a_control = port("PM1a_CNT", offset::PM1A_CNT_BLK, offset::X_PM1A_CNT_BLK);
    let pm1b_control = port("PM1b_CNT", offset::PM1B_CNT_BLK, offset::X_PM1B_CNT_BLK);
    let pm_timer = port("PM_TMR", offset::PM_TMR_BLK, offset::X_PM_TMR_BLK);
    let is_reduced = flags & FLAG_REDUCED != 0;
    let smi_command = if is_reduced {
        0
    } else {
        u32_at(table, offset::SMI_CMD)?
    };
    let smi_command = plain_port("SMI_CMD", smi_command.into(), problems);
    Some(Fadt {
        reset: if flags & FLAG_RESET_REGISTER != 0 {
            reset_register(table, problems)
        } else {
            None
        },
        pm1a_control,
        pm1b_control,
        pm_timer_port: Some(pm_timer).filter(|port| *port != 0 && timer_bytes == 4),
        smi_command,
        acpi_enable: u8_at(table, offset::ACPI_ENABLE)?,
        events: if is_reduced {
            Events::default()
        } else {
            events(table, flags)
        },
        dsdt: match extended_dsdt {
            0 => u64::from(u32_at(table, offset::DSDT)?),
            address => address,
        },
        boot_flags: u16_at(table, offset::IAPC_BOOT_ARCH)?,
    })
}

/// Where events are told. What of it can't be used is taken as not there, without a word: nothing that
/// Bulkhead does depends on it.
fn events(table: &[u8], flags: u32) -> Events {
    /// Of a block, the port and half of the length: the enable registers are its second half.
    fn block(table: &[u8], old: usize, extended: usize, length: usize) -> (u16, u8) {
        let half = u8_at(table, length).unwrap_or(0) / 2;
        let port = port(table, "", old, extended, &mut Vec::new());
        let is_there = port != 0 && half != 0 && port.checked_add(2 * u16::from(half)).is_some();
        if is_there { (port, half) } else { (0, 0) }
    }
    let pm1 = [
        (offset::PM1A_EVT_BLK, offset::X_PM1A_EVT_BLK),
        (offset::PM1B_EVT_BLK, offset::X_PM1B_EVT_BLK),
    ];
    let general = [
        (offset::GPE0_BLK, offset::X_GPE0_BLK, offset::GPE0_BLK_LEN),
        (offset::GPE1_BLK, offset::X_GPE1_BLK, offset::GPE1_BLK_LEN),
    ];
    Events {
        pm1: pm1.map(|(old, extended)| {
            let (port, half) = block(table, old, extended, offset::PM1_EVT_LEN);
            [port, port + u16::from(half)]
        }),
        general: general.map(|(old, extended, length)| {
            let (port, half) = block(table, old, extended, length);
            (port + u16::from(half), half)
        }),
        has_power_button: flags & FLAG_BUTTON_IS_A_DEVICE == 0,
    }
}

/// A generic address structure (ACPI §5.2.3.2): address space and address.
fn generic_address(table: &[u8], offset: usize) -> Option<(u8, u64)> {
    Some((u8_at(table, offset)?, u64_at(table, offset + 4)?))
}

fn address_space(id: u8) -> Option<AddressSpace> {
    match id {
        0 => Some(AddressSpace::Memory),
        1 => Some(AddressSpace::Io),
        2 => Some(AddressSpace::PciConfig),
        _ => None,
    }
}

/// The port of a register block: of its extended form where that names a port, else of the
/// older 32-bit one; 0 if there is none.
fn port(
    table: &[u8],
    register: &'static str,
    old: usize,
    extended: usize,
    problems: &mut Vec<Problem>,
) -> u16 {
    let address = match generic_address(table, extended) {
        Some((space, address))
            if address_space(space) == Some(AddressSpace::Io) && address != 0 =>
        {
            address
        }
        _ => u32_at(table, old).map_or(0, u64::from),
    };
    plain_port(register, address, problems)
}

fn plain_port(register: &'static str, address: u64, problems: &mut Vec<Problem>) -> u16 {
    u16::try_from(address).unwrap_or_else(|_| {
        problems.note(Problem::BadRegister { register, address });
        0
    })
}

fn reset_register(table: &[u8], problems: &mut Vec<Problem>) -> Option<ResetRegister> {
    let (space, address) = generic_address(table, offset::RESET_REG)?;
    let value = u8_at(table, offset::RESET_VALUE)?;
    let usable = address_space(space)
        .filter(|space| address != 0 && (*space != AddressSpace::Io || address <= 0xffff));
    if usable.is_none() {
        problems.note(Problem::BadRegister {
            register: "RESET_REG",
            address,
        });
    }
    Some(ResetRegister {
        space: usable?,
        address,
        value,
    })
}
