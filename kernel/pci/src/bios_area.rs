//! The BIOS area, 0xf0000 to 0xfffff: whether reads and writes of it go to RAM is the host bridge's.
//!
//! Source: Intel 3 Series Express Chipset Family Datasheet (316966) §5.1.19, "PAM0"; QEMU's `q35`
//! models that bridge.

use crate::{Address, ConfigSpace, Function};

/// The bridges whose register is known: vendor and device ID, and the register's place. More can be
/// added from their data sheets; newer ones may have it locked.
const BRIDGES: [(u16, u16, u16); 1] = [(0x8086, 0x29c0, 0x90)];

const SHIFT: u32 = 4;
const MASK: u32 = 3 << SHIFT;

/// What the area is to the processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Neither reads nor writes go to RAM.
    Rom,
    /// Reads go to RAM, writes do not.
    ReadOnlyRam,
    /// Writes go to RAM, reads do not.
    WriteOnlyRam,
    /// RAM.
    Ram,
}

/// The host bridge, which decides on the area, and its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BiosArea {
    bridge: Address,
    register: u16,
}

impl BiosArea {
    /// Finds a host bridge that is known.
    #[must_use]
    pub fn find(functions: &[Function]) -> Option<Self> {
        functions.iter().find_map(|function| {
            let is_it = |(vendor, device, _): &&(u16, u16, u16)| {
                (*vendor, *device) == (function.vendor, function.device_id)
            };
            let (_, _, register) = BRIDGES.iter().find(is_it)?;
            Some(Self {
                bridge: function.address,
                register: *register,
            })
        })
    }

    /// What the area is now.
    #[must_use]
    pub fn view(self, config: &dyn ConfigSpace) -> View {
        match (config.read(self.bridge, self.register) & MASK) >> SHIFT {
            0 => View::Rom,
            1 => View::ReadOnlyRam,
            2 => View::WriteOnlyRam,
            _ => View::Ram,
        }
    }

    /// Makes it that; the register's other fields stay. A locked register ignores it.
    pub fn set_view(self, config: &dyn ConfigSpace, view: View) {
        let bits = match view {
            View::Rom => 0,
            View::ReadOnlyRam => 1,
            View::WriteOnlyRam => 2,
            View::Ram => 3,
        };
        let value = config.read(self.bridge, self.register);
        config.write(self.bridge, self.register, value & !MASK | bits << SHIFT);
    }

    /// Has something written into the area: opens it for that, first has RAM that was behind a ROM get
    /// what the ROM has, and closes it for writing again; whether it was written.
    ///
    /// `copy` reads all of the area and gives what writes that back.
    pub fn written<Write: FnOnce()>(
        self,
        config: &dyn ConfigSpace,
        copy: impl FnOnce() -> Write,
        write: impl FnOnce() -> bool,
    ) -> bool {
        let before = self.view(config);
        if matches!(before, View::Rom | View::WriteOnlyRam) {
            // What is read in it must stay the same: firmware's tables are there.
            let fill = copy();
            self.set_view(config, View::Ram);
            fill();
        }
        self.set_view(config, View::Ram);
        let is_written = write();
        let after = match before {
            View::Ram => View::Ram,
            _ if is_written => View::ReadOnlyRam,
            _ => before,
        };
        self.set_view(config, after);
        is_written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one_register::{ADDRESS, OneRegister};

    #[test]
    fn only_the_area_s_two_bits_change() {
        let area = BiosArea {
            bridge: ADDRESS,
            register: 0x90,
        };
        let views = [
            (View::Rom, 0x3311_33cf),
            (View::ReadOnlyRam, 0x3311_33df),
            (View::WriteOnlyRam, 0x3311_33ef),
            (View::Ram, 0x3311_33ff),
        ];
        let one = OneRegister::new(0x90, 0x3311_33cf);
        for (view, wanted) in views {
            area.set_view(&one, view);
            assert_eq!(one.value(), wanted, "{view:?}");
            assert_eq!(area.view(&one), view);
        }
        // A bridge that is gone reads as all ones: RAM, and what is written shows the truth.
        assert_eq!(area.view(&OneRegister::new(0x90, u32::MAX)), View::Ram);
    }

    #[test]
    fn it_is_open_only_while_it_is_written() {
        let area = BiosArea {
            bridge: ADDRESS,
            register: 0x90,
        };
        // Before, written or not, whether the ROM was copied, and after.
        let cases = [
            (View::Rom, true, true, View::ReadOnlyRam),
            (View::Rom, false, true, View::Rom),
            (View::WriteOnlyRam, true, true, View::ReadOnlyRam),
            (View::ReadOnlyRam, true, false, View::ReadOnlyRam),
            (View::ReadOnlyRam, false, false, View::ReadOnlyRam),
            (View::Ram, true, false, View::Ram),
            (View::Ram, false, false, View::Ram),
        ];
        for (before, is_written, is_copied, after) in cases {
            let one = OneRegister::new(0x90, 0);
            area.set_view(&one, before);
            let copied = core::cell::Cell::new(false);
            let copy = || {
                assert_eq!(area.view(&one), before, "the ROM is read as it is");
                || {
                    assert_eq!(area.view(&one), View::Ram);
                    copied.set(true);
                }
            };
            let write = || {
                assert_eq!(area.view(&one), View::Ram);
                is_written
            };
            assert_eq!(area.written(&one, copy, write), is_written);
            assert_eq!(
                (copied.get(), area.view(&one)),
                (is_copied, after),
                "{before:?}"
            );
        }
    }
}
