//! The glyphs, packed when this is compiled: two pixels a byte, printable ASCII only.
//!
//! 5 KiB instead of the 10 that the crate's own form of one byte a pixel takes; the kernel is
//! resident, and 16 shades are as good as 256 on letters of this size.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

const WEIGHT: FontWeight = FontWeight::Regular;
const SIZE: RasterHeight = RasterHeight::Size16;

/// Pixels of a character's cell, across.
pub const GLYPH_WIDTH: usize = get_raster_width(WEIGHT, SIZE);
/// Pixels of a character's cell, down.
pub const GLYPH_HEIGHT: usize = SIZE.val();

/// Shades between background and foreground.
pub(crate) const SHADES: usize = 16;

const FIRST: u8 = b' ';
const GLYPHS: usize = (b'~' - b' ' + 1) as usize;
const ROW_BYTES: usize = GLYPH_WIDTH.div_ceil(2);

type Glyph = [[u8; ROW_BYTES]; GLYPH_HEIGHT];

static FONT: [Glyph; GLYPHS] = pack();

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are less than 128 glyphs"
)]
const fn pack() -> [Glyph; GLYPHS] {
    let mut font = [[[0; ROW_BYTES]; GLYPH_HEIGHT]; GLYPHS];
    let mut index = 0;
    while index < GLYPHS {
        let Some(raster) = get_raster((FIRST + index as u8) as char, WEIGHT, SIZE) else {
            panic!("the font has all of printable ASCII");
        };
        let mut y = 0;
        while y < GLYPH_HEIGHT {
            let mut x = 0;
            while x < GLYPH_WIDTH {
                let shade = raster.pixels()[y * GLYPH_WIDTH + x] >> 4;
                font[index][y][x / 2] |= shade << (4 * (x % 2));
                x += 1;
            }
            y += 1;
        }
        index += 1;
    }
    font
}

/// The shades of one line of pixels of a character, left to right.
pub(crate) fn line(character: u8, y: usize) -> [u8; GLYPH_WIDTH] {
    let index = usize::from(character.wrapping_sub(FIRST));
    let row = FONT.get(index).map_or(&[0; ROW_BYTES], |glyph| &glyph[y]);
    core::array::from_fn(|x| (row[x / 2] >> (4 * (x % 2))) & 0xf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_is_the_crates_in_sixteen_shades() {
        for character in b' '..=b'~' {
            let raster = get_raster(char::from(character), WEIGHT, SIZE).unwrap();
            for (y, row) in raster.rows().enumerate() {
                let expected = row.iter().map(|value| value >> 4);
                assert!(line(character, y).into_iter().eq(expected), "{character}");
            }
        }
        assert_eq!(line(0xff, 3), [0; GLYPH_WIDTH]);
        assert_eq!(line(0, 3), [0; GLYPH_WIDTH]);
    }
}
