//! The VGA's text mode of 80 columns and 25 rows, as a BIOS leaves it when the loader has set no
//! other.
//!
//! Source: IBM VGA XGA Technical Reference, "Graphics Controller" and "CRT Controller" registers.

use bulkhead_terminal::screen::{Row, Surface};
use x86_64::instructions::port::Port;

use crate::mem::phys;

/// Columns.
pub(super) const COLUMNS: usize = 80;
/// Rows.
pub(super) const ROWS: usize = 25;

/// Characters and attributes, two bytes each.
const CELLS: u64 = 0xb_8000;
/// Graphics controller: index and data; its register of the memory map.
const GRAPHICS: u16 = 0x3ce;
const MISCELLANEOUS: u8 = 6;
/// That register: not text; where the memory is; and the value for 0xb8000.
const IS_GRAPHICS: u8 = 1;
const MAP_MASK: u8 = 0b1100;
const MAP_COLOUR_TEXT: u8 = 0b1100;
/// CRT controller of a colour mode; its registers of the cursor's place.
const CRT: u16 = 0x3d4;
const CURSOR_HIGH: u8 = 0x0e;
const CURSOR_LOW: u8 = 0x0f;

/// The text mode.
pub(super) struct VgaText(());

impl VgaText {
    /// If the machine is in it.
    pub(super) fn find() -> Option<Self> {
        let value = read(GRAPHICS, MISCELLANEOUS);
        // Nobody there reads as all ones.
        let is_text = value & IS_GRAPHICS == 0 && value & MAP_MASK == MAP_COLOUR_TEXT;
        is_text.then_some(Self(()))
    }

    /// Blanks all of it.
    pub(super) fn clear(&mut self) {
        let blank = Row {
            cells: b"",
            kind: bulkhead_terminal::screen::Kind::Output,
            cursor: None,
        };
        (0..ROWS).for_each(|row| self.draw(row, &blank));
    }
}

impl Surface for VgaText {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the place's high and low byte; it has 16 bits"
    )]
    fn draw(&mut self, row: usize, content: &Row<'_>) {
        if row >= ROWS {
            return;
        }
        let attribute = u16::from(content.kind.attribute()) << 8;
        for column in 0..COLUMNS {
            let character = content.cells.get(column).copied().unwrap_or(b' ');
            let cell = CELLS + 2 * (row * COLUMNS + column) as u64;
            // SAFETY: inside the text mode's memory, mapped one to one; no partition owns the
            // display while this is called.
            unsafe {
                phys::pointer::<u16>(cell).write_volatile(attribute | u16::from(character));
            }
        }
        if let Some(column) = content.cursor {
            let place = row * COLUMNS + column;
            write(CRT, CURSOR_HIGH, (place >> 8) as u8);
            write(CRT, CURSOR_LOW, place as u8);
        }
    }
}

fn read(port: u16, index: u8) -> u8 {
    // SAFETY: a VGA's index, or nobody's port; it only chooses the register.
    unsafe { Port::<u8>::new(port).write(index) };
    // SAFETY: that register, or nobody's; reading it changes nothing.
    unsafe { Port::<u8>::new(port + 1).read() }
}

fn write(port: u16, index: u8, value: u8) {
    // SAFETY: the index of a VGA that is there and that no partition owns.
    unsafe { Port::<u8>::new(port).write(index) };
    // SAFETY: the cursor's place on that VGA.
    unsafe { Port::<u8>::new(port + 1).write(value) };
}
