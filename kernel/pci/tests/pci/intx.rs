//! Routes of pins.

use bulkhead_pci::{Bus, Route, routes};

use crate::machine::machine;

fn route(bus: &str, device: u8, pin: u8, gsi: u32) -> Route {
    let bus: Bus = bus.parse().unwrap();
    Route {
        bus,
        device,
        pin,
        gsi,
    }
}

/// Pin p of device d on bus 0 leads to 16 + (d + p - 1) % 4.
fn machine_routes() -> Vec<Route> {
    let device =
        |d: u8| (1..=4).map(move |p: u8| route("00", d, p, 16 + u32::from((d + p - 1) % 4)));
    (0..32).flat_map(device).collect()
}

#[test]
fn pins_turn_at_every_bridge() {
    let machine = machine();
    let functions = machine.functions();
    // Device 0 keeps its pins at port 2.
    assert_eq!(
        routes(&functions, &machine_routes(), &machine.unit("01")),
        [
            route("01", 0, 1, 18),
            route("01", 0, 2, 19),
            route("01", 0, 3, 16),
            route("01", 0, 4, 17),
        ]
    );
    // Bus 3: device 1 turns them by one on the upstream port, which is device 0 below port 3.
    let ports = routes(&functions, &machine_routes(), &machine.unit("03"));
    assert_eq!(ports.len(), 8);
    assert_eq!(ports[0], route("03", 0, 1, 19));
    assert_eq!(ports[4], route("03", 1, 1, 16));
    // Bus 5 is below device 1 of bus 3.
    let below = routes(&functions, &machine_routes(), &machine.unit("05"));
    assert_eq!(below[0], route("05", 0, 1, 16));
    assert_eq!(below[3], route("05", 0, 4, 19));
}

#[test]
fn a_bus_with_routes_of_its_own_uses_them() {
    let machine = machine();
    let mut known = machine_routes();
    known.push(route("01", 0, 1, 40));
    known.push(route("03", 0, 2, 50));
    let functions = machine.functions();
    let all = routes(&functions, &known, &machine.unit("01"));
    assert_eq!((all[0].gsi, all[1].gsi), (40, 19));
    let below = routes(&functions, &known, &machine.unit("04"));
    assert_eq!((below[0].gsi, below[1].gsi), (19, 50));
}

#[test]
fn only_devices_that_are_there() {
    let machine = machine();
    let root = routes(&machine.functions(), &machine_routes(), &machine.unit("00"));
    let mut devices: Vec<u8> = root.iter().map(|r| r.device).collect();
    devices.dedup();
    assert_eq!(devices, [0, 1, 2, 3, 4, 0x1f]);
    assert_eq!(root.len(), 24);
    assert!(routes(&machine.functions(), &[], &machine.unit("05")).is_empty());
    let mut odd = machine_routes();
    odd.iter_mut().for_each(|r| r.pin = 0);
    assert!(routes(&machine.functions(), &odd, &machine.unit("05")).is_empty());
}
