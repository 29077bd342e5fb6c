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

/// A file of the report.
fn packed(archive: &Path, name: &str) -> String {
    let path = format!("bulkhead-report/{name}");
    let output = Command::new("tar")
        .arg("-xzOf")
        .args([archive.as_os_str(), path.as_ref()])
        .output()
        .expect("tar is there");
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
    let codes = packed(&archive, "codes");
    assert!(codes.lines().any(|line| line == "work exit 3"), "{codes}");
    assert!(packed(&archive, "work.errors").contains("no clock"));
}

/// A name is a file's, whatever is in it.
#[test]
fn an_archive_has_any_name() {
    let folder = folder("report-named");
    let archive = folder.join("board:of mine.tar.gz");
    // Without a folder, too.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/report");
    let script = script.canonicalize().expect("it is there");
    let output = Command::new(script)
        .arg("board:of mine.tar.gz")
        .current_dir(&folder)
        .env("BULKHEADCTL", env!("CARGO_BIN_EXE_bulkheadctl"))
        .env("RUNS", "0")
        .output()
        .expect("the script can be run");
    assert!(output.status.success(), "{output:?}");
    let packed = std::fs::read(&archive).expect("it is there");
    assert!(packed.starts_with(&[0x1f, 0x8b]));
}

/// Linux names some interfaces by them, and interrupts by interfaces.
#[test]
fn interrupts_have_no_mac_addresses() {
    let folder = folder("report-macs");
    let (archive, given) = (folder.join("report.tar.gz"), folder.join("interrupts"));
    let line =
        |name: &str| format!(" 30: 123456789012 0  IR-PCI-MSIX-0000:01:00.0  1-edge {name}\n");
    let text = line("enx001122aabbcc-rx-0") + &line("net 00:11:22:AA:bb:cc") + &line("nvme0q1");
    std::fs::write(&given, text).expect("it can be written");
    let given = given.display().to_string();
    let output = report(&archive, &[("RUNS", "0"), ("INTERRUPTS", &given)]);
    assert!(output.status.success(), "{output:?}");
    let wanted = line("enx-mac-address-rx-0") + &line("net mac-address") + &line("nvme0q1");
    assert_eq!(packed(&archive, "interrupts"), wanted);
}

/// Nothing is left of one that was not made, and what was there before stays.
#[test]
fn no_report_leaves_no_archive() {
    let folder = folder("report-none");
    let (archive, tar) = (folder.join("report.tar.gz"), folder.join("tar"));
    std::fs::write(&tar, "#!/bin/sh\necho no room >&2\nexit 2\n").expect("it can be written");
    std::fs::set_permissions(&tar, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.display());
    let _ = std::fs::remove_file(&archive);
    let given = [("RUNS", "0"), ("PATH", path.as_str())];
    let output = report(&archive, &given);
    assert!(!output.status.success() && !archive.exists(), "{output:?}");
    std::fs::write(&archive, "an older one").expect("it can be written");
    assert!(!report(&archive, &given).status.success());
    let kept = std::fs::read(&archive).expect("it is there");
    assert_eq!(kept, b"an older one");
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
