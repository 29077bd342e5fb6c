//! Pins that lead to link devices, and what these are connected to.

use bulkhead_firmware::{Problem, discover};
use bulkhead_pci::Route;

use crate::aml::*;
use crate::fake::RSDP;
use crate::routes::{machine, route};

/// The routes of a bridge with one sound entry and another to `link`, and whether it is told that that
/// one's pin isn't known.
fn found(links: &[u8], source: Vec<u8>) -> (Vec<Route>, bool) {
    let prt = named("_PRT", package(&[entry(1, 0, 16), source]));
    let firmware = discover(&machine(&bridge(&[prt, links.to_vec()]), &[]), RSDP);
    let told = Problem::UnknownLinks {
        segment: 0,
        bus: 0,
        pins: 1,
    };
    let is_told = firmware.problems == [told];
    assert!(
        is_told || firmware.problems.is_empty(),
        "{:?}",
        firmware.problems
    );
    (firmware.routes, is_told)
}

#[test]
fn of_a_link_that_does_not_tell_the_pin_alone_is_unknown() {
    let links = all(&[
        link("GOOD", &interrupt(16)),
        link("TWO_", &[0x22, 0, 0x0c, 0x79, 0]),
        link("NONE", &[0x22, 0, 0, 0x79, 0]),
        link("ZERO", &interrupt(0)),
        link(
            "LIST",
            &[0x89, 10, 0, 0x0d, 2, 16, 0, 0, 0, 17, 0, 0, 0, 0x79, 0],
        ),
        link(
            "ELSE",
            &[0x89, 9, 0, 0x0d, 1, 3, 0, 0, 0, 0, b'\\', 0, 0x79, 0],
        ),
        link(
            "MORE",
            &[interrupt(16)[..9].to_vec(), interrupt(17)].concat(),
        ),
        link("OPEN", &interrupt(16)[..9]),
        link("PORT", &[0x47, 1, 0, 0, 0, 0, 0, 0, 0x79, 0]),
        link("LONG", &[0x79; 100]),
        link("VOID", &[]),
        device(
            "CODE",
            &[kind(PNP0C0F), method("_CRS", &[returned(name("BUFF"))])],
        ),
        device(
            "KIND",
            &[kind(PNP0A03 + 1), named("_CRS", buffer(&interrupt(16)))],
        ),
        device(
            "SIZE",
            &[kind(PNP0C0F), {
                let mut crs = named("_CRS", buffer(&interrupt(16)));
                crs[8] += 1;
                crs
            }],
        ),
        device("BARE", &[kind(PNP0C0F)]),
        named("DATA", integer(16)),
    ]);
    let good = vec![route(1, 1, 16), route(2, 1, 16)];
    assert_eq!(found(&links, sourced(2, 0, name("GOOD"), 0)), (good, false));
    for source in [
        "TWO_", "NONE", "ZERO", "LIST", "ELSE", "MORE", "OPEN", "PORT", "LONG", "VOID", "CODE",
        "KIND", "SIZE", "BARE", "DATA", "GONE", "\\",
    ] {
        let with = found(&links, sourced(2, 0, name(source), 0));
        assert_eq!(with, (vec![route(1, 1, 16)], true), "{source}");
    }
    let other = found(&links, sourced(2, 0, name("GOOD"), 1));
    assert_eq!(other, (vec![route(1, 1, 16)], true));
    // What one entry does not know another may not tell either.
    let twice = [name("BARE"), name("GOOD")].map(|link| sourced(1, 0, link, 0));
    for twice in [twice.clone(), {
        let [a, b] = twice;
        [b, a]
    }] {
        let prt = named("_PRT", package(&twice));
        let firmware = discover(&machine(&bridge(&[prt, links.clone()]), &[]), RSDP);
        assert_eq!((firmware.routes.len(), firmware.problems.len()), (0, 1));
    }
    assert_eq!(
        Problem::UnknownLinks {
            segment: 0,
            bus: 0x80,
            pins: 12
        }
        .to_string(),
        "12 interrupt pins of bus 0000:80 lead to link devices that don't tell by a constant where \
         they lead on"
    );
}

/// What a link is connected to may be computed; and if from a register, it may be able to be
/// connected to one interrupt only.
#[test]
fn a_link_s_resources_may_be_run_or_follow_from_what_is_possible() {
    let template = |gsi| buffer(&interrupt(gsi));
    // A field, which isn't known, into the template: no operator that is read.
    let computed = method(
        "_CRS",
        &[
            named("BUFA", template(0)),
            vec![0x8a],
            name("BUFA"),
            vec![5],
            name("IRQW"),
            returned(name("BUFA")),
        ],
    );
    let link = |contents: &[Vec<u8>]| {
        let all: Vec<Vec<u8>> = [&[kind(PNP0C0F)], contents].concat();
        let links = device("LNKA", &all);
        found(&links, sourced(2, 0, name("LNKA"), 0))
    };
    let known = |gsi| (vec![route(1, 1, 16), route(2, 1, gsi)], false);
    let unknown = (vec![route(1, 1, 16)], true);
    let crs = |body: &[Vec<u8>]| method("_CRS", body);
    let prs = |gsi| named("_PRS", template(gsi));
    // By a method: in place, by name, by a name of its own.
    assert_eq!(link(&[crs(&[returned(template(17))])]), known(17));
    let by_name = [named("BUFB", template(18)), crs(&[returned(name("BUFB"))])];
    assert_eq!(link(&by_name), known(18));
    let own = crs(&[named("BUFC", template(19)), returned(name("BUFC"))]);
    assert_eq!(link(&[own]), known(19));
    // From a register: by what is possible, if that is one.
    assert_eq!(link(std::slice::from_ref(&computed)), unknown);
    assert_eq!(link(&[computed.clone(), prs(20)]), known(20));
    let by_method = method("_PRS", &[returned(template(21))]);
    assert_eq!(link(&[computed.clone(), by_method]), known(21));
    let two = named("_PRS", buffer(&[0x22, 0, 0x0c, 0x79, 0]));
    assert_eq!(link(&[computed, two]), unknown);
    // What it is connected to counts first, nothing too.
    assert_eq!(link(&[crs(&[returned(template(17))]), prs(20)]), known(17));
    assert_eq!(link(&[named("_CRS", template(0)), prs(20)]), unknown);
}

/// A link as Intel's chipsets have them: `CreateWordField (BUFA, 1, IRQ0) Store (ShiftLeft (1, And (PIRA, 15)), IRQ0)`.
fn by_register(at: &str, register: &str) -> Vec<u8> {
    let create = [vec![0x8b], name("BUFA"), integer(1), name("IRQ0")].concat();
    let masked = [vec![0x7b], name(register), integer(15), vec![0]].concat();
    let shifted = [vec![0x79], integer(1), masked, name("IRQ0")].concat();
    let crs = [
        named("BUFA", buffer(&[0x23, 0, 0, 0x18, 0x79, 0])),
        create,
        shifted,
        returned(name("BUFA")),
    ];
    let possible = buffer(&[0x23, 0xf8, 0xde, 0x18, 0x79, 0]);
    let contents = [kind(PNP0C0F), named("_PRS", possible), method("_CRS", &crs)];
    device(at, &contents)
}

/// `OperationRegion (PIRQ, PCI_Config, 0x60, 4) Field (PIRQ, ByteAcc, NoLock, Preserve) { PIRA, 8 }`.
fn registers() -> Vec<u8> {
    let region = [vec![0x5b, 0x80], name("PIRQ"), vec![2], integer(0x60)].concat();
    let field = [name("PIRQ"), vec![1], b"PIRA\x08".to_vec()].concat();
    all(&[region, integer(4), block(&[0x5b, 0x81], &field)])
}

/// Links of the two 8259s, which lead where a register says, are for those who don't use the I/O APICs;
/// who does is given interrupts, by most firmware.
#[test]
fn links_of_the_8259s_are_not_asked_where_there_are_interrupts() {
    let by_link = package(&[
        sourced(1, 0, name("LNKA"), 0),
        sourced(2, 0, name("LNKA"), 0),
    ]);
    let by_interrupt = package(&[entry(1, 0, 16), entry(2, 0, 17)]);
    let machine_with = |first: Vec<u8>| {
        let body = [
            conditional("PICM", &[returned(first)]),
            returned(by_link.clone()),
        ];
        let links = [registers(), by_register("LNKA", "PIRA")];
        let prt = method("_PRT", &body);
        let aml = all(&[pic("PICM"), bridge(&[prt, all(&links)])]);
        discover(&machine(&aml, &[]), RSDP)
    };
    let firmware = machine_with(by_interrupt);
    assert_eq!(firmware.problems, []);
    assert_eq!(firmware.routes, [route(1, 1, 16), route(2, 1, 17)]);
    // Only where there are none the register would have to be read, and that is told.
    let told = Problem::UnknownLinks {
        segment: 0,
        bus: 0,
        pins: 2,
    };
    let firmware = machine_with(by_link.clone());
    assert_eq!(firmware.problems, [told]);
    assert_eq!(firmware.routes, []);
}
