//! The screen: a linear framebuffer that the firmware has set up.
//!
//! Source: Linux `include/uapi/linux/screen_info.h` (`struct screen_info`, which is the zero page's
//! first 0x40 bytes), and what reads it: `drivers/firmware/sysfb_simplefb.c`,
//! `drivers/video/fbdev/efifb.c` and `vesafb.c`.

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::zero_page::{high, low};

/// A linear framebuffer, in a mode without a palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Physical address of the first pixel. An address above 4 GiB wants `is_efi`: 6.1's driver of
    /// the other kind cuts it off.
    pub base: u64,
    /// Bytes of the framebuffer: at least `pitch` times `height`, below 4 GiB.
    pub size: u64,
    /// Pixels in a line.
    pub width: u16,
    /// Lines.
    pub height: u16,
    /// Bytes from one line to the next.
    pub pitch: u16,
    /// Bits of a pixel, with those that nothing is shown of.
    pub bits_per_pixel: u8,
    /// Where a pixel has red.
    pub red: Channel,
    /// Where it has green.
    pub green: Channel,
    /// Where it has blue.
    pub blue: Channel,
    /// The bits that nothing is shown of.
    pub reserved: Channel,
    /// Whether Linux shall take it for one that EFI has set up, which wants its driver `efifb`,
    /// rather than for one of the VESA BIOS, which wants `vesafb` (Debian's cloud kernels lack it).
    /// Both do nothing but write to it.
    pub is_efi: bool,
}

/// Some bits of a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// How many.
    pub size: u8,
    /// The lowest one's number.
    pub position: u8,
}

/// `VIDEO_TYPE_VLFB` and `VIDEO_TYPE_EFI`.
const TYPE_VESA: u8 = 0x23;
const TYPE_EFI: u8 = 0x70;
/// `VIDEO_CAPABILITY_64BIT_BASE`: `ext_lfb_base` counts.
const HAS_64_BIT_BASE: u32 = 1 << 1;
/// The size is in these units in a screen of the VESA BIOS, in bytes in one of EFI.
const VESA_SIZE_UNIT: u64 = 1 << 16;

/// `struct screen_info`; all zero is no screen.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(crate) struct RawScreenInfo {
    /// The text mode: none.
    text_mode: [u8; 0x0f],
    /// 0x0f.
    orig_video_is_vga: u8,
    orig_video_points: U16,
    /// 0x12.
    lfb_width: U16,
    lfb_height: U16,
    lfb_depth: U16,
    lfb_base: U32,
    lfb_size: U32,
    /// 0x20: part of the command line, in a way that is long gone.
    cl_magic: U16,
    cl_offset: U16,
    /// 0x24.
    lfb_linelength: U16,
    /// Size, position.
    red: [u8; 2],
    green: [u8; 2],
    blue: [u8; 2],
    reserved: [u8; 2],
    /// 0x2e: the VESA BIOS's code, number of pages and attributes: none.
    vesa: [u8; 8],
    /// 0x36.
    capabilities: U32,
    ext_lfb_base: U32,
    reserved_3e: [u8; 2],
}

const _: () = assert!(size_of::<RawScreenInfo>() == 0x40);
const _: () = assert!(offset_of!(RawScreenInfo, orig_video_is_vga) == 0x0f);
const _: () = assert!(offset_of!(RawScreenInfo, lfb_width) == 0x12);
const _: () = assert!(offset_of!(RawScreenInfo, lfb_size) == 0x1c);
const _: () = assert!(offset_of!(RawScreenInfo, lfb_linelength) == 0x24);
const _: () = assert!(offset_of!(RawScreenInfo, red) == 0x26);
const _: () = assert!(offset_of!(RawScreenInfo, capabilities) == 0x36);
const _: () = assert!(offset_of!(RawScreenInfo, ext_lfb_base) == 0x3a);

impl From<Option<Screen>> for RawScreenInfo {
    fn from(screen: Option<Screen>) -> Self {
        let mut raw = Self::new_zeroed();
        let Some(screen) = screen else {
            return raw;
        };
        let (video_type, size) = if screen.is_efi {
            (TYPE_EFI, screen.size)
        } else {
            // The last part of a unit counts, or there would be too little for the last lines.
            (TYPE_VESA, screen.size.div_ceil(VESA_SIZE_UNIT))
        };
        raw.orig_video_is_vga = video_type;
        raw.lfb_width = screen.width.into();
        raw.lfb_height = screen.height.into();
        raw.lfb_depth = u16::from(screen.bits_per_pixel).into();
        raw.lfb_base = low(screen.base);
        raw.lfb_size = u32::try_from(size).unwrap_or(u32::MAX).into();
        raw.lfb_linelength = screen.pitch.into();
        raw.red = screen.red.to_bytes();
        raw.green = screen.green.to_bytes();
        raw.blue = screen.blue.to_bytes();
        raw.reserved = screen.reserved.to_bytes();
        raw.ext_lfb_base = high(screen.base);
        if raw.ext_lfb_base != U32::ZERO {
            raw.capabilities = HAS_64_BIT_BASE.into();
        }
        raw
    }
}

impl Channel {
    fn to_bytes(self) -> [u8; 2] {
        [self.size, self.position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen {
        base: 0xfd00_0000,
        size: 800 * 600 * 4,
        width: 800,
        height: 600,
        pitch: 3200,
        bits_per_pixel: 32,
        red: channel(16),
        green: channel(8),
        blue: channel(0),
        reserved: channel(24),
        is_efi: true,
    };

    const fn channel(position: u8) -> Channel {
        Channel { size: 8, position }
    }

    fn bytes(screen: Screen) -> [u8; 0x40] {
        zerocopy::transmute!(RawScreenInfo::from(Some(screen)))
    }

    #[test]
    fn every_field_is_where_the_header_has_it() {
        let mut expected = [0; 0x40];
        expected[0x0f] = 0x70;
        expected[0x12..0x14].copy_from_slice(&800u16.to_le_bytes());
        expected[0x14..0x16].copy_from_slice(&600u16.to_le_bytes());
        expected[0x16..0x18].copy_from_slice(&32u16.to_le_bytes());
        expected[0x18..0x1c].copy_from_slice(&0xfd00_0000u32.to_le_bytes());
        expected[0x1c..0x20].copy_from_slice(&0x1d_4c00u32.to_le_bytes());
        expected[0x24..0x26].copy_from_slice(&3200u16.to_le_bytes());
        expected[0x26..0x2e].copy_from_slice(&[8, 16, 8, 8, 8, 0, 8, 24]);
        assert_eq!(bytes(SCREEN), expected);
    }

    #[test]
    fn a_vesa_screen_has_its_size_in_units() {
        let vesa = bytes(Screen {
            is_efi: false,
            ..SCREEN
        });
        assert_eq!(vesa[0x0f], 0x23);
        assert_eq!(vesa[0x1c..0x20], 0x1eu32.to_le_bytes());
        let even = bytes(Screen {
            is_efi: false,
            size: 0x30_0000,
            ..SCREEN
        });
        assert_eq!(even[0x1c..0x20], 0x30u32.to_le_bytes());
    }

    #[test]
    fn an_address_above_4_gib_is_said_to_be_one() {
        let high = bytes(Screen {
            base: 0x38_0123_4000,
            ..SCREEN
        });
        assert_eq!(high[0x18..0x1c], 0x0123_4000u32.to_le_bytes());
        assert_eq!(high[0x36..0x3a], 2u32.to_le_bytes());
        assert_eq!(high[0x3a..0x3e], 0x38u32.to_le_bytes());
    }

    #[test]
    fn sizes_beyond_the_field_stay_what_they_are_most_like() {
        let huge = bytes(Screen {
            size: u64::MAX,
            ..SCREEN
        });
        assert_eq!(huge[0x1c..0x20], [0xff; 4]);
    }

    #[test]
    fn no_screen_is_all_zero() {
        let none: [u8; 0x40] = zerocopy::transmute!(RawScreenInfo::from(None));
        assert_eq!(none, [0; 0x40]);
    }
}
