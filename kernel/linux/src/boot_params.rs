//! The zero page: what a kernel is told at its entry, by RSI.
//!
//! Source: Linux `Documentation/arch/x86/zero-page.rst` and `boot.rst`, "64-bit Boot Protocol".
//! Everything that is not set here is zero: no text mode, no disks, no APM, no EDD.

use bulkhead_memory::Region;
use zerocopy::{FromBytes, FromZeros};

use crate::bzimage::header::{LOADER_UNDEFINED, SetupHeader};
use crate::screen::{RawScreenInfo, Screen};
use crate::zero_page::{RawE820, RawEfiInfo, SECURE_BOOT_DISABLED, ZeroPage, high, low};
use crate::{BzImage, E820};

/// Bytes of the zero page.
pub const ZERO_PAGE_BYTES: usize = 4096;

/// What goes into the zero page.
#[derive(Clone, Copy, Debug)]
pub struct BootParams<'a> {
    /// The kernel.
    pub image: &'a BzImage,
    /// Its memory map.
    pub e820: &'a E820,
    /// Physical address of its command line, a zero-terminated text.
    pub cmdline: u64,
    /// Bytes of the command line without the terminating zero. The header has no field for it;
    /// it has to be at most the image's `cmdline_size`, which the kernel reads beyond at no time.
    pub cmdline_bytes: usize,
    /// Where its initrd lies (the file's exact size).
    pub initrd: Option<Region>,
    /// Physical address of its RSDP.
    pub rsdp: u64,
    /// Its screen.
    pub screen: Option<Screen>,
    /// Its EFI tables.
    pub efi: EfiInfo,
    /// Physical address of the first `setup_data`; 0 for none.
    pub setup_data: u64,
}

/// Where the EFI tables lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfiInfo {
    /// Physical address of the system table.
    pub system_table: u64,
    /// Physical address of the memory map.
    pub memory_map: u64,
    /// Bytes of the memory map.
    pub memory_map_bytes: u32,
    /// Bytes of one descriptor.
    pub descriptor_bytes: u32,
    /// Version of a descriptor.
    pub descriptor_version: u32,
}

impl BootParams<'_> {
    /// The zero page.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ZERO_PAGE_BYTES] {
        let mut page = ZeroPage::new_zeroed();
        let (initrd, initrd_bytes) = self.initrd.map_or((0, 0), |r| (r.start(), r.size()));

        page.screen_info = RawScreenInfo::from(self.screen);
        page.acpi_rsdp_addr = self.rsdp.into();
        page.ext_ramdisk_image = high(initrd);
        page.ext_ramdisk_size = high(initrd_bytes);
        page.ext_cmd_line_ptr = high(self.cmdline);
        page.efi_info = RawEfiInfo::from(self.efi);
        page.secure_boot = SECURE_BOOT_DISABLED;
        self.put_header(&mut page.setup_header, initrd, initrd_bytes);
        // The type allows no more than fit, and 128 fits a byte.
        page.e820_entries = u8::try_from(self.e820.entries().len()).unwrap_or(u8::MAX);
        for (raw, entry) in page.e820_table.iter_mut().zip(self.e820.entries()) {
            *raw = RawE820::from(*entry);
        }
        zerocopy::transmute!(page)
    }

    /// Copies the image's setup header and fills in what a loader has to.
    fn put_header(&self, field: &mut [u8], initrd: u64, initrd_bytes: u64) {
        for (to, from) in field.iter_mut().zip(&self.image.header) {
            *to = *from;
        }
        if let Ok((header, _)) = SetupHeader::mut_from_prefix(field) {
            header.type_of_loader = LOADER_UNDEFINED;
            header.ramdisk_image = low(initrd);
            header.ramdisk_size = low(initrd_bytes);
            header.cmd_line_ptr = low(self.cmdline);
            header.setup_data = self.setup_data.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bzimage::fixture::Fixture;
    use crate::{E820Entry, E820Kind};

    fn u32_at(page: &[u8], offset: usize) -> u32 {
        u32::from_le_bytes(*page[offset..].first_chunk().expect("inside"))
    }

    fn u64_at(page: &[u8], offset: usize) -> u64 {
        u64::from_le_bytes(*page[offset..].first_chunk().expect("inside"))
    }

    const EFI: EfiInfo = EfiInfo {
        system_table: 0x7_0010_0000,
        memory_map: 0x6_0020_0000,
        memory_map_bytes: 480,
        descriptor_bytes: 48,
        descriptor_version: 1,
    };

    fn page(initrd: Option<Region>) -> [u8; ZERO_PAGE_BYTES] {
        let image = BzImage::parse(&Fixture::default().bytes()).expect("good");
        let ram = |start, end| E820Entry {
            region: Region::from_bounds(start, end).expect("not empty"),
            kind: E820Kind::Ram,
        };
        let e820 =
            E820::new([ram(0x1_0000, 0x2_0000), ram(0x4000_0000, 0x6000_0000)]).expect("good");
        BootParams {
            image: &image,
            e820: &e820,
            cmdline: 0x1_5fff_0000,
            cmdline_bytes: 17,
            initrd,
            rsdp: 0x5fff_1000,
            screen: None,
            efi: EFI,
            setup_data: 0x7_0010_0100,
        }
        .to_bytes()
    }

    #[test]
    fn every_field_is_where_the_documentation_has_it() {
        let page = page(Region::new(0x2_5000_0000, 0x1_0000_1234));
        assert_eq!(u64_at(&page, 0x070), 0x5fff_1000);
        assert_eq!(u32_at(&page, 0x218), 0x5000_0000);
        assert_eq!(u32_at(&page, 0x21c), 0x1234);
        assert_eq!(u32_at(&page, 0x0c0), 2);
        assert_eq!(u32_at(&page, 0x0c4), 1);
        assert_eq!(u32_at(&page, 0x228), 0x5fff_0000);
        assert_eq!(u32_at(&page, 0x0c8), 1);
        assert_eq!(page[0x210], 0xff);
        assert_eq!(page[0x211], 1, "loadflags stay");
        assert_eq!(&page[0x202..0x206], b"HdrS");
        assert_eq!(u32_at(&page, 0x260), 0x337_8000);
        assert_eq!(&page[0x1c0..0x1c4], b"EL64");
        assert_eq!(u64_at(&page, 0x250), 0x7_0010_0100);
        assert_eq!(u32_at(&page, 0x1c4), 0x10_0000);
        assert_eq!(u32_at(&page, 0x1c8), 48);
        assert_eq!(u32_at(&page, 0x1cc), 1);
        assert_eq!(u32_at(&page, 0x1d0), 0x20_0000);
        assert_eq!(u32_at(&page, 0x1d4), 480);
        assert_eq!(u32_at(&page, 0x1d8), 7);
        assert_eq!(u32_at(&page, 0x1dc), 6);
        assert_eq!(page[0x1e8], 2);
        assert_eq!(page[0x1ec], 2, "secure boot is off, not unknown");
        assert_eq!(page[0x1ef], 0);
        assert_eq!(u64_at(&page, 0x2d0), 0x1_0000);
        assert_eq!(u64_at(&page, 0x2d8), 0x1_0000);
        assert_eq!(u32_at(&page, 0x2e0), 1);
        assert_eq!(u64_at(&page, 0x2e4), 0x4000_0000);
        assert_eq!(u64_at(&page, 0x2ec), 0x2000_0000);
        assert!(page[..0x40].iter().all(|byte| *byte == 0), "no screen");
        assert!(page[0x2f8..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn no_initrd_is_all_zero() {
        let page = page(None);
        assert_eq!((u32_at(&page, 0x218), u32_at(&page, 0x21c)), (0, 0));
        assert_eq!((u32_at(&page, 0x0c0), u32_at(&page, 0x0c4)), (0, 0));
    }

    /// Of a kernel that is told of nothing but its memory.
    fn bare<'a>(image: &'a BzImage, e820: &'a E820) -> BootParams<'a> {
        BootParams {
            image,
            e820,
            cmdline: 0,
            cmdline_bytes: 0,
            initrd: None,
            rsdp: 0,
            screen: None,
            efi: EFI,
            setup_data: 0,
        }
    }

    #[test]
    fn what_a_loader_left_in_the_file_does_not_get_through() {
        let mut file = Fixture::default().bytes();
        file[0x250..0x258].fill(0xee);
        file[0x218..0x220].fill(0xee);
        let image = BzImage::parse(&file).expect("good");
        let e820 = E820::default();
        let page = bare(&image, &e820).to_bytes();
        assert_eq!(u64_at(&page, 0x250), 0, "setup_data");
        assert_eq!(u64_at(&page, 0x218), 0, "initrd");
    }

    #[test]
    fn the_whole_table_fits() {
        let image = BzImage::parse(&Fixture::default().bytes()).expect("good");
        let entries = (0..128u64).map(|i| E820Entry {
            region: Region::new(i * 0x2000, 0x1000).expect("not empty"),
            kind: E820Kind::Reserved,
        });
        let e820 = E820::new(entries).expect("fits");
        let page = bare(&image, &e820).to_bytes();
        assert_eq!(page[0x1e8], 128);
        assert_eq!(u64_at(&page, 0x2d0 + 127 * 20), 127 * 0x2000);
        assert_eq!(u32_at(&page, 0xcd0), 0);
    }
}
