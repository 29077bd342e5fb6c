//! A linear frame buffer, mapped; what is drawn on it, `bulkhead_terminal` makes.

use bulkhead_linux::Screen;
use bulkhead_memory::Region;
use bulkhead_terminal::screen::{Painter, Pixels, Raster};

use crate::cpu::mtrr;
use crate::mem::{paging, phys};

/// The bytes of the frame buffer, which are mapped.
pub(super) struct Mapped(Region);

/// The frame buffer and what is drawn on it.
pub(super) type FrameBuffer = Painter<Mapped>;

/// Maps the loader's frame buffer; `None` if text can't be drawn on it, or no page table of the
/// kernel's leads there.
pub(super) fn map(screen: Screen) -> Option<FrameBuffer> {
    let raster = Raster::new(&screen)?;
    let region = Region::new(screen.base, screen.size)?;
    // SAFETY: at boot, after the page tables were activated and before other cores are started.
    let is_mapped = unsafe { paging::map_screen(region) };
    if !is_mapped {
        log::info!("screen: {region} is beyond what can be mapped");
        return None;
    }
    mtrr::write_combining();
    Some(Painter::new(screen, raster, Mapped(region)))
}

impl Pixels for Mapped {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset as u64 + bytes.len() as u64;
        if end <= self.0.size() {
            // SAFETY: inside the frame buffer, which the loader described and which is mapped; no
            // partition owns it while this is called (`screen.rs`). Its bytes are not memory that
            // Rust knows of.
            unsafe { phys::write(self.0.start() + offset as u64, bytes) };
        }
    }
}
