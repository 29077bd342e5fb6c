//! Access Control Services (PCIe §6.12, §7.7.11): requests from one device to another pass the root complex,
//! where the IOMMU is.

use crate::config::Registers;
use crate::register::acs::{CAPABILITY, KEPT, WANTED};
use crate::{ConfigSpace, Function, PortType};

/// Turns on, at each port that has it, what keeps the devices below from reaching each other past the IOMMU;
/// gives how many ports have it on now. What a port does not list as a feature is none of it, or wired on.
///
/// Functions of one device are not looked at: they are on one bus, which one partition has.
pub fn redirect(config: &dyn ConfigSpace, functions: &[Function]) -> usize {
    let is_port = |f: &&Function| matches!(f.port, Some(PortType::RootPort | PortType::Downstream));
    let mut count = 0;
    for port in functions.iter().filter(is_port) {
        let Some(at) = port.found.capabilities.acs else {
            continue;
        };
        let registers = Registers::new(config, port.address);
        // Capability below, control above: one dword.
        let both = registers.read(at + CAPABILITY);
        if both == u32::MAX {
            continue;
        }
        let (can, on) = (both & 0xffff, both >> 16);
        let new = on & KEPT | can & WANTED;
        if new != on {
            registers.write(at + CAPABILITY, new << 16);
        }
        count += usize::from(new != 0);
    }
    count
}
