//! A linear frame buffer: rows of text as pixels.
//!
//! Nothing is ever read back from it, and each line of pixels of a row is written from left to
//! right: reads are uncached, and write-combining wants neighbours one after another.

use bulkhead_linux::Screen;
use bulkhead_memory::Region;
use bulkhead_terminal::screen::{GLYPH_HEIGHT, Kind, MAX_COLUMNS, MAX_ROWS, Raster, Row, Surface};

use crate::cpu::mtrr;
use crate::mem::{paging, phys};

/// The frame buffer, mapped.
pub(super) struct FrameBuffer {
    screen: Screen,
    raster: Raster,
    /// Columns of each row behind which nothing was drawn, or [`WHOLE`].
    drawn: [u8; MAX_ROWS],
}

/// A row that was drawn up to the right edge, where there is no room for a character or no text.
const WHOLE: u8 = u8::MAX;
const _: () = assert!(MAX_COLUMNS < WHOLE as usize);

impl FrameBuffer {
    /// Maps the loader's frame buffer; `None` if text can't be drawn on it, or no page table of the
    /// kernel's leads there.
    pub(super) fn new(screen: Screen) -> Option<Self> {
        let raster = Raster::new(&screen)?;
        let region = Region::new(screen.base, screen.size)?;
        // SAFETY: at boot, after the page tables were activated and before other cores are started.
        let is_mapped = unsafe { paging::map_screen(region) };
        if !is_mapped {
            log::info!("screen: {region} is beyond what can be mapped");
            return None;
        }
        mtrr::write_combining();
        Some(Self {
            screen,
            raster,
            drawn: [0; MAX_ROWS],
        })
    }

    pub(super) const fn raster(&self) -> &Raster {
        &self.raster
    }

    pub(super) const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Blanks all of it.
    pub(super) fn clear(&mut self) {
        const PIECE: [u8; 1024] = [0; 1024];
        for line in 0..usize::from(self.screen.height) {
            let start = line * usize::from(self.screen.pitch);
            let mut left = usize::from(self.screen.pitch);
            while left > 0 {
                let length = left.min(PIECE.len());
                let end = start + usize::from(self.screen.pitch);
                self.put(end - left, &PIECE[..length]);
                left -= length;
            }
        }
        self.drawn = [0; MAX_ROWS];
    }

    /// Gives what is right of so many columns of a row the row's background.
    fn fill_margin(&mut self, top: usize, columns: usize, kind: Kind) {
        let raster = self.raster;
        let blank = Row {
            cells: b"",
            kind,
            cursor: None,
        };
        let bytes = usize::from(self.screen.bits_per_pixel.div_ceil(8));
        let (width, pitch) = (
            usize::from(self.screen.width) * bytes,
            usize::from(self.screen.pitch),
        );
        raster.line(&blank, 1, 0, &raster.palette(kind), |_, piece| {
            for y in top..top + GLYPH_HEIGHT * raster.scale() {
                for at in (columns * piece.len()..width).step_by(piece.len()) {
                    let length = piece.len().min(width - at);
                    self.put(y * pitch + at, &piece[..length]);
                }
            }
        });
    }

    /// Writes bytes at an offset, if it has all of them.
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset as u64 + bytes.len() as u64;
        if end <= self.screen.size {
            // SAFETY: inside the frame buffer, which the loader described and which is mapped; no
            // partition owns it while this is called (`screen.rs`). Its bytes are not memory that
            // Rust knows of.
            unsafe { phys::write(self.screen.base + offset as u64, bytes) };
        }
    }
}

impl Surface for FrameBuffer {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a row has fewer than 255 columns"
    )]
    fn draw(&mut self, row: usize, content: &Row<'_>) {
        let Some(drawn) = self.drawn.get_mut(row) else {
            return;
        };
        let used = content.cursor.map_or(0, |column| column + 1);
        let used = used.max(content.cells.len()).min(self.raster.columns());
        let columns = used.max(usize::from(*drawn)).min(self.raster.columns());
        let is_whole = content.kind == Kind::Status;
        let has_margin = is_whole || *drawn == WHOLE;
        // At most MAX_COLUMNS, which is below 255.
        *drawn = if is_whole { WHOLE } else { used as u8 };
        let raster = self.raster;
        let palette = raster.palette(content.kind);
        let pitch = usize::from(self.screen.pitch);
        for y in 0..GLYPH_HEIGHT {
            raster.line(content, columns, y, &palette, |offset, piece| {
                for copy in 0..raster.scale() {
                    let at = (row * GLYPH_HEIGHT + y) * raster.scale() + copy;
                    self.put(at * pitch + offset, piece);
                }
            });
        }
        if has_margin {
            let top = row * GLYPH_HEIGHT * raster.scale();
            self.fill_margin(top, columns, content.kind);
        }
    }
}
