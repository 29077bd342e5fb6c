//! Consoles: by the shell, by a partition with the right, and their agents; by the variables, as a Linux sees them.

mod common;
mod ram;

use bulkhead_lifecycle::{
    Attachment, End, GUID, Heard, Outcome, SHOWN_BYTES, Said, Stand, Status, TYPED_BYTES, Told,
    Variables,
};
use bulkhead_model::RestartPolicy::Never;
use common::{MEMBERS, Machine};
use proptest::prelude::*;
use ram::{ATTRIBUTES, DATA, NAME, SIZE, VENDOR, ram};

const ONE: usize = 0;
/// It has the right.
const TWO: usize = 1;
const THREE: usize = 2;

fn with_agents() -> Machine {
    let machine = Machine::new(Never);
    for partition in [ONE, TWO, THREE] {
        machine.start(partition);
        hello(&machine, partition);
    }
    machine
}

fn hello(machine: &Machine, partition: usize) {
    let hw = machine.at(MEMBERS[partition][0]);
    let heard = machine.life.hear(&hw, partition, "hello terminal");
    assert_eq!(heard, Heard::Yes);
}

fn attach(machine: &Machine, target: usize) -> Result<Attachment, Outcome> {
    machine.life.attach(&machine.at(0), None, target)
}

fn stand(machine: &Machine, attachment: Attachment) -> Stand {
    machine.life.stand(&machine.at(0), attachment)
}

fn variables<T>(
    machine: &Machine,
    caller: usize,
    name: &str,
    value: &[u8],
    call: impl FnOnce(
        &Variables<'_, common::At<'_>, ram::Ram, { common::PARTITIONS }, { common::CORES }>,
        &ram::Ram,
    ) -> T,
) -> T {
    let memory = ram(name, &GUID, 0x3000);
    memory.put(DATA, value);
    let variables = Variables {
        lifecycle: &machine.life,
        hardware: &machine.at(MEMBERS[caller][0]),
        memory: &memory,
        caller,
        store: None,
    };
    call(&variables, &memory)
}

fn read(machine: &Machine, caller: usize, name: &str) -> Vec<u8> {
    variables(machine, caller, name, b"", |variables, memory| {
        let status = variables.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA]);
        assert_eq!(status, Some(Status::Success), "{name}");
        memory.take(DATA, memory.number(SIZE))
    })
}

fn write(machine: &Machine, caller: usize, name: &str, said: &str, bytes: &[u8]) -> Status {
    let value = [said.as_bytes(), bytes].concat();
    variables(machine, caller, name, &value, |variables, _| {
        let set = variables.set(NAME, VENDOR, [6, value.len() as u64, DATA]);
        set.expect("its addresses are the caller's")
    })
}

fn io(attachment: Attachment, taken: u64) -> String {
    let size = [24, 80];
    Said::Io {
        attachment,
        taken,
        size,
    }
    .to_string()
}

/// What an agent reads: what it is about, and what was typed.
fn typed(machine: &Machine, partition: usize) -> Option<(Attachment, Stand, u64, Vec<u8>)> {
    let value = read(machine, partition, "Terminal");
    let (told, bytes) = Told::parse(&value)?;
    Some((told.attachment, told.stand, told.from, bytes.to_vec()))
}

fn open(machine: &Machine, partition: usize) -> Attachment {
    let (attachment, ..) = typed(machine, partition).expect("somebody is attached");
    let said = Said::Open(attachment).to_string();
    let status = write(machine, partition, "Terminal", &said, b"");
    assert_eq!(status, Status::Success);
    attachment
}

fn show(machine: &Machine, attachment: Attachment) -> Vec<u8> {
    let mut bytes = vec![0; SHOWN_BYTES];
    let count = machine.life.take_shown(attachment, &mut bytes);
    bytes.truncate(count);
    bytes
}

fn type_all(machine: &Machine, attachment: Attachment, bytes: &[u8]) -> bool {
    machine.life.type_bytes(&machine.at(0), attachment, bytes)
}

#[test]
fn the_operator_types_and_is_shown_what_the_agent_says() {
    let machine = with_agents();
    let console = attach(&machine, ONE).unwrap();
    assert_eq!(stand(&machine, console), Stand::Waiting);
    assert!(
        !type_all(&machine, console, b"early"),
        "nobody is there yet"
    );
    assert_eq!(read(&machine, ONE, "Agent"), b"none\nconsole\n");
    assert_eq!(read(&machine, THREE, "Agent"), b"none\n");
    assert_eq!(open(&machine, ONE), console);
    assert_eq!(stand(&machine, console), Stand::Open);

    assert!(type_all(&machine, console, b"root\r"));
    let (_, _, from, bytes) = typed(&machine, ONE).unwrap();
    assert_eq!((from, &bytes[..]), (0, &b"root\r"[..]));
    let status = write(&machine, ONE, "Terminal", &io(console, 4), b"Password: ");
    assert_eq!(status, Status::Success);
    let (_, _, from, bytes) = typed(&machine, ONE).unwrap();
    assert_eq!((from, &bytes[..]), (4, &b"\r"[..]));
    assert_eq!(show(&machine, console), b"Password: ");
    assert_eq!(show(&machine, console), b"");

    // Neither has room for more than is kept, and half of it is not taken.
    assert!(!type_all(&machine, console, &[b'x'; TYPED_BYTES]));
    assert!(type_all(&machine, console, &[b'x'; TYPED_BYTES - 1]));
    let flood = [b'y'; SHOWN_BYTES];
    let status = write(&machine, ONE, "Terminal", &io(console, 5), &flood);
    assert_eq!(status, Status::Success);
    let status = write(&machine, ONE, "Terminal", &io(console, 5), b"z");
    assert_eq!(status, Status::OutOfResources);
    assert_eq!(show(&machine, console), flood);

    // Its end.
    let closed = Said::Closed(console).to_string();
    write(&machine, ONE, "Terminal", &io(console, 5), b"bye");
    assert_eq!(
        write(&machine, ONE, "Terminal", &closed, b""),
        Status::Success
    );
    assert_eq!(stand(&machine, console), Stand::Closed);
    assert_eq!(show(&machine, console), b"bye");
    machine.life.detach(console);
    assert_eq!(stand(&machine, console), Stand::Over);
    assert_eq!(typed(&machine, ONE), None);
    let status = write(&machine, ONE, "Terminal", &io(console, 5), b"z");
    assert_eq!(status, Status::NotFound);
}

#[test]
fn a_partition_attaches_by_a_request_and_has_a_console_of_its_own() {
    let machine = with_agents();
    let two = machine.at(MEMBERS[TWO][0]);
    let ask = |caller, text: &str| machine.life.ask(&two, caller, Some(text));
    assert_eq!(ask(ONE, "attach three"), Outcome::Denied);
    assert_eq!(ask(TWO, "attach two"), Outcome::Itself);
    assert_eq!(ask(TWO, "attach nobody"), Outcome::Unknown);
    assert_eq!(ask(TWO, "attach one"), Outcome::Done);
    assert_eq!(ask(TWO, "attach one"), Outcome::Attached);
    assert_eq!(attach(&machine, ONE), Err(Outcome::Attached));
    let console = open(&machine, ONE);
    assert_eq!(console.console(), 1);

    let value = read(&machine, TWO, "Console1");
    let (told, bytes) = Told::parse(&value).unwrap();
    assert_eq!(
        (told.attachment, told.stand, told.name),
        (console, Stand::Open, "one")
    );
    assert_eq!(bytes, b"");
    assert_eq!(
        write(&machine, TWO, "Console1", &io(console, 0), b"ls\r"),
        Status::Success
    );
    let value = read(&machine, ONE, "Terminal");
    let (told, bytes) = Told::parse(&value).unwrap();
    assert_eq!((told.size, bytes), ([24, 80], &b"ls\r"[..]));
    write(&machine, ONE, "Terminal", &io(console, 3), b"a b c");
    for _ in 0..2 {
        let value = read(&machine, TWO, "Console1");
        assert!(value.ends_with(b" one\na b c"), "reading takes nothing");
    }
    write(&machine, TWO, "Console1", &io(console, 2), b"");
    assert!(read(&machine, TWO, "Console1").ends_with(b" one\nb c"));

    // Nobody else's.
    for (caller, name) in [(THREE, "Console1"), (TWO, "Console2"), (ONE, "Console1")] {
        assert_eq!(read(&machine, caller, name), b"none\n");
        assert_eq!(
            write(&machine, caller, name, &io(console, 0), b"x"),
            Status::NotFound
        );
    }
    let leave = Said::Leave(console).to_string();
    assert_eq!(
        write(&machine, THREE, "Console1", &leave, b""),
        Status::NotFound
    );
    assert_eq!(
        write(&machine, THREE, "Terminal", &io(console, 0), b"x"),
        Status::NotFound
    );
    assert_eq!(
        write(&machine, TWO, "Console1", &leave, b""),
        Status::Success
    );
    assert_eq!(read(&machine, TWO, "Console1"), b"none\n");
    assert_eq!(typed(&machine, ONE), None);
}

#[test]
fn what_is_refused_says_why() {
    let machine = Machine::new(Never);
    assert_eq!(attach(&machine, ONE), Err(Outcome::NoTerminal));
    machine.start(ONE);
    assert_eq!(attach(&machine, ONE), Err(Outcome::NoTerminal));
    let hw = machine.at(MEMBERS[ONE][0]);
    machine.life.hear(&hw, ONE, "hello");
    assert_eq!(attach(&machine, ONE), Err(Outcome::NoTerminal));
    hello(&machine, ONE);
    assert!(attach(&machine, ONE).is_ok());
    assert_eq!(attach(&machine, 99), Err(Outcome::Unknown));
    machine.life.hear(&hw, ONE, "bye");
    for said in ["", "io", "open zz", "io 1 2 3", "leave 1\n", "open 99999\n"] {
        let status = write(&machine, ONE, "Terminal", said, b"");
        assert!(
            [Status::InvalidParameter, Status::NotFound].contains(&status),
            "{said}: {status:?}"
        );
    }
    assert_eq!(
        write(&machine, ONE, "Terminal", &"x".repeat(5000), b""),
        Status::InvalidParameter
    );
}

#[test]
fn who_stays_away_has_left() {
    let machine = with_agents();
    let first = attach(&machine, ONE).unwrap();
    open(&machine, ONE);
    assert!(type_all(&machine, first, b"secret"));
    for _ in 0..5 {
        machine.pass(9_000);
        hello(&machine, ONE);
        assert_ne!(stand(&machine, first), Stand::Over);
    }
    machine.pass(10_100);
    hello(&machine, ONE);
    assert_eq!(
        typed(&machine, ONE),
        None,
        "its agent sees that nobody is there"
    );
    let second = attach(&machine, ONE).unwrap();
    assert_eq!(stand(&machine, first), Stand::Over);
    open(&machine, ONE);
    assert_eq!(
        typed(&machine, ONE).unwrap().3,
        b"",
        "what another has typed is gone"
    );
    assert!(!type_all(&machine, first, b"x") && show(&machine, first).is_empty());
    machine.life.detach(first);
    assert_eq!(
        stand(&machine, second),
        Stand::Open,
        "an old one ends nothing"
    );
}

#[test]
fn an_attachment_outlives_agents_and_runs() {
    let machine = with_agents();
    let console = attach(&machine, ONE).unwrap();
    open(&machine, ONE);
    type_all(&machine, console, b"half a li");
    // Killed, and started again: a new login, for which nothing was typed.
    machine.pass(4_000);
    assert_eq!(stand(&machine, console), Stand::Waiting);
    hello(&machine, ONE);
    assert_eq!(open(&machine, ONE), console);
    assert_eq!(stand(&machine, console), Stand::Open);
    let (_, _, from, bytes) = typed(&machine, ONE).unwrap();
    assert_eq!((from, bytes.len()), (9, 0));
    // At once, so that it was not missed.
    hello(&machine, ONE);
    assert_eq!(stand(&machine, console), Stand::Waiting);
    open(&machine, ONE);
    // A new run.
    machine.end(ONE, End::PoweredOff);
    machine.start(ONE);
    assert_eq!(stand(&machine, console), Stand::Waiting);
    hello(&machine, ONE);
    open(&machine, ONE);
    assert!(type_all(&machine, console, b"root"));
    assert_eq!(typed(&machine, ONE).unwrap().3, b"root");
    // No more of it.
    machine.end(ONE, End::PoweredOff);
    machine.life.publish(ONE, None);
    assert_eq!(stand(&machine, console), Stand::Over);
}

#[test]
fn a_new_run_of_who_was_attached_is_not() {
    let machine = with_agents();
    let two = machine.at(MEMBERS[TWO][0]);
    assert_eq!(
        machine.life.ask(&two, TWO, Some("attach one")),
        Outcome::Done
    );
    machine.end(TWO, End::PoweredOff);
    machine.start(TWO);
    assert_eq!(read(&machine, TWO, "Console1"), b"none\n");
    assert!(attach(&machine, ONE).is_ok());
}

proptest! {
    /// Whatever two partitions write, and from wherever.
    #[test]
    fn any_bytes_are_taken_or_refused(
        calls in proptest::collection::vec((0usize..3, 0usize..2, any::<bool>(), 0u64..40, proptest::collection::vec(any::<u8>(), 0..40)), 0..40),
    ) {
        let machine = with_agents();
        let two = machine.at(MEMBERS[TWO][0]);
        machine.life.ask(&two, TWO, Some("attach one"));
        let console = open(&machine, ONE);
        for (caller, name, is_right, taken, bytes) in calls {
            let said = if is_right { io(console, taken) } else { String::new() };
            write(&machine, caller, ["Terminal", "Console1"][name], &said, &bytes);
        }
        prop_assert!(read(&machine, TWO, "Console1").len() <= SHOWN_BYTES + 64);
        prop_assert!(read(&machine, ONE, "Terminal").len() <= TYPED_BYTES + 64);
        prop_assert_eq!(read(&machine, THREE, "Console1"), b"none\n");
    }
}
