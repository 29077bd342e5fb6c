//! `_PRT` methods that look their table up in a package of packages.

use bulkhead_firmware::{Problem, discover};

use crate::aml::*;
use crate::fake::RSDP;
use crate::routes::{machine, route};

/// `DerefOf (Index (package, number))`, each of them as it is encoded.
fn element(package: &[u8], number: &[u8]) -> Vec<u8> {
    [&[0x83, 0x88], package, number, &[0x00]].concat()
}

fn table(gsi: u64) -> Vec<u8> {
    package(&[entry(1, 0, gsi)])
}

/// The interrupt of the one entry of what such a method returns.
fn found(objects: &[Vec<u8>], body: &[Vec<u8>]) -> Option<u32> {
    let aml = bridge(&[all(objects), method("_PRT", body)]);
    let firmware = discover(&machine(&aml, &[]), RSDP);
    assert_eq!(firmware.problems, []);
    let gsi = firmware.routes.first()?.gsi;
    assert_eq!(firmware.routes, [route(1, 1, gsi)]);
    Some(gsi)
}

fn objects() -> Vec<Vec<u8>> {
    vec![
        pic("PICM"),
        named("AR00", table(18)),
        named("NUMB", integer(19)),
        device("DEVI", &[]),
        // Two in place, three by name: a table, a variable, a device; one that isn't filled.
        named("PRTP", {
            let names = [name("AR00"), name("NUMB"), name("DEVI")];
            let mut all = package(&[&[table(16), table(17)], &names[..]].concat());
            let count = all.iter().position(|byte| *byte == 5).unwrap();
            all[count] = 6;
            all
        }),
    ]
}

fn by(number: u64) -> Option<u32> {
    let looked_up = element(&name("PRTP"), &integer(number));
    found(&objects(), &[returned(looked_up)])
}

#[test]
fn an_element_is_returned() {
    assert_eq!([by(0), by(1), by(2)], [Some(16), Some(17), Some(18)]);
    // By the variable that says that there are I/O APICs.
    let looked_up = element(&name("PRTP"), &name("PICM"));
    assert_eq!(found(&objects(), &[returned(looked_up)]), Some(17));
    // By a reference in a local variable.
    let kept = [&[0x88][..], &name("PRTP"), &integer(1), &[0x60]].concat();
    assert_eq!(
        found(&objects(), &[kept, returned(vec![0x83, 0x60])]),
        Some(17)
    );
}

#[test]
fn what_an_element_does_not_tell_is_unknown() {
    // A variable, of which the package has what it held; a device; nothing; beyond the end.
    for number in [3, 4, 5, 6, u64::MAX] {
        assert_eq!(by(number), None, "{number}");
    }
    // No number is known, nothing refers to an element, it is no package, or is stored into.
    let list = [name("\\REGN"), vec![0], name("COND"), vec![8]];
    let field = block(&[0x5b, 0x81], &list.concat());
    let mut objects = objects();
    objects.push(field);
    let prtp = name("PRTP");
    let store = |place: &[u8]| [&[0x70][..], &table(20), place].concat();
    let reference = [&[0x88][..], &prtp, &integer(1), &[0x00]].concat();
    for body in [
        vec![returned(element(&prtp, &name("COND")))],
        vec![returned([&[0x83][..], &prtp].concat())],
        vec![returned(reference.clone())],
        vec![returned(element(&name("NUMB"), &integer(0)))],
        vec![store(&reference), returned(element(&prtp, &integer(0)))],
        vec![store(&name("AR00")), returned(element(&prtp, &integer(2)))],
    ] {
        assert_eq!(found(&objects, &body), None, "{body:x?}");
    }
}

/// A method that is too long for its names to be looked up ahead, each of which is found by a walk over
/// all tables: eight megabytes may be walked over a few times only, or it would take minutes.
#[test]
fn large_tables_are_not_walked_over_for_each_name() {
    const NAMES: u64 = 12;
    let of = |filling: usize| {
        let names = (0..NAMES).map(|number| format!("N{number:03}"));
        let stores = names
            .clone()
            .map(|at| [vec![0x70], name(&at), vec![0x60]].concat());
        // `Noop`, and what is returned.
        let end = [vec![0xa3; 512], returned(table(16))].concat();
        let method = method("_PRT", &[all(&stores.collect::<Vec<_>>()), end]);
        let all_names: Vec<Vec<u8>> = names.map(|at| named(&at, integer(1))).collect();
        let large = block(&[0x11], &[vec![0], vec![0; filling]].concat());
        let aml = all(&[all(&all_names), bridge(&[method]), named("LARG", large)]);
        let firmware = discover(&machine(&aml, &[]), RSDP);
        (firmware.routes, firmware.problems)
    };
    assert_eq!(of(1 << 20), (vec![route(1, 1, 16)], vec![]));
    assert_eq!(of(4_000_000), (vec![], vec![Problem::TooMuchAml]));
}
