//! Capability lists (PCI §6.7, PCIe §7.6).

use crate::PortType;
use crate::config::{Registers, high, low};
use crate::register::{
    CAPABILITIES, COMMAND, HAS_CAPABILITIES, acs, advanced, express, power, resizable,
    virtualization,
};

/// First byte a capability can be at.
const FIRST: u16 = 0x40;
/// One past the space of the first list.
const END: u16 = 0x100;
/// One past the space of the extended list, which begins at [`END`].
const EXTENDED_END: u16 = 0x1000;
/// Capabilities that fit into the space of the first list (4 bytes each), so a longer list is a
/// circle.
const MOST: usize = ((END - FIRST) / 4) as usize;
/// The same of the extended list.
const MOST_EXTENDED: usize = ((EXTENDED_END - END) / 4) as usize;

mod id {
    pub(super) const POWER: u8 = 0x01;
    pub(super) const MSI: u8 = 0x05;
    pub(super) const EXPRESS: u8 = 0x10;
    pub(super) const MSIX: u8 = 0x11;
    pub(super) const ADVANCED: u8 = 0x13;
    pub(super) const ACS: u16 = 0x000d;
    pub(super) const ARI: u16 = 0x000e;
    pub(super) const VIRTUALIZATION: u16 = 0x0010;
    pub(super) const RESIZABLE: u16 = 0x0015;
}

/// Where capabilities are (`None`: there is none) and what they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Power management.
    pub(crate) power: Option<u8>,
    /// Going from D3hot to D0 resets the function.
    pub(crate) power_resets: bool,
    /// MSI.
    pub(crate) msi: Option<u8>,
    /// MSI-X.
    pub(crate) msix: Option<u8>,
    /// Vectors of MSI-X.
    pub(crate) msix_vectors: u16,
    /// Advanced Features with a function-level reset.
    pub(crate) advanced: Option<u8>,
    /// Advanced Features say whether transactions are pending.
    pub(crate) advanced_pending: bool,
    /// PCI Express.
    pub(crate) express: Option<Express>,
    /// Single Root I/O Virtualization.
    pub(crate) virtualization: Option<u16>,
    /// Resizable BARs.
    pub(crate) resizable: Option<u16>,
    /// Access Control Services.
    pub(crate) acs: Option<u16>,
    /// Alternative Routing-ID Interpretation: one device with up to 256 functions.
    pub(crate) ari: bool,
}

/// The PCI Express capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Express {
    /// Where it is.
    pub(crate) offset: u8,
    /// What the function is.
    pub(crate) port: Option<PortType>,
    /// Function-level reset.
    pub(crate) flr: bool,
    /// The link says whether it is up.
    pub(crate) reports_link: bool,
    /// It is a port with a slot, whose registers it has.
    pub(crate) has_slot: bool,
    /// Device Control at boot, without "initiate function-level reset".
    pub(crate) device_control: u16,
    /// Link Control at boot, without "retrain"; `None`: no such register.
    pub(crate) link_control: Option<u16>,
    /// Device Control 2 at boot; `None`: no such register.
    pub(crate) device_control_2: Option<u16>,
}

impl Express {
    /// The offset of one of its registers.
    pub(crate) fn register(&self, register: u16) -> u16 {
        u16::from(self.offset) + register
    }

    fn read(registers: Registers<'_>, offset: u8) -> Option<Self> {
        let at = |register| registers.read(u16::from(offset) + register);
        let room = END - u16::from(offset);
        if room < express::LINK_CONTROL {
            return None;
        }
        let flags = high(at(0));
        let version = flags & 0xf;
        let port = PortType::from_bits((flags >> 4 & 0xf) as u8);
        // Version 1 has only the registers that the kind of port needs (PCIe 1.1 §7.8).
        let has_link = room >= express::LINK_CONTROL + 4
            && (version >= 2 || port.is_some_and(PortType::has_link));
        let has_second = room >= express::DEVICE_CONTROL_2 + 4 && version >= 2;
        Some(Self {
            offset,
            port,
            flr: at(express::DEVICE_CAPABILITIES) & express::HAS_FLR != 0,
            reports_link: has_link && at(express::LINK_CAPABILITIES) & express::REPORTS_LINK != 0,
            has_slot: has_link
                && room >= express::SLOT_CONTROL + 4
                && flags & express::HAS_SLOT != 0
                && matches!(port, Some(PortType::RootPort | PortType::Downstream)),
            device_control: low(at(express::DEVICE_CONTROL)) & !express::INITIATE_FLR,
            link_control: has_link.then(|| low(at(express::LINK_CONTROL)) & !express::RETRAIN),
            device_control_2: has_second.then(|| low(at(express::DEVICE_CONTROL_2))),
        })
    }
}

impl Capabilities {
    /// Reads both lists of a function with header type 0 or 1. Of two capabilities of one kind
    /// the first counts.
    pub(crate) fn read(registers: Registers<'_>) -> Self {
        let mut all = Self::default();
        if registers.read(COMMAND) & HAS_CAPABILITIES != 0 {
            all.read_first(registers);
        }
        // Only PCI Express has the space above 0x100.
        if all.express.is_some() {
            all.read_extended(registers);
        }
        all
    }

    fn read_first(&mut self, registers: Registers<'_>) {
        let mut next = (registers.read(CAPABILITIES) & 0xfc) as u8;
        for _ in 0..MOST {
            if u16::from(next) < FIRST {
                return;
            }
            let header = registers.read(u16::from(next));
            if header == u32::MAX {
                return;
            }
            self.take(registers, next, header);
            next = ((header >> 8) & 0xfc) as u8;
        }
    }

    fn take(&mut self, registers: Registers<'_>, offset: u8, header: u32) {
        let fits = |bytes: u16| u16::from(offset) + bytes <= END;
        match (header & 0xff) as u8 {
            id::POWER if self.power.is_none() && fits(8) => {
                let control = registers.read(u16::from(offset) + power::CONTROL);
                self.power = Some(offset);
                self.power_resets = control & power::NO_SOFT_RESET == 0;
            }
            id::MSI if self.msi.is_none() => self.msi = Some(offset),
            id::MSIX if self.msix.is_none() && fits(12) => {
                self.msix = Some(offset);
                self.msix_vectors = (high(header) & 0x7ff) + 1;
            }
            id::ADVANCED
                if self.advanced.is_none() && fits(8) && header & advanced::HAS_FLR != 0 =>
            {
                self.advanced = Some(offset);
                self.advanced_pending = header & advanced::HAS_PENDING != 0;
            }
            id::EXPRESS if self.express.is_none() => {
                self.express = Express::read(registers, offset);
            }
            _ => {}
        }
    }

    fn read_extended(&mut self, registers: Registers<'_>) {
        let mut next = END;
        for _ in 0..MOST_EXTENDED {
            if next < END {
                return;
            }
            let header = registers.read(next);
            if header == 0 || header == u32::MAX {
                return;
            }
            let fits = |bytes: u16| next + bytes <= EXTENDED_END;
            match low(header) {
                id::ACS if self.acs.is_none() && fits(acs::CONTROL + 4) => self.acs = Some(next),
                id::ARI => self.ari = true,
                id::VIRTUALIZATION
                    if self.virtualization.is_none() && fits(virtualization::CONTROL + 4) =>
                {
                    self.virtualization = Some(next);
                }
                id::RESIZABLE if self.resizable.is_none() && fits(resizable::CONTROL + 4) => {
                    self.resizable = Some(next);
                }
                _ => {}
            }
            next = high(header) >> 4 & !0b11;
        }
    }
}
