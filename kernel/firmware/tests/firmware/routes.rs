//! Where interrupt pins lead: each form of `_PRT` that is read.

use std::slice::from_ref;

use acpi_tables::Aml;
use acpi_tables::aml as real;
use bulkhead_firmware::discover;
use bulkhead_pci::{Bus, Route};

use crate::aml::*;
use crate::fake::{Fake, RSDP, fadt, table};
use crate::fixed::S5;

/// The routes of a machine with this DSDT and these SSDTs, which must be free of problems.
pub(crate) fn routes_of(aml: &[u8], ssdts: &[Vec<u8>]) -> Vec<Route> {
    let firmware = discover(&machine(aml, ssdts), RSDP);
    assert_eq!(firmware.problems, []);
    firmware.routes
}

pub(crate) fn machine(aml: &[u8], ssdts: &[Vec<u8>]) -> Fake {
    // Away from the other tables, as it may be large.
    const DSDT: u32 = 0x4000_0000;
    let mut tables = vec![(0x2000, fadt(&[(40, &DSDT.to_le_bytes())]))];
    for (index, aml) in ssdts.iter().enumerate() {
        let address = 0x1000_0000 + 0x100_0000 * index as u64;
        tables.push((address, table(*b"SSDT", aml)));
    }
    let mut fake = Fake::machine(&tables);
    let dsdt = table(*b"DSDT", &[S5, aml].concat());
    fake.blocks.push((u64::from(DSDT), dsdt));
    fake
}

pub(crate) fn route(device: u8, pin: u8, gsi: u32) -> Route {
    Route {
        bus: Bus {
            segment: 0,
            number: 0,
        },
        device,
        pin,
        gsi,
    }
}

#[test]
fn a_package_is_read_with_integers_of_any_width() {
    let wide = |address: u64, pin: Vec<u8>, source: Vec<u8>, gsi: Vec<u8>| {
        let address = [vec![0x0e], address.to_le_bytes().to_vec()].concat();
        package(&[address, pin, source, gsi])
    };
    let prt = package(&[
        entry(31, 3, 23),
        entry(2, 0, 16),
        entry(2, 1, 0x1_0001),
        // The same once more, and by function: no conflict.
        entry(2, 0, 16),
        package(&[integer(0x0002_0007), vec![0], vec![0], integer(16)]),
        wide(
            0x0003_ffff,
            vec![0x0b, 2, 0],
            vec![0x0a, 0],
            vec![0x0c, 17, 0, 0, 0],
        ),
        entry(0, 0, 0x100),
    ]);
    let expected = [
        route(0, 1, 0x100),
        route(2, 1, 16),
        route(2, 2, 0x1_0001),
        route(3, 3, 17),
        route(31, 4, 23),
    ];
    assert_eq!(routes_of(&bridge(&[named("_PRT", prt)]), &[]), expected);
    // A low interrupt is one like any other, and elements may be missing.
    let mut few = package(&[entry(1, 0, 9)]);
    few[2] = 8;
    assert_eq!(
        routes_of(&bridge(&[named("_PRT", few)]), &[]),
        [route(1, 1, 9)]
    );
    assert_eq!(routes_of(&bridge(&[named("_PRT", package(&[]))]), &[]), []);
    assert_eq!(routes_of(&bridge(&[]), &[]), []);
}

/// `If (PICM) { Return (AR00) } Return (PR00)`, the packages in `\_SB`: most machines' form.
#[test]
fn of_two_packages_the_one_for_apic_mode_is_taken() {
    let apic = package(&[entry(2, 0, 16), entry(3, 0, 8)]);
    let pic_table = package(&[entry(2, 0, 11), entry(3, 0, 10)]);
    let expected = [route(2, 1, 16), route(3, 1, 8)];
    let packages = scope(
        "_SB_",
        &[
            named("PR00", pic_table.clone()),
            named("AR00", apic.clone()),
        ],
    );
    let choice = |apic: Vec<u8>, pic: Vec<u8>| {
        let condition = conditional("PICM", &[returned(apic)]);
        method("_PRT", &[condition, returned(pic)])
    };
    let read = |prt: Vec<u8>, more: Vec<u8>| {
        let aml = all(&[packages.clone(), bridge(&[prt, more]), pic("PICM")]);
        routes_of(&aml, &[])
    };
    let prt = choice(name("AR00"), name("PR00"));
    assert_eq!(read(prt.clone(), vec![]), expected);
    let prt_by_path = choice(name("\\_SB_.AR00"), name("^^PR00"));
    assert_eq!(read(prt_by_path, vec![]), expected);
    // By what isn't known, and with packages in the method: of two the one for APIC mode.
    let field = [name("\\REGN"), vec![0], name("PICF"), vec![8]].concat();
    let field = block(&[0x5b, 0x81], &field);
    let swapped = method(
        "_PRT",
        &[
            conditional("PICF", &[returned(pic_table.clone())]),
            otherwise(&[returned(apic.clone())]),
        ],
    );
    assert_eq!(read(swapped, field), expected);
    // Methods of the same names that return the packages: `Method (AR00) { Return (^^AR00) }`.
    let methods = all(&[
        method("AR00", &[returned(name("^^AR00"))]),
        method("PR00", &[returned(pic_table)]),
    ]);
    assert_eq!(read(prt.clone(), methods), expected);
    // What is nearer hides what is farther.
    let nearer = named("AR00", package(&[entry(4, 0, 20)]));
    assert_eq!(read(prt, nearer), [route(4, 1, 20)]);
}

/// QEMU's q35, put together by another encoder than these tests' own.
#[test]
fn links_are_resolved_as_qemu_has_them() {
    let eisa = real::EISAName::new("PNP0C0F");
    let hid = real::Name::new("_HID".into(), &eisa);
    let call = real::MethodCall::new("IQCR".into(), vec![]);
    let computed = real::Return::new(&call);
    let computed_crs = real::Method::new("_CRS".into(), 0, false, vec![&computed]);
    let interrupts =
        [20, 21, 22, 23].map(|gsi| real::Interrupt::new(true, false, false, true, gsi));
    let templates = interrupts
        .iter()
        .map(|interrupt| real::ResourceTemplate::new(vec![interrupt]));
    let crs: Vec<_> = templates
        .map(|template| real::Name::new("_CRS".into(), &template))
        .collect();
    let bodies = (real::ZERO, real::ONE);
    let mut links = Vec::new();
    for (letter, crs) in "EFGH".chars().zip(&crs) {
        let pic = format!("LNK{letter}");
        let apic = format!("GSI{letter}");
        real::Device::new(pic.as_str().into(), vec![&hid, &computed_crs]).to_aml_bytes(&mut links);
        real::Device::new(apic.as_str().into(), vec![&hid, crs]).to_aml_bytes(&mut links);
    }
    let table = |prefix: &str| {
        let mut table = real::PackageBuilder::new();
        for (device, pin) in (0..31).flat_map(|device| (0..4).map(move |pin| (device, pin))) {
            let letter = b"EFGH"[(device + pin) % 4] as char;
            let source = real::Path::new(&format!("{prefix}{letter}"));
            let address = (device as u32) << 16 | 0xffff;
            let pin = pin as u8;
            table.add_element(&real::Package::new(vec![
                &address, &pin, &source, &bodies.0,
            ]));
        }
        table
    };
    let (pic, apic) = (table("LNK"), table("GSI"));
    let names = (
        real::Name::new("PRTP".into(), &pic),
        real::Name::new("PRTA".into(), &apic),
    );
    let (pic, apic) = (real::Path::new("PRTP"), real::Path::new("PRTA"));
    let (pic, apic) = (real::Return::new(&pic), real::Return::new(&apic));
    let mode = real::Path::new("PICF");
    let is_pic = real::Equal::new(&mode, &bodies.0);
    let choice = (
        real::If::new(&is_pic, vec![&pic]),
        real::Else::new(vec![&apic]),
    );
    let prt = real::Method::new("_PRT".into(), 0, false, vec![&choice.0, &choice.1]);
    let bridge_id = real::EISAName::new("PNP0A08");
    let bridge_hid = real::Name::new("_HID".into(), &bridge_id);
    let mut aml = Vec::new();
    real::Device::new("\\_SB_.PCI0".into(), vec![&bridge_hid]).to_aml_bytes(&mut aml);
    let mut tables = Vec::new();
    real::Scope::new("PCI0".into(), vec![&names.0, &names.1, &prt]).to_aml_bytes(&mut tables);
    aml.extend(scope("_SB_", &[tables, links]));
    aml.extend(crate::aml::pic("PICF"));

    let routes = routes_of(&aml, &[]);
    assert_eq!(routes.len(), 31 * 4);
    let is_right = |route: &Route| {
        let pin = u32::from(route.pin) - 1;
        route.gsi == 20 + (u32::from(route.device) + pin) % 4
    };
    assert!(routes.iter().all(is_right), "{routes:?}");
    assert_eq!(routes[0], route(0, 1, 20));
    assert_eq!(routes[123], route(30, 4, 21));
}

#[test]
fn links_of_all_static_kinds_are_resolved() {
    let read = |links: Vec<u8>, source: &str| {
        let prt = package(&[sourced(5, 0, name(source), 0)]);
        let in_bridge = bridge(&[named("_PRT", prt), links]);
        routes_of(&in_bridge, &[])
    };
    for (template, gsi) in [
        (interrupt(19), 19),
        (vec![0x22, 0, 0x08, 0x79, 0], 11),
        (vec![0x23, 0x20, 0, 0x18, 0x79, 0], 5),
        (vec![0x22, 0, 0x08, 0x79], 11),
    ] {
        for source in ["LNKA", "^PCI0.LNKA", "\\_SB_.PCI0.LNKA"] {
            assert_eq!(
                read(link("LNKA", &template), source),
                [route(5, 1, gsi)],
                "{source}"
            );
        }
    }
    let inner = device("ISA_", &[link("LNKA", &interrupt(18))]);
    assert_eq!(read(inner, "\\_SB_.PCI0.ISA_.LNKA"), [route(5, 1, 18)]);
    let by_text = device(
        "LNKA",
        &[
            named("_HID", text("PNP0C0F")),
            named("_CRS", buffer(&interrupt(17))),
        ],
    );
    assert_eq!(read(by_text, "LNKA"), [route(5, 1, 17)]);
}

#[test]
fn bridges_are_found_wherever_they_are_defined() {
    let prt = named("_PRT", package(&[entry(1, 1, 17)]));
    let expected = [route(1, 2, 17)];
    let old = device("\\_SB_.PCI0", &[kind(PNP0A03), prt.clone()]);
    assert_eq!(routes_of(&old, &[]), expected);
    let by_text = device("\\PCI0", &[named("_HID", text("PNP0A08")), prt.clone()]);
    assert_eq!(routes_of(&by_text, &[]), expected);
    // The table in a scope of its own, in another table, its package in a third.
    let added = scope("\\_SB_.PCI0", from_ref(&prt));
    assert_eq!(routes_of(&bridge(&[]), from_ref(&added)), expected);
    assert_eq!(routes_of(&added, &[vec![], bridge(&[])]), expected);
    let nested = scope("\\", &[scope("_SB_", &[scope("PCI0", from_ref(&prt))])]);
    assert_eq!(routes_of(&bridge(&[]), &[nested]), expected);
    let method = method("_PRT", &[returned(name("AR00"))]);
    let package = scope("_SB_", &[named("AR00", package(&[entry(1, 1, 17)]))]);
    assert_eq!(routes_of(&bridge(&[method]), &[package]), expected);
    // Not a bridge; a bridge behind a bridge.
    let other = device("\\_SB_.PCI0", &[kind(PNP0C0F), prt.clone()]);
    assert_eq!(routes_of(&other, &[]), []);
    let behind = device("RP01", &[named("_ADR", integer(0x1c_0000)), prt]);
    assert_eq!(routes_of(&bridge(&[behind]), &[]), []);
}

#[test]
fn buses_and_segments_are_told_apart() {
    let prt = named("_PRT", package(&[entry(1, 0, 40)]));
    let chain = all(&[
        method("^BN80", &[returned(integer(0x80))]),
        method("_BBN", &[returned(name("BN80"))]),
    ]);
    let other = device("\\_SB_.PC80", &[kind(PNP0A08), chain, prt.clone()]);
    let place = all(&[
        named("_SEG", integer(3)),
        method("_BBN", &[returned(integer(0xc0))]),
    ]);
    let third = device("\\_SB_.PCC0", &[kind(PNP0A03), place, prt.clone()]);
    let routes = routes_of(&all(&[third, other, bridge(&[prt])]), &[]);
    let places: Vec<_> = routes
        .iter()
        .map(|route| (route.bus.segment, route.bus.number, route.device, route.gsi))
        .collect();
    assert_eq!(places, [(0, 0, 1, 40), (0, 0x80, 1, 40), (3, 0xc0, 1, 40)]);
}
