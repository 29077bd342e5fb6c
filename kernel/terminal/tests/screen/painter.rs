//! Whatever is drawn, a row's pixels are those of that row alone, up to the right edge.

use std::cell::RefCell;
use std::rc::Rc;

use bulkhead_linux::Screen;
use bulkhead_terminal::screen::{GLYPH_HEIGHT, Kind, Painter, Pixels, Raster, Row, Surface};
use proptest::prelude::*;

use crate::golden::{RGB565, XRGB, screen};

/// A frame buffer that begins with rubbish.
#[derive(Clone)]
struct Bytes(Rc<RefCell<Vec<u8>>>);

impl Bytes {
    fn of(screen: &Screen) -> Self {
        let size = usize::try_from(screen.size).unwrap();
        Self(Rc::new(RefCell::new(vec![0xa5; size])))
    }

    fn line(&self, screen: &Screen, y: usize) -> Vec<u8> {
        let pitch = usize::from(screen.pitch);
        self.0.borrow()[y * pitch..(y + 1) * pitch].to_vec()
    }
}

impl Pixels for Bytes {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        // Nothing outside is ever asked for: this would panic.
        self.0.borrow_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}

/// All of a line of a row, made at once: its characters, and what is right of them.
fn whole(screen: &Screen, row: &Row<'_>, y: usize) -> Vec<u8> {
    let raster = Raster::new(screen).unwrap();
    let mut line = Vec::new();
    raster.line(
        row,
        raster.columns(),
        y,
        &raster.palette(row.kind),
        |_, piece| {
            line.extend_from_slice(piece);
        },
    );
    let blank = Row {
        cells: b"",
        kind: row.kind,
        cursor: None,
    };
    let mut pixel = Vec::new();
    raster.line(&blank, 1, 0, &raster.palette(row.kind), |_, piece| {
        pixel.extend_from_slice(&piece[..usize::from(screen.bits_per_pixel.div_ceil(8))]);
    });
    let bytes = usize::from(screen.width) * pixel.len();
    line.extend(pixel.iter().cycle().take(bytes - line.len()));
    line
}

fn screens() -> [Screen; 3] {
    // 3 pixels are right of the last character; none; two for each of the font's.
    [
        screen(640, 480, 32, XRGB),
        screen(637, 64, 16, RGB565),
        screen(2561, 128, 24, XRGB),
    ]
}

#[test]
fn a_cleared_screen_is_blank_up_to_the_end_of_each_line() {
    for screen in screens() {
        let bytes = Bytes::of(&screen);
        Painter::new(screen, Raster::new(&screen).unwrap(), bytes.clone()).clear();
        assert!(bytes.0.borrow().iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_row_that_is_not_there_is_not_drawn() {
    let [screen, ..] = screens();
    let bytes = Bytes::of(&screen);
    let mut painter = Painter::new(screen, Raster::new(&screen).unwrap(), bytes.clone());
    let row = Row {
        cells: b"x",
        kind: Kind::Output,
        cursor: None,
    };
    painter.draw(10_000, &row);
    assert!(bytes.0.borrow().iter().all(|byte| *byte == 0xa5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_drawn_row_is_that_row_alone(
        which in 0..screens().len(),
        rows in prop::collection::vec(
            ("[ -~]{0,100}", 0..4u8, prop::option::of(0..91usize)),
            1..8,
        ),
    ) {
        let screen = screens()[which];
        let raster = Raster::new(&screen).unwrap();
        let bytes = Bytes::of(&screen);
        let mut painter = Painter::new(screen, raster, bytes.clone());
        painter.clear();
        for (text, kind, cursor) in rows {
            let kind = match kind {
                0 => Kind::Status,
                1 => Kind::Event,
                2 => Kind::Input,
                _ => Kind::Output,
            };
            let row = Row { cells: text.as_bytes(), kind, cursor };
            painter.draw(1, &row);
            for y in 0..GLYPH_HEIGHT * raster.scale() {
                let found = bytes.line(&screen, GLYPH_HEIGHT * raster.scale() + y);
                prop_assert_eq!(found, whole(&screen, &row, y / raster.scale()), "line {}", y);
            }
            // Those above and below stay.
            let below = 2 * GLYPH_HEIGHT * raster.scale();
            prop_assert!(bytes.line(&screen, 0).iter().all(|byte| *byte == 0));
            prop_assert!(bytes.line(&screen, below).iter().all(|byte| *byte == 0));
        }
    }
}
