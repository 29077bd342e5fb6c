//! Pictures of the machine's screen, as QEMU takes them.

use std::collections::BTreeSet;

/// Pixels of red, green and blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Three bytes each, row by row.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Reads a binary PPM of 8 bits, as QEMU writes it; `None` if it is not whole.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut header = bytes.splitn(4, |byte| *byte == b'\n');
        let mut line = || std::str::from_utf8(header.next()?).ok();
        if line()? != "P6" {
            return None;
        }
        let (width, height) = line()?.split_once(' ')?;
        let (width, height) = (width.parse().ok()?, height.parse().ok()?);
        line()?;
        let pixels = header.next()?.to_vec();
        (pixels.len() == 3 * width * height).then_some(Self {
            width,
            height,
            pixels,
        })
    }

    /// The same as a PNG, every pixel as it was: with a palette if that can hold all the colours.
    ///
    /// # Panics
    /// Never: a picture is whole, and is written into memory.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let size =
            |length: usize| u32::try_from(length).expect("QEMU's screens are not that large");
        let pixels = self.pixels.as_chunks::<3>().0;
        let colours: BTreeSet<[u8; 3]> = pixels.iter().copied().collect();
        let colours: Vec<[u8; 3]> = colours.into_iter().collect();
        let index = |pixel: &[u8; 3]| {
            let place = colours.binary_search(pixel).ok();
            place.and_then(|place| u8::try_from(place).ok())
        };
        let indices: Option<Vec<u8>> = pixels.iter().map(index).collect();
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, size(self.width), size(self.height));
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        if indices.is_some() {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(colours.concat());
            // Neighbours in a palette are no neighbours in colour.
            encoder.set_filter(png::Filter::NoFilter);
        } else {
            encoder.set_color(png::ColorType::Rgb);
        }
        let bytes = indices.as_ref().unwrap_or(&self.pixels);
        let mut writer = encoder.write_header().expect("memory can be written");
        writer
            .write_image_data(bytes)
            .expect("the picture is whole");
        writer.finish().expect("memory can be written");
        out
    }

    /// How many pixels of the first `lines` lines differ by more than `tolerance` in any colour.
    #[must_use]
    pub fn differences(&self, other: &Self, lines: usize, tolerance: u8) -> usize {
        let bytes = 3 * self.width * lines;
        let pixels = |picture: &Self| {
            let pixels = picture.pixels.as_chunks::<3>().0;
            pixels[..(bytes / 3).min(pixels.len())].to_vec()
        };
        let differ = |(a, b): &([u8; 3], [u8; 3])| (0..3).any(|i| a[i].abs_diff(b[i]) > tolerance);
        let pairs = pixels(self).into_iter().zip(pixels(other));
        pairs.filter(differ).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a PNG, and whether it has a palette.
    fn read(png: &[u8]) -> (Vec<u8>, bool) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("it has a header");
        let has_palette = reader.info().palette.is_some();
        let mut pixels = vec![0; reader.output_buffer_size().expect("it is small")];
        reader.next_frame(&mut pixels).expect("it is whole");
        (pixels, has_palette)
    }

    #[test]
    fn a_png_has_every_pixel() {
        let few = Picture {
            width: 64,
            height: 32,
            pixels: (0..64 * 32 * 3).map(|i| (i / 3 % 250) as u8).collect(),
        };
        assert_eq!(read(&few.png()), (few.pixels.clone(), true));
        let many = Picture {
            width: 64,
            height: 32,
            pixels: (0..64 * 32 * 3)
                .map(|i| (i % 251) as u8 ^ ((i / 7) & 0xff) as u8)
                .collect(),
        };
        assert_eq!(read(&many.png()), (many.pixels.clone(), false));
    }

    #[test]
    fn a_ppm_that_is_not_whole_is_none() {
        assert!(Picture::parse(b"P6\n2 1\n255\n123456").is_some());
        assert!(Picture::parse(b"P6\n2 1\n255\n12345").is_none());
        assert!(Picture::parse(b"P5\n2 1\n255\n12").is_none());
    }
}
