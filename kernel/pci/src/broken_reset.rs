//! Models that a reset does not bring back.
//!
//! The facts are those of Linux 6.18, `drivers/pci/quirks.c` (`quirk_no_flr`, `quirk_no_flr_snet`,
//! `quirk_no_bus_reset`, `quirk_nvidia_no_bus_reset`), and of the patches to it that added 1022:1502,
//! 1022:17f0 and 14c3:7925 afterwards. Its `quirk_no_pm_reset` needs nothing here: like Linux, this
//! crate resets by D3hot what no bus can reset, and nothing else.

use crate::Function;

/// A model by vendor and device ID; of the latter, the bits in the mask count.
type Model = (u16, u16, u16);

const ALL: u16 = 0xffff;

/// Functions that say they have a function-level reset, and may hang by it.
const NOT_BY_FUNCTION: [Model; 12] = [
    // AMD: audio, USB and SATA of some chipsets, neural processors.
    (0x1022, 0x1487, ALL),
    (0x1022, 0x148c, ALL),
    (0x1022, 0x149c, ALL),
    (0x1022, 0x7901, ALL),
    (0x1022, 0x1502, ALL),
    (0x1022, 0x17f0, ALL),
    // Intel 82579 Ethernet.
    (0x8086, 0x1502, ALL),
    (0x8086, 0x1503, ALL),
    // MediaTek MT7922 and MT7925.
    (0x14c3, 0x0616, ALL),
    (0x14c3, 0x7925, ALL),
    // SolidRun's SNET: Linux says it of revision 1; its bus's reset serves all of them.
    (0xd063, 0x1000, ALL),
    // Chelsio T4, which may hang if it is reset with bus mastering off.
    (0x1425, 0x4000, 0xf000),
];

/// Functions that are lost, some with the machine, once their bus was reset.
const NOT_BY_BUS: [Model; 9] = [
    // Atheros AR9xxx, QCA988x.
    (0x168c, 0x0030, ALL),
    (0x168c, 0x0032, ALL),
    (0x168c, 0x0033, ALL),
    (0x168c, 0x0034, ALL),
    (0x168c, 0x003c, ALL),
    (0x168c, 0x003e, ALL),
    // TI KeyStone C667x.
    (0x104c, 0xb005, ALL),
    // Cavium CN8xxx's root port, by what is below it.
    (0x177d, 0xa100, ALL),
    // Some of NVIDIA's processors.
    (0x10de, 0x2340, 0xffc0),
];

fn is_in(models: &[Model], f: &Function) -> bool {
    models
        .iter()
        .any(|(vendor, device, mask)| f.vendor == *vendor && f.device_id & mask == *device)
}

impl Function {
    /// It has a function-level reset by which it may hang: the reset is not used.
    #[must_use]
    pub fn hangs_by_flr(&self) -> bool {
        self.flr && is_in(&NOT_BY_FUNCTION, self)
    }

    /// It does not survive the reset of its bus (of a bridge: of the bus below it): that is not
    /// reset, whatever else is there.
    #[must_use]
    pub fn is_lost_by_bus_reset(&self) -> bool {
        is_in(&NOT_BY_BUS, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one_register::ADDRESS;

    fn function(vendor: u16, device_id: u16) -> Function {
        let mut function = Function::new(ADDRESS);
        (function.vendor, function.device_id) = (vendor, device_id);
        function.flr = true;
        function
    }

    #[test]
    fn models_are_known_by_both_ids_and_families_by_a_mask() {
        for (vendor, device, by_function, by_bus) in [
            (0x8086, 0x1502, true, false),
            (0x1022, 0x1502, true, false),
            (0x8086, 0x1501, false, false),
            (0x1425, 0x4407, true, false),
            (0x1425, 0x5407, false, false),
            (0x168c, 0x003c, false, true),
            (0x168c, 0x0031, false, false),
            (0x10de, 0x237f, false, true),
            (0x10de, 0x2380, false, false),
        ] {
            let f = function(vendor, device);
            let found = (f.hangs_by_flr(), f.is_lost_by_bus_reset());
            assert_eq!(found, (by_function, by_bus), "{vendor:04x}:{device:04x}");
        }
        let mut without = function(0x8086, 0x1502);
        without.flr = false;
        assert!(!without.hangs_by_flr());
    }
}
