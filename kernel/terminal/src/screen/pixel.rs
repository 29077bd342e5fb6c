//! Colours as a frame buffer stores them.

use bulkhead_linux::{Channel, Screen};

use super::Rgb;

/// Where a pixel has its colours, and how long it is: 15 to 32 bits, in 2 to 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelFormat {
    bytes: usize,
    channels: [Channel; 3],
}

impl PixelFormat {
    /// The format of a screen; `None` if it is none that pixels could be written in.
    #[must_use]
    pub fn of(screen: &Screen) -> Option<Self> {
        let bytes = usize::from(screen.bits_per_pixel.div_ceil(8));
        let channels = [screen.red, screen.green, screen.blue];
        let fits = |channel: &Channel| {
            let end = usize::from(channel.position) + usize::from(channel.size);
            matches!(channel.size, 1..=16) && end <= bytes * 8
        };
        (matches!(bytes, 2..=4) && channels.iter().all(fits)).then_some(Self { bytes, channels })
    }

    /// Bytes of a pixel.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The pixel of a colour, little-endian; the bytes beyond [`Self::bytes`] are zero.
    #[must_use]
    pub fn pixel(&self, colour: Rgb) -> [u8; 4] {
        let bits = self.channels.iter().zip(colour).map(|(channel, value)| {
            let widest = (1u32 << channel.size) - 1;
            let scaled = (u32::from(value) * widest + 127) / 255;
            scaled << channel.position
        });
        bits.fold(0, |pixel, bits| pixel | bits).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bits_per_pixel: u8, [red, green, blue]: [(u8, u8); 3]) -> Option<PixelFormat> {
        let channel = |(size, position)| Channel { size, position };
        PixelFormat::of(&Screen {
            base: 0,
            size: 0,
            width: 0,
            height: 0,
            pitch: 0,
            bits_per_pixel,
            red: channel(red),
            green: channel(green),
            blue: channel(blue),
            reserved: Channel::default(),
            is_efi: true,
        })
    }

    #[test]
    fn the_formats_of_the_field() {
        let orange = [0xff, 0x80, 0x00];
        for (bits, channels, bytes, pixel) in [
            (32, [(8, 16), (8, 8), (8, 0)], 4, 0x00ff_8000u32),
            (32, [(8, 0), (8, 8), (8, 16)], 4, 0x0000_80ff),
            (32, [(10, 20), (10, 10), (10, 0)], 4, 0x3ff8_0800),
            (24, [(8, 16), (8, 8), (8, 0)], 3, 0x00ff_8000),
            (16, [(5, 11), (6, 5), (5, 0)], 2, 0xfc00),
            (15, [(5, 10), (5, 5), (5, 0)], 2, 0x7e00),
        ] {
            let format = format(bits, channels).unwrap();
            assert_eq!(format.bytes(), bytes);
            assert_eq!(
                u32::from_le_bytes(format.pixel(orange)),
                pixel,
                "{bits} {channels:?}"
            );
        }
    }

    #[test]
    fn nonsense_is_no_format() {
        let usual = [(8, 16), (8, 8), (8, 0)];
        assert_eq!(format(8, usual), None);
        assert_eq!(format(64, usual), None);
        assert_eq!(format(0, usual), None);
        assert_eq!(format(16, usual), None);
        assert_eq!(format(32, [(0, 0), (8, 8), (8, 0)]), None);
        assert_eq!(format(32, [(8, 250), (8, 8), (8, 0)]), None);
        assert_eq!(format(32, [(40, 0), (8, 8), (8, 0)]), None);
    }
}
