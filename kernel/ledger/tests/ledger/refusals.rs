//! Every refusal names the culprit, points at it, and changes nothing.

use bulkhead_fake::{Fake, MIB, at, claim, with_console};
use bulkhead_ledger::{Item, PlanError};
use bulkhead_model::{Change, Com, Key};

pub(crate) fn with_cores(cores: &[u32]) -> Change {
    claim(cores, &[at(128 * MIB, None)])
}

fn with_kernel(name: &str) -> Change {
    Change {
        kernel: Some(name.into()),
        ..with_cores(&[4])
    }
}

/// Defines "db" beside "web", expects a refusal, and checks that nothing has changed.
pub(crate) fn refused(change: Change) -> PlanError {
    named("db", change)
}

fn named(name: &str, change: Change) -> PlanError {
    let mut fake = Fake::with_web();
    let before = fake.ledger.clone();
    let error = fake.define(name, change.clone()).unwrap_err();
    assert_eq!(fake.ledger, before, "define");

    // The same change of a partition that exists is refused just so.
    if matches!(error.key(), Some(key) if key != Key::Name) {
        let mut fake = Fake::with_web();
        fake.define("other", claim(&[8], &[at(128 * MIB, None)]))
            .unwrap();
        let before = fake.ledger.clone();
        fake.set("other", change).unwrap_err();
        assert_eq!(fake.ledger, before, "set");
    }
    error
}

#[track_caller]
pub(crate) fn expect(error: &PlanError, sentence: &str, key: Option<Key>, token: Option<&str>) {
    assert_eq!(error.to_string(), sentence);
    assert_eq!(error.key(), key);
    let item = error.item().map(|item| item.to_string());
    assert_eq!(item.as_deref(), token);
}

#[test]
fn names() {
    let accepted = "(accepted: 1-16 of a-z, 0-9 and -, a letter first)";
    for (name, what) in [
        ("", "is empty"),
        ("Web", "contains 'W'"),
        ("a b", "contains ' '"),
        ("1st", "does not start with a letter a-z"),
        ("abcdefghijklmnopq", "is longer than 16 characters"),
        ("kernel", "is a word of the shell's"),
    ] {
        let error = named(name, with_cores(&[4]));
        let sentence = format!("name \"{name}\" {what} {accepted}");
        expect(&error, &sentence, Some(Key::Name), None);
    }
    let error = named("web", with_cores(&[4]));
    expect(
        &error,
        "there is a partition \"web\" already",
        Some(Key::Name),
        None,
    );
    Fake::new().define("a-1", with_cores(&[4])).unwrap();
    Fake::new()
        .define("abcdefghijklmnop", with_cores(&[4]))
        .unwrap();
}

#[test]
fn unknown_partitions() {
    let mut fake = Fake::with_web();
    let sentence = "there is no partition \"db\" (partitions: web)";
    let machine = &fake.machine;
    expect(
        &fake.ledger.check(machine, "db").unwrap_err(),
        sentence,
        Some(Key::Name),
        None,
    );
    expect(
        &fake.ledger.undefine("db").unwrap_err(),
        sentence,
        Some(Key::Name),
        None,
    );
    expect(
        &fake.ledger.check_launch(machine, "db").unwrap_err(),
        sentence,
        Some(Key::Name),
        None,
    );
    expect(
        &fake.set("db", Change::default()).unwrap_err(),
        sentence,
        Some(Key::Name),
        None,
    );
    let empty = Fake::new().ledger.get("x").unwrap_err();
    expect(
        &empty,
        "there is no partition \"x\" (partitions: none)",
        Some(Key::Name),
        None,
    );
}

#[test]
fn missing_keys() {
    let full = with_cores(&[4]);
    let missing = |change| refused(change);
    let error = missing(Change {
        cores: None,
        ..full.clone()
    });
    expect(
        &error,
        "cores= is missing (for example cores=1,2-3)",
        None,
        None,
    );
    let error = missing(Change {
        memory: None,
        ..full.clone()
    });
    expect(
        &error,
        "memory= is missing (for example memory=512M)",
        None,
        None,
    );
    let error = missing(Change {
        kernel: None,
        ..full
    });
    expect(
        &error,
        "kernel= is missing (for example kernel=IMAGE)",
        None,
        None,
    );
}

#[test]
fn cores() {
    for (cores, sentence, token) in [
        (&[][..], "a partition needs at least one core", None),
        (&[4, 77], "core 77 does not exist (cores: 0-9)", Some("77")),
        (&[2, 4], "core 2 belongs to \"web\"", Some("2")),
        (&[9], "core 9 does not respond", Some("9")),
        (&[4, 5, 4], "core 4 is named twice", Some("4")),
    ] {
        expect(
            &refused(with_cores(cores)),
            sentence,
            Some(Key::Cores),
            token,
        );
    }
}

#[test]
fn images() {
    let all = "linux61, linux612, huge, broken, demo.img, zero";
    let absent = format!("there is no image \"nix\" (images: {all})");
    expect(
        &refused(with_kernel("nix")),
        &absent,
        Some(Key::Kernel),
        None,
    );
    let error = refused(with_kernel("demo.img"));
    expect(
        &error,
        "image \"demo.img\" is a cpio archive, not a bzImage (use it as initrd=)",
        Some(Key::Kernel),
        None,
    );
    let error = refused(with_kernel("broken"));
    assert!(
        error
            .to_string()
            .starts_with("kernel \"broken\" can't be launched: "),
        "{error}"
    );
    assert_eq!(error.key(), Some(Key::Kernel));

    let initrd = |name: &str| Change {
        initrds: Some(vec!["demo.img".into(), name.into()]),
        ..with_cores(&[4])
    };
    let (key, item) = (Some(Key::Initrd), Some("nix"));
    expect(&refused(initrd("nix")), &absent, key, item);
    for name in ["linux61", "broken"] {
        let sentence = format!("image \"{name}\" is a kernel, not an initrd");
        expect(&refused(initrd(name)), &sentence, key, Some(name));
    }
    let sentence = "image \"zero\" is empty (was its copy cut short?)";
    let item = Some("zero");
    expect(&refused(initrd("zero")), sentence, key, item);
    let mut bare = Fake::new();
    bare.machine.images.clear();
    let error = bare.define("db", with_cores(&[4])).unwrap_err();
    expect(
        &error,
        "there is no image \"linux61\" (images: none)",
        Some(Key::Kernel),
        None,
    );
}

#[test]
fn consoles() {
    for (port, sentence) in [
        (
            Com::Com1,
            "com1 is the console of Bulkhead's shell (free: com3)",
        ),
        (Com::Com2, "com2 belongs to \"web\""),
        (Com::Com4, "com4 does not exist (found: com2 com3)"),
    ] {
        let error = refused(with_console(with_cores(&[4]), port));
        expect(&error, sentence, Some(Key::Console), None);
    }
}

#[test]
fn command_lines() {
    let change = Change {
        cmdline: Some("quiet acpi=off".into()),
        ..with_cores(&[4])
    };
    let error = refused(change);
    assert_eq!(error.key(), Some(Key::Cmdline));
    assert_eq!(error.item(), Some(Item::Parameter("acpi=off")));
    assert!(error.to_string().contains("acpi=off"), "{error}");
}
