//! Scripts of `tools/`: `search-beside` with searches that are made up, and which of their ends are errors;
//! what `fuzz` refuses.

#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Waits until the search is no more, as its own command.
const UNTIL_ENDED: &str = "until [ -s search ]; do sleep 0.05; done; while kill -0 $(cat search) 2>/dev/null; do sleep 0.05; done";

/// A repository with what the script takes and these two programs.
fn repository(name: &str, cargo: &str, fuzz: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    let tools = root.join("tools");
    fs::create_dir_all(&tools).expect("the folder can be made");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["search-beside", "lib.sh"] {
        fs::copy(own.join(file), tools.join(file)).expect("it can be copied");
    }
    // Both say which process the search is: the one becomes the other.
    for (file, process, text) in [("cargo", "$PPID", cargo), ("fuzz", "$$", fuzz)] {
        let text = format!("#!/bin/sh\necho {process} >search\n{text}\n");
        fs::write(tools.join(file), text).expect("it can be written");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(tools.join(file), mode).expect("it is ours");
    }
    root
}

/// Beside that command: its code, and what is said.
fn beside(root: &Path, command: &str, compiler: &str) -> (i32, String) {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(root.join("tools/search-beside"))
        .args(["timeout", "120", "sh", "-c", command])
        .env("PATH", format!("{}/tools:{path}", root.display()))
        .env("CXX", compiler)
        .output()
        .expect("the script can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

/// Which end it came to: its code, and a part of what is said.
fn expect(name: &str, [cargo, fuzz, command]: [&str; 3], code: i32, wanted: &str) {
    let root = repository(name, cargo, fuzz);
    let (ended, said) = beside(&root, command, "sh");
    assert!(
        ended == code && said.contains(wanted),
        "{name}: {code} and {wanted:?} were expected: {ended}, {said}"
    );
}

const PLANTED: &str = "echo 'planted  9 runs  the planted bug was found'";

#[test]
fn a_search_that_ends_by_itself_is_an_error() {
    let dead = "echo 'error[E0308]: mismatched types'; exit 101";
    expect("dead", ["", dead, UNTIL_ENDED], 1, "E0308");
    let locked = "echo 'error: cannot update the lock file, since --locked was passed'; exit 101";
    expect("locked", [locked, "", UNTIL_ENDED], 1, "--locked");
    let planted = "echo 'error: the bug was not found'; exit 1";
    expect("planted", ["", planted, UNTIL_ENDED], 1, "not found");
    let found = format!("{PLANTED}; echo 'grub  9 runs  FOUND: panicked'; exit 1");
    expect("found", ["", &found, UNTIL_ENDED], 1, "FOUND: panicked");
}

#[test]
fn a_search_that_runs_on_is_given_up() {
    let said =
        |text: &str| format!("until grep -q '{text}' build/fuzz/beside.log; do sleep 0.05; done");
    let building = "echo Compiling; exec sleep 600";
    expect(
        "building",
        ["", building, &said("Compiling")],
        0,
        "not come as far as the planted bug",
    );
    let some = format!("{PLANTED}; echo 'acpi  9 runs  nothing found'; exec sleep 600");
    let until = said("nothing found");
    expect("some", ["", &some, &until], 0, "1 targets searched");
    // Its own end is the command's.
    expect(
        "seven",
        ["", &some, &format!("{until}; exit 7")],
        7,
        "given up",
    );
    let found = format!("{PLANTED}; echo 'grub  9 runs  FOUND: panicked'; exec sleep 600");
    expect("finds", ["", &found, &said("FOUND")], 1, "FOUND: panicked");
    let all = format!("{PLANTED}; echo 'acpi  9 runs  nothing found'");
    expect("all", ["", &all, UNTIL_ENDED], 0, "all of them");
}

#[test]
fn what_can_not_be_had_is_said() {
    let network = "echo 'error: failed to download from `https://example.org/crate`'; exit 101";
    expect(
        "network",
        [network, "", UNTIL_ENDED],
        0,
        "there was no search, not to be had: the crates",
    );
    let root = repository("compiler", "", "");
    let until = "until grep -q 'not to be had' build/fuzz/beside.log; do sleep 0.05; done";
    let (code, said) = beside(&root, until, "no-such-compiler");
    assert!(
        code == 0 && said.contains("a C++ compiler"),
        "{code}, {said}"
    );
}

/// Before anything is built.
#[test]
fn what_libfuzzer_would_take_for_less_is_refused() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, value) in [
        ("SECONDS_EACH", "4294967296"),
        ("SECONDS_EACH", "08"),
        ("INPUT_SECONDS", "357913942"),
        ("JOBS", "0"),
    ] {
        let output = Command::new(&script)
            .env("TARGET", "nosuch")
            .env(name, value)
            .output()
            .expect("the script can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        let wanted = format!("{name}=\"{value}\": a number from 1 to ");
        assert!(!output.status.success() && said.contains(&wanted), "{said}");
    }
}
