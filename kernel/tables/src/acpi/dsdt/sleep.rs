//! A device that can't be put to sleep, so that Linux refuses to suspend.
//!
//! Linux offers *suspend to idle* on every machine (`kernel/power/suspend.c`, `pm_states_init`), whatever
//! tables and parameters say. In a partition nothing would end it: what wakes is an interrupt of a
//! wake-up device, and there is neither a system control interrupt (hardware-reduced ACPI) nor, as a
//! rule, an I/O APIC. So it must fail on the way there.
//!
//! Before it is idle, Linux suspends every device that has a driver, and ends the attempt where one
//! fails. A motherboard resource has a driver that is built in (`drivers/pnp/system.c`); a device that
//! has `_DIS` is disabled by it (`drivers/pnp/driver.c`, `pnp_bus_suspend`), if it also has `_SRS` and
//! `_STA` to be enabled again. This one's `_DIS` divides by zero, which is an error of the method
//! (ACPI 6.5 §19.6.33), and nothing else of it is ever called.
//!
//! A motherboard resource by its `_HID` is no Plug-and-Play device any more in 7.x (commit 3ad5df239104).
//! By its `_CID` it has the same driver there as before, if the `_HID` is one of those that still are
//! (`drivers/acpi/acpi_pnp.c`). This one's is of an infrared port whose driver went in 4.17: so nothing
//! else wants the device.

use alloc::vec::Vec;

use acpi_tables::Aml;
use acpi_tables::aml::{Device, EISAName, Local, Method, Mod, Name, ONE, Path, Store, ZERO};

use super::resource::current_resources;

/// `_STA`: present, enabled, shown, working.
const WORKS: u8 = 0xf;

/// Adds `SLEP`.
pub(super) fn push(aml: &mut Vec<u8>) {
    let zero = Store::new(&Local(0), &ZERO);
    let fail = Mod::new(&Local(0), &ONE, &Local(0));
    Device::new(
        Path::new("SLEP"),
        Vec::from([
            &Name::new(Path::new("_HID"), &EISAName::new("NSC6001")) as &dyn Aml,
            &Name::new(Path::new("_CID"), &EISAName::new("PNP0C02")),
            // That of the configuration space is 0.
            &Name::new(Path::new("_UID"), &ONE),
            &Name::new(Path::new("_STA"), &WORKS),
            &current_resources(Vec::new()),
            &Method::new(Path::new("_SRS"), 1, false, Vec::new()),
            &Method::new(
                Path::new("_DIS"),
                0,
                false,
                Vec::from([&zero as &dyn Aml, &fail]),
            ),
        ]),
    )
    .to_aml_bytes(aml);
}
