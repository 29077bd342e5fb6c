//! What a dead Linux says of itself in its RAM: VMCOREINFO, where it runs, and where all RAM is mapped.
//! Nothing of it is trusted; what is not found is left out of the core.

use bulkhead_memory::{PAGE, Region};
use bulkhead_printk::{MAGIC, Ram, Root, direct_map, find, found_at};

use super::elf::Known;

/// `__START_KERNEL_map`, and where the modules begin.
const IMAGE: u64 = 0xffff_ffff_8000_0000;
const IMAGE_END: u64 = 0xffff_ffff_c000_0000;

/// What is known of the Linux in these pieces of RAM. `page` and `root` are where Bulkhead has seen
/// VMCOREINFO and its page tables, 0 if it has not.
pub fn known(ram: &impl Ram, pieces: &[Region], page: u64, root: u64) -> Known {
    let root = (root != 0).then_some(Root(root));
    let seen = (page != 0 && found_at(ram, page, root).is_some()).then_some(page);
    let search = || find(ram, pieces.iter(), root).map(|found| found.page);
    let Some(page) = seen.or_else(search) else {
        return Known::default();
    };
    let vmcoreinfo = text(ram, page);
    Known {
        image: image(&vmcoreinfo, pieces),
        direct: direct_map(ram, page),
        vmcoreinfo,
    }
}

/// VMCOREINFO, up to its end.
fn text(ram: &impl Ram, page: u64) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, reason = "a page")]
    let mut bytes = vec![0; PAGE as usize];
    if ram.read(page, &mut bytes).is_none() || !bytes.starts_with(MAGIC) {
        return Vec::new();
    }
    let end = bytes.iter().position(|byte| *byte == 0);
    bytes.truncate(end.unwrap_or(bytes.len()));
    bytes
}

/// From where its text is to the end of that piece of RAM.
fn image(vmcoreinfo: &[u8], pieces: &[Region]) -> Option<(u64, Region)> {
    let text = std::str::from_utf8(vmcoreinfo).ok()?;
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.find_map(|(name, value)| (name == key).then_some(value))
    };
    let start = u64::from_str_radix(value("SYMBOL(_stext)")?, 16).ok()?;
    let base: i64 = value("NUMBER(phys_base)")?.parse().ok()?;
    let physical = start.checked_sub(IMAGE)?.checked_add_signed(base)?;
    let piece = pieces.iter().find(|piece| piece.contains(physical))?;
    let bytes = (piece.end() - physical).min(IMAGE_END.checked_sub(start)?);
    Some((start, Region::new(physical, bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_found_by_what_it_says() {
        let pieces = [Region::new(0x3000_0000, 64 << 20).unwrap()];
        let text = |base: i64| {
            format!("OSRELEASE=x\nSYMBOL(_stext)=ffffffff91000000\nNUMBER(phys_base)={base}\n")
        };
        let found = image(text(0x3100_0000 - 0x1100_0000).as_bytes(), &pieces);
        let wanted = Region::new(0x3100_0000, (64 << 20) - 0x100_0000).unwrap();
        assert_eq!(found, Some((0xffff_ffff_9100_0000, wanted)));
        // It lies below where it was linked for.
        let low = [Region::new(0x20_0000, 64 << 20).unwrap()];
        let found = image(text(-0x1000_0000).as_bytes(), &low);
        assert_eq!(found.map(|(_, region)| region.start()), Some(0x100_0000));
        for wrong in [text(0), text(i64::MIN), text(i64::MAX), String::from("x")] {
            assert_eq!(image(wrong.as_bytes(), &pieces), None, "{wrong}");
        }
        assert_eq!(image(b"\xff", &pieces), None);
    }
}
