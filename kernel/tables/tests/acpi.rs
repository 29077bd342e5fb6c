//! The tables are read back by parsers that share nothing with what made them: the `acpi` crate,
//! and Intel's disassembler where it is installed.

use std::process::Command;
use std::ptr::NonNull;
use std::{env, fs, process};

use acpi::fadt::Fadt;
use acpi::madt::{Madt, MadtEntry};
use acpi::{AcpiHandler, AcpiTables, PhysicalMapping};
use bulkhead_tables::acpi::{Blob, UartView, View, build};
use proptest::prelude::*;

const UARTS: [UartView; 2] = [
    UartView {
        io_base: 0x3f8,
        uid: 1,
    },
    UartView {
        io_base: 0x2e8,
        uid: 4,
    },
];

fn view(cores: &[u32]) -> View<'_> {
    View {
        base: 0x5ffe_0000,
        local_apic_address: 0xfee0_0000,
        first_absent: Some(254),
        cores,
        uarts: &UARTS,
    }
}

/// Shows the blob to the `acpi` crate at the addresses that it is made for.
#[derive(Clone)]
struct Memory<'a>(&'a Blob);

impl AcpiHandler for Memory<'_> {
    unsafe fn map_physical_region<T>(
        &self,
        address: usize,
        size: usize,
    ) -> PhysicalMapping<Self, T> {
        let offset = address - self.0.base as usize;
        let bytes = &self.0.bytes[offset..offset + size];
        let pointer = NonNull::new(bytes.as_ptr().cast_mut().cast()).expect("not null");
        // SAFETY: the bytes live as long as the blob that `self` borrows, and no alignment is asked
        // of them: every structure of the crate is packed.
        unsafe { PhysicalMapping::new(address, pointer, size, size, self.clone()) }
    }

    fn unmap_physical_region<T>(_: &PhysicalMapping<Self, T>) {}
}

fn read(blob: &Blob) -> AcpiTables<Memory<'_>> {
    // SAFETY: `Memory` panics rather than map what is outside of the blob.
    unsafe { AcpiTables::from_rsdp(Memory(blob), blob.rsdp as usize) }.expect("good checksums")
}

fn table<'a>(blob: &'a Blob, signature: &[u8; 4]) -> &'a [u8] {
    let (_, address, length) = blob
        .tables
        .iter()
        .find(|table| &table.0 == signature)
        .expect("listed");
    &blob.bytes[(address - blob.base) as usize..][..*length as usize]
}

/// APIC IDs by the `acpi` crate's reading, with the kind of their entry.
fn processors(blob: &Blob) -> Vec<(u8, u32, u32)> {
    let tables = read(blob);
    let madt = tables.find_table::<Madt>().expect("a MADT");
    madt.get()
        .entries()
        .map(|entry| match entry {
            MadtEntry::LocalApic(entry) => (0, entry.apic_id.into(), entry.processor_id.into()),
            MadtEntry::LocalX2Apic(entry) => (9, entry.x2apic_id, entry.processor_uid),
            _ => panic!("no other kind of entry is wanted"),
        })
        .collect()
}

#[test]
fn the_fadt_says_that_there_is_nothing() {
    let blob = build(&view(&[1, 2]));
    let tables = read(&blob);
    assert_eq!(tables.revision(), 2);
    let fadt = tables.find_table::<Fadt>().expect("a FADT");
    let flags = fadt.flags;
    assert!(flags.system_is_hw_reduced_acpi());
    assert!(flags.local_xapics_must_use_physical_destination_mode());
    assert!(flags.supports_equivalent_to_wbinvd());
    assert!(flags.power_button_is_control_method());
    assert!(flags.sleep_button_is_control_method());
    assert!(!flags.supports_system_reset_via_fadt());
    let boot = fadt.iapc_boot_arch;
    assert!(boot.dont_probe_vga());
    assert!(boot.use_time_and_alarm_namespace_for_rtc());
    assert!(!boot.legacy_devices_are_accessible());
    assert!(!boot.motherboard_implements_8042());
    assert!(!boot.dont_enable_msi());
    let dsdt = blob
        .tables
        .iter()
        .find(|table| &table.0 == b"DSDT")
        .expect("listed")
        .1;
    assert_eq!(fadt.dsdt_address().expect("there"), dsdt as usize);
    let bytes = table(&blob, b"FACP");
    assert_eq!((bytes[8], bytes[131]), (6, 5));
    assert_eq!(bytes[40..44], bytes[140..144]);
}

#[test]
fn the_madt_lists_the_absent_one_first() {
    let blob = build(&view(&[2, 3, 7]));
    assert_eq!(
        processors(&blob),
        [(0, 254, 0), (0, 2, 1), (0, 3, 2), (0, 7, 3)]
    );
    let tables = read(&blob);
    let madt = tables.find_table::<Madt>().expect("a MADT");
    assert!(!madt.get().supports_8259());
    assert_eq!(table(&blob, b"APIC")[36..40], 0xfee0_0000u32.to_le_bytes());
    let alone = View {
        first_absent: None,
        ..view(&[2])
    };
    assert_eq!(processors(&build(&alone)), [(0, 2, 0)]);
}

#[test]
fn high_ids_have_the_long_entry() {
    let blob = build(&view(&[4, 254, 255, 0x1_0000]));
    let expected = [
        (0, 254, 0),
        (0, 4, 1),
        (0, 254, 2),
        (9, 255, 3),
        (9, 0x1_0000, 4),
    ];
    assert_eq!(processors(&blob), expected);
    let many: Vec<u32> = (1000..1300).collect();
    let blob = build(&view(&many));
    assert_eq!(processors(&blob).len(), 301);
    assert_eq!(processors(&blob)[300], (9, 1299, 300));
}

#[test]
fn every_table_is_summed_aligned_and_apart() {
    let blob = build(&view(&[1]));
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(sum(&blob.bytes[..20]), 0);
    assert_eq!(sum(&blob.bytes[..36]), 0);
    let mut end = blob.rsdp + 36;
    for (signature, address, length) in &blob.tables {
        assert!(*address >= end && address % 64 == 0);
        end = address + u64::from(*length);
        assert_eq!(sum(table(&blob, signature)), 0);
        assert_eq!(&table(&blob, signature)[10..16], b"BULKHD");
    }
    assert_eq!(end, blob.base + blob.bytes.len() as u64);
    let signatures: Vec<_> = blob.tables.iter().map(|table| &table.0).collect();
    assert_eq!(signatures, [b"DSDT", b"FACP", b"APIC", b"XSDT"]);
}

proptest! {
    // A failure prints its input; there is no folder beside this file to keep it in.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn size_does_not_depend_on_the_base(
        base in any::<u64>(), cores in prop::collection::vec(any::<u32>(), 0..300), uarts in 0usize..=2,
    ) {
        let low = View { uarts: &UARTS[..uarts], ..view(&cores) };
        let other = View { base, ..low };
        prop_assert_eq!(build(&low).bytes.len(), build(&other).bytes.len());
    }
}

/// Intel's disassembler and compiler, if installed; `None` and a word about it if not.
fn iasl(arguments: &[&str]) -> Option<String> {
    match Command::new("iasl").args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).to_string();
            assert!(output.status.success(), "iasl {arguments:?}: {text}");
            Some(text)
        }
        Err(_) => {
            println!("skipped: iasl is not installed");
            None
        }
    }
}

#[test]
fn the_disassembler_reads_every_table() {
    let blob = build(&view(&[1, 2, 300]));
    let folder = env::temp_dir().join(format!("bulkhead-tables-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    for (signature, _, _) in &blob.tables {
        let name = String::from_utf8_lossy(signature).to_lowercase();
        let file = folder.join(&name).with_extension("aml");
        fs::write(&file, table(&blob, signature)).expect("written");
        let Some(text) = iasl(&["-d", &file.to_string_lossy()]) else {
            break;
        };
        for word in ["Error", "ERROR", "Warning", "Incorrect", "Invalid"] {
            assert!(!text.contains(word), "{name}: {text}");
        }
        let source = file.with_extension("dsl");
        let disassembly = fs::read_to_string(&source).expect("written by iasl");
        for word in ["Incorrect", "Invalid", "**** ", "Unknown"] {
            assert!(!disassembly.contains(word), "{name}: {disassembly}");
        }
        if signature == b"DSDT" {
            for line in [
                "PNP0501",
                "Device (UA01)",
                "Device (UA04)",
                "0x03F8",
                "0x02E8",
            ] {
                assert!(disassembly.contains(line), "{line}: {disassembly}");
            }
            // What it says can be said in ASL: it compiles again, without a remark.
            let text = iasl(&[&source.to_string_lossy()]).unwrap_or_default();
            assert!(text.contains("0 Errors, 0 Warnings"), "{text}");
        }
    }
    fs::remove_dir_all(&folder).expect("removed");
}
