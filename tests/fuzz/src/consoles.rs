//! What a partition's consoles say to Bulkhead and to the operator's terminal, and the time that it sets.

use bulkhead_lifecycle::{HEAD_BYTES, Said, Told};
use bulkhead_linux::{GATE_BYTES, handler, redirected};
use bulkhead_services::clock::{Offset, TIME_BYTES};
use bulkhead_terminal::passage::Passage;

use crate::Target;
use crate::bytes::Plan;

pub(crate) const TARGETS: [Target; 4] = [
    Target {
        name: "console_wire",
        most: 256,
        run: console_wire,
        seeds: || {
            let lines: [&[u8]; 6] = [
                b"open 3\n",
                b"closed 10001\n",
                b"leave 3\n",
                b"io 3 1f 18 50\nls -l\r",
                b"io 3 1f\n",
                b"00003 open 00000000001f 0018 0050 ttyS0\nbytes",
            ];
            lines.map(<[u8]>::to_vec).to_vec()
        },
    },
    Target {
        name: "passage",
        most: 512,
        run: passage,
        seeds: || {
            let texts: [&[u8]; 4] = [
                b"\x03text \xc3\xa4 \x1b[1;31mred\x1b[m\x1b[?1049h\x1b[2J\x1b[5;1H\x1b[3;9r",
                b"\x01\x1b]0;title\x07\x1b]52;c;aGk=\x1b\\\x1bP$q\x1b\\",
                b"\x00\x1b[6n\x1b[c\x1bZ\x1b[5i\x1b[3J\x1b[?1h\x1b=",
                b"\x07\x1b(0qqq\x1b(B\x0e\x0f\x18\x9b6n\xff\xfe\xf0\x9f",
            ];
            texts.map(<[u8]>::to_vec).to_vec()
        },
    },
    Target {
        name: "efi_time",
        most: 64,
        run: efi_time,
        seeds: || {
            let now = 1_796_000_000_000_000_000_i64.to_le_bytes();
            let time = [0xea, 7, 11, 30, 23, 59, 59, 0, 1, 0, 0, 0, 60, 0, 3, 0];
            vec![[&now[..], &time].concat(), [&now[..], &[0; 16]].concat()]
        },
    },
    Target {
        name: "idt_gate",
        most: 32,
        run: idt_gate,
        seeds: || {
            vec![vec![
                0x34, 0x12, 0x10, 0, 0, 0x8e, 0x78, 0x56, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
            ]]
        },
    },
];

/// What is read is written as something that is read as the same.
fn console_wire(bytes: &[u8]) {
    if let Some((said, begin)) = Said::parse(bytes) {
        assert!(begin <= bytes.len() && begin <= HEAD_BYTES, "{begin}");
        let text = said.to_string();
        assert_eq!(
            Said::parse(text.as_bytes()),
            Some((said, text.len())),
            "{text:?}"
        );
    }
    if let Some((told, behind)) = Told::parse(bytes) {
        assert!(behind.len() <= bytes.len());
        let text = told.to_string();
        // Bulkhead's own names have no zeroes, which are taken off.
        if text.len() <= HEAD_BYTES && !told.name.contains('\0') {
            assert_eq!(
                Told::parse(text.as_bytes()),
                Some((told, &[][..])),
                "{text:?}"
            );
        }
    }
}

/// Where it is cut, and what a program sends: cut or not, the same passes, and no more.
fn passage(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else {
        return;
    };
    let (mut whole, mut parts) = (Passage::new(), Passage::new());
    let (mut once, mut twice) = (String::new(), String::new());
    whole.pass(bytes, &mut once).expect("a string takes all");
    let (first, rest) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    for part in [first, rest] {
        parts.pass(part, &mut twice).expect("a string takes all");
    }
    assert_eq!(once, twice);
    // What makes a terminal answer, and what is no drawing.
    let sequences = once.split('\x1b').skip(1);
    for sequence in sequences {
        let is_known =
            sequence.starts_with(['[', '(', ')', '7', '8', 'D', 'E', 'M', 'H', '=', '>', 'c']);
        assert!(is_known, "ESC {sequence:?} of {bytes:x?}");
        if let Some(control) = sequence.strip_prefix('[') {
            let end = control.find(|c: char| ('@'..='~').contains(&c));
            let last = end.and_then(|end| control[end..].chars().next());
            assert!(
                !matches!(last, Some('n' | 'c' | 'i' | 't' | 'x' | 'q' | 'y')),
                "ESC {sequence:?} of {bytes:x?}"
            );
        }
    }
    for passage in [&mut whole, &mut parts] {
        passage.restore(&mut once).expect("a string takes all");
    }
}

/// The machine's clock, and times that are set.
fn efi_time(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let now = plan.u64().cast_signed();
    let offset = Offset::new();
    while !plan.is_over() {
        let mut time = [0; TIME_BYTES];
        let taken = plan.take(TIME_BYTES);
        time[..taken.len()].copy_from_slice(taken);
        let before = offset.get(now);
        if offset.set(now, &time).is_none() {
            assert_eq!(offset.get(now), before, "nothing is changed by {time:x?}");
            continue;
        }
        let told = offset.get(now).expect("what can be set can be told");
        // Year to second, and zone; what is below a second may be rounded, two bytes are padding.
        assert_eq!(told[..7], time[..7], "{time:x?}");
        assert_eq!(told[12..14], time[12..14], "{time:x?}");
    }
}

/// Where a gate leads is where it is led to, and nothing else of it is another.
fn idt_gate(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mut gate = [0; GATE_BYTES];
    let taken = plan.take(GATE_BYTES);
    gate[..taken.len()].copy_from_slice(taken);
    let target = plan.u64();
    if let Some(first) = redirected(gate, target) {
        assert!(handler(gate).is_some());
        gate[..8].copy_from_slice(&first.to_le_bytes());
        assert_eq!(handler(gate), Some(target), "{gate:x?}");
    }
}
