//! `tools/report` on this machine, which is no partition: what it packs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn report(archive: &Path, runs: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/report");
    Command::new(script)
        .arg(archive)
        .env("BULKHEADCTL", env!("CARGO_BIN_EXE_bulkheadctl"))
        .env("RUNS", runs)
        .output()
        .expect("the script can be run")
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

fn tar(words: &[&str], archive: &Path) -> String {
    let output = Command::new("tar").args(words).arg(archive).output();
    let output = output.expect("tar is there");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_plain_linux_is_surveyed_and_packed() {
    let folder = folder("report");
    let archive = folder.join("report.tar.gz");
    let output = report(&archive, "0");
    assert!(output.status.success(), "{output:?}");
    let names = tar(&["-tzf"], &archive);
    for name in [
        "about",
        "codes",
        "processor",
        "survey.tar",
        "survey.txt",
        "version",
    ] {
        let path = format!("bulkhead-report/{name}\n");
        assert!(names.contains(&path), "{name} is missing: {names}");
    }
    tar(&["-C", &folder.display().to_string(), "-xzf"], &archive);
    let unpacked = folder.join("bulkhead-report");
    let about = std::fs::read_to_string(unpacked.join("about")).expect("it is text");
    assert!(about.contains("place: Linux without Bulkhead"), "{about}");
    assert!(about.contains("not measured"), "{about}");
    // What was packed is what --from takes.
    let survey = Command::new(env!("CARGO_BIN_EXE_bulkheadctl"))
        .args(["survey", "--from"])
        .arg(unpacked.join("survey.tar"))
        .output()
        .expect("it can be run");
    let (text, kept) = (survey.stdout, std::fs::read(unpacked.join("survey.txt")));
    assert_eq!(text, kept.expect("it is there"));
}

#[test]
fn what_is_not_accepted_makes_no_archive() {
    let archive = folder("report-bad").join("report.tar.gz");
    let output = report(&archive, "five");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("numbers are accepted, not \"five\""),
        "{said}"
    );
    assert!(!archive.exists());
}
