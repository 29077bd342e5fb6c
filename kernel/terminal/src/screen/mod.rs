//! The operator's screen without its hardware: text goes in, rows of characters or pixels come out.
//!
//! ```text
//! write -> Text (lines, cursor, scrollback) --.
//!                                              >-- Display -- dirty rows --> Surface
//! status line --------------------------------'                               |
//!                              Raster (font, pixel format): scan lines <------'
//! ```
//!
//! Text is kept in RAM and only ever copied outwards: reading a frame buffer back is slow enough to
//! be seen. Colours are not stored: a line's is told by how it begins ([`Kind`]), because the same
//! text goes to a serial line that has none.
//!
//! Key types: [`Display`], [`Surface`], [`Painter`], [`Raster`], [`Row`]. Neighbour: the kernel's
//! `console/screen.rs` has the surfaces.

mod display;
mod font;
mod kind;
mod painter;
mod pixel;
mod raster;
mod sequence;
mod text;

pub use display::{Display, Row, Surface};
pub use font::{GLYPH_HEIGHT, GLYPH_WIDTH};
pub use kind::{Kind, Rgb};
pub use painter::{Painter, Pixels};
pub use pixel::PixelFormat;
pub use raster::Raster;
pub use text::{MAX_COLUMNS, MAX_ROWS, Text};
