//! No AML whatever makes the search for `_PRT` panic or run on.

use std::time::{Duration, Instant};

use bulkhead_firmware::{Firmware, discover};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::aml::*;
use crate::fake::RSDP;
use crate::routes::machine;

/// A machine's AML with links, methods, conditions and scopes.
fn sound_aml() -> Vec<u8> {
    let links = all(&[
        link("GSIA", &interrupt(16)),
        link("GSIB", &[0x22, 0, 8, 0x79, 0]),
    ]);
    let apic = package(&[
        sourced(0, 0, name("GSIA"), 0),
        sourced(0, 1, name("\\_SB_.GSIB"), 0),
        entry(31, 3, 23),
    ]);
    let bus = all(&[
        method("^BN00", &[returned(integer(0))]),
        method("_BBN", &[returned(name("BN00"))]),
    ]);
    let prt = method(
        "_PRT",
        &[
            conditional("PICM", &[returned(name("AR00"))]),
            returned(package(&[entry(0, 0, 11)])),
        ],
    );
    let rest = scope("_SB_", &[links, named("AR00", apic)]);
    all(&[bridge(&[bus, prt]), rest, pic("PICM")])
}

fn check(firmware: &Firmware) -> Result<(), TestCaseError> {
    let pins: Vec<_> = firmware
        .routes
        .iter()
        .map(|route| (route.bus.segment, route.bus.number, route.device, route.pin))
        .collect();
    prop_assert!(pins.is_sorted_by(|one, next| one < next), "{:?}", pins);
    for route in &firmware.routes {
        prop_assert!(route.device < 32 && (1..=4).contains(&route.pin) && route.gsi != 0);
    }
    Ok(())
}

#[test]
fn the_sound_one_is_sound() {
    let firmware = discover(&machine(&sound_aml(), &[]), RSDP);
    assert_eq!(firmware.problems, []);
    assert_eq!(firmware.routes.len(), 3);
}

/// Bytes that mean something, in any order.
fn any_tokens() -> impl Strategy<Value = Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = [
        "\\",
        "^",
        "^^",
        "_SB_",
        "PCI0",
        "_PRT",
        "_HID",
        "_CRS",
        "\\_SB_.PCI0",
    ]
    .iter()
    .map(|text| name(text))
    .collect();
    tokens.extend([
        vec![0x08],
        vec![0xa4],
        vec![0x2f, 3],
        vec![0x2e],
        vec![0x0d],
    ]);
    for opcode in [
        &[0x10][..],
        &[0x11],
        &[0x12],
        &[0x14],
        &[0xa0],
        &[0x5b, 0x82],
    ] {
        for length in [0, 3, 12, 40] {
            tokens.push([opcode, &[length]].concat());
        }
    }
    tokens.extend([kind(PNP0A08), kind(PNP0C0F), sound_aml(), entry(1, 1, 20)]);
    vec(prop::sample::select(tokens), 0..60).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_survived(aml in vec(any::<u8>(), 0..2000), more in vec(any::<u8>(), 0..2000)) {
        check(&discover(&machine(&aml, &[more, sound_aml()]), RSDP))?;
    }

    #[test]
    fn any_tokens_are_survived(aml in any_tokens(), more in any_tokens()) {
        check(&discover(&machine(&aml, &[more]), RSDP))?;
    }

    #[test]
    fn damaged_aml_is_survived(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut aml = sound_aml();
        for (byte, value) in damage {
            *byte.get_mut(&mut aml) = value;
        }
        if is_cut {
            aml.truncate(length.index(aml.len()));
        }
        check(&discover(&machine(&aml, &[]), RSDP))?;
    }
}

/// Patterns that would be slow if bytes were read again and again, each repeated to fill 128
/// KiB. Seconds where the work grows with the length, many minutes where it does with its square.
#[test]
fn large_tables_are_read_in_linear_time() {
    let nested = (0..5000).fold(vec![], |inner, _| scope("AAAA", &[inner]));
    let mut wide = vec![0x12, 0xcf, 0xff, 0xff, 0x03];
    wide.resize(32, 0x12);
    let patterns: [Vec<u8>; 11] = [
        vec![0x0d],
        vec![0x0d, b'A'],
        vec![b'^'],
        vec![0x2f, 0xff, b'A', b'A', b'A', b'A'],
        vec![0x10, 0xcf, 0xff, 0xff, 0x01, b'\\', 0],
        vec![0xa0, 0xcf, 0xff, 0xff, 0x01],
        vec![0x08, b'A', b'A', b'A', b'A', 0x11, 0xcf, 0xff, 0xff],
        vec![0xa4, 0x12],
        wide,
        nested,
        bridge(&[method("_PRT", &[conditional("AAAA", &[vec![0xa4; 40]])])]),
    ];
    let start = Instant::now();
    for pattern in patterns {
        let mut aml = sound_aml();
        while aml.len() < 128 << 10 {
            aml.extend(&pattern);
        }
        let _ = discover(&machine(&aml, &[]), RSDP);
        // All of it in the method that is looked into.
        let body = method("_PRT", &[aml.split_off(1000)]);
        let _ = discover(&machine(&bridge(&[body]), &[]), RSDP);
    }
    assert!(start.elapsed() < Duration::from_secs(60));
}
