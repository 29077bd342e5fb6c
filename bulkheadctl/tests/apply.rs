//! `apply` and the real shell: what the one takes as equal is no difference to the other.
#![allow(missing_docs, reason = "a test binary has no public interface")]

use bulkhead_fake::Fake;
use bulkhead_shell::Control;
use bulkheadctl::inside::apply::{
    Present, Step, back, plan, read, shown, shown_links, shown_memory,
};
use bulkheadctl::operator::Operator;
use proptest::prelude::*;

/// Of what a machine can be from, and become.
const CASES: u32 = 64;

/// A shell that has done these lines, on a machine with devices and two nodes.
fn shell(lines: &str) -> Operator {
    let mut machine = Fake::with_devices().machine;
    machine.nodes = Fake::with_nodes().machine.nodes;
    machine.distances = Fake::with_nodes().machine.distances;
    let mut shell = Operator::new(machine, Vec::new());
    let (said, done) = shell.run("x", lines);
    assert!(done.is_ok(), "{lines}: {said}");
    shell
}

fn present(shell: &mut Operator, name: &str) -> Present {
    let (text, done) = shell.run("x", &format!("show {name}\n"));
    assert!(done.is_ok(), "{text}");
    Present {
        definition: shown(&text).unwrap(),
        links: shown_links(name, &text),
        memory: shown_memory(&text),
        is_live: true,
    }
}

/// What a file with this line would have done, where the shell has done it already.
fn again(line: &str) -> Vec<Step> {
    let mut shell = shell(&format!("{line}\n"));
    let present = present(&mut shell, "web");
    plan(&read(line).unwrap(), &[present], true)
}

/// Each key, in all forms that `docs/shell.md` has for it.
const SPELLINGS: [(&str, &[&str]); 13] = [
    ("cores", &["2,3", "3,2", "2-3", "02-03", "3,2-2"]),
    (
        "memory",
        &[
            "1G@4G",
            "1g@0x100000000",
            "1024M@0X100000000",
            "512M,512M",
            "0x40000000",
            "1048576K@4294967296",
            "512m@4g,512M",
        ],
    ),
    ("kernel", &["linux61"]),
    ("initrd", &["", "demo.img"]),
    ("cmdline", &["", "quiet", "\"a  b\"", "\"a='b' c\\\\d\""]),
    ("console", &["", "mem", "none", "com2", "COM2", "Com3"]),
    (
        "devices",
        &[
            "",
            "none",
            "1:0.0",
            "01:00.0,PS2,IOAPIC",
            "0000:01:00.0",
            "0:01:0.0",
            "pci:1",
            "PCI:0000:01",
            "pci:0,ioapic00",
            "pci:0000:00,ioapic",
            "bus0,IOApic0",
            "BUS0,ioapic0,com2",
            "COM3,rtc",
            "Framebuffer",
        ],
    ),
    ("restart", &["never", "on-failure", "always"]),
    ("control", &["no", "yes", "db,mail", "mail,db"]),
    ("watchdog", &["", "none", "30", "030"]),
    ("dump", &["no", "yes"]),
    ("node", &["", "none", "0", "00"]),
    ("isolation", &["default", "bare"]),
];

/// What a partition can't be without, but for the key of which it is.
fn line(key: &str, value: &str) -> String {
    let required = [("cores", "2"), ("memory", "256M"), ("kernel", "linux61")];
    let required = required.into_iter().filter(|(known, _)| *known != key);
    let rest: String = required
        .map(|(key, value)| format!(" {key}={value}"))
        .collect();
    format!("define web{rest} {key}={value}")
}

#[test]
fn nothing_that_was_done_is_done_again_however_it_is_spelled() {
    for (key, values) in SPELLINGS {
        for value in values {
            let line = line(key, value);
            assert_eq!(again(&line), [], "{line}");
        }
    }
}

/// From each to the next.
#[test]
fn what_was_changed_is_as_it_was_wanted() {
    for (key, values) in SPELLINGS {
        for (from, to) in values.iter().zip(values.iter().cycle().skip(1)) {
            let mut shell = shell(&format!("{}\n", line(key, from)));
            let wanted = read(&line(key, to)).unwrap();
            let mut steps = |is_live| {
                let present = present(&mut shell, "web");
                let present = [Present { is_live, ..present }];
                let steps = plan(&wanted, &present, false);
                let said: Vec<String> = steps.iter().filter_map(Step::request).collect();
                for line in &said {
                    let (why, done) = shell.run("x", &format!("{line}\n"));
                    assert!(done.is_ok(), "{line}: {why}");
                }
                steps
            };
            let first = steps(false);
            assert!(first.len() <= 1, "{first:?}");
            assert_eq!(steps(true), [], "{key}: {from:?} to {to:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn no_other_spelling_is_a_difference(
        cores in proptest::collection::vec("0{0,2}[2-8](-0?[2-8])?", 1..3),
        memory in "(0x20000000|512[mM]|524288k)(@(4[gG]|0[xX]1[48]0000000|5120M))?",
        devices in "(none|((0?0{0,3}:)?0?[15]:0{1,2}\\.0|(pci|PCI):(0{1,4}:)?0?[1-7])(,([cC]om3|RTC|ioapic0*))?)",
        console in "([cC]om2|none|mem)",
    ) {
        let cores = cores.join(",");
        let line = format!("define web cores={cores} memory={memory} kernel=linux61 devices={devices} console={console}");
        let machine = Fake::with_devices().machine;
        let mut shell = Operator::new(machine, Vec::new());
        if shell.run("x", &format!("{line}\n")).1.is_ok() {
            let present = present(&mut shell, "web");
            prop_assert_eq!(plan(&read(&line).unwrap(), &[present], true), []);
        }
    }
}

/// What there is to be had; nobody has it, or one of three.
const CORES: [&str; 6] = ["1", "2", "3", "4", "5", "6"];
const DEVICES: [&str; 5] = ["1:0.0", "2:0.0", "5:0.0", "pci:06", "com3"];
const NAMES: [&str; 3] = ["a", "b", "c"];

/// What a file says of three partitions.
fn file() -> impl Strategy<Value = String> {
    let owners = |count| proptest::collection::vec(0..=NAMES.len(), count);
    let memory = prop_oneof![Just("256M"), Just("512M"), Just("1G"), Just("1792M")];
    (
        owners(CORES.len()),
        owners(DEVICES.len()),
        0..=NAMES.len(),
        proptest::collection::vec(memory, NAMES.len()),
        proptest::sample::subsequence(vec!["a b", "c a", "b c"], 0..3),
    )
        .prop_map(|(cores, devices, console, memory, links)| {
            let of = |owners: &[usize], all: &[&str], owner| {
                let own = all.iter().zip(owners).filter(|(_, of)| **of == owner);
                own.map(|(one, _)| *one).collect::<Vec<_>>().join(",")
            };
            let mut text = String::new();
            for (owner, name) in NAMES.into_iter().enumerate() {
                let cores = of(&cores, &CORES, owner);
                if !cores.is_empty() {
                    text.push_str(&format!(
                        "define {name} cores={cores} memory={} kernel=linux61 devices={} console={}\n",
                        memory[owner],
                        of(&devices, &DEVICES, owner),
                        if console == owner { "com2" } else { "mem" },
                    ));
                }
            }
            for link in links {
                let is_there = |name| text.contains(&format!("define {name} "));
                if link.split(' ').all(is_there) {
                    text.push_str(&format!("link {link}\n"));
                }
            }
            text
        })
}

/// A shell on a machine with devices, if it takes all of these lines.
fn possible(lines: &str) -> Option<Operator> {
    let mut shell = Operator::new(Fake::with_devices().machine, Vec::new());
    shell.run("x", lines).1.is_ok().then_some(shell)
}

fn all(shell: &mut Operator) -> Vec<Present> {
    let names = |shell: &Operator| -> Vec<String> {
        let all = shell.ledger().iter();
        all.map(|one| one.definition.name.clone()).collect()
    };
    let names = names(shell).into_iter();
    names
        .map(|name| Present {
            is_live: is_live(shell, &name),
            ..present(shell, &name)
        })
        .collect()
}

fn is_live(shell: &Operator, name: &str) -> bool {
    let one = shell.ledger().find(name);
    one.is_some_and(|one| one.life.state.is_live())
}

/// What is said when it takes these steps, up to the first that is refused.
fn take(shell: &mut Operator, steps: &[Step]) -> Result<(), String> {
    for step in steps {
        let line = step.request().unwrap_or_default();
        let (said, done) = shell.run("x", &format!("{line}\n"));
        done.map_err(|_| format!("{line}: {said}\n{steps:#?}"))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(CASES)
    })]

    /// From whatever runs to whatever is possible: no step is refused, whoever has what the others are to have.
    /// And wherever it is cut short, all that ran runs again.
    #[test]
    fn what_is_possible_is_reached(old in file(), new in file(), runs: bool, cut: prop::sample::Index) {
        let Some(mut shell) = possible(&old) else { return Err(TestCaseError::reject("old")) };
        prop_assume!(possible(&new).is_some());
        let names: Vec<String> = all(&mut shell).into_iter().map(|one| one.definition.name).collect();
        if runs {
            for name in &names {
                let (said, done) = shell.run("x", &format!("start {name}\n"));
                prop_assert!(done.is_ok(), "{}", said);
            }
        }
        let before = all(&mut shell);
        let wanted = read(&new).unwrap();
        // One that is not in the file keeps what it has.
        let is_meant = |one: &Present| wanted.definitions.iter().any(|meant| meant.name == one.definition.name);
        prop_assume!(before.iter().all(is_meant));
        let steps = plan(&wanted, &before, runs);
        let cut = cut.index(steps.len() + 1);
        take(&mut shell, &steps[..cut]).map_err(TestCaseError::fail)?;
        if cut < steps.len() {
            let back = back(&steps, cut, &before);
            let done = take(&mut shell, &back);
            // What could not be started is what it was before only if that is there still.
            let is_start = matches!(steps[cut], Step::Start(_));
            prop_assert!(done.is_ok() || is_start, "{:?} {}: {:#?}", done, cut, steps);
            prop_assert!(is_start || before.iter().all(|one| !one.is_live || is_live(&shell, &one.definition.name)));
        } else {
            prop_assert_eq!(plan(&wanted, &all(&mut shell), false), []);
            prop_assert!(before.iter().all(|one| !one.is_live || is_live(&shell, &one.definition.name)));
        }
    }
}
