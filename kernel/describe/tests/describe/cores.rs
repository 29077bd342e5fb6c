//! Which cores there are, and where.

use bulkhead_describe::cores::{FoundCore, Topology, describe, to_start};
use bulkhead_firmware::{Firmware, Madt, Processor};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::dumps::{
    Dump, EMPTY_LEAF, MANY_CORES, NAPLES, OLD, ONE, PHENOM, QEMU, TEN_CORES, TWO_DIES, ZEN_1,
};

fn topology(dump: Dump) -> Topology {
    let [most, ..] = dump[0].2;
    Topology::of(&|leaf, subleaf| {
        // Beyond its last leaf a processor of Intel's answers with what the last one has.
        let amds = dump.iter().any(|(l, ..)| *l == leaf && leaf >> 31 == 1);
        let leaf = if leaf > most && !amds { most } else { leaf };
        let found = dump.iter().find(|(l, s, _)| (*l, *s) == (leaf, subleaf));
        found.map_or([0; 4], |(.., registers)| *registers)
    })
}

const fn bits(thread_bits: u32, package_bits: u32) -> Topology {
    Topology {
        thread_bits,
        package_bits,
    }
}

#[test]
fn cpuid_tells_what_an_id_is_made_of() {
    assert_eq!(topology(TEN_CORES), bits(1, 5));
    assert_eq!(topology(MANY_CORES), bits(1, 8));
    assert_eq!(topology(TWO_DIES), bits(1, 6));
    assert_eq!(topology(QEMU), bits(0, 2));
    assert_eq!(topology(OLD), bits(0, 2));
    // Three IDs need two bits.
    assert_eq!(topology(EMPTY_LEAF), bits(0, 2));
    assert_eq!(topology(ONE), bits(0, 0));
    assert_eq!(topology(ZEN_1), bits(1, 4));
    assert_eq!(topology(NAPLES), bits(1, 6));
    assert_eq!(topology(PHENOM), bits(0, 3));
}

#[test]
fn threads_of_zen_1_are_siblings() {
    let topology = topology(NAPLES);
    // Two packages of 24 cores with two threads.
    let ids: Vec<u32> = (0..48).chain(64..112).collect();
    let cores = describe(&all_respond(&ids), &[], topology);
    let place = |id: u32| {
        let core = cores.iter().find(|core| core.apic_id == id).unwrap();
        (core.package, core.core)
    };
    assert_eq!(place(46), place(47));
    assert_ne!(place(45), place(46));
    assert_eq!(place(64), (1, 0));
    assert_eq!(place(111), (1, 23));
}

#[test]
fn ids_that_firmware_has_moved_up_and_names_in_any_order() {
    let processors: Vec<Processor> = [21, 19, 16, 20, 17, 18].map(|id| processor(id, id)).into();
    // The boot processor's ID is one of them, by its APIC.
    let ids = ids(&firmware(&processors), 16);
    assert_eq!(ids, [16, 17, 18, 19, 20, 21]);
    let cores = describe(&all_respond(&ids), &processors, topology(PHENOM));
    assert!(cores.iter().all(|core| core.package == cores[0].package));
    assert!(
        cores
            .iter()
            .zip(0..)
            .all(|(core, number)| core.core == number)
    );
}

#[test]
fn a_processor_with_nothing_but_threads_or_nothing_but_cores() {
    let only = |kind: u32| {
        Topology::of(&|leaf, subleaf| match (leaf, subleaf) {
            (0, _) => [0x0b, 0, 0, 0],
            (0x0b, 0) => [3, 8, kind << 8, 0],
            _ => [0; 4],
        })
    };
    assert_eq!(only(1), bits(3, 3));
    assert_eq!(only(2), bits(0, 3));
}

#[test]
fn siblings_and_packages_of_sparse_ids() {
    let topology = topology(TEN_CORES);
    // The IDs that this machine's firmware names, in its order (Supermicro X11DAi-N).
    let even = [
        0, 2, 4, 6, 8, 16, 18, 20, 22, 24, 32, 34, 36, 38, 40, 48, 50, 52, 54, 56,
    ];
    let processors: Vec<Processor> = even
        .iter()
        .copied()
        .chain(even.iter().map(|id| id + 1))
        .enumerate()
        .map(|(uid, id)| processor(id, uid as u32))
        .collect();
    let ids = ids(&firmware(&processors), 0);
    assert_eq!(ids.len(), 40);
    assert!(ids.is_sorted());
    let cores = describe(&all_respond(&ids), &processors, topology);
    for package in 0..2 {
        let here = || cores.iter().filter(|core| core.package == package);
        assert_eq!(here().count(), 20);
        let mut numbers: Vec<u32> = here().map(|core| core.core).collect();
        numbers.dedup();
        // Two threads each, with the gap that the package's floor plan has.
        assert_eq!(numbers, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]);
    }
    let core = cores.iter().find(|core| core.apic_id == 33).unwrap();
    assert_eq!((core.package, core.core, core.acpi_uid), (1, 0, 30));
}

#[test]
fn the_ids_of_a_server_with_512_threads() {
    let topology = topology(MANY_CORES);
    assert_eq!(topology.place(0), (0, 0));
    assert_eq!(topology.place(255), (0, 127));
    assert_eq!(topology.place(256), (1, 0));
    assert_eq!(topology.place(511), (1, 127));
}

#[test]
fn cores_to_start_are_those_enabled_and_this_one() {
    let mut processors = vec![processor(6, 0), processor(2, 1), processor(2, 2)];
    processors.push(Processor {
        enabled: false,
        ..processor(4, 3)
    });
    let to_start = |processors: &[Processor], own| ids(&firmware(processors), own);
    assert_eq!(to_start(&processors, 2), [2, 6]);
    // This core runs, whatever firmware says of it.
    assert_eq!(to_start(&processors, 4), [2, 4, 6]);
    assert_eq!(to_start(&[], 7), [7]);
    assert_eq!(ids(&Firmware::default(), 7), [7]);
}

/// Those of all that can be reached and have room.
fn ids(firmware: &Firmware, own: u32) -> Vec<u32> {
    to_start(firmware, own, |_| true, 1000).ids
}

/// The one that runs this is never left out, however high its ID is.
#[test]
fn beyond_what_there_is_room_for_the_highest_are_left_out() {
    let processors: Vec<Processor> = (0..600).map(|id| processor(id, id)).collect();
    let firmware = firmware(&processors);
    for (own, ids) in [
        (0, (0..512).collect::<Vec<u32>>()),
        (511, (0..512).collect()),
        (512, (0..511).chain([512]).collect()),
        (599, (0..511).chain([599]).collect()),
        // Not even among those that firmware names.
        (700, (0..511).chain([700]).collect()),
    ] {
        let found = to_start(&firmware, own, |_| true, 512);
        assert_eq!(found.ids, ids, "{own}");
        assert_eq!(found.too_many, if own == 700 { 89 } else { 88 });
        assert_eq!(found.unreachable, 0);
    }
    let found = to_start(&firmware, 599, |id| id < 255, 512);
    assert_eq!(found.ids, (0..255).chain([599]).collect::<Vec<u32>>());
    assert_eq!((found.unreachable, found.too_many), (344, 0));
}

#[test]
fn a_core_that_does_not_answer_is_described_as_such() {
    let found = [
        FoundCore {
            apic_id: 0,
            responding: true,
        },
        FoundCore {
            apic_id: 1,
            responding: false,
        },
    ];
    // Firmware does not name core 1: its number stands for its UID.
    let cores = describe(&found, &[processor(0, 9)], bits(1, 1));
    assert_eq!(
        cores.iter().map(|core| core.responding).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!((cores[0].acpi_uid, cores[1].acpi_uid), (9, 1));
    assert_eq!(cores[0].core, cores[1].core);
}

fn processor(apic_id: u32, acpi_uid: u32) -> Processor {
    Processor {
        apic_id,
        acpi_uid,
        enabled: true,
    }
}

fn firmware(processors: &[Processor]) -> Firmware {
    Firmware {
        madt: Some(Madt {
            processors: processors.to_vec(),
            ..Madt::default()
        }),
        ..Firmware::default()
    }
}

fn all_respond(ids: &[u32]) -> Vec<FoundCore> {
    let core = |&apic_id| FoundCore {
        apic_id,
        responding: true,
    };
    ids.iter().map(core).collect()
}

proptest! {
    /// A hypervisor may answer anything, and go on answering.
    #[test]
    fn any_answer_of_cpuid_makes_a_topology(
        answers in vec(any::<[u32; 4]>(), 1..16),
        most in prop_oneof![Just(0x1f), Just(0x0b), 0..0x20u32],
        apic_id in any::<u32>(),
    ) {
        let topology = Topology::of(&|leaf, subleaf| match leaf {
            0 => [most, 0, 0, 0],
            _ => answers[(leaf as usize * 31 + subleaf as usize) % answers.len()],
        });
        prop_assert!(topology.thread_bits <= topology.package_bits);
        let (package, core) = topology.place(apic_id);
        // Nothing of the ID is lost but the thread.
        let threads = apic_id & ((1 << topology.thread_bits) - 1);
        prop_assert_eq!(
            package << topology.package_bits | core << topology.thread_bits | threads,
            apic_id
        );
    }
}
