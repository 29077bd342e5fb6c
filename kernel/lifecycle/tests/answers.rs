//! Requests with tokens: each asker finds its own answer, whoever else asks meanwhile.

mod common;
mod ram;
mod reading;

use bulkhead_lifecycle::{
    Definition, GUID, KEPT, LINE_BYTES, MAX_REQUEST_BYTES, Outcome, SAID_BYTES, State, Status,
    Variables, Verb,
};
use bulkhead_model::RestartPolicy::{Always, Never};
use common::Machine;
use proptest::prelude::*;
use ram::{ATTRIBUTES, DATA, NAME, Ram, SIZE, VENDOR, ram};
use reading::read;
use std::fmt::Write;

/// What partition two is told.
fn ask(machine: &Machine, text: &str) -> Outcome {
    machine.life.ask(&machine.at(3), 1, Some(text))
}

fn answers(machine: &Machine) -> Vec<(u64, Outcome)> {
    machine.life.answers(&machine.at(3), 1).collect()
}

fn with_shell() -> Machine {
    let machine = Machine::new(Always);
    machine.start(1);
    machine
}

fn call<T>(
    machine: &Machine,
    memory: &Ram,
    caller: usize,
    call: impl FnOnce(
        &Variables<'_, common::At<'_>, Ram, { common::PARTITIONS }, { common::CORES }>,
    ) -> T,
) -> T {
    call(&Variables {
        lifecycle: &machine.life,
        hardware: &machine.at(3),
        memory,
        caller,
        store: None,
    })
}

/// The lines of `Answers`; it is always of the same length.
fn told(machine: &Machine, caller: usize) -> Vec<String> {
    let text = read(machine, caller, "Answers");
    assert_eq!((text.len(), text.lines().count()), (KEPT * 144, KEPT));
    let lines = text.lines().map(|line| line.trim_end().to_string());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The status of a write to `Control`.
fn write(machine: &Machine, caller: usize, text: &[u8]) -> Status {
    let memory = ram("Control", &GUID, 0);
    memory.put(DATA, text);
    let size = text.len() as u64;
    call(machine, &memory, caller, |v| {
        v.set(NAME, VENDOR, [6, size, DATA])
    })
    .unwrap()
}

fn limited_to(machine: &Machine, partition: usize, names: &[&str]) {
    let only: Vec<String> = names.iter().map(ToString::to_string).collect();
    machine.life.publish(
        partition,
        Some(&Definition {
            has_control: true,
            only: &only,
            ..common::definition(partition, Never)
        }),
    );
}

#[test]
fn eight_askers_at_once_each_find_their_own_answer() {
    let machine = with_shell();
    let words = ["start one", "kill one", "start nobody", "fly"];
    for (token, words) in (1..=8u64).zip(words.into_iter().cycle().skip(1)) {
        let _ = ask(&machine, &format!("#{token:x} {words}"));
    }
    // The shell comes to them one after the other.
    let mut results = [Outcome::Done, Outcome::Refused, Outcome::CoreLost]
        .into_iter()
        .cycle();
    let mut passed = Vec::new();
    while let Some((asker, verb, target)) = machine.life.next_request() {
        assert_eq!((asker.partition, verb, target), (1, Verb::Start, 0));
        let outcome = results.next().unwrap();
        machine.life.answer(asker, outcome);
        passed.push(outcome);
    }
    assert_eq!(passed, [Outcome::Done, Outcome::Refused]);
    // Whatever the next ones are told, these stay.
    for _ in 0..2 {
        let wanted = [
            (1, Outcome::WrongState),
            (2, Outcome::Unknown),
            (3, Outcome::Malformed),
            (4, Outcome::Done),
            (5, Outcome::WrongState),
            (6, Outcome::Unknown),
            (7, Outcome::Malformed),
            (8, Outcome::Refused),
        ];
        assert_eq!(answers(&machine), wanted);
        assert_eq!(ask(&machine, "#9 start one"), Outcome::Full);
    }
    assert_eq!(
        told(&machine, 1)[0],
        "#1 error: its state does not allow it"
    );
    // Without a token all is as it was.
    assert_eq!(machine.life.outcome(&machine.at(3), 1), Outcome::None);
}

/// A token has sixteen digits at most, and what is refused says what would be accepted.
#[test]
fn the_longest_answer_is_told_whole() {
    let machine = with_shell();
    assert_eq!(ask(&machine, "#ffffffffffffffff fly"), Outcome::Malformed);
    let whole = format!("#ffffffffffffffff {}", Outcome::Malformed);
    assert_eq!(told(&machine, 1), [whole]);
}

#[test]
fn a_place_is_free_once_its_answer_was_seen_or_nobody_came_for_it() {
    let machine = with_shell();
    machine.life.halt_shell(&machine.at(0));
    for token in 1..=KEPT as u64 {
        assert_eq!(
            ask(&machine, &format!("#{token:x} start nobody")),
            Outcome::Unknown
        );
    }
    assert_eq!(ask(&machine, "#99 start one"), Outcome::Full);
    assert_eq!(write(&machine, 1, b"#99 start one"), Status::OutOfResources);
    assert_eq!(ask(&machine, "#5 seen\n\0"), Outcome::Done);
    assert_eq!(ask(&machine, "#99 start one"), Outcome::Done);
    assert_eq!(ask(&machine, "#100 start one"), Outcome::Full);
    assert!(answers(&machine).contains(&(0x99, Outcome::Done)));
    assert!(!answers(&machine).iter().any(|(token, _)| *token == 5));
    // An asker that died keeps its place for ten seconds after somebody has found it answered.
    machine.pass(10_100);
    assert_eq!(ask(&machine, "#100 start nobody"), Outcome::Unknown);
    assert_eq!(answers(&machine).len(), KEPT);
    // One that is open stays, and its token can't ask twice.
    machine.run();
    assert_eq!(ask(&machine, "#200 restart one"), Outcome::Ending);
    assert_eq!(ask(&machine, "#200 start one"), Outcome::Unanswered);
    assert_eq!(ask(&machine, "#200 seen"), Outcome::Unanswered);
    machine.run();
    assert!(answers(&machine).contains(&(0x200, Outcome::Done)));
    // A new run has asked for nothing.
    machine.end(1, bulkhead_lifecycle::End::Rebooted);
    assert_eq!(answers(&machine), []);
    assert_eq!(told(&machine, 1), [""; 0]);
}

#[test]
fn partitions_do_not_see_each_others_answers() {
    let machine = with_shell();
    limited_to(&machine, 2, &["one"]);
    machine.start(2);
    let other = |text| machine.life.ask(&machine.at(5), 2, Some(text));
    assert_eq!(ask(&machine, "#1 start one"), Outcome::Passed);
    assert_eq!(other("#1 start nobody"), Outcome::NotGranted);
    assert_eq!(answers(&machine), [(1, Outcome::Passed)]);
    assert_eq!(
        told(&machine, 2),
        ["#1 error: this partition's control= names others only"]
    );
}

#[test]
fn a_right_that_names_others_is_for_these_alone() {
    let machine = Machine::new(Never);
    limited_to(&machine, 2, &["one"]);
    machine.start(2);
    machine.start(1);
    machine.life.halt_shell(&machine.at(0));
    let other = |text: &str| machine.life.ask(&machine.at(5), 2, Some(text));
    for refused in [
        "kill two",
        "restart two",
        "start last",
        "shell",
        "start nobody",
    ] {
        assert_eq!(other(refused), Outcome::NotGranted, "{refused}");
        assert_eq!(
            other(&format!("#7 {refused}")),
            Outcome::NotGranted,
            "{refused}"
        );
    }
    assert_eq!(machine.state(1), State::Running);
    assert_eq!(other("start one"), Outcome::Done);
    machine.run();
    assert_eq!(machine.state(0), State::Running);
    // The right is the names', not that of whoever has the number.
    machine.life.kill(&machine.at(0), 0).unwrap();
    machine.run();
    assert!(machine.life.withdraw_plan(0));
    machine.life.publish(0, None);
    assert_eq!(other("start one"), Outcome::Unknown);
    // Lines are for those that it may ask for, and tell only.
    machine.life.resume_shell(&machine.at(0));
    for (line, outcome) in [
        ("set one memory=1G", Outcome::NotGranted),
        ("define x cores=1", Outcome::NotGranted),
        ("show two", Outcome::NotGranted),
        ("log", Outcome::NotGranted),
        ("show one", Outcome::Passed),
    ] {
        assert_eq!(other(&format!("#8 do {line}")), outcome, "{line}");
    }
}

#[test]
fn the_shell_does_a_line_and_says_what_it_says() {
    let machine = with_shell();
    assert_eq!(ask(&machine, "#1 do set one memory=1G"), Outcome::Passed);
    assert_eq!(ask(&machine, "#2 do 4 show one"), Outcome::LineBusy);
    assert_eq!(machine.life.next_request(), None, "it is a line");
    assert_eq!(read(&machine, 1, "Output"), "none\n");
    let (asker, line) = machine.life.next_line().unwrap();
    assert_eq!(line, "set one memory=1G");
    assert!(machine.life.next_line().is_none());
    machine.life.saying().write_str("too much: ").unwrap();
    machine.life.saying().write_str("256M").unwrap();
    machine.life.answer_line(asker, false);
    assert_eq!(answers(&machine)[0], (1, Outcome::Said));
    assert_eq!(read(&machine, 1, "Output"), "#1 0 14\ntoo much: 256M");
    assert_eq!(read(&machine, 0, "Output"), "none\n");
    // It is the asker's until he has seen it.
    assert_eq!(ask(&machine, "#2 do 4 show one"), Outcome::LineBusy);
    assert_eq!(ask(&machine, "#1 seen"), Outcome::Done);
    assert_eq!(read(&machine, 1, "Output"), "none\n");
    assert_eq!(ask(&machine, "#2 do 4 show one"), Outcome::Passed);
    let (asker, _) = machine.life.next_line().unwrap();
    let long = "0123456789".repeat(SAID_BYTES / 10 + 3);
    machine.life.saying().write_str(&long).unwrap();
    machine.life.answer_line(asker, true);
    let memory = ram("Output", &GUID, 0x1000);
    let get = |memory: &Ram| {
        call(&machine, memory, 1, |v| {
            v.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA])
        })
    };
    assert_eq!(get(&memory), Some(Status::BufferTooSmall));
    let head = format!("#2 4 {}\n", long.len());
    assert_eq!(memory.number(SIZE), (head.len() + SAID_BYTES) as u64);
    // Whoever dies with it keeps it for ten seconds.
    assert_eq!(ask(&machine, "#3 do version"), Outcome::LineBusy);
    machine.pass(10_100);
    assert_eq!(ask(&machine, "#3 do version"), Outcome::Passed);
    // Without the shell there is nobody for it.
    machine.life.halt_shell(&machine.at(0));
    assert!(answers(&machine).contains(&(3, Outcome::ShellLeft)));
    assert_eq!(ask(&machine, "#4 do version"), Outcome::NoShell);
    assert_eq!(
        ask(&machine, "do version"),
        Outcome::Malformed,
        "it has no token"
    );
}

#[test]
fn lines_are_bounded_and_plain() {
    let machine = with_shell();
    let longest = "x".repeat(LINE_BYTES);
    for bad in [
        "#1 do a\u{7}b".to_string(),
        "#1 do \u{e4}".to_string(),
        format!("#1 do {longest}x"),
    ] {
        assert_eq!(ask(&machine, &bad), Outcome::Malformed);
    }
    assert_eq!(ask(&machine, &format!("#1 do {longest}")), Outcome::Passed);
    for status in [
        write(&machine, 1, &vec![b'a'; MAX_REQUEST_BYTES + 1]),
        write(&machine, 1, b"#0 start one"),
        write(&machine, 1, b"#1x start one"),
        write(&machine, 1, b"#11 start \xff"),
        write(&machine, 1, &[b' '; 65]),
    ] {
        assert_eq!(status, Status::InvalidParameter);
    }
}

#[test]
fn a_refusal_of_the_shells_is_said_to_who_has_a_token() {
    let machine = with_shell();
    for (request, is_said) in [("start one", false), ("#1 start one", true)] {
        assert_eq!(ask(&machine, request), Outcome::Passed);
        let (asker, ..) = machine.life.next_request().unwrap();
        assert_eq!(machine.life.say(&machine.at(0), asker, "no room"), is_said);
        machine.life.answer(asker, Outcome::Said);
    }
    assert_eq!(read(&machine, 1, "Output"), "#1 0 7\nno room");
}

#[test]
fn details_are_of_those_that_one_may_ask_for() {
    let machine = Machine::new(Never);
    limited_to(&machine, 2, &["one", "last"]);
    machine.start(1);
    machine.start(0);
    machine.pass(2_500);
    machine.end(0, bulkhead_lifecycle::End::Failed);
    machine
        .life
        .set_reason(0, 1, "Attempted to kill init! exitcode=0x00000100");
    let text = read(&machine, 1, "Details");
    let rows: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(
        rows[..2],
        [
            "one state=failed runs=1 restart=never failures=1 memory=67108864 core=2 control=no \
             count=2 cores=2,4 end=failed reason=Attempted to kill init! exitcode=0x00000100",
            "two state=running runs=1 restart=never failures=0 memory=67108864 core=6 control=yes \
             up=2 count=2 cores=6,8",
        ]
    );
    assert_eq!(rows.len(), 4);
    let names = |caller| {
        let text = read(&machine, caller, "Details");
        let names = text.lines().filter_map(|row| row.split(' ').next());
        names.map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(names(2), ["one", "three", "last"]);
    assert_eq!(names(0), ["one"]);
    let events = |caller| {
        let text = read(&machine, caller, "Events");
        text.lines()
            .map(|row| row.trim_end().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        events(1),
        [
            "1 two launched run=1",
            "2 one launched run=1",
            "3 one failed run=1",
            "4 one parked core=2"
        ]
    );
    assert_eq!(events(0).len(), 3);
    // The shell still has them all.
    assert_eq!(machine.events().len(), 4);
    assert_eq!(events(1).len(), 4);
    assert_eq!(
        read(&machine, 2, "Machine"),
        format!(
            "protocol=1 version={} name=three shell=here partitions=4 seen=3\ncontrol=yes one last\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    assert!(read(&machine, 0, "Machine").ends_with("\ncontrol=no\n"));
    // The reason is of that run alone.
    machine.start(0);
    machine.end(0, bulkhead_lifecycle::End::Failed);
    assert!(!read(&machine, 1, "Details").contains("reason="));
}

proptest! {
    /// Whatever is asked with tokens, in whatever order the shell answers: no answer is lost or another's.
    #[test]
    fn no_answer_is_lost_or_swapped(steps in proptest::collection::vec((0..12u64, 0..4u8), 1..120)) {
        let machine = with_shell();
        let mut wanted = std::collections::BTreeMap::<u64, Outcome>::new();
        let mut taken = std::collections::VecDeque::new();
        for (token, step) in steps {
            let token = token + 1;
            match step {
                0 | 1 => {
                    let words = if step == 0 { "start one" } else { "start nobody" };
                    let told = ask(&machine, &format!("#{token:x} {words}"));
                    let is_open = wanted.get(&token).is_some_and(|outcome| outcome.is_open());
                    if is_open {
                        prop_assert_eq!(told, Outcome::Unanswered);
                    } else if wanted.len() == KEPT && !wanted.contains_key(&token) {
                        prop_assert_eq!(told, Outcome::Full);
                    } else {
                        wanted.insert(token, told);
                        if told == Outcome::Passed {
                            taken.push_back(token);
                        }
                    }
                }
                2 => {
                    let told = ask(&machine, &format!("#{token:x} seen"));
                    match wanted.get(&token) {
                        Some(outcome) if outcome.is_open() => {
                            prop_assert_eq!(told, Outcome::Unanswered);
                        }
                        _ => {
                            wanted.remove(&token);
                        }
                    }
                }
                _ => {
                    // Each outcome is told from its token: a swap would show.
                    if let Some((asker, ..)) = machine.life.next_request() {
                        let before = answers(&machine);
                        machine.life.answer(asker, Outcome::CoreLost);
                        let after = answers(&machine);
                        let changed: Vec<u64> = before
                            .iter()
                            .zip(&after)
                            .filter(|(a, b)| a != b)
                            .map(|(_, b)| b.0)
                            .collect();
                        prop_assert_eq!(changed.len(), 1);
                        prop_assert!(taken.contains(&changed[0]));
                        taken.retain(|token| *token != changed[0]);
                        wanted.insert(changed[0], Outcome::CoreLost);
                    }
                }
            }
            let told: std::collections::BTreeMap<_, _> = answers(&machine).into_iter().collect();
            prop_assert_eq!(&told, &wanted);
        }
    }
}
