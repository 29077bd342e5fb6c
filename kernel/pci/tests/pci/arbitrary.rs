//! No configuration space whatever makes this crate panic or run on.

use std::cell::Cell;
use std::collections::BTreeSet;

use bulkhead_pci::EcamRange;
use bulkhead_pci::{
    Address, Bar, BarKind, Bridge, Bus, Clock, ConfigSpace, Function, Grant, Route, assign, check,
    count, routes, scan, unit,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Registers that answer anything, and something else every few accesses.
#[derive(Debug)]
struct Noise {
    seed: u64,
    /// Of 256 functions so many are there.
    density: u8,
    /// After so many accesses everything is gone.
    vanishes_after: u64,
    /// Registers keep still rather than change.
    steady: bool,
    accesses: Cell<u64>,
    waited_us: Cell<u64>,
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

impl ConfigSpace for Noise {
    fn read(&self, a: Address, offset: u16) -> u32 {
        assert!(offset < 4096 && offset.is_multiple_of(4), "{offset:#x}");
        let time = self.accesses.get();
        self.accesses.set(time + 1);
        let place = u64::from(a.bus) << 16 | u64::from(a.device) << 8 | u64::from(a.function);
        let who = mix(self.seed ^ place);
        if who as u8 >= self.density || time > self.vanishes_after {
            return u32::MAX;
        }
        let moment = if self.steady { 0 } else { time / 3 };
        let noise = mix(who ^ u64::from(offset) << 32 ^ moment << 48);
        let value = noise as u32;
        match offset {
            0x00 => who as u32 | 0x8000,
            // Often a capability list, a known header type, small bus numbers, a known capability.
            0x04 => value | 1 << 20,
            0x0c => value & 0xff81_ffff,
            0x18 if noise >> 60 != 0 => value & 0xff07_0703,
            0x34 => value & !3 | 0x40,
            0x40..0x100 if noise >> 62 != 0 => {
                let ids = [0x01, 0x05, 0x10, 0x11, 0x13];
                value & 0xffff_ff00 | ids[(noise >> 40) as usize % ids.len()]
            }
            0x100.. if noise >> 62 != 0 => {
                let ids = [0x0d, 0x0e, 0x10, 0x15];
                value & 0xffff_0000 | ids[(noise >> 40) as usize % ids.len()]
            }
            _ => value,
        }
    }

    fn write(&self, _: Address, offset: u16, _: u32) {
        assert!(offset < 4096 && offset.is_multiple_of(4), "{offset:#x}");
    }
}

impl Clock for Noise {
    fn wait_us(&self, us: u64) {
        self.waited_us.set(self.waited_us.get() + us);
    }
}

fn any_noise() -> impl Strategy<Value = Noise> {
    let life = prop_oneof![Just(u64::MAX), 0u64..100_000];
    (any::<u64>(), 0u8..60, life, any::<bool>()).prop_map(|(seed, density, life, steady)| Noise {
        seed,
        density,
        vanishes_after: life,
        steady,
        accesses: Cell::new(0),
        waited_us: Cell::new(0),
    })
}

/// All that can be asked about some functions, and set up and quieted with them.
fn use_everything(functions: &[Function], noise: &Noise) {
    let buses: BTreeSet<Bus> = functions.iter().map(|f| f.address.bus()).collect();
    let machine = [Route {
        bus: Bus {
            segment: 0,
            number: 0,
        },
        device: 0,
        pin: 1,
        gsi: 16,
    }];
    let units: Vec<_> = buses
        .into_iter()
        .filter_map(|bus| unit(functions, bus).ok())
        .collect();
    for unit in &units {
        assert!(unit.last >= unit.bus.number && unit.path.len() < 256);
        assert_eq!(unit.path.last().copied(), unit.bridge);
        let mut assigned = functions.to_vec();
        let verdict = assign(&mut assigned, unit);
        assert_eq!(check(functions, unit), verdict);
        match verdict {
            Ok(()) => assert_eq!(check(&assigned, unit), Ok(())),
            Err(error) => {
                assert_eq!(assigned, functions);
                assert!(!error.to_string().is_empty());
            }
        }
        assert!(routes(functions, &machine, unit).len() <= 128);
    }
    // The first unit alone, then all of them, overlapping ones included.
    for units in [units.get(..1).unwrap_or_default(), &units[..]] {
        let grant = Grant::new(functions, units);
        grant.prepare(noise);
        let before = noise.waited_us.get();
        grant.quiet(noise, noise, &mut |stuck| {
            assert!(!stuck.to_string().is_empty())
        });
        assert!(noise.waited_us.get() - before <= 5_500_000);
    }
}

fn any_address() -> impl Strategy<Value = Address> {
    (0u16..2, 0u8..8, 0u8..32, 0u8..8).prop_map(|(segment, bus, device, function)| Address {
        segment,
        bus,
        device,
        function,
    })
}

fn any_bar() -> impl Strategy<Value = Bar> {
    let kind = prop_oneof![
        Just(BarKind::Io),
        Just(BarKind::Memory32),
        Just(BarKind::Memory64)
    ];
    let size = prop_oneof![(0u32..64).prop_map(|n| 1 << n), any::<u64>()];
    let address = proptest::option::of(prop_oneof![any::<u64>(), 0u64..1 << 32]);
    (any::<u8>(), kind, any::<bool>(), size, address).prop_map(
        |(index, kind, prefetchable, size, address)| Bar {
            index,
            kind,
            prefetchable,
            size,
            address,
        },
    )
}

fn any_function() -> impl Strategy<Value = Function> {
    let bridge = proptest::option::of((0u8..9, 0u8..9));
    (
        any_address(),
        vec(any_bar(), 0..3),
        bridge,
        any::<[u8; 4]>(),
    )
        .prop_map(|(address, bars, bridge, bytes)| {
            let mut f = Function::new(address);
            f.bars = bars;
            f.bridge = bridge.map(|(secondary, subordinate)| Bridge {
                secondary,
                subordinate,
                windows: Vec::new(),
            });
            [f.class, f.subclass, f.interface, f.interrupt_pin] = bytes;
            f
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_configuration_space_is_survived(noise in any_noise()) {
        let range = EcamRange { base: 0, segment: 0, first_bus: 0, last_bus: 7 };
        let functions = scan(&noise, &[range], count(&noise, &[range]), |_, _| ()).functions;
        prop_assert!(functions.is_sorted_by(|a, b| a.address < b.address));
        for bar in functions.iter().flat_map(|f| &f.bars) {
            prop_assert!(bar.size.is_power_of_two() && bar.index < 6);
        }
        use_everything(&functions, &noise);
    }

    #[test]
    fn any_functions_are_survived(functions in vec(any_function(), 0..30), noise in any_noise()) {
        use_everything(&functions, &noise);
    }
}

/// Every function of every bus answers the same: what a broken host bridge might do.
#[test]
fn a_machine_full_of_copies_ends() {
    let noise = |steady| Noise {
        seed: 1,
        density: 255,
        vanishes_after: u64::MAX,
        steady,
        accesses: Cell::new(0),
        waited_us: Cell::new(0),
    };
    for steady in [false, true] {
        let noise = noise(steady);
        let range = EcamRange {
            base: 0,
            segment: 0,
            first_bus: 0,
            last_bus: 15,
        };
        let functions = scan(&noise, &[range], count(&noise, &[range]), |_, _| ()).functions;
        assert!(functions.len() > 1000);
        let all = unit(
            &functions,
            Bus {
                segment: 0,
                number: 9,
            },
        );
        if let Ok(all) = all {
            let _ = check(&functions, &all);
        }
    }
}
