//! Rows of text as pixels.

use bulkhead_linux::{Channel, Screen};
use bulkhead_terminal::screen::{GLYPH_HEIGHT, GLYPH_WIDTH, Kind, Raster, Row};

pub(crate) const fn screen(
    width: u16,
    height: u16,
    bits: u8,
    [red, green, blue]: [(u8, u8); 3],
) -> Screen {
    const fn channel((size, position): (u8, u8)) -> Channel {
        Channel { size, position }
    }
    let pitch = width * (bits.div_ceil(8) as u16);
    Screen {
        base: 0xfd00_0000,
        size: pitch as u64 * height as u64,
        width,
        height,
        pitch,
        bits_per_pixel: bits,
        red: channel(red),
        green: channel(green),
        blue: channel(blue),
        reserved: Channel {
            size: 0,
            position: 0,
        },
        is_efi: true,
    }
}

pub(crate) const XRGB: [(u8, u8); 3] = [(8, 16), (8, 8), (8, 0)];
pub(crate) const RGB565: [(u8, u8); 3] = [(5, 11), (6, 5), (5, 0)];

fn lines(screen: &Screen, row: &Row<'_>, columns: usize) -> Vec<Vec<u8>> {
    let raster = Raster::new(screen).unwrap();
    let palette = raster.palette(row.kind);
    let line = |y| {
        let mut line = Vec::new();
        raster.line(row, columns, y, &palette, |offset, piece| {
            assert_eq!(offset, line.len());
            line.extend_from_slice(piece);
        });
        line
    };
    (0..GLYPH_HEIGHT).map(line).collect()
}

/// FNV-1a, 64 bits.
fn hash(lines: &[Vec<u8>]) -> u64 {
    let bytes = lines.iter().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// A letter, its shades from blank to full, and the cursor on a blank.
#[test]
fn a_letter_and_the_cursor() {
    let row = Row {
        cells: b"g",
        kind: Kind::Input,
        cursor: Some(1),
    };
    let pictures: Vec<String> = lines(&screen(640, 480, 32, XRGB), &row, 2)
        .iter()
        .map(|line| {
            let pixels = line.as_chunks::<4>().0.iter();
            let shade = |pixel: &[u8; 4]| char::from(b" .:+#"[usize::from(pixel[0]).div_ceil(64)]);
            pixels.map(shade).collect()
        })
        .collect();
    assert_eq!(pictures, GOLDEN_G);
}

#[test]
fn rows_are_what_they_were() {
    let row = Row {
        cells: b"* web: launched run=1 core=1 {}[]|\\~^",
        kind: Kind::Event,
        cursor: None,
    };
    let of = |screen: &Screen| hash(&lines(screen, &row, 60));
    let hashes = [
        of(&screen(1280, 800, 32, XRGB)),
        of(&screen(1280, 800, 24, XRGB)),
        of(&screen(1280, 800, 16, RGB565)),
        of(&screen(2560, 1440, 32, XRGB)),
    ];
    assert_eq!(hashes, GOLDEN_HASHES, "{hashes:#x?}");
}

#[test]
fn what_is_behind_the_text_is_blanked() {
    let row = Row {
        cells: b"x",
        kind: Kind::Output,
        cursor: None,
    };
    for line in lines(&screen(640, 480, 32, XRGB), &row, 3) {
        assert_eq!(line.len(), 3 * GLYPH_WIDTH * 4);
        assert!(line[GLYPH_WIDTH * 4..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn sizes() {
    let of = |screen: Screen| Raster::new(&screen).map(|r| (r.columns(), r.rows(), r.scale()));
    assert_eq!(of(screen(640, 480, 32, XRGB)), Some((91, 30, 1)));
    assert_eq!(of(screen(1920, 1080, 32, XRGB)), Some((160, 67, 1)));
    assert_eq!(of(screen(3840, 2160, 32, XRGB)), Some((160, 67, 2)));
    assert_eq!(of(screen(10, 5, 32, XRGB)), None);
    let short = Screen {
        size: 1000,
        ..screen(640, 480, 32, XRGB)
    };
    assert_eq!(of(short), None);
    let narrow = Screen {
        pitch: 100,
        ..screen(640, 480, 32, XRGB)
    };
    assert_eq!(of(narrow), None);
}

const GOLDEN_G: [&str; GLYPH_HEIGHT] = [
    "       #######",
    "       #######",
    "       #######",
    "       #######",
    "       #######",
    "       #######",
    " .##+#.#######",
    " #: :#.#######",
    ":#   #.#######",
    ":+   #.#######",
    ":#   #.#######",
    " #: :#.#######",
    " :##+#.#######",
    "     # #######",
    " :  :# #######",
    " +##+. #######",
];
const GOLDEN_HASHES: [u64; 4] = [
    0x0d0c_cdf1_63e5_2afa,
    0xc2b8_f9f2_496d_a7f2,
    0x48c1_59d7_1dd8_9cca,
    0xe80e_8893_2a18_cbd1,
];
