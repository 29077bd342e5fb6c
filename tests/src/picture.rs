//! Pictures of the machine's screen, as QEMU takes them.

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
