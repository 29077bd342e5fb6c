//! The program itself, on the machine that runs this test.
#![allow(missing_docs, reason = "a test binary has no public interface")]

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bulkheadctl");
const TABLE: &str = "/sys/firmware/acpi/tables/APIC";
/// Linux takes up to that for itself before it counts: its image, a page's record each, a crash kernel.
const MIB: u64 = 1 << 20;

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Straight to the error output, as what a test prints is shown only if it fails.
fn skipped(test: &str, why: &str) {
    let text = format!("skipped: {test}: {why}\n");
    io::stderr().write_all(text.as_bytes()).unwrap();
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// How many cores Linux found, as `nproc --all` counts.
fn cores_of_linux() -> usize {
    let output = Command::new("nproc").arg("--all").output().unwrap();
    said(&output).trim().parse().unwrap()
}

fn memory_of_linux() -> u64 {
    let all = fs::read_to_string("/proc/meminfo").unwrap();
    let total = all.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<u64>().unwrap() << 10
}

/// Bytes of "24575M" or "24G".
fn bytes(size: &str) -> u64 {
    let (number, unit) = size.split_at(size.len() - 1);
    let shift = match unit {
        "M" => 20,
        "G" => 30,
        "T" => 40,
        other => panic!("{other}"),
    };
    number.parse::<u64>().unwrap() << shift
}

/// What the report must say of any machine whose tables can be read.
fn check(report: &str) {
    let rows = |heading: &str| -> Vec<String> {
        let lines = report.lines().skip_while(|line| *line != heading).skip(1);
        let lines = lines.take_while(|line| !line.is_empty());
        lines.map(String::from).collect()
    };
    let cores = rows("--- cores");
    assert_eq!(cores.len() - 1, cores_of_linux(), "{report}");
    let own = cores.iter().filter(|row| row.ends_with("bulkhead"));
    assert_eq!(own.count(), 1, "{report}");
    let ram = report.lines().find_map(|line| line.strip_prefix("RAM"));
    let (ram, linux) = (bytes(ram.unwrap().trim()), memory_of_linux());
    assert!(ram + MIB >= linux, "{ram} bytes, Linux has {linux}");
    assert!(
        ram <= linux / 4 * 5 + 1024 * MIB,
        "{ram}, Linux has {linux}"
    );
    for heading in ["devices", "what fits", "verdict"] {
        assert!(!rows(&format!("--- {heading}")).is_empty(), "{report}");
    }
    for entry in fs::read_dir("/sys/bus/pci/devices").into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            report.contains(&format!("  {name}  ")),
            "no {name} in\n{report}"
        );
    }
}

#[test]
fn this_very_machine() {
    if let Err(error) = fs::read(TABLE) {
        skipped("this_very_machine", &format!("{TABLE}: {error}"));
        return;
    }
    let path = scratch("board.tar");
    let file = path.to_str().unwrap();
    let first = run(&["survey", "--save", file]);
    assert!([0, 1].contains(&code(&first)), "{}", complained(&first));
    check(&said(&first));
    let again = run(&["survey", "--from", file]);
    assert_eq!((code(&again), said(&again)), (code(&first), said(&first)));
    assert_eq!(complained(&again), "");
    no_secret_of_this_machine(&fs::read(&path).unwrap());

    // The tests beside this one have the cores too: one of three is alone enough.
    let times = (0..3).map(|_| {
        let before = Instant::now();
        run(&["survey"]);
        before.elapsed()
    });
    let least = times.min().unwrap();
    assert!(least < Duration::from_secs(1), "a survey took {least:?}");
    fs::remove_file(path).unwrap();
}

/// Addresses of its network cards, as text and as bytes; and what SMBIOS has.
fn no_secret_of_this_machine(file: &[u8]) {
    let has = |wanted: &[u8]| file.windows(wanted.len()).any(|window| window == wanted);
    let cards = fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten();
    for card in cards {
        let Ok(address) = fs::read_to_string(card.path().join("address")) else {
            continue;
        };
        let octets = address
            .trim()
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16));
        let octets: Vec<u8> = octets.filter_map(Result::ok).collect();
        if octets.iter().any(|octet| *octet != 0) {
            assert!(
                !has(&octets) && !has(address.trim().as_bytes()),
                "{address}"
            );
        }
    }
    for name in [
        "product_uuid",
        "product_serial",
        "board_serial",
        "chassis_serial",
    ] {
        let value = fs::read_to_string(format!("/sys/class/dmi/id/{name}"));
        let value = value.unwrap_or_default().trim().to_string();
        let is_one = value.len() > 7 && !bulkheadctl::secrets::is_no_number(&value);
        assert!(!is_one || !has(value.as_bytes()), "{name}");
    }
}

/// Who may not read the tables is told so, and no more is claimed than was seen.
#[test]
fn without_root() {
    const NOBODY: u32 = 65534;
    // Where the build's folder is closed to others, and without root, the program can't be started so.
    let copy = std::env::temp_dir().join(format!("bulkheadctl-{}", std::process::id()));
    fs::copy(PROGRAM, &copy).unwrap();
    let output = Command::new(&copy)
        .arg("survey")
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    fs::remove_file(&copy).unwrap();
    let output = match output {
        Ok(output) => output,
        Err(error) => return skipped("without_root", &error.to_string()),
    };
    let (report, errors) = (said(&output), complained(&output));
    assert_eq!(code(&output), 1, "{report}{errors}");
    assert!(
        report.contains("no ACPI tables were seen: run this as root"),
        "{report}"
    );
    assert!(errors.contains("/sys/firmware/acpi/tables"), "{errors}");
}

#[test]
fn exit_codes_and_what_is_accepted() {
    let nonsense = scratch("nonsense");
    fs::write(&nonsense, "nonsense").unwrap();
    let nonsense = nonsense.to_str().unwrap();
    let loud = scratch("loud");
    fs::write(&loud, b"\x1b[31m".repeat(200)).unwrap();
    let loud = loud.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 25] = [
        (
            &["--json", "list"],
            2,
            "--json goes behind the command (accepted: with list, show, start, ",
        ),
        (
            &["metrics", "--json"],
            2,
            "metrics does not take --json (accepted there: none; ",
        ),
        (
            &["suggest", "--image", "linux=a", "--image", "linux=b"],
            2,
            "--image \"linux\" is given twice (accepted: each name once; ",
        ),
        (&[], 2, "no command (accepted: list, show, "),
        (&["frob"], 2, "\"frob\" (accepted: list, show, "),
        (&["survey", "--frob"], 2, "--frob"),
        (&["survey", "more"], 2, "\"more\""),
        (&["check"], 2, "check: which script?"),
        (&["list"], 3, "partition of Bulkhead"),
        (&["check", "a", "b"], 2, "\"b\""),
        (
            &["check", "a", "--image", "x"],
            2,
            "--image \"x\" (accepted: NAME=PATH; ",
        ),
        (
            &["suggest", "--image", "=x"],
            2,
            "--image \"=x\" (accepted: NAME=PATH; ",
        ),
        (&["list", "--from", "x"], 2, "--from"),
        (&["check", "a", "--save", "x"], 2, "--save"),
        (&["survey", "--image", "a=b"], 2, "--image"),
        (&["survey", "--from"], 2, "--from"),
        (
            &["survey", "--from", "/nowhere/x"],
            3,
            "/nowhere/x: No such file",
        ),
        (
            &["survey", "--from", nonsense],
            3,
            "(accepted: what bulkheadctl survey --save has written)",
        ),
        // What never ends is no script.
        (
            &["check", "/dev/zero"],
            3,
            "/dev/zero: longer than what is accepted: 8 MiB",
        ),
        // Nor does what a file holds reach the terminal.
        (
            &["survey", "--from", loud],
            3,
            "getting cksum for \\u{1b}[31m\\u{1b}[31m",
        ),
        (
            &["check", "/nowhere/x", "--from", nonsense],
            3,
            "/nowhere/x: No such file",
        ),
        (
            &["help", "lst"],
            2,
            "there is no command \"lst\", did you mean \"list\"? (accepted: list, ",
        ),
        (&["lst"], 2, "did you mean \"list\"? (accepted: list, "),
        (&["lst"], 2, "help; bulkheadctl help has all of it)"),
        (
            &["suggest", "--image", "a=/nowhere/x"],
            3,
            "/nowhere/x: No such file",
        ),
    ];
    for (arguments, wanted, text) in cases {
        let output = run(arguments);
        let errors = complained(&output);
        assert_eq!(code(&output), wanted, "{arguments:?}: {errors}");
        assert!(errors.contains(text), "{arguments:?}: {errors}");
        assert!(!errors.contains('\x1b'), "{arguments:?}: {errors:?}");
        assert_eq!(
            errors.contains("bulkheadctl help has all of it"),
            wanted == 2,
            "{arguments:?}: {errors}"
        );
        assert_eq!(said(&output), "", "{arguments:?}");
    }
    let help = run(&["--help"]);
    assert_eq!((code(&help), complained(&help)), (0, String::new()));
    for word in [
        "survey",
        "check",
        "suggest",
        "--from",
        "--save",
        "--image",
        "exit codes",
    ] {
        assert!(said(&help).contains(word), "{}", said(&help));
    }
    let own = "usage: bulkheadctl stop NAME... [--within SECONDS] [--force]\n\nhave a partition's Linux end itself";
    for arguments in [["help", "stop"], ["stop", "--help"]] {
        let help = said(&run(&arguments));
        assert!(help.starts_with(own), "{help}");
        assert!(help.contains("  --within SECONDS "), "{help}");
        assert!(!help.contains("--save"), "{help}");
    }
    // As Bulkhead's shell has them.
    for arguments in [["help", "define"], ["set", "--help"]] {
        let help = said(&run(&arguments));
        assert!(help.contains(&bulkhead_shell::keys()), "{help}");
        assert!(help.contains("  watchdog=30 "), "{help}");
    }
    let version = run(&["--version"]);
    assert_eq!(
        said(&version),
        concat!("bulkheadctl ", env!("CARGO_PKG_VERSION"), "\n")
    );
    fs::remove_file(nonsense).unwrap();
    fs::remove_file(loud).unwrap();
}

/// What it sees there is no machine, and what it says of that would be taken for one.
#[test]
fn who_surveys_a_partition_is_told_so() {
    let pack = |product: &str| {
        let mut pack = bulkheadctl::pack::Pack::default();
        pack.put(
            "dmi",
            format!("sys_vendor Bulkhead\nproduct_name {product}\n"),
        );
        let path = scratch(&product.replace(' ', "-"));
        pack.write(fs::File::create(&path).unwrap()).unwrap();
        let output = run(&["survey", "--from", path.to_str().unwrap()]);
        fs::remove_file(path).unwrap();
        (complained(&output), said(&output))
    };
    let why =
        "this is what a partition of Bulkhead is told, not the machine (accepted: --from FILE";
    let (errors, report) = pack("Bulkhead partition");
    assert!(errors.contains(why), "{errors}");
    // A verdict would be of what is no machine.
    assert_eq!(report, "");
    let (errors, report) = pack("Bulkhead partitions 3000");
    assert!(!errors.contains(why), "{errors}");
    assert!(report.contains("--- verdict"), "{report}");
}

/// Nothing that was said is of no effect.
#[test]
fn options_that_exclude_each_other_are_refused() {
    for (line, two) in [
        ("list --names --json", "--names and --json"),
        ("stop web --force --within 5", "--force and --within"),
        ("restart web --within 5 --force", "--force and --within"),
        ("agent --login x --no-login", "--login and --no-login"),
        ("agent --leave --no-login", "--leave and --no-login"),
        (
            "agent --leave --reboot-command x",
            "--leave and --reboot-command",
        ),
    ] {
        let output = run(&line.split(' ').collect::<Vec<_>>());
        let errors = complained(&output);
        assert_eq!(code(&output), 2, "{line}: {errors}");
        let why = format!("{two} (accepted: one of the two; bulkheadctl help");
        assert!(errors.contains(&why), "{line}: {errors}");
    }
}
