//! What Bulkhead's screen has to show, rendered here by the same crate from what came over the
//! serial line: both show the same.

use bulkhead_linux::{Channel, Screen};
use bulkhead_terminal::screen::{Display, GLYPH_HEIGHT, Raster, Row, Surface};

use crate::picture::Picture;

/// A picture being drawn.
struct Canvas {
    raster: Raster,
    picture: Picture,
}

impl Surface for Canvas {
    fn draw(&mut self, row: usize, content: &Row<'_>) {
        let palette = self.raster.palette(content.kind);
        for y in 0..GLYPH_HEIGHT {
            let columns = self.raster.columns();
            let mut line = Vec::new();
            let put = |_, piece: &[u8]| line.extend_from_slice(piece);
            self.raster.line(content, columns, y, &palette, put);
            for copy in 0..self.raster.scale() {
                let at = (row * GLYPH_HEIGHT + y) * self.raster.scale() + copy;
                let pixels = &mut self.picture.pixels[3 * at * self.picture.width..];
                let pixels = pixels.as_chunks_mut::<3>().0.iter_mut();
                for (pixel, bytes) in pixels.zip(line.as_chunks::<4>().0) {
                    *pixel = [bytes[2], bytes[1], bytes[0]];
                }
            }
        }
    }
}

/// The picture of a screen of that size after all that the serial line has brought, and how many of
/// its lines are above the status line.
///
/// # Panics
/// If such a screen has no room for text.
#[must_use]
pub fn expected(serial: &str, width: usize, height: usize) -> (Picture, usize) {
    // What the firmware and the loader have said is not on it.
    let start = serial.find("\r\nBulkhead ").unwrap_or(0);
    let (mut display, mut canvas) = blank(width, height);
    display.set_status(Some(""));
    display.write(&serial[start..]);
    display.draw(&mut canvas);
    let lines = display.text().rows() * GLYPH_HEIGHT * canvas.raster.scale();
    (canvas.picture, lines)
}

/// The same as rows of text of the VGA's text mode, the status line left out.
#[must_use]
pub fn expected_text(serial: &str) -> Vec<String> {
    struct Rows(Vec<String>);
    impl Surface for Rows {
        fn draw(&mut self, row: usize, content: &Row<'_>) {
            self.0[row] = String::from_utf8_lossy(content.cells).into_owned();
        }
    }
    let start = serial.find("\r\nBulkhead ").unwrap_or(0);
    let mut display = Display::new(80, 25);
    display.set_status(Some(""));
    display.write(&serial[start..]);
    let mut rows = Rows(vec![String::new(); 25]);
    display.draw(&mut rows);
    rows.0.truncate(24);
    rows.0
}

fn blank(width: usize, height: usize) -> (Display, Canvas) {
    let short = |value| u16::try_from(value).expect("QEMU's screens are not that large");
    let channel = |position| Channel { size: 8, position };
    let raster = Raster::new(&Screen {
        base: 0,
        size: 4 * (width * height) as u64,
        width: short(width),
        height: short(height),
        pitch: short(4 * width),
        bits_per_pixel: 32,
        red: channel(16),
        green: channel(8),
        blue: channel(0),
        reserved: channel(24),
        is_efi: true,
    });
    let raster = raster.expect("there is room for text");
    let picture = Picture {
        width,
        height,
        pixels: vec![0; 3 * width * height],
    };
    let display = Display::new(raster.columns(), raster.rows());
    (display, Canvas { raster, picture })
}
