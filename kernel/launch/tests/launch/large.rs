//! A machine with as much of everything as a server has: 512 cores, 4 TiB of RAM, 1,024 functions in 8
//! segments, 64 I/O APICs: a few partitions with all of it, and as many as there may be.

use bulkhead_fake::large::{HIGH_RAM, Size, large};
use bulkhead_fake::{Fake, GIB, MIB, at, claim, region, with_devices, written};
use bulkhead_firmware::IoApic;
use bulkhead_launch::LaunchPlan;
use bulkhead_linux::E820Kind;
use bulkhead_memory::RegionSet;
use bulkhead_model::{ImageKind, MemoryKind, MemoryRange};
use bulkhead_pci::{Address, EcamRange};

/// As many as have low memory for everything, and more.
const PARTITIONS: u32 = 8;
/// Of each partition: core 0 is Bulkhead's.
const CORES: u32 = 63;
/// Of each, in two pieces: what has to lie below 4 GiB, and the rest. All have 3.9 TiB together.
const LOW_MEMORY: u64 = 64 * MIB;
const MEMORY: u64 = 500 * GIB;

fn machine() -> Fake {
    let mut fake = Fake::new();
    fake.machine = large(Size {
        cores: 512,
        functions: 1017,
        ranges: 100,
        images: 2,
    });
    let machine = &mut fake.machine;
    machine.memory.push(MemoryRange {
        region: region(HIGH_RAM + 1024 * GIB, HIGH_RAM + 4096 * GIB),
        kind: MemoryKind::Usable,
    });
    // Configuration space of the other segments lies above all RAM; each has a card on its bus 0.
    let card = machine.functions.last().unwrap().clone();
    for segment in 1..8 {
        machine.ecam.push(EcamRange {
            base: 0x800_0000_0000 + u64::from(segment) * (256 << 20),
            segment,
            first_bus: 0,
            last_bus: 255,
        });
        let mut card = card.clone();
        card.address = Address {
            segment,
            ..card.address
        };
        card.group += 1000 + segment;
        machine.functions.push(card);
    }
    machine.io_apics = (0..64u8)
        .map(|number| IoApic {
            id: number,
            address: 0xfec0_0000 + u64::from(number) * 0x1000,
            gsi_base: u32::from(number) * 24,
        })
        .collect();
    fake
}

/// The cores of partition `number`.
fn cores(number: u32) -> Vec<u32> {
    (1 + number * CORES..1 + (number + 1) * CORES).collect()
}

/// What the plan's MADT lists: local APIC IDs in its order, and how many I/O APICs.
fn listed(plan: &LaunchPlan) -> (Vec<u32>, usize) {
    let mut tables = plan.view.tables.iter();
    let (_, address, length) = tables.find(|(name, ..)| name == b"APIC").unwrap();
    let acpi = plan.view.block.acpi;
    let start = (address - acpi.start()) as usize;
    let bytes = written(plan, acpi);
    let mut rest = &bytes[start + 44..start + *length as usize];
    let (mut ids, mut io_apics) = (Vec::new(), 0);
    while let [kind, length, ..] = *rest {
        match kind {
            0 => ids.push(u32::from(rest[3])),
            1 => io_apics += 1,
            9 => ids.push(u32::from_le_bytes(rest[4..8].try_into().unwrap())),
            _ => (),
        }
        rest = &rest[usize::from(length)..];
    }
    (ids, io_apics)
}

#[test]
fn partitions_of_a_machine_of_512_cores() {
    let mut fake = machine();
    assert!(fake.machine.ram().total() > 4096 * GIB);
    assert_eq!(fake.machine.functions.len(), 1024);
    for number in 0..PARTITIONS {
        // Interrupts of devices reach no core above 254. One has a card in the last segment, one all I/O
        // APICs but three.
        let devices = match number {
            0 => "ioapic0,pci:10",
            1 => {
                let last = fake.machine.functions.last().unwrap().address;
                &format!("ioapic8,pci:{:04x}:{:02x}", last.segment, last.bus)
            }
            2 => "ioapic63",
            3 => {
                let all = (1..63).filter(|other| *other != 8);
                let all = all.map(|other| format!("ioapic{other}"));
                &all.collect::<Vec<_>>().join(",")
            }
            _ => "",
        };
        let high = HIGH_RAM + u64::from(number) * MEMORY;
        let memory = [at(LOW_MEMORY, None), at(MEMORY - LOW_MEMORY, high)];
        let mut change = with_devices(claim(&cores(number), &memory), devices);
        change.kernel = Some("linux0".into());
        let name = format!("p{number}");
        fake.define(&name, change)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let mut all = RegionSet::new();
    for number in 0..PARTITIONS {
        let name = format!("p{number}");
        let plan = fake.plan(&name);
        let claim = &fake.ledger.get(&name).unwrap().claim;
        assert_eq!(claim.memory_bytes(), MEMORY, "{name}");
        for region in &claim.memory {
            assert!(!all.overlaps(*region), "{name}: {region}");
            all.insert(*region);
        }
        // All IDs below 255 are taken: the boot processor's own stands first.
        let wanted: Vec<u32> = [0].into_iter().chain(cores(number)).collect();
        let io_apics = [1, 1, 1, 61].get(number as usize).copied();
        assert_eq!(listed(&plan), (wanted, io_apics.unwrap_or(0)), "{name}");
        let is_said = plan.view.cmdline.contains("disable_cpu_apicid=0 ");
        assert!(is_said, "{name}: {}", plan.view.cmdline);
        assert!(!plan.view.cmdline.contains("unknown_nmi_panic"), "{name}");
    }
    let highest = all.iter().last().unwrap().end();
    assert!(highest > 3 << 40, "{highest:#x}");
}

/// Ten large ones, and one-core ones to the number that there may be; none has a core, or a byte but of the
/// low memory that some share, that another has.
#[test]
fn sixty_four_partitions_of_a_machine_of_512_cores() {
    const LARGE: u32 = 10;
    let mut fake = machine();
    // With 2.5 GiB below 4 GiB there is room for 64 small kernels there, or 40 of Debian's.
    fake.machine.memory.push(MemoryRange {
        region: region(0x9000_0000, 0xb000_0000),
        kind: MemoryKind::Usable,
    });
    let kernel = ImageKind::Kernel(bulkhead_fake::bzimage(16 * MIB));
    fake.machine.images[0].kind = kernel;
    let mut define = |name: &str, cores: &[u32], memory| {
        let mut change = claim(cores, &[at(memory, None)]);
        change.kernel = Some("linux0".into());
        fake.define(name, change)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    for number in 0..64 {
        let name = format!("p{number}");
        match number {
            0..LARGE => {
                let first = 1 + number * 40;
                let cores: Vec<u32> = (first..first + 40).collect();
                define(&name, &cores, 300 * GIB);
            }
            _ => define(&name, &[401 + number - LARGE], 8 * GIB),
        }
    }
    let (mut all, mut cores) = (RegionSet::new(), Vec::new());
    let mut sharing = 0;
    for number in 0..64 {
        let name = format!("p{number}");
        let plan = fake.plan(&name);
        let claim = &fake.ledger.get(&name).unwrap().claim;
        for region in claim.own_regions() {
            assert!(!all.overlaps(region), "{name}: {region}");
            all.insert(region);
        }
        let low = plan.view.e820.entries().iter();
        let mut low = low.filter(|entry| entry.region.start() == claim.low_chunk.start());
        assert!(low.all(|entry| entry.kind == E820Kind::Ram), "{name}");
        assert_eq!(plan.shared_low_chunk.is_some(), claim.shares_low_chunk);
        sharing += usize::from(claim.shares_low_chunk);
        cores.extend(plan.cores());
    }
    assert_eq!(cores, (1..=454).collect::<Vec<u32>>());
    // Four of 64 KiB, six of 32; three pieces are left for whoever needs its own, and one is shared.
    assert_eq!(sharing, 54);
    let free = fake.ledger.free_memory(&fake.machine);
    let free = free.within(region(64 << 10, 640 << 10));
    assert_eq!(free.total() >> 15, 2, "{free:?}");
}
