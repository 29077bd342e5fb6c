//! Where interrupt pins lead is not known: nothing is guessed.

use std::slice::from_ref;

use bulkhead_firmware::{Problem, Signature, discover};

use crate::aml::*;
use crate::fake::RSDP;
use crate::routes::{machine, route, routes_of};

fn of_bridge(contents: &[Vec<u8>]) -> usize {
    routes_of(&bridge(contents), &[]).len()
}

fn sound() -> Vec<u8> {
    package(&[entry(1, 0, 16)])
}

#[test]
fn one_unknown_entry_makes_a_table_unknown() {
    let prt = |bad: Vec<u8>| named("_PRT", package(&[entry(1, 0, 16), bad]));
    for bad in [
        sourced(2, 0, text("GOOD"), 0),
        sourced(2, 0, integer(1), 16),
        entry(2, 0, 0),
        entry(2, 0, 1 << 32),
        package(&[integer(0x0002_0008), vec![0], vec![0], integer(16)]),
        package(&[integer(0x0002_ffff), vec![0], vec![0]]),
        package(&[integer(0x0002_ffff), vec![0], vec![0], integer(16), vec![0]]),
        integer(16),
        name("GOOD"),
        buffer(&[1, 2, 3]),
        vec![0x12, 0x7f],
    ] {
        assert_eq!(of_bridge(&[prt(bad.clone())]), 0, "{bad:x?}");
    }
}

/// Seen on a laptop: pins that no device has, beside good ones.
#[test]
fn entries_of_no_pin_are_passed_over() {
    let links = link("GOOD", &interrupt(16));
    for odd in [
        entry(2, 4, 16),
        entry(2, u64::MAX, 16),
        entry(32, 0, 16),
        entry(0x1_0002, 0, 16),
        sourced(2, 4, name("LOST"), 0),
    ] {
        let prt = named("_PRT", package(&[odd, entry(1, 0, 16)]));
        assert_eq!(
            routes_of(&bridge(&[prt, links.clone()]), &[]),
            [route(1, 1, 16)]
        );
    }
}

/// `COND`, a field: nobody knows what it holds.
fn unknown() -> Vec<u8> {
    let list = [name("\\REGN"), vec![0], name("COND"), vec![8]];
    block(&[0x5b, 0x81], &list.concat())
}

#[test]
fn what_a_condition_may_lead_to_must_be_clear() {
    let apic = || returned(name("AR00"));
    let rest = all(&[
        named("AR00", sound()),
        named("BR00", package(&[entry(1, 0, 17)])),
        unknown(),
    ]);
    let with = |body: &[Vec<u8>]| of_bridge(&[method("_PRT", body), rest.clone()]);
    let when = |then: Vec<u8>| conditional("COND", &[then]);
    assert_eq!(with(&[apic()]), 1);
    // Of a local that isn't set, of a call, of nothing that is known, of what isn't a package.
    assert_eq!(with(&[when(apic()), returned(vec![0x60])]), 1);
    assert_eq!(with(&[returned(vec![0x60])]), 0);
    assert_eq!(with(&[returned([name("CALL"), integer(7)].concat())]), 0);
    assert_eq!(with(&[when(apic()), returned(name("LOST"))]), 0);
    assert_eq!(with(&[returned(integer(7))]), 0);
    assert_eq!(with(&[]), 0);
    // Behind a `Return` nothing is executed.
    assert_eq!(with(&[apic(), returned(name("LOST"))]), 1);
    // Two tables for APIC mode; a third one that isn't.
    assert_eq!(with(&[when(apic()), returned(name("BR00"))]), 0);
    let low = |gsi| returned(package(&[entry(1, 0, gsi)]));
    assert_eq!(with(&[when(apic()), low(5)]), 1);
    assert_eq!(with(&[when(apic()), when(apic()), low(5)]), 1);
    assert_eq!(with(&[when(apic()), when(low(6)), low(5)]), 0);
    // Two tables for PIC mode.
    assert_eq!(with(&[when(low(5)), low(6)]), 0);
    // More conditions than any method has.
    assert_eq!(with(&[vec![when(vec![0xa3]); 4].concat(), apic()]), 1);
    assert_eq!(with(&[vec![when(vec![0xa3]); 5].concat(), apic()]), 0);
    // Methods that return each other's value, and a loop without an end.
    let cycle = all(&[
        method("CR00", &[returned(name("DR00"))]),
        method("DR00", &[returned(name("CR00"))]),
        method("_PRT", &[returned(name("CR00"))]),
    ]);
    assert_eq!(of_bridge(&[cycle]), 0);
    let endless = block(&[0xa2], &[vec![1], vec![0xa3]].concat());
    assert_eq!(with(&[endless, apic()]), 0);
    // A variable that initialisation changes, or that `_PIC` does not leave as it is certain.
    let choice = [conditional("VARI", &[apic()]), returned(name("BR00"))];
    let with = |more: Vec<u8>| {
        let prt = method("_PRT", &choice);
        let more = all(&[named("VARI", integer(1)), more]);
        routes_of(&bridge(&[prt, rest.clone(), more]), &[])
    };
    assert_eq!(with(vec![]), [route(1, 1, 16)]);
    let store = [vec![0x70, 0], name("VARI")].concat();
    assert_eq!(with(method("_INI", &[store])), []);
    let pic = [name("\\_PIC"), vec![1], vec![0x88]].concat();
    assert_eq!(with(block(&[0x14], &pic)), []);
}

#[test]
fn what_is_doubtful_is_unknown() {
    let prt = named("_PRT", sound());
    let when = |contents: Vec<u8>| conditional("COND", &[contents]);
    assert_eq!(of_bridge(from_ref(&prt)), 1);
    // Twice, under a condition, under the other one.
    assert_eq!(of_bridge(&[prt.clone(), prt.clone()]), 0);
    assert_eq!(of_bridge(&[when(prt.clone())]), 0);
    assert_eq!(of_bridge(&[otherwise(from_ref(&prt))]), 0);
    assert_eq!(routes_of(&when(bridge(from_ref(&prt))), &[]), []);
    let added = scope("\\_SB_.PCI0", from_ref(&prt));
    let sound_bridge = bridge(from_ref(&prt));
    assert_eq!(routes_of(&sound_bridge, &[added]), []);
    assert_eq!(routes_of(&sound_bridge, from_ref(&sound_bridge)), []);
    // By another name.
    let alias = [vec![6], name("AR00"), name("_PRT")].concat();
    assert_eq!(of_bridge(&[named("AR00", sound()), alias]), 0);
    // A bus that isn't constant, isn't one, or may be another.
    for place in [
        method("_BBN", &[returned(vec![0x60])]),
        method("_BBN", &[returned(name("LOST"))]),
        named("_BBN", integer(0x100)),
        named("_BBN", text("0")),
        when(named("_BBN", integer(7))),
        named("_SEG", integer(0x1_0000)),
        method("_SEG", &[]),
    ] {
        assert_eq!(of_bridge(&[prt.clone(), place.clone()]), 0, "{place:x?}");
    }
}

/// Bytes that look like definitions but stand in strings, buffers, operands and method bodies.
#[test]
fn data_is_not_taken_for_definitions() {
    let second = named("_PRT", package(&[entry(1, 0, 17)]));
    for decoy in [
        named("BUFF", buffer(&second)),
        named("LIST", package(&[buffer(&second), text("\u{8}_PRT")])),
        text("\u{8}_PRT"),
        method("CODE", from_ref(&second)),
        block(
            &[0x5b, 0x81],
            &[name("REGN"), vec![0], second.clone()].concat(),
        ),
        // `Name (SIZE, 0x10) Name (_BBN, 7)`: 0x10 is no `ScopeOp`.
        all(&[named("SIZE", vec![0x0a, 0x10]), named("_BBN", vec![0])]),
        [&[0x0b, 0x5b, 0x82], &name("\\AAAA.BBBB.CCCC.DDDD")[..]].concat(),
        [vec![0x5b, 0x12], name("_PRT"), vec![0x60]].concat(),
        [vec![0x15], name("_PRT"), vec![4, 0]].concat(),
        vec![0x08, b'_', b'P'],
        vec![0x08, b'_', b'P', b'r', b'T'],
    ] {
        let aml = bridge(&[decoy.clone(), named("_PRT", sound()), decoy.clone()]);
        let expected = if decoy.ends_with(&named("_BBN", vec![0])) {
            0
        } else {
            1
        };
        let found = routes_of(&aml, &[]);
        assert_eq!(found.len(), expected, "{decoy:x?}");
    }
    // Blocks that claim to be longer than what they are in, or to be of no length.
    for liar in [
        vec![0x10, 0x3f, b'\\', 0],
        vec![0x5b, 0x82, 0xcf, 0xff, 0xff, 0xff],
        vec![0x14, 0x00],
        vec![0x10, 0x7f, 0x01],
    ] {
        let aml = bridge(&[named("_PRT", sound()), liar]);
        assert_eq!(routes_of(&aml, &[]), [route(1, 1, 16)]);
    }
}

#[test]
fn contradictions_are_told() {
    let prt = package(&[
        entry(1, 0, 16),
        entry(2, 3, 16),
        entry(2, 3, 17),
        entry(2, 3, 16),
    ]);
    let firmware = discover(&machine(&bridge(&[named("_PRT", prt)]), &[]), RSDP);
    assert_eq!(firmware.routes, [route(1, 1, 16)]);
    let conflict = Problem::ConflictingRoutes {
        segment: 0,
        bus: 0,
        device: 2,
        pin: 4,
    };
    assert_eq!(firmware.problems, [conflict]);
    assert_eq!(
        conflict.to_string(),
        "_PRT leads pin 4 of 0000:00:02 to more than one interrupt, it is ignored"
    );

    let second = device("\\_SB_.PCI1", &[kind(PNP0A08)]);
    let first = bridge(&[named("_PRT", sound())]);
    let firmware = discover(&machine(&all(&[first, second]), &[]), RSDP);
    assert_eq!(firmware.routes, []);
    let shared = Problem::SharedRootBus { segment: 0, bus: 0 };
    assert_eq!(firmware.problems, [shared]);
    assert_eq!(
        shared.to_string(),
        "more than one root bridge claims bus 0000:00, its _PRT is ignored"
    );
    // Without a `_PRT` there is nothing to be told.
    let bare = device("\\_SB_.PCI2", &[kind(PNP0A08)]);
    assert_eq!(routes_of(&all(&[bridge(&[]), bare]), &[]), []);
}

#[test]
fn too_much_is_told() {
    let problems = |aml: &[u8], ssdts: &[Vec<u8>]| {
        let firmware = discover(&machine(aml, ssdts), RSDP);
        (firmware.routes.len(), firmware.problems)
    };
    let bridges = |count: usize, prt: &[u8]| -> Vec<u8> {
        let bridge = |index| {
            let place = named("_BBN", integer(index as u64));
            device(
                &format!("PC{index:02X}"),
                &[kind(PNP0A08), place, prt.to_vec()],
            )
        };
        (0..count).flat_map(bridge).collect()
    };
    let pins = (0..128).map(|index| entry(index / 4, index % 4, 16 + index));
    let full = named("_PRT", package(&pins.collect::<Vec<_>>()));
    assert_eq!(problems(&bridges(8, &full), &[]), (1024, vec![]));
    let too_many = Problem::TooManyEntries {
        table: Signature(*b"_PRT"),
        read: 1024,
    };
    assert_eq!(problems(&bridges(9, &full), &[]), (1024, vec![too_many]));

    let too_much = (0, vec![Problem::TooMuchAml]);
    assert_eq!(problems(&bridges(65, &[]), &[]), too_much);
    // One package with 255 entries that many bridges share.
    let prt = method("_PRT", &[returned(name("\\PKG_"))]);
    let shared = named("\\PKG_", package(&vec![entry(0, 0, 16); 255]));
    let shared = all(&[shared, bridges(64, &prt)]);
    assert_eq!(problems(&shared, &[]).0, 64);
    let half = conditional("COND", &[returned(package(&vec![entry(0, 0, 17); 255]))]);
    let prt = method("_PRT", &[half, returned(name("\\PKG_"))]);
    let shared = named("\\PKG_", package(&vec![entry(0, 0, 16); 255]));
    let shared = all(&[shared, unknown(), bridges(64, &prt)]);
    assert_eq!(problems(&shared, &[]), too_much);
    // More names than are answered.
    let with_links = |letter: char| {
        let link = |index| sourced(1, 0, name(&format!("\\{letter}{index:03}")), 0);
        let links: Vec<_> = (0..255).map(link).collect();
        let place = named("_BBN", integer(u64::from(letter as u32)));
        let prt = named("_PRT", package(&links));
        device(&format!("PCI{letter}"), &[kind(PNP0A08), place, prt])
    };
    let names = |letters: &str| letters.chars().flat_map(with_links).collect::<Vec<u8>>();
    let unknown = ['A', 'B', 'C'].map(|letter| Problem::UnknownLinks {
        segment: 0,
        bus: letter as u8,
        pins: 1,
    });
    assert_eq!(problems(&names("ABC"), &[]), (0, unknown.to_vec()));
    assert_eq!(problems(&names("ABCDE"), &[]), too_much);

    let large = buffer(&vec![0; 3 << 20]);
    let good = bridge(&[named("_PRT", sound())]);
    assert_eq!(problems(&good, &vec![large.clone(); 2]), (1, vec![]));
    assert_eq!(problems(&good, &vec![large; 3]), too_much);
    assert_eq!(
        Problem::TooMuchAml.to_string(),
        "DSDT and SSDTs are too large to be searched for _PRT"
    );
}
