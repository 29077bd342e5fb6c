//! Refusals of memory.

use bulkhead_fake::{Fake, GIB, KIB, MIB, at, claim};
use bulkhead_launch::LaunchError;
use bulkhead_ledger::PlanError;
use bulkhead_model::{Change, ImageKind, Key, MemoryRequest};

use crate::refusals::{expect, refused, with_cores};

fn free_cores(memory: &[MemoryRequest]) -> Change {
    claim(&[4], memory)
}

#[test]
fn memory() {
    for (requests, sentence, token) in [
        (&[][..], "0 is too little memory (at least 32M)", None),
        (
            &[at(16 * MIB, None), at(14 * MIB, None)],
            "30M is too little memory (at least 32M)",
            None,
        ),
        (
            &[at(33 * MIB, None)],
            "memory size 33M is not a multiple of 2M (accepted: multiples of it, 32M or more in all)",
            Some("33M"),
        ),
        (
            &[at(0, None)],
            "memory size 0 is not a multiple of 2M (accepted: multiples of it, 32M or more in all)",
            Some("0"),
        ),
        (
            &[at(64 * MIB, GIB + 4 * KIB)],
            "memory address 0x40001000 is not a multiple of 2M",
            Some("64M@0x40001000"),
        ),
        (
            &[at(64 * MIB, None), at(64 * MIB, GIB)],
            "memory 0x40000000-0x43ffffff overlaps \"web\"",
            Some("64M@0x40000000"),
        ),
        (
            &[at(256 * MIB, 0x7000_0000)],
            "memory 0x70000000-0x7fffffff is not RAM at 0x7ffde123",
            Some("256M@0x70000000"),
        ),
        (
            &[at(64 * MIB, 0xb000_0000)],
            "memory 0xb0000000-0xb3ffffff is not RAM at 0xb0000000",
            Some("64M@0xb0000000"),
        ),
        (
            &[at(64 * MIB, 1 << 46)],
            "memory 0x400000000000-0x400003ffffff is not RAM at 0x400000000000",
            Some("64M@0x400000000000"),
        ),
        (
            &[at(64 * MIB, !(2 * MIB - 1))],
            "memory 64M@0xffffffffffe00000 runs past the last address",
            Some("64M@0xffffffffffe00000"),
        ),
        (
            &[at(64 * MIB, 0x7000_0000)],
            "memory 0x70000000-0x73ffffff is kept by Bulkhead (image \"linux61\")",
            Some("64M@0x70000000"),
        ),
        (
            &[at(64 * MIB, 0)],
            "memory 0x0-0x3ffffff reaches below 1M, which all partitions share",
            Some("64M@0x0"),
        ),
        (
            &[at(64 * MIB, 0x1000_0000), at(64 * MIB, 0x1200_0000)],
            "memory 0x12000000-0x15ffffff is asked for more than once",
            Some("64M@0x12000000"),
        ),
        (
            &[at(8 * GIB, None)],
            "no free 8G in 16 pieces (largest free below 4 GiB: 1008M at 0x1000000, above: 2G at 0x100000000)",
            Some("8G"),
        ),
    ] {
        expect(
            &refused(free_cores(requests)),
            sentence,
            Some(Key::Memory),
            token,
        );
    }
}

/// Those of before Linux 3.8, or without the bit by which later ones say that they can lie above 4 GiB.
#[test]
fn memory_for_a_kernel_that_has_to_lie_below_4g() {
    let mut fake = Fake::new();
    for image in &mut fake.machine.images {
        if let ImageKind::Kernel(kernel) = &mut image.kind {
            kernel.xloadflags &= !2;
        }
    }
    for (requests, sentence, token) in [
        (
            [at(64 * MIB, 4 * GIB)],
            "some of the memory has to lie below 4 GiB for this kernel",
            None,
        ),
        (
            [at(8 * GIB, None)],
            "no free 8G in 16 pieces, one below 4 GiB (largest free below 4 GiB: 1776M at 0x1000000, above: 2G at 0x100000000)",
            Some("8G"),
        ),
    ] {
        let error = fake.define("old", free_cores(&requests)).unwrap_err();
        expect(&error, sentence, Some(Key::Memory), token);
    }
    // Enough in all, but not there.
    let pieces = [at(32 * MIB, 0x1000_0000), at(GIB, 4 * GIB)];
    let error = fake.define("old", free_cores(&pieces)).unwrap_err();
    let PlanError::Launch(LaunchError::Placement(_)) = error else {
        panic!("{error}");
    };
    assert_eq!(error.key(), Some(Key::Memory));
}

#[test]
fn memory_below_640k_that_is_gone() {
    let mut fake = Fake::new();
    fake.machine
        .memory
        .retain(|range| range.region.start() >= MIB);
    let error = fake.define("db", with_cores(&[4])).unwrap_err();
    let sentence = "no free 32K below 640K for the partition's core start-up code";
    expect(&error, sentence, Some(Key::Memory), None);
}

#[test]
fn memory_too_small_for_its_kernel() {
    let error = refused(free_cores(&[at(32 * MIB, None)]));
    assert!(
        matches!(error, PlanError::Launch(LaunchError::Placement(_))),
        "{error}"
    );
    assert_eq!(error.key(), Some(Key::Memory));
}
