//! The setup header, as it lies at offset 0x1f1 of a bzImage and of the zero page alike.
//!
//! Source: Linux `Documentation/arch/x86/boot.rst`, "The Real-Mode Kernel Header". Every field
//! is little-endian and none is aligned.

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Offset of the header in the file and in the zero page.
pub(crate) const HEADER_OFFSET: usize = 0x1f1;
/// Where the jump at 0x200 leads to is where the header ends: its operand, at 0x201, counts from here.
pub(crate) const JUMP_BASE: usize = 0x202;
/// The zero page has room for the header up to here (`edd_mbr_sig_buffer` follows).
pub(crate) const HEADER_LIMIT: usize = 0x290;

/// `boot_flag`.
pub(crate) const BOOT_FLAG: u16 = 0xaa55;
/// `header`: the letters `HdrS`.
pub(crate) const MAGIC: [u8; 4] = *b"HdrS";
/// `type_of_loader` of a loader without a number of its own.
pub(crate) const LOADER_UNDEFINED: u8 = 0xff;
/// Bit of `xloadflags`: there is a 64-bit entry point at 0x200.
pub(crate) const XLF_KERNEL_64: u16 = 1 << 0;
/// Bit of `xloadflags`: kernel, initrd and what else is loaded may lie above 4 GiB.
pub(crate) const XLF_CAN_BE_LOADED_ABOVE_4G: u16 = 1 << 1;

/// Bits of `xloadflags`: entries for 32-bit and 64-bit EFI firmware, and kexec on an EFI machine.
pub(crate) const XLF_EFI: u16 = 1 << 2 | 1 << 3 | 1 << 4;

/// The header up to what protocol 2.12 has of it; later fields are carried along unread.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(crate) struct SetupHeader {
    /// 0x1f1: size of the setup code in 512-byte sectors; 0 means 4.
    pub(crate) setup_sects: u8,
    pub(crate) root_flags: U16,
    /// 0x1f4: size of the protected-mode code in 16-byte paragraphs.
    pub(crate) syssize: U32,
    pub(crate) ram_size: U16,
    pub(crate) vid_mode: U16,
    pub(crate) root_dev: U16,
    /// 0x1fe: [`BOOT_FLAG`].
    pub(crate) boot_flag: U16,
    /// 0x200: a short jump; its operand tells where the header ends.
    pub(crate) jump_opcode: u8,
    pub(crate) jump_operand: u8,
    /// 0x202: [`MAGIC`].
    pub(crate) header: [u8; 4],
    /// 0x206: boot protocol version.
    pub(crate) version: U16,
    pub(crate) realmode_switch: U32,
    pub(crate) start_sys_seg: U16,
    /// 0x20e: offset of the version text from 0x200.
    pub(crate) kernel_version: U16,
    /// 0x210: who loaded the kernel.
    pub(crate) type_of_loader: u8,
    pub(crate) loadflags: u8,
    pub(crate) setup_move_size: U16,
    pub(crate) code32_start: U32,
    /// 0x218: low half of the initrd's address; the high half is elsewhere in the zero page.
    pub(crate) ramdisk_image: U32,
    /// 0x21c: low half of the initrd's size.
    pub(crate) ramdisk_size: U32,
    pub(crate) bootsect_kludge: U32,
    pub(crate) heap_end_ptr: U16,
    pub(crate) ext_loader_ver: u8,
    pub(crate) ext_loader_type: u8,
    /// 0x228: low half of the command line's address.
    pub(crate) cmd_line_ptr: U32,
    pub(crate) initrd_addr_max: U32,
    /// 0x230: what the load address has to be a multiple of.
    pub(crate) kernel_alignment: U32,
    /// 0x234: whether it may be loaded anywhere.
    pub(crate) relocatable_kernel: u8,
    pub(crate) min_alignment: u8,
    /// 0x236: [`XLF_KERNEL_64`] and others.
    pub(crate) xloadflags: U16,
    /// 0x238: longest command line, without its terminating zero.
    pub(crate) cmdline_size: U32,
    pub(crate) hardware_subarch: U32,
    pub(crate) hardware_subarch_data: U64,
    /// 0x248: where the compressed kernel starts in the protected-mode code.
    pub(crate) payload_offset: U32,
    /// 0x24c: its size.
    pub(crate) payload_length: U32,
    /// 0x250: a list of further data for the kernel.
    pub(crate) setup_data: U64,
    /// 0x258: where the kernel would like to be.
    pub(crate) pref_address: U64,
    /// 0x260: memory that it needs from its load address on.
    pub(crate) init_size: U32,
    pub(crate) handover_offset: U32,
}

/// Offset just after the fields of [`SetupHeader`].
pub(crate) const HEADER_END: usize = HEADER_OFFSET + size_of::<SetupHeader>();

const fn at(field: usize) -> usize {
    HEADER_OFFSET + field
}

const _: () = assert!(HEADER_END == 0x268);
const _: () = assert!(at(offset_of!(SetupHeader, syssize)) == 0x1f4);
const _: () = assert!(at(offset_of!(SetupHeader, boot_flag)) == 0x1fe);
const _: () = assert!(at(offset_of!(SetupHeader, header)) == 0x202);
const _: () = assert!(at(offset_of!(SetupHeader, version)) == 0x206);
const _: () = assert!(at(offset_of!(SetupHeader, kernel_version)) == 0x20e);
const _: () = assert!(at(offset_of!(SetupHeader, type_of_loader)) == 0x210);
const _: () = assert!(at(offset_of!(SetupHeader, ramdisk_image)) == 0x218);
const _: () = assert!(at(offset_of!(SetupHeader, cmd_line_ptr)) == 0x228);
const _: () = assert!(at(offset_of!(SetupHeader, kernel_alignment)) == 0x230);
const _: () = assert!(at(offset_of!(SetupHeader, xloadflags)) == 0x236);
const _: () = assert!(at(offset_of!(SetupHeader, cmdline_size)) == 0x238);
const _: () = assert!(at(offset_of!(SetupHeader, payload_offset)) == 0x248);
const _: () = assert!(at(offset_of!(SetupHeader, setup_data)) == 0x250);
const _: () = assert!(at(offset_of!(SetupHeader, pref_address)) == 0x258);
const _: () = assert!(at(offset_of!(SetupHeader, init_size)) == 0x260);

impl SetupHeader {
    /// The header of a bzImage, if the file is long enough to have one.
    pub(crate) fn of_file(file: &[u8]) -> Option<&Self> {
        Some(Self::ref_from_prefix(file.get(HEADER_OFFSET..)?).ok()?.0)
    }

    /// Bytes of the boot sector and the setup code.
    pub(crate) fn setup_bytes(&self) -> u64 {
        let sectors = if self.setup_sects == 0 {
            4
        } else {
            self.setup_sects
        };
        (u64::from(sectors) + 1) * 512
    }

    /// Bytes of the protected-mode code.
    pub(crate) fn protected_mode_bytes(&self) -> u64 {
        u64::from(self.syssize.get()) * 16
    }

    /// Offset just after the whole header, as the image itself says.
    pub(crate) fn end(&self) -> usize {
        JUMP_BASE + usize::from(self.jump_operand)
    }
}
