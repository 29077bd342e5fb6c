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
    let records: Vec<_> = found.ring.records(&image).collect();
    if let (Some(first), Some(last)) = (records.first(), records.last()) {
        let (count, first, last) = (records.len(), first.sequence, last.sequence);
        eprintln!("{count} records, from number {first} to {last}");
    }
    let panic = found.ring.panic(&image);
    eprintln!("panic: {:?}", panic.as_ref().map(|reason| reason.as_str()));
    let text = found.ring.lines(&image);
    print!(
        "{}",
        text.map(|byte| char::from(printable(byte)))
            .collect::<String>()
    );
    Ok(())
}
