//! `tools/report` on this machine, which is no partition: what it packs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn report(archive: &Path, variables: &[(&str, &str)]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/report");
    Command::new(script)
        .arg(archive)
        .env("BULKHEADCTL", env!("CARGO_BIN_EXE_bulkheadctl"))
        .envs(variables.iter().copied())
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
    let output = report(&archive, &[("RUNS", "0")]);
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

/// What failed is in it as that.
#[test]
fn a_measurement_that_fails_is_told() {
    let folder = folder("report-failed");
    let (archive, work) = (folder.join("report.tar.gz"), folder.join("work"));
    std::fs::write(&work, "#!/bin/sh\necho no clock >&2\nexit 3\n").expect("it can be written");
    std::fs::set_permissions(&work, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let work = work.display().to_string();
    let given = [
        ("WORK", work.as_str()),
        ("RUNS", "1"),
        ("SECONDS_EACH", "1"),
    ];
    let output = report(&archive, &given);
    assert!(output.status.success(), "{output:?}");
    let packed = |name: &str| {
        let path = format!("bulkhead-report/{name}");
        let output = Command::new("tar")
            .arg("-xzOf")
            .args([archive.as_os_str(), path.as_ref()])
            .output()
            .expect("tar is there");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let codes = packed("codes");
    assert!(codes.lines().any(|line| line == "work exit 3"), "{codes}");
    assert!(packed("work.errors").contains("no clock"));
}

#[test]
fn what_is_not_accepted_makes_no_archive() {
    let folder = folder("report-bad");
    let archive = folder.join("report.tar.gz");
    for (name, value, wanted) in [
        ("RUNS", "five", "are accepted, not \"five\""),
        ("RUNS", "08", "are accepted, not \"08\""),
        ("SECONDS_EACH", "0", "from 1 on"),
        ("WORK", "/nonexistent", "no program \"/nonexistent\""),
    ] {
        let output = report(&archive, &[(name, value)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains(wanted), "{said}");
        assert!(!archive.exists());
    }
    for (place, wanted) in [
        (folder.clone(), "is a folder"),
        (folder.join("no/report"), "there is no folder"),
        ("/proc/report".into(), "can't be written"),
    ] {
        // Before it measures, or asks anything.
        let output = report(&place, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(wanted), "{said}");
    }
}
