//! Finding devices takes as many accesses for each, however many there are.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead_pci::{Address, Bus, ConfigSpace, EcamRange, Function, count, leftover, scan};

use crate::node::{ENDPOINT, EXPRESS, MEMORY32, Node, PREFETCHABLE64, ROOT_PORT};

/// Functions where addresses say that they are, and how often each place was asked.
struct Counting {
    nodes: RefCell<BTreeMap<Address, Node>>,
    accesses: RefCell<BTreeMap<Address, usize>>,
}

impl Counting {
    fn note(&self, a: Address) {
        *self.accesses.borrow_mut().entry(a).or_default() += 1;
    }
}

impl ConfigSpace for Counting {
    fn read(&self, a: Address, offset: u16) -> u32 {
        self.note(a);
        let nodes = self.nodes.borrow();
        nodes.get(&a).map_or(u32::MAX, |node| node.word(offset))
    }

    fn write(&self, a: Address, offset: u16, value: u32) {
        self.note(a);
        if let Some(node) = self.nodes.borrow_mut().get_mut(&a) {
            let at = usize::from(offset / 4);
            node.value[at] = node.value[at] & !node.writable[at] | value & node.writable[at];
        }
    }
}

fn address(segment: u16, bus: u8, device: u8, function: u8) -> Address {
    Address {
        segment,
        bus,
        device,
        function,
    }
}

fn root_port(bus: u8) -> Node {
    let base = 0x8000_0000 + (u32::from(bus) << 20);
    Node::bridge(0x1b36, 0x000c)
        .msi()
        .express(ROOT_PORT, false)
        .acs()
        .bar(
            0,
            MEMORY32,
            0x1000,
            u64::from(0xfe00_0000 + (u32::from(bus) << 12)),
        )
        .set(0x04, 0x0007)
        .set(EXPRESS + 8, 0x20)
        .numbers(0, bus.into(), bus.into())
        .windows((0xf000, 0), (base, base + 0xf_ffff), (0xfff0_0000, 0))
        .multi_function()
}

/// Without addresses, so that they are given some.
fn card() -> Node {
    Node::endpoint(0x8086, 0x10c9, 0x02_0000)
        .pin(1)
        .power(true)
        .msi()
        .msix(10)
        .express(ENDPOINT, true)
        .acs()
        .bar(0, MEMORY32, 0x1000, 0)
        .bar(2, PREFETCHABLE64, 0x4000, 0)
        .multi_function()
}

/// A machine of so many segments, each with 64 root ports on its bus 0 and one card below each.
fn machine(segments: u16) -> (Counting, Vec<EcamRange>) {
    let mut nodes = BTreeMap::new();
    for segment in 0..segments {
        for port in 0..64 {
            let bus = port + 1;
            nodes.insert(address(segment, 0, port / 8, port % 8), root_port(bus));
            nodes.insert(address(segment, bus, 0, 0), card());
        }
    }
    let range = |segment: u16| EcamRange {
        base: 0x80_0000_0000 + (u64::from(segment) << 28),
        segment,
        first_bus: 0,
        last_bus: 255,
    };
    let counting = Counting {
        nodes: RefCell::new(nodes),
        accesses: RefCell::default(),
    };
    (counting, (0..segments).map(range).collect())
}

fn find(counting: &Counting, ranges: &[EcamRange]) -> Vec<Function> {
    let number = count(counting, ranges);
    let mut told = Vec::new();
    let found = scan(counting, ranges, number, |seen, bus| told.push((seen, bus)));
    // Each was told as soon as it was looked at.
    let buses: Vec<Bus> = found.functions.iter().map(Function::bus).collect();
    assert!((1..).zip(buses).eq(told));
    let mut functions = found.functions;
    leftover::quiet(counting, &functions);
    leftover::assign_all(&mut functions);
    functions
}

/// Accesses to a function that is there, in all that is done at boot; to a place where nothing is.
const MOST: usize = 100;
const MOST_TO_NOTHING: usize = 2;

#[test]
fn each_of_1024_functions_is_asked_as_often_as_each_of_128() {
    let mut most = Vec::new();
    for (segments, functions) in [(1, 128), (8, 1024)] {
        let (counting, ranges) = machine(segments);
        let found = find(&counting, &ranges);
        assert_eq!(found.len(), functions);
        // All of them have addresses now, the cards those that were given to them.
        assert!(
            found
                .iter()
                .flat_map(|f| &f.bars)
                .all(|bar| bar.address.is_some())
        );
        let nodes = counting.nodes.borrow();
        let accesses = counting.accesses.borrow();
        let (there, nothing): (Vec<_>, Vec<_>) =
            accesses.iter().partition(|(a, _)| nodes.contains_key(a));
        let largest = |of: &[(&Address, &usize)]| of.iter().map(|(_, n)| **n).max().unwrap();
        assert!(largest(&there) <= MOST, "{} accesses", largest(&there));
        assert!(
            largest(&nothing) <= MOST_TO_NOTHING,
            "{}",
            largest(&nothing)
        );
        // Beside the functions themselves: one place for each device number of a root bus, and one
        // for each bus that a port leads to.
        let most_nothing = usize::from(segments) * (256 * 32 + 256);
        assert!(nothing.len() <= most_nothing, "{}", nothing.len());
        most.push(largest(&there));
    }
    assert_eq!(most[0], most[1]);
}
