//! What a Linux passes to Bulkhead: requests, lines that it has the shell do, an agent's words, and calls of
//! the runtime services with any addresses; its page tables, by which these are looked up.

use std::sync::atomic::AtomicU8;

use bulkhead_lifecycle::{CallerMemory, GUID, State, Variables};
use bulkhead_memory::PAGE;
use bulkhead_memory::paging::{Access, Tables};
use bulkhead_model::RestartPolicy::Always;
use bulkhead_services::{Book, STORE_BYTES, Store};

use crate::Target;
use crate::bytes::{Plan, piece, text};
use crate::made::common::Machine;
use crate::made::ram::{ATTRIBUTES, BASE, DATA, NAME, SIZE, VENDOR, ram, units};

pub(crate) const TARGETS: [Target; 3] = [
    Target {
        name: "request",
        most: 1024,
        run: request,
        seeds: || {
            let words = [
                "kill one\n\0",
                "start one",
                "restart one 12345",
                "stop one 30 9",
                "do 7 list",
                "hold one",
                "keep one 1",
                "dumped one 1",
                "release one 1",
                "time 5",
                "ready",
                "alive",
                "watchdog 30",
                "kill nobody",
            ];
            let all: Vec<u8> = words
                .iter()
                .flat_map(|words| [&[0, 1][..], &piece(words.as_bytes())].concat())
                .collect();
            vec![
                all,
                [&[1, 1][..], &piece(b"ready 1"), &[2, 0], &piece(b"alive")].concat(),
            ]
        },
    },
    Target {
        name: "variables",
        most: 1024,
        run: variables,
        seeds: || {
            let call = |kind: u8, name: &str, data: &[u8]| {
                [&[kind, 6][..], &piece(&units(name)), &piece(data)].concat()
            };
            vec![
                [
                    call(0, "Control", b"kill one"),
                    call(1, "Control", &[0xff]),
                    call(2, "", &[0xff]),
                    call(3, "", &[]),
                ]
                .concat(),
                [
                    call(4, "dump-type0-1", b"Panic#1"),
                    call(5, "dump-type0-1", &[0xff]),
                    call(2, "Agent", &[0xff]),
                ]
                .concat(),
                [
                    call(0, "Agent", b"ready"),
                    call(1, "Details", &[0xff]),
                    call(1, "Held", &[0xff]),
                    call(1, "Ring", &[0xff]),
                ]
                .concat(),
            ]
        },
    },
    Target {
        name: "page_tables",
        most: 1024,
        run: page_tables,
        seeds: || {
            // One table, which leads to itself: so an address is found at each level.
            let tables = |cr4: u64, address: u64, flags: u8| {
                let registers = [PAGE_TABLES, cr4, address].map(u64::to_le_bytes);
                [&registers.concat()[..], &[flags, 0x10, 0, 0, 0, 0, 0, 0]].concat()
            };
            vec![
                tables(0, 0xffff_8123_4567_89ab, 3),
                tables(1 << 12, 0x00ff_ffff_ffff_ffff, 0x83),
            ]
        },
    },
];

/// Two runs and has the right; what it asks does not end it, nor one of no right another.
fn request(bytes: &[u8]) {
    let machine = Machine::new(Always);
    machine.start(1);
    let mut plan = Plan(bytes);
    if plan.0.first().is_some_and(|first| first & 4 != 0) {
        machine.life.bury_shell();
    }
    while !plan.is_over() {
        let (kind, caller) = (plan.u8() & 3, plan.below(2));
        let words = text(plan.piece());
        let at = machine.at(3);
        match kind {
            0 => drop(machine.life.ask(&at, caller, Some(&words))),
            1 => drop(machine.life.hear(&at, caller, &words)),
            2 => drop(machine.life.outcome(&at, caller)),
            _ => drop(machine.run()),
        }
        assert_eq!(
            machine.state(1),
            State::Running,
            "nobody ends itself by a request"
        );
    }
    machine.run();
}

/// Calls: which, with what, where. Most addresses are sound.
fn variables(bytes: &[u8]) {
    let machine = Machine::new(Always);
    machine.start(1);
    machine.life.bury_shell();
    let memory = ram("", &GUID, 0);
    let mut plan = Plan(bytes);
    let bytes: Box<[AtomicU8; STORE_BYTES]> =
        Box::new([const { AtomicU8::new(0xa5) }; STORE_BYTES]);
    let book = Book::new();
    let store = Store::new(&bytes, &book);
    {
        while !plan.is_over() {
            let (kind, attributes) = (plan.u8(), plan.u8());
            let (name, data) = (plan.piece(), plan.piece());
            // A part of them: the rest of the caller's RAM is what other calls left there.
            let _ = memory.write(NAME, &name[..name.len().min(0x3fe)]);
            let _ = memory.write(DATA, &data[..data.len().min(0x1000)]);
            let size = match data {
                [size] => u64::from(*size) * 16,
                _ => data.len() as u64,
            };
            let _ = memory.write(SIZE, &size.to_le_bytes());
            let vendor = if kind & 4 == 0 { GUID } else { [7; 16] };
            let _ = memory.write(VENDOR, &vendor);
            let (mut at_name, mut at_data) = (NAME, DATA);
            if kind & 0x80 != 0 {
                (at_name, at_data) = (BASE + plan.u64() % 0x5000, plan.u64());
            }
            let hardware = machine.at(3);
            let services = Variables {
                lifecycle: &machine.life,
                hardware: &hardware,
                memory: &memory,
                caller: 1,
                store: Some(store),
            };
            let attributes = u64::from(attributes);
            match kind & 3 {
                0 => drop(services.set(at_name, VENDOR, [attributes, size, at_data])),
                1 => drop(services.get(at_name, VENDOR, [ATTRIBUTES, SIZE, at_data])),
                2 => drop(services.next(SIZE, at_name, VENDOR)),
                _ => drop(services.query(attributes, [at_data, DATA, DATA + 8])),
            }
            assert_eq!(
                machine.state(1),
                State::Running,
                "nobody ends itself by a request"
            );
        }
    }
    machine.run();
}

/// Where the tables are that [`page_tables`] reads.
const PAGE_TABLES: u64 = 0x1000;

/// Tables, an address and memory, whose words come round again and again.
fn page_tables(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let (cr3, cr4, address) = (plan.u64(), plan.u64(), plan.u64());
    let mut words = Vec::new();
    while !plan.is_over() {
        words.push(plan.u64());
    }
    let tables = Tables::new(cr3, cr4);
    // So many of them at most are read.
    let read = |most: u32| {
        let (words, mut reads) = (&words, 0);
        move |at: u64| {
            reads += 1;
            assert!(
                at.is_multiple_of(8) && reads <= most,
                "read {reads} at {at:#x}"
            );
            let index = usize::try_from(at / 8).ok()?.checked_rem(words.len())?;
            words.get(index).copied()
        }
    };
    let find = |access| {
        let found = tables.physical(address, access, read(5));
        let offset = found.unwrap_or(address) ^ address;
        assert!(offset.is_multiple_of(PAGE), "{address:#x} is at {found:x?}");
        found
    };
    let [reads, write, force] = [Access::Read, Access::Write, Access::Force].map(find);
    assert_eq!(reads, force, "what is read-only is written by force");
    assert!(
        write.is_none_or(|_| write == reads),
        "{write:x?}, {reads:x?}"
    );
    for level in 1..5 {
        let below = tables.below(address, level, read(5));
        assert!(below.is_none_or(|table| table.is_multiple_of(PAGE)));
    }
    if let Some((at, page)) = tables.first_of_kernel(1000, read(1000)) {
        assert!(at.is_multiple_of(PAGE) && page.is_multiple_of(PAGE));
        assert!(at.cast_signed() < 0, "{at:#x}");
    }
}
