//! Interrupts that are no messages: which I/O APIC each arrives at, and whose that is.

use crate::{Devices, Machine};

/// Where the interrupt pin of a function leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// To the I/O APIC of that number.
    IoApic(u8),
    /// Nobody knows: firmware's tables do not tell, or name no I/O APIC for it.
    Unknown,
}

impl Machine {
    /// The number of the I/O APIC at which a global system interrupt arrives: of those that begin no
    /// higher, the one that begins highest, as ACPI has them in a row (ACPI 6.5 section 5.2.13).
    #[must_use]
    pub fn io_apic_of(&self, gsi: u32) -> Option<u8> {
        let begins = self.io_apics.iter().map(|io_apic| io_apic.gsi_base);
        let base = begins.clone().filter(|base| *base <= gsi).max()?;
        u8::try_from(begins.clone().position(|begin| begin == base)?).ok()
    }

    /// Where an interrupt leads, if it is known which one it is.
    #[must_use]
    pub fn lead(&self, gsi: Option<u32>) -> Lead {
        let number = gsi.and_then(|gsi| self.io_apic_of(gsi));
        number.map_or(Lead::Unknown, Lead::IoApic)
    }

    /// The global system interrupt that an ISA interrupt is: the one of its number, unless firmware
    /// says otherwise.
    #[must_use]
    pub fn isa_gsi(&self, irq: u8) -> u32 {
        let mut overrides = self.overrides.iter();
        let found = overrides.find(|interrupt| interrupt.source == irq);
        found.map_or(irq.into(), |interrupt| interrupt.gsi)
    }
}

impl Devices {
    /// Whether a global system interrupt arrives at an I/O APIC among them.
    #[must_use]
    pub fn has_gsi(&self, machine: &Machine, gsi: u32) -> bool {
        let number = machine.io_apic_of(gsi);
        number.is_some_and(|number| self.io_apics.contains(&number))
    }

    /// The same of an ISA interrupt.
    #[must_use]
    pub fn has_irq(&self, machine: &Machine, irq: u8) -> bool {
        self.has_gsi(machine, machine.isa_gsi(irq))
    }
}
