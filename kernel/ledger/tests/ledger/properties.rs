//! What holds after any sequence of commands, and for any plan.

use bulkhead_fake::{Fake, GIB, Happening, MIB, RESIDENT, at, happen, names};
use bulkhead_launch::{Copy, LaunchPlan, Write};
use bulkhead_ledger::{Ledger, Owner, Partition};
use bulkhead_linux::E820Kind;
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{
    Change, Claim, Com, DeviceName, End, Isolation, Machine, MemoryKind, MemoryRange,
    MemoryRequest, Node, RestartPolicy, Right,
};
use bulkhead_pci::WindowKind;
use bulkhead_tables::efi::Kind;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Define(usize, Change),
    Set(usize, Change),
    Undefine(usize),
    Happens(usize, Happening),
}

const NAMES: [&str; 4] = ["web", "db", "mail", "build"];

/// One of `good` mostly, else one of `bad`.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    good: &[T],
    bad: &[T],
) -> impl Strategy<Value = T> + use<T> {
    let select = |values: &[T]| prop::sample::select(values.to_vec());
    prop_oneof![20 => select(good), 1 => select(bad)]
}

fn any_request() -> impl Strategy<Value = MemoryRequest> {
    let size = prop_oneof![
        30 => (32..160u64).prop_map(|n| n * 2 * MIB),
        1 => any::<u64>(),
    ];
    let place = prop_oneof![
        20 => Just(None),
        10 => (0..0xa00u64).prop_map(|n| Some(n * 2 * MIB)),
        1 => any::<u64>().prop_map(Some),
    ];
    (size, place).prop_map(|(size, place)| at(size, place))
}

fn any_change() -> impl Strategy<Value = Change> {
    let cores = vec(mostly(&[0, 1, 2, 3, 4, 5, 6, 7, 8], &[9, 10]), 1..3);
    let kernel = mostly(&["linux61", "linux612"], &["huge", "broken", "demo.img"]);
    let initrd = mostly(
        &[&[][..], &["demo.img"]],
        &[&["demo.img", "linux61"], &["zero"]],
    );
    let console = mostly(
        &[None, None, Some(Com::Com2), Some(Com::Com3)],
        &[Some(Com::Com1)],
    );
    let keys = (
        prop::option::weighted(0.95, cores),
        prop::option::weighted(0.95, vec(any_request(), 1..4)),
        prop::option::weighted(0.95, kernel),
        prop::option::of(initrd),
        prop::option::of(mostly(&["", "quiet", "a=\"b c\""], &["acpi=off"])),
        prop::option::of(console),
        prop::option::of(prop::sample::select(&RestartPolicy::ALL[..])),
        prop::option::of(prop::sample::select(rights())),
    );
    let node = prop::option::of(mostly(&[None, Some(0), Some(1)], &[Some(2)]));
    let dump = prop::option::of(any::<bool>());
    let isolation = prop::option::of(mostly(
        &[None, Some(Isolation::Bare)],
        &[Some(Isolation::Dma)],
    ));
    (
        keys,
        prop::option::of(any_devices()),
        node,
        (isolation, dump),
    )
        .prop_map(|(keys, devices, node, (isolation, dump))| {
            let (cores, memory, kernel, initrd, cmdline, console, restart, control) = keys;
            Change {
                cores,
                memory,
                node,
                kernel: kernel.map(String::from),
                initrds: initrd.map(|names| names.iter().map(|name| String::from(*name)).collect()),
                cmdline: cmdline.map(String::from),
                console,
                devices,
                restart,
                control,
                isolation,
                dump,
                watchdog: None,
            }
        })
}

fn rights() -> Vec<Right> {
    let names = ["web", "nobody"].map(String::from).to_vec();
    vec![Right::No, Right::All, Right::Only(names)]
}

fn any_devices() -> impl Strategy<Value = Vec<DeviceName>> {
    let good = [
        "01:00.0",
        "02:00.0",
        "02:00.1",
        "pci:02",
        "03:00.0",
        "pci:04",
        "05:00.0",
        "06:00.0",
        "pci:07",
        "bus0",
        "com2",
        "com3",
        "rtc",
        "framebuffer",
        "ioapic0",
        "ioapic1",
        "ioapic2,pci:25",
        "ioapic2,25:00.0",
        "07:00.0",
        "ps2",
    ];
    let bad = [
        "ioapic", "ioapic3", "com1", "com4", "00:02.0", "00:1f.2", "01:00.1", "pci:09",
    ];
    vec(mostly(&good, &bad), 0..4).prop_map(|list| names(&list.join(",")))
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    let event = prop::sample::select(vec![
        Happening::Launch,
        Happening::LaunchBegun,
        Happening::Launched,
        Happening::Ended(End::PoweredOff),
        Happening::Ended(End::Rebooted),
        Happening::Ended(End::Failed),
        Happening::Ended(End::Killed),
    ]);
    prop_oneof![
        4 => (name.clone(), any_change()).prop_map(|(n, change)| Step::Define(n, change)),
        2 => (name.clone(), any_change()).prop_map(|(n, change)| Step::Set(n, change)),
        1 => name.clone().prop_map(Step::Undefine),
        4 => (name, event).prop_map(|(n, event)| Step::Happens(n, event)),
    ]
}

/// Takes one step; whether it was accepted.
fn step(ledger: &mut Ledger, machine: &Machine, step: &Step) -> bool {
    match step {
        Step::Define(n, change) => ledger.define(machine, NAMES[*n], change.clone()).is_ok(),
        Step::Set(n, change) => ledger.set(machine, NAMES[*n], change.clone()).is_ok(),
        Step::Undefine(n) => ledger.undefine(NAMES[*n]).is_ok(),
        Step::Happens(n, what) => {
            let id = ledger.find(NAMES[*n]).map_or(99, |partition| partition.id);
            happen(ledger, id, *what)
        }
    }
}

/// A machine with this boot processor, whose memory map also has odd ranges, some of which overlap others.
fn odd_machine(odd: &[(u64, u64, MemoryKind)], boot_core: u32) -> Machine {
    let mut machine = Fake::with_io_apics(3).machine;
    (machine.nodes, machine.distances) = nodes();
    machine.boot_core = boot_core;
    let ranges = odd.iter().filter_map(|(start, size, kind)| {
        Some(MemoryRange {
            region: Region::new(*start, *size)?,
            kind: *kind,
        })
    });
    machine.memory.extend(ranges);
    machine
}

fn any_odd_range() -> impl Strategy<Value = (u64, u64, MemoryKind)> {
    use MemoryKind::{AcpiNvs, AcpiTables, Bad, Reserved, Usable};
    let kind = prop::sample::select(vec![Usable, AcpiTables, AcpiNvs, Reserved, Bad]);
    let start = prop_oneof![0..8 * GIB, any::<u64>()];
    (start, 1..64 * MIB, kind)
}

fn set(regions: impl IntoIterator<Item = Region>) -> RegionSet {
    regions.into_iter().collect()
}

/// The union of regions that must not share a byte.
fn disjoint(regions: &[Region]) -> Result<RegionSet, TestCaseError> {
    let union = set(regions.iter().copied());
    let bytes: u64 = regions.iter().map(|region| region.size()).sum();
    prop_assert_eq!(union.total(), bytes, "two share a byte: {:?}", regions);
    Ok(union)
}

/// No two partitions share a function, a serial port or another device.
fn check_devices(ledger: &Ledger, machine: &Machine) -> Result<(), TestCaseError> {
    let owners = |has: &dyn Fn(&Claim) -> bool| ledger.iter().filter(|p| has(&p.claim)).count();
    for function in &machine.functions {
        let count = owners(&|claim| claim.devices.has_function(function.address));
        prop_assert!(count < 2, "{}", function.address);
    }
    for com in Com::ALL {
        let count = ledger.iter().flat_map(|p| p.claim.ports());
        prop_assert!(count.filter(|port| *port == com).count() < 2);
    }
    let io_apics = (0..3).map(|number| DeviceName::IoApic(Some(number)));
    for name in DeviceName::WORDS
        .map(|(_, name)| name)
        .into_iter()
        .chain(io_apics)
    {
        prop_assert!(owners(&|claim| claim.devices.has(name)) < 2, "{}", name);
    }
    let vga = machine.functions[1].address;
    for partition in ledger {
        let devices = &partition.claim.devices;
        // All that was asked for is there, and units are what they are.
        let asked = &partition.definition.devices;
        prop_assert!(asked.iter().all(|name| devices.has(*name)));
        for unit in &devices.units {
            let again = bulkhead_pci::unit(&machine.functions, unit.bus);
            prop_assert_eq!(again.as_ref(), Ok(unit));
        }
        prop_assert!(!devices.ps2 || devices.has_irq(machine, 1) && devices.has_irq(machine, 12));
        let has_vga = |other: &Partition| other.claim.devices.has_function(vga);
        if devices.framebuffer && ledger.iter().any(has_vga) {
            prop_assert!(has_vga(partition));
        }
    }
    Ok(())
}

/// No two partitions share anything, and each byte of the map has one owner.
fn check_ledger(ledger: &Ledger, machine: &Machine) -> Result<(), TestCaseError> {
    let regions: Vec<Region> = ledger.iter().flat_map(|p| p.claim.regions()).collect();
    let claimed = disjoint(&regions)?;
    check_devices(ledger, machine)?;
    let mut cores: Vec<u32> = ledger.iter().flat_map(|p| p.claim.cores.clone()).collect();
    let consoles: Vec<Com> = ledger.iter().filter_map(|p| p.claim.console).collect();
    cores.sort_unstable();
    prop_assert!(
        cores.windows(2).all(|pair| pair[0] < pair[1]),
        "{:?}",
        cores
    );
    prop_assert!(consoles.len() < 2 || consoles[0] != consoles[1]);
    for resident in &machine.resident {
        prop_assert!(!claimed.overlaps(resident.region));
    }
    for partition in ledger {
        let claim = &partition.claim;
        // Bulkhead's core may be a boot core and nothing else.
        prop_assert!(!claim.cores[1..].contains(&machine.boot_core));
        prop_assert!(claim.cores.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(claim.memory.iter().all(|r| r.start() % (2 * MIB) == 0));
        prop_assert!(
            claim
                .memory
                .iter()
                .all(|r| machine.ram().contains_region(*r))
        );
    }

    let spans = ledger.memory_map(machine);
    let map = disjoint(&spans.iter().map(|span| span.region).collect::<Vec<_>>())?;
    prop_assert_eq!(map, set(machine.memory.iter().map(|range| range.region)));
    let spans_of = |wanted: &dyn Fn(Owner<'_>) -> bool| {
        set(spans
            .iter()
            .filter(|span| wanted(span.owner))
            .map(|span| span.region))
    };
    prop_assert_eq!(
        spans_of(&|owner| matches!(owner, Owner::Partition(_))),
        claimed
    );
    prop_assert_eq!(
        spans_of(&|owner| owner == Owner::Free),
        ledger.free_memory(machine)
    );
    let not_firmware = |owner: Owner<'_>| !matches!(owner, Owner::Firmware(_));
    prop_assert_eq!(spans_of(&not_firmware), machine.ram());
    Ok(())
}

/// What a plan touches is the claim's, once; what it tells is the claim, twice the same.
fn check_plan(plan: &LaunchPlan, ledger: &Ledger, machine: &Machine) -> Result<(), TestCaseError> {
    let claim = &ledger.by_id(plan.partition).unwrap().claim;
    let own = set(claim.regions());
    let copied = plan.copies.iter().filter_map(Copy::target);
    let written = plan.writes.iter().filter_map(Write::target);
    let touched: Vec<Region> = copied
        .chain(written)
        .chain(plan.clear.iter().copied())
        .collect();
    disjoint(&touched)?;
    prop_assert!(touched.iter().all(|region| own.contains_region(*region)));
    for copy in &plan.copies {
        let source = |r: &Region| r.contains_region(copy.from);
        prop_assert!(
            machine
                .images
                .iter()
                .filter_map(|image| image.region)
                .any(|region| source(&region))
        );
    }
    let kernel = plan.view.placement.kernel;
    prop_assert!(own.contains_region(kernel) && kernel.contains(plan.entry));

    // Both maps say the same of every byte.
    let e820 = plan.view.e820.entries();
    let efi = &plan.view.efi;
    prop_assert!(
        efi.windows(2)
            .all(|pair| pair[0].region.end() <= pair[1].region.start())
    );
    for wanted in [E820Kind::Ram, E820Kind::Acpi, E820Kind::Reserved] {
        let in_e820 = set(e820.iter().filter(|e| e.kind == wanted).map(|e| e.region));
        let in_efi = set(efi
            .iter()
            .filter(|d| as_e820(d.kind) == wanted)
            .map(|d| d.region));
        prop_assert_eq!(&in_e820, &in_efi);
        prop_assert!(
            in_efi
                .iter()
                .all(|r| r.start() % PAGE == 0 && r.end() % PAGE == 0)
        );
        if wanted != E820Kind::Reserved {
            prop_assert!(in_e820.iter().all(|region| own.contains_region(region)));
        }
    }
    // All of the claim and all of the firmware's map is told, but for where its devices are.
    let mut told = set(e820.iter().map(|entry| entry.region));
    prop_assert!(own.iter().all(|region| told.contains_region(region)));
    prop_assert_eq!(plan.io_apics.len(), claim.devices.io_apics.len());
    prop_assert_eq!(plan.grant.is_empty(), claim.devices.units.is_empty());
    let windows = claim.devices.units.iter().flat_map(|unit| &unit.windows);
    let windows = windows.filter(|window| window.kind != WindowKind::Io);
    let screen = machine.screen.filter(|_| claim.devices.framebuffer);
    let screen = screen.and_then(|screen| Region::new(screen.base, screen.size));
    for region in windows.map(|window| window.region).chain(screen) {
        told.insert(region.align_outward(PAGE));
    }
    let physical = Region::new(0, 1 << 52).unwrap();
    for range in &machine.memory {
        if let Some(real) = range.region.intersect(physical) {
            prop_assert!(told.contains_region(real));
        }
    }
    Ok(())
}

fn as_e820(kind: Kind) -> E820Kind {
    match kind {
        Kind::Conventional | Kind::LoaderData | Kind::BootServicesData => E820Kind::Ram,
        Kind::AcpiReclaim => E820Kind::Acpi,
        Kind::RuntimeCode | Kind::RuntimeData | Kind::Reserved => E820Kind::Reserved,
    }
}

proptest! {
    #[test]
    fn any_sequence_of_commands(
        steps in vec(any_step(), 1..32),
        odd in vec(any_odd_range(), 0..4),
        boot_core in prop::sample::select(vec![0, 3]),
    ) {
        let machine = odd_machine(&odd, boot_core);
        let mut ledger = Ledger::new();
        for taken in steps {
            let before = ledger.clone();
            if !step(&mut ledger, &machine, &taken) {
                prop_assert_eq!(&ledger, &before, "a refusal changed something: {:?}", taken);
            }
            check_ledger(&ledger, &machine)?;
            let mut all = Vec::new();
            for partition in &ledger {
                let name = &partition.definition.name;
                let plan = ledger.plan(&machine, &RESIDENT, name);
                prop_assert!(plan.is_ok(), "defined but can't be launched: {:?}", plan);
                let plan = plan.unwrap();
                // At rest there is exactly one way to launch it.
                if !partition.life.state.is_live() {
                    let by_handoff = plan.boot_core == machine.boot_core;
                    prop_assert_eq!(ledger.check_launch(&machine, name).is_err(), by_handoff);
                    prop_assert_eq!(ledger.check_handoff(&machine, name).is_ok(), by_handoff);
                }
                check_plan(&plan, &ledger, &machine)?;
                all.extend(plan.copies.iter().filter_map(Copy::target));
                all.extend(plan.writes.iter().filter_map(Write::target));
                all.extend(plan.clear);
            }
            // No two plans share a byte.
            disjoint(&all)?;
        }
    }

    /// Planning again gives the same plan: a restart is the plan applied again.
    #[test]
    fn plans_repeat(change in any_change()) {
        let mut machine = Fake::with_io_apics(3).machine;
        (machine.nodes, machine.distances) = nodes();
        let mut ledger = Ledger::new();
        if ledger.define(&machine, "web", change).is_ok() {
            let plan = || ledger.plan(&machine, &RESIDENT, "web").unwrap();
            let (first, second) = (plan(), plan());
            prop_assert_eq!(first.writes, second.writes);
            prop_assert_eq!(first.copies, second.copies);
        }
    }
}

/// Two nodes, as the made machine has them.
fn nodes() -> (Vec<Node>, Vec<u8>) {
    let machine = Fake::with_nodes().machine;
    (machine.nodes, machine.distances)
}
