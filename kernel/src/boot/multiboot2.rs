//! Entry as a Multiboot2 image. The 32-bit part is in `multiboot2.S`.

use bulkhead_boot::multiboot2;

use super::LIMITS;
use crate::cpu::stacks;
use crate::mem::heap;

core::arch::global_asm!(
    include_str!("multiboot2.S"),
    area = sym stacks::BOOT_AREA,
    area_bytes = const size_of::<stacks::BootArea>(),
    main = sym enter,
    kernel_base = const crate::layout::KERNEL_BASE,
    options(att_syntax),
);

#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
extern "C" fn enter(information: u64, image: u64) -> ! {
    // SAFETY: the first thing that runs, once.
    unsafe { heap::init() };
    let header: *const [u8; multiboot2::HEADER_BYTES] =
        core::ptr::with_exposed_provenance(information as usize);
    // SAFETY: the loader's magic was checked, so its information structure is here, mapped one to one.
    let size = multiboot2::size(unsafe { *header });
    // SAFETY: so many bytes of it, by its own word; they are not written while they are read.
    let bytes = unsafe { core::slice::from_raw_parts(header.cast(), size as usize) };
    crate::kmain(multiboot2::read(bytes, information, image, LIMITS))
}
