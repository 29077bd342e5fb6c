//! Rows of text as bytes of a linear frame buffer.
//!
//! Nothing is ever read back from it, and each line of pixels of a row is written from left to
//! right: reads are uncached, and write-combining wants neighbours one after another.

use bulkhead_linux::Screen;

use super::Kind;
use super::display::{Row, Surface};
use super::font::GLYPH_HEIGHT;
use super::raster::Raster;
use super::text::{MAX_COLUMNS, MAX_ROWS};

/// A row that was drawn up to the right edge, where there is no room for a character or no text.
const WHOLE: u8 = u8::MAX;
const _: () = assert!(MAX_COLUMNS < WHOLE as usize);

/// The bytes of a frame buffer.
pub trait Pixels {
    /// Writes bytes at an offset, unless that is outside.
    fn put(&mut self, offset: usize, bytes: &[u8]);
}

/// A frame buffer, and what was drawn on it.
pub struct Painter<P> {
    screen: Screen,
    raster: Raster,
    /// Columns of each row behind which nothing was drawn, or [`WHOLE`].
    drawn: [u8; MAX_ROWS],
    pixels: P,
}

impl<P: Pixels> Painter<P> {
    /// For a frame buffer whose rows `raster` makes.
    pub const fn new(screen: Screen, raster: Raster, pixels: P) -> Self {
        Self {
            screen,
            raster,
            drawn: [0; MAX_ROWS],
            pixels,
        }
    }

    /// Columns and rows of text.
    pub const fn size(&self) -> (usize, usize) {
        (self.raster.columns(), self.raster.rows())
    }

    /// Where and how large it is.
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Blanks all of it.
    pub fn clear(&mut self) {
        const PIECE: [u8; 1024] = [0; 1024];
        let pitch = usize::from(self.screen.pitch);
        for line in 0..usize::from(self.screen.height) {
            for at in (0..pitch).step_by(PIECE.len()) {
                let length = PIECE.len().min(pitch - at);
                self.pixels.put(line * pitch + at, &PIECE[..length]);
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
                    self.pixels.put(y * pitch + at, &piece[..length]);
                }
            }
        });
    }
}

impl<P: Pixels> Surface for Painter<P> {
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
                    self.pixels.put(at * pitch + offset, piece);
                }
            });
        }
        if has_margin {
            let top = row * GLYPH_HEIGHT * raster.scale();
            self.fill_margin(top, columns, content.kind);
        }
    }
}
