//! The screen: what was written to it, and when that is drawn.
//!
//! Writing changes text in RAM only. The shell's loop draws what has changed, row by row between
//! bytes of the serial line, whose FIFO fills in 1.4 ms; a command that prints for longer is drawn
//! now and then. Nothing is drawn while a partition has the screen, and all of it again afterwards.

use core::fmt::{self, Write};

use bulkhead_model::FirmwareKind;
use bulkhead_terminal::screen::{Display, Surface};

use super::framebuffer::{self, FrameBuffer};
use super::vga_text::{self, VgaText};
use crate::boot::BootInfo;
use crate::cpu::tsc;
use crate::sync::IrqLock;

/// A command that prints for longer than this is drawn meanwhile.
const REDRAW_MS: u64 = 50;

enum Target {
    FrameBuffer(FrameBuffer),
    Text(VgaText),
}

impl Target {
    fn clear(&mut self) {
        match self {
            Self::FrameBuffer(buffer) => buffer.clear(),
            Self::Text(text) => text.clear(),
        }
    }
}

impl Surface for Target {
    fn draw(&mut self, row: usize, content: &bulkhead_terminal::screen::Row<'_>) {
        match self {
            Self::FrameBuffer(buffer) => buffer.draw(row, content),
            Self::Text(text) => text.draw(row, content),
        }
    }
}

struct Screen {
    display: Display,
    target: Target,
    /// A partition has it, or may have.
    is_lent: bool,
    wants_status: bool,
    /// Time-stamp counter when all was drawn last.
    drawn: u64,
    /// Ticks and rows of drawing since then, and the last time that so many rows were drawn.
    pass: (u64, u32),
    largest: (u64, u32),
}

static SCREEN: IrqLock<Option<Screen>> = IrqLock::new(None);

/// Finds the screen that the loader has left, if any, and blanks it.
pub(crate) fn init(info: &BootInfo) {
    let buffer = info.screen.and_then(framebuffer::map);
    let text = || {
        let may_be = info.firmware == FirmwareKind::Bios && info.screen.is_none();
        may_be.then(VgaText::find)?
    };
    let (mut target, columns, rows) = if let Some(buffer) = buffer {
        let (columns, rows) = buffer.size();
        (Target::FrameBuffer(buffer), columns, rows)
    } else if let Some(text) = text() {
        (Target::Text(text), vga_text::COLUMNS, vga_text::ROWS)
    } else {
        return;
    };
    target.clear();
    *SCREEN.lock() = Some(Screen {
        display: Display::new(columns, rows),
        target,
        is_lent: false,
        wants_status: true,
        drawn: tsc::now(),
        pass: (0, 0),
        largest: (0, 0),
    });
}

/// Writes text; it is seen when the shell's loop comes to draw, or soon.
pub(crate) fn write(text: &str) {
    with(|screen| {
        screen.display.write(text);
        let waited = tsc::now().saturating_sub(screen.drawn);
        if waited > REDRAW_MS * tsc::khz() {
            screen.draw();
        }
    });
}

/// Draws everything that has changed.
pub(crate) fn draw() {
    with(Screen::draw);
}

/// Draws one row; `false` if there is nothing to draw.
pub(crate) fn draw_one() -> bool {
    with(Screen::draw_one) == Some(true)
}

/// Says whether a partition has the screen. When it comes back all of it is drawn again.
pub(crate) fn set_lent(is_lent: bool) {
    with(|screen| {
        if screen.is_lent && !is_lent {
            screen.target.clear();
            screen.display.touch_all();
        }
        screen.is_lent = is_lent;
    });
}

/// Scrolls back by pages, or forward if negative.
pub(crate) fn page(pages: isize) {
    with(|screen| screen.display.page(pages));
}

/// Shows again what is new.
pub(crate) fn scroll_to_end() {
    with(|screen| screen.display.scroll_to_end());
}

/// Whether there is a screen, and the status line is wanted on it.
pub(crate) fn wants_status() -> Option<bool> {
    with(|screen| screen.wants_status)
}

/// Says whether the status line is wanted.
pub(crate) fn want_status(wants: bool) {
    with(|screen| {
        screen.wants_status = wants;
        if !wants {
            screen.display.set_status(None);
        }
    });
}

/// What the status line says.
pub(crate) fn set_status(line: &str) {
    with(|screen| screen.display.set_status(Some(line)));
}

/// Says what screen there is and how fast it is.
pub(crate) fn describe(out: &mut dyn Write) -> fmt::Result {
    let Some((columns, rows, mode, largest)) = with(|screen| {
        let mode = match &screen.target {
            Target::FrameBuffer(buffer) => Some(*buffer.screen()),
            Target::Text(_) => None,
        };
        let text = screen.display.text();
        let rows = text.rows() + usize::from(screen.display.has_status());
        (text.columns(), rows, mode, screen.largest)
    }) else {
        return writeln!(out, "screen: none");
    };
    match mode {
        Some(mode) => write!(
            out,
            "screen: {}x{}, {} bits, at {:#x}",
            mode.width, mode.height, mode.bits_per_pixel, mode.base
        )?,
        None => write!(out, "screen: VGA text mode")?,
    }
    let (ticks, drawn) = largest;
    let us = tsc::us(ticks);
    writeln!(
        out,
        "; {columns}x{rows} characters; {drawn} rows drawn in {us} us"
    )
}

/// Writes text even if the screen is in use: the panic path.
pub(crate) fn write_now(text: &str) {
    with_now(|screen| screen.display.write(text));
}

/// Draws what [`write_now`] wrote.
pub(crate) fn draw_now() {
    with_now(|screen| {
        screen.display.scroll_to_end();
        screen.draw();
    });
}

fn with<T>(action: impl FnOnce(&mut Screen) -> T) -> Option<T> {
    SCREEN.lock().as_mut().map(action)
}

/// The same, unless it is in use.
fn with_now(action: impl FnOnce(&mut Screen)) {
    if let Some(mut screen) = SCREEN.try_lock() {
        screen.as_mut().map(action);
    }
}

impl Screen {
    fn draw(&mut self) {
        while self.draw_one() {}
        self.drawn = tsc::now();
    }

    fn draw_one(&mut self) -> bool {
        if self.is_lent {
            return false;
        }
        let start = tsc::now();
        if self.display.draw_one(&mut self.target) {
            self.pass.0 += tsc::now() - start;
            self.pass.1 += 1;
            return true;
        }
        // What is in the write-combining buffers must not wait for more.
        // SAFETY: orders stores; every processor with long mode has the instruction.
        unsafe { core::arch::asm!("sfence", options(nostack, preserves_flags)) };
        if self.pass.1 >= self.largest.1 {
            self.largest = self.pass;
        }
        self.pass = (0, 0);
        self.drawn = start;
        false
    }
}
