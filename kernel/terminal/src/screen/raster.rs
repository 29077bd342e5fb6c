//! Rows of text as lines of pixels.

use core::ops::Range;

use bulkhead_linux::Screen;

use super::display::Row;
use super::font::{self, GLYPH_HEIGHT, GLYPH_WIDTH, SHADES};
use super::pixel::PixelFormat;
use super::text::{MAX_COLUMNS, MAX_ROWS};
use super::{Kind, Rgb};

/// From this width on each pixel of the font is drawn as two by two: text of 16 lines can't be read
/// on such a screen.
const LARGE_WIDTH: u16 = 2560;
/// Characters that become pixels at once. Lines are made on the stack, also on the small ones that a
/// core has when it comes to grief; this much is a whole number of write-combining buffers.
const PIECE: usize = 8;
/// Bytes of a piece of the most and longest pixels.
const PIECE_BYTES: usize = PIECE * GLYPH_WIDTH * 2 * 4;

/// How a screen's rows become pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raster {
    format: PixelFormat,
    /// Pixels of the screen for each of the font's, in both directions.
    scale: usize,
    columns: usize,
    rows: usize,
}

impl Raster {
    /// For a screen; `None` if its pixels can't be written or there is no room for text.
    #[must_use]
    pub fn new(screen: &Screen) -> Option<Self> {
        let format = PixelFormat::of(screen)?;
        let (width, height) = (usize::from(screen.width), usize::from(screen.height));
        let pitch = usize::from(screen.pitch);
        let has_room = width * format.bytes() <= pitch
            && (pitch as u64).checked_mul(height as u64)? <= screen.size;
        let scale = if screen.width >= LARGE_WIDTH { 2 } else { 1 };
        let raster = Self {
            format,
            scale,
            columns: (width / (GLYPH_WIDTH * scale)).min(MAX_COLUMNS),
            rows: (height / (GLYPH_HEIGHT * scale)).min(MAX_ROWS),
        };
        (has_room && raster.columns > 0 && raster.rows > 1).then_some(raster)
    }

    /// Characters in a row.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Lines of pixels of the screen for each line of the font.
    #[must_use]
    pub const fn scale(&self) -> usize {
        self.scale
    }

    /// The palette of a row: to be made once for all its lines.
    #[must_use]
    pub fn palette(&self, kind: Kind) -> Palette {
        let (front, back) = kind.colours();
        Palette(core::array::from_fn(|shade| {
            self.format.pixel(mix(back, front, shade))
        }))
    }

    /// Makes line `y` of a row, from 0 to [`GLYPH_HEIGHT`]: its first `columns` characters, blank
    /// behind the row's end. `put` gets it piece by piece from the left, each with its offset in
    /// bytes.
    pub fn line(
        &self,
        row: &Row<'_>,
        columns: usize,
        y: usize,
        palette: &Palette,
        mut put: impl FnMut(usize, &[u8]),
    ) {
        let mut buffer = [0; PIECE_BYTES];
        let columns = columns.min(self.columns);
        let mut offset = 0;
        for start in (0..columns).step_by(PIECE) {
            let piece = start..(start + PIECE).min(columns);
            let bytes = match self.format.bytes() {
                2 => self.put_piece::<2>(row, piece, y, palette, &mut buffer),
                3 => self.put_piece::<3>(row, piece, y, palette, &mut buffer),
                _ => self.put_piece::<4>(row, piece, y, palette, &mut buffer),
            };
            put(offset, &buffer[..bytes]);
            offset += bytes;
        }
    }

    /// Pixels of a length that the compiler knows: this is the innermost loop.
    fn put_piece<const BYTES: usize>(
        &self,
        row: &Row<'_>,
        columns: Range<usize>,
        y: usize,
        palette: &Palette,
        out: &mut [u8; PIECE_BYTES],
    ) -> usize {
        let bytes = columns.len() * GLYPH_WIDTH * self.scale * BYTES;
        let mut pixels = out.as_chunks_mut::<BYTES>().0.iter_mut();
        for column in columns {
            let character = row.cells.get(column).copied().unwrap_or(b' ');
            let flip = if row.cursor == Some(column) { 0xf } else { 0 };
            for shade in font::line(character, y) {
                let colour = &palette.0[usize::from((shade ^ flip) & 0xf)];
                for pixel in pixels.by_ref().take(self.scale) {
                    pixel.copy_from_slice(&colour[..BYTES]);
                }
            }
        }
        bytes
    }
}

/// The pixels of each shade of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette([[u8; 4]; SHADES]);

/// The colour that is `shade` of 15 parts on the way from one to the other.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both colours' parts are below 256, and so is whatever is between"
)]
fn mix(from: Rgb, to: Rgb, shade: usize) -> Rgb {
    let whole = SHADES - 1;
    core::array::from_fn(|i| {
        let (from, to) = (usize::from(from[i]), usize::from(to[i]));
        ((from * (whole - shade) + to * shade) / whole) as u8
    })
}
