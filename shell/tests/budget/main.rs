//! The real shell and the real planner, on a heap of the size that the budget gives a machine.

mod arena;
mod session;
#[path = "../support/mod.rs"]
mod support;

use bulkhead_fake::MIB;
use bulkhead_fake::large::{FIRST_CARD, Size, large};
use bulkhead_model::budget::{Extent, command_lines, heap_bytes, lines};
use bulkhead_model::{MOST_LINKS, Machine};
use bulkhead_shell::limits;

use arena::{inside, refused, usage, with_arena};
use session::Session;

/// Partitions for whose kernels there is room below 4 GiB.
const FIT: usize = 32;
/// Those of them that have several cores: each needs low memory of its own, and the others share some.
const WIDE: usize = 12;
/// Partitions of a small machine.
const LOW: usize = 8;

/// The settings of partition `number` of so many: its share of cores and cards, a long command line
/// and memory in pieces. The last one has but one core and no card.
fn definition(number: usize, count: usize, size: Size, cmdline: usize) -> String {
    let (cores, cards) = (size.cores as usize, size.functions.saturating_sub(18) / 32);
    let shares = count.saturating_sub(1).max(1);
    let share = |all: usize| match (number, count) {
        (number, count) if count > 1 && number + 1 == count => 0..0,
        _ => number * all / shares..(number + 1) * all / shares,
    };
    let mine = share(cores - 2);
    let cores = match mine.len() {
        0 => (cores - 1).to_string(),
        1 => format!("{}", mine.start + 1),
        _ if number >= WIDE => format!("{}", mine.start + 1),
        _ => format!("{}-{}", mine.start + 1, mine.end),
    };
    let start = (4 << 30) + number as u64 * (8 << 30);
    let pieces = (0..4u64).map(|piece| format!(",64M@{:#x}", start + piece * 256 * MIB));
    let memory = pieces.fold(String::from("128M"), |all, piece| all + &piece);
    // A device can't interrupt the cores above 254: those partitions that have some have no card.
    let is_near = |nth: usize| (nth + 1) * (size.cores as usize - 2) / shares <= 254;
    let near = (0..shares).filter(|nth| is_near(*nth)).count();
    let cards = if number < near {
        number * cards / near..(number + 1) * cards / near
    } else {
        0..0
    };
    let cards: Vec<String> = cards
        .map(|card| format!("pci:{:02x}", FIRST_CARD as usize + card))
        .collect();
    let devices = cards.join(",");
    let cmdline = "x".repeat(cmdline);
    format!(
        "cores={cores} memory={memory} kernel=linux0 initrd=initrd1 devices={} cmdline=\"a={cmdline}\"",
        if devices.is_empty() { "none" } else { &devices },
    )
}

/// Everything that an operator does, and more of it than is wise.
fn operate(size: Size, partitions: usize) {
    let machine = large(size);
    let extent = Extent::of(&machine, partitions);
    for line in lines(&extent) {
        println!("{:8} {}", line.bytes(), line.what);
    }
    let bytes = heap_bytes(&extent);
    with_arena(bytes, || {
        let mut session = Session::new(&machine, partitions);
        println!("the machine: {} of {bytes}", usage().used);
        let count = extent.partitions.min(FIT).min(extent.cores - 1);
        let names: Vec<String> = (0..count).map(|number| format!("p{number}")).collect();
        for (number, name) in names.iter().enumerate() {
            let settings = definition(number, count, size, 1500);
            session.line(&format!("define {name} {settings}"));
        }
        let linked = links(&names);
        for [a, b] in &linked {
            session.line(&format!("link {a} {b} 2M"));
        }
        println!("defined and linked: {:?}", usage());
        let all = names.join(" ");
        session.line(&format!("start {all}"));
        println!("started: {:?}", usage());
        // The others that there could be, as copies of the last one.
        let others: Vec<_> = (count..extent.partitions)
            .map(|_| inside(|| session.copy(names.last().unwrap())))
            .collect();
        println!("with {} more: {:?}", others.len(), usage());
        session.line(&format!("restart {all}"));
        look(&mut session, &names);
        for name in &names {
            session.line(&format!("kill {name}"));
        }
        session.line("halt");
        println!("stopped and prepared: {:?}", usage());
        for [a, b] in &linked {
            session.line(&format!("unlink {a} {b}"));
        }
        churn(&mut session, &names, size);
        session.line(&format!("start {all}"));
        session.line(&format!("restart {all}"));
        look(&mut session, &names);
        println!("at last: {:?}", usage());
        assert_eq!(refused(), 0, "{:?}", usage());
        assert!(
            usage().peak > bytes / 3,
            "the budget is far too large: {:?}",
            usage()
        );
        inside(|| drop((session, others)));
        assert_eq!(usage().used, 0);
    });
}

/// As many links as there can be.
fn links(names: &[String]) -> Vec<[&str; 2]> {
    let mut ends = vec![0; names.len()];
    let mut links = Vec::new();
    for a in 0..names.len() {
        for b in a + 1..names.len() {
            if ends[a] < MOST_LINKS && ends[b] < MOST_LINKS {
                ends[a] += 1;
                ends[b] += 1;
                links.push([names[a].as_str(), names[b].as_str()]);
            }
        }
    }
    links
}

/// All that prints much.
fn look(session: &mut Session, names: &[String]) {
    for line in [
        "list", "machine", "cores", "memory", "devices", "images", "check", "help", "log",
    ] {
        session.line(line);
    }
    for name in names {
        session.line(&format!("show {name}"));
    }
    let long = format!("show {}", "y".repeat(2000));
    session.type_line(&long);
    assert_eq!(session.printed.errors.drain(..).count(), 1);
    for _ in 0..40 {
        session.type_line(&format!("# {}", "z".repeat(2000)));
    }
}

/// Holes of all sizes in the heap.
fn churn(session: &mut Session, names: &[String], size: Size) {
    for round in 0..4 {
        for (index, name) in names.iter().enumerate() {
            match (index + round) % 3 {
                0 => session.line(&format!(
                    "set {name} cmdline=\"b={}\"",
                    "x".repeat(100 * round)
                )),
                1 => {
                    session.line(&format!("undefine {name}"));
                    let settings = definition(index, names.len(), size, 1750 - 300 * round);
                    session.line(&format!("define {name} {settings}"));
                }
                _ => {
                    session.line(&format!("start {name}"));
                    session.line(&format!("kill {name}"));
                }
            }
        }
    }
    for name in names {
        session.line(&format!("set {name} cmdline=\"a={}\"", "x".repeat(1500)));
    }
}

const LARGE: Size = Size {
    cores: 512,
    functions: 1024,
    ranges: 100,
    images: 16,
};
/// One core more than it has partitions: they can all run beside the shell.
const SMALL: Size = Size {
    cores: 9,
    functions: 24,
    ranges: 20,
    images: 6,
};

#[test]
fn a_machine_of_512_cores_and_1024_functions() {
    operate(LARGE, 64);
}

#[test]
fn a_machine_of_256_cores_and_512_functions() {
    let size = Size {
        cores: 256,
        functions: 512,
        ..LARGE
    };
    operate(size, 64);
}

#[test]
fn a_machine_of_four_cores() {
    operate(Size { cores: 4, ..SMALL }, 4);
}

#[test]
fn a_machine_of_nine_cores_and_eight_partitions() {
    operate(SMALL, 8);
}

/// What one command needs is most when one partition has all that there is: all cores, or all devices
/// and the cores that these can interrupt.
#[test]
fn a_partition_that_has_the_whole_machine() {
    has_the_whole_machine(LARGE, 0);
    let near = Size {
        cores: 255,
        ..LARGE
    };
    has_the_whole_machine(near, 951);
}

fn has_the_whole_machine(size: Size, functions: usize) {
    let machine = large(size);
    let extent = Extent::of(&machine, 1);
    with_arena(heap_bytes(&extent), || {
        let mut session = Session::new(&machine, 1);
        session.line(&format!("define p0 {}", definition(0, 1, size, 1500)));
        let claim = &session.kernel.ledger.find("p0").unwrap().claim;
        assert_eq!(claim.cores.len(), size.cores as usize - 2);
        let units = claim.devices.units.iter().map(|unit| unit.functions.len());
        assert!(units.sum::<usize>() >= functions);
        for line in [
            "start p0",
            "restart p0",
            "show p0",
            "devices",
            "cores",
            "kill p0",
        ] {
            session.line(line);
        }
        session.line("set p0 cmdline=quiet");
        for line in ["memory", "start p0", "restart p0"] {
            session.line(line);
        }
        println!("all of a large machine: {:?}", usage());
        assert_eq!(refused(), 0, "{:?}", usage());
        inside(|| drop(session));
    });
}

/// On a heap that is too small, commands are refused in time.
#[test]
fn what_does_not_fit_is_refused_with_a_sentence() {
    let machine = large(SMALL);
    let extent = Extent::of(&machine, 1);
    with_arena(heap_bytes(&extent) - (16 << 10), || {
        let mut session = Session::new(&machine, LOW);
        let mut errors = Vec::new();
        let mut defined = Vec::new();
        for number in 0..LOW {
            let settings = definition(number, LOW, SMALL, 1800);
            for line in [
                format!("define p{number} {settings}"),
                format!("start p{number}"),
            ] {
                session.type_line(&line);
            }
            errors.append(&mut session.printed.errors);
            if !errors.is_empty() {
                break;
            }
            defined.push(format!("p{number}"));
        }
        assert!(defined.len() >= 2, "{errors:?}");
        for error in &errors[..1] {
            let (before, after) = error.split_once(" are free in one piece, ").unwrap();
            assert!(
                before.starts_with("error: Bulkhead's own memory is short: "),
                "{error}"
            );
            assert!(after.starts_with("and this may need "), "{error}");
            assert!(after.ends_with("K (freed by: undefine NAME)\n"), "{error}");
        }
        // What ends and forgets goes on, and makes room.
        session.line("list");
        for name in &defined {
            session.line(&format!("kill {name}"));
            session.line(&format!("undefine {name}"));
        }
        session.line(&format!("define p0 {}", definition(0, LOW, SMALL, 1800)));
        assert_eq!(refused(), 0, "{:?}", usage());
        inside(|| drop(session));
    });
}

/// The budget's line for the shell is what the shell's own limits say.
#[test]
fn the_shells_lines_are_its_limits() {
    let extent = Extent::of(&Machine::default(), 0);
    let line = command_lines(&extent)[0];
    assert!(line.what.starts_with("a line: "));
    assert_eq!(line.bytes(), limits::PEAK_BYTES - limits::HELD_BYTES);
    let held = lines(&extent)[1];
    assert!(held.what.starts_with("the shell: "));
    assert!((limits::HELD_BYTES..=held.bytes()).contains(&held.bytes()));
    assert!(held.bytes() - limits::HELD_BYTES < 1 << 10);
}
