//! Plans, byte for byte.

use bulkhead_fake::{CODE, Fake, GIB, MIB, RESIDENT, at, claim, region, written};
use bulkhead_launch::{LaunchError, RUNTIME_CODE_BYTES, ResidentCode, Write};
use bulkhead_ledger::PlanError;
use bulkhead_linux::ZERO_PAGE_BYTES;
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{Change, Com, ImageKind};

fn number(bytes: &[u8], offset: usize, length: usize) -> u64 {
    let mut value = [0; 8];
    value[..length].copy_from_slice(&bytes[offset..offset + length]);
    u64::from_le_bytes(value)
}

#[test]
fn images_go_where_the_kernel_expects_them() {
    let plan = Fake::with_web().plan("web");
    assert_eq!((plan.partition, plan.name.as_str()), (0, "web"));
    let [kernel, initrd] = plan.copies[..] else {
        panic!("{:?}", plan.copies)
    };
    // The protected-mode part, without the setup sectors.
    assert_eq!(kernel.from, region(0x7000_4000, 0x7080_0000));
    assert_eq!(kernel.to, GIB);
    assert_eq!(plan.entry, GIB + 0x200);
    assert_eq!(
        initrd.from,
        Region::new(0x7190_0000, 3 * MIB + 123).unwrap()
    );
    assert_eq!(initrd.target(), plan.view.placement.initrd);
    assert_eq!(
        plan.view.kernel_release.as_deref(),
        Some("6.1.0-50-cloud-amd64")
    );
}

#[test]
fn the_firmware_block_fills_the_top_of_the_region() {
    let plan = Fake::with_web().plan("web");
    let block = plan.view.block;
    let parts = [
        block.zero_page,
        block.cmdline,
        block.acpi,
        block.efi,
        block.variables,
        block.printed,
        block.runtime_code,
    ];
    let targets = plan.writes.iter().filter_map(Write::target);
    let mut all: RegionSet = targets.collect();
    // What a launch leaves as it is.
    for left in [block.variables, block.printed] {
        assert!(all.iter().all(|written| !written.overlaps(left)));
        all.insert(left);
    }
    let whole = Region::from_bounds(block.zero_page.start(), block.runtime_code.end());
    assert_eq!(Vec::from_iter(all.iter()), Vec::from_iter(whole));
    assert!(
        parts
            .windows(2)
            .all(|pair| pair[0].end() == pair[1].start())
    );
    assert!(
        parts
            .iter()
            .all(|part| part.start() % PAGE == 0 && part.size() % PAGE == 0)
    );
    assert_eq!(block.runtime_code.end(), GIB + 512 * MIB);
    assert_eq!(block.runtime_code.size(), RUNTIME_CODE_BYTES);
    assert_eq!(
        block.zero_page.start(),
        plan.view.placement.firmware.start()
    );
}

#[test]
fn the_zero_page_leads_to_everything() {
    let plan = Fake::with_web().plan("web");
    let page = &written(&plan, plan.view.block.zero_page);
    assert_eq!(
        (page.len(), plan.boot_params),
        (ZERO_PAGE_BYTES, plan.view.block.zero_page.start())
    );
    assert_eq!(number(page, 0x228, 4), plan.view.block.cmdline.start());
    assert_eq!(number(page, 0x070, 8), plan.view.rsdp);
    let initrd = plan.view.placement.initrd.unwrap();
    assert_eq!(number(page, 0x218, 4), initrd.start());
    assert_eq!(number(page, 0x21c, 4), initrd.size());
    // efi_info: signature, system table, descriptor size and version, map and its size.
    assert_eq!(&page[0x1c0..0x1c4], b"EL64");
    assert_eq!(number(page, 0x1c4, 4), plan.view.efi_system_table);
    assert_eq!(number(page, 0x1c8, 4), 48);
    let map = number(page, 0x1d0, 4);
    let map_bytes = number(page, 0x1d4, 4);
    let map = Region::new(map, map_bytes).unwrap();
    assert!(plan.view.block.efi.contains_region(map));
    assert_eq!(map_bytes, 48 * plan.view.efi.len() as u64);
    assert_eq!(page[0x1e8] as usize, plan.view.e820.entries().len());
}

#[test]
fn the_command_line_is_written_as_it_is_shown() {
    let plan = Fake::with_web().plan("web");
    let bytes = &written(&plan, plan.view.block.cmdline);
    let text = plan.view.cmdline.as_bytes();
    assert_eq!(&bytes[..text.len()], text);
    assert!(bytes[text.len()..].iter().all(|byte| *byte == 0));
    assert!(bytes.len() > text.len());
    let cmdline = &plan.view.cmdline;
    for parameter in [
        "no_ipi_broadcast=1",
        "tsc_early_khz=2400000",
        "console=ttyS1,115200",
    ] {
        assert!(
            cmdline.split(' ').any(|word| word == parameter),
            "{cmdline}"
        );
    }
}

#[test]
fn the_tables_lie_where_they_say() {
    let plan = Fake::with_web().plan("web");
    let block = plan.view.block;
    let acpi = &written(&plan, block.acpi);
    let rsdp = (plan.view.rsdp - block.acpi.start()) as usize;
    assert_eq!(&acpi[rsdp..rsdp + 8], b"RSD PTR ");
    for (signature, address, length) in &plan.view.tables {
        let table = Region::new(*address, u64::from(*length)).unwrap();
        assert!(block.acpi.contains_region(table), "{signature:?}");
    }
    let efi = &written(&plan, block.efi);
    let table = (plan.view.efi_system_table - block.efi.start()) as usize;
    assert_eq!(&efi[table..table + 8], b"IBI SYST");
}

#[test]
fn the_runtime_services_know_their_partition() {
    let mut fake = Fake::with_web();
    fake.define("db", claim(&[4], &[at(128 * MIB, None)]))
        .unwrap();
    let plan = fake.plan("db");
    let code = &written(&plan, plan.view.block.runtime_code);
    assert_eq!(number(code, 40, 8), 1);
    assert_eq!(&code[..40], &CODE[..40]);
    assert_eq!(&code[48..CODE.len()], &CODE[48..]);
    assert!(code[CODE.len()..].iter().all(|byte| *byte == 0));
    // The last service's address is in the EFI tables.
    let last = plan.view.block.runtime_code.start() + 2999;
    let efi = &written(&plan, plan.view.block.efi);
    assert!(efi.windows(8).any(|bytes| bytes == last.to_le_bytes()));
}

#[test]
fn runtime_services_that_cannot_be_are_refused() {
    let fake = Fake::with_web();
    let refused = |resident: &ResidentCode, sentence: &str| {
        let error = fake
            .ledger
            .plan(&fake.machine, resident, "web")
            .unwrap_err();
        assert_eq!(error.to_string(), sentence);
    };
    static LARGE: [u8; RUNTIME_CODE_BYTES as usize + 1] = [0; RUNTIME_CODE_BYTES as usize + 1];
    refused(
        &ResidentCode {
            code: &LARGE,
            ..RESIDENT
        },
        "the runtime services of 4097 bytes don't fit into 4096 bytes",
    );
    refused(
        &ResidentCode {
            code: &CODE[..2999],
            ..RESIDENT
        },
        "offset 2999 lies outside of the runtime services of 2999 bytes",
    );
    for partition_id_offset in [2993, 3000, usize::MAX] {
        refused(
            &ResidentCode {
                partition_id_offset,
                ..RESIDENT
            },
            &format!(
                "offset {partition_id_offset} lies outside of the runtime services of 3000 bytes"
            ),
        );
    }
    let fits = ResidentCode {
        code: &LARGE[1..],
        ..RESIDENT
    };
    fake.ledger.plan(&fake.machine, &fits, "web").unwrap();
}

#[test]
fn without_initrd_or_console_there_is_none() {
    let mut fake = Fake::new();
    fake.define("web", claim(&[2], &[at(128 * MIB, None)]))
        .unwrap();
    let plan = fake.plan("web");
    assert_eq!(plan.copies.len(), 1);
    assert_eq!(plan.view.placement.initrd, None);
    assert!(!plan.view.cmdline.contains("console="));
    fake.set(
        "web",
        Change {
            console: Some(Some(Com::Com3)),
            ..Default::default()
        },
    )
    .unwrap();
    assert!(
        fake.plan("web")
            .view
            .cmdline
            .contains("console=ttyS2,115200")
    );
}

#[test]
fn an_image_that_shrank_is_refused() {
    let mut fake = Fake::with_web();
    let image = &mut fake.machine.images[0];
    image.region = Region::new(image.region.unwrap().start(), MIB);
    let error = fake
        .ledger
        .plan(&fake.machine, &RESIDENT, "web")
        .unwrap_err();
    assert!(
        matches!(error, PlanError::Launch(LaunchError::Kernel(_))),
        "{error}"
    );
}

/// A kernel without EFI never calls a service: what it printed is looked for all the same, also by the
/// plan as it is kept.
#[test]
fn who_calls_no_service_may_have_printed() {
    for has_efi in [true, false] {
        let mut fake = Fake::new();
        for image in &mut fake.machine.images {
            if let ImageKind::Kernel(kernel) = &mut image.kind {
                kernel.has_efi = has_efi;
            }
        }
        fake.define("web", claim(&[2], &[at(512 * MIB, GIB)]))
            .unwrap();
        let plan = fake.plan("web");
        let kept = plan.clone().without_view();
        for plan in [plan, kept] {
            assert_eq!(plan.calls_efi, has_efi);
        }
    }
}
