//! Prints what the kernel of a machine has printed whose RAM, from 0 on, is in a file
//! (QEMU's monitor: `pmemsave 0 SIZE FILE`).

use bulkhead_memory::Region;
use bulkhead_printk::{Ram, Root, find, printable};

struct Image(Vec<u8>);

impl Ram for Image {
    fn read(&self, at: u64, into: &mut [u8]) -> Option<()> {
        let from = usize::try_from(at).ok()?;
        let bytes = self.0.get(from..from.checked_add(into.len())?)?;
        into.copy_from_slice(bytes);
        Some(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: image FILE [CR3]")?;
    let root = arguments.next().map(|text| u64::from_str_radix(&text, 16));
    let image = Image(std::fs::read(file)?);
    let all = Region::new(0, image.0.len() as u64).ok_or("an empty file")?;
    let began = std::time::Instant::now();
    let found = find(&image, [all].iter(), root.transpose()?.map(Root)).ok_or("no ring found")?;
    eprintln!(
        "VMCOREINFO at {:#x} of {:#x}, found after {:?}",
        found.page,
        all.end(),
        began.elapsed()
    );
    let (mut first, mut last, mut count) = (None, None, 0);
    found.ring.records(&image, &mut |record| {
        first.get_or_insert(record.sequence);
        last = Some((record.sequence, record.level, record.time));
        count += 1;
    });
    eprintln!("{count} records, from number {first:?} to {last:?}");
    eprintln!(
        "panic: {:?}",
        found
            .ring
            .panic(&image)
            .map(|reason| reason.as_str().to_owned())
    );
    let mut text = String::new();
    found.ring.lines(&image, &mut |bytes| {
        text.extend(bytes.iter().map(|byte| char::from(printable(*byte))));
    });
    print!("{text}");
    Ok(())
}
