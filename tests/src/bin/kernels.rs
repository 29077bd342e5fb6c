//! `make kernels-table`: each of Debian's kernels by BIOS and UEFI, and one of them on other
//! processors, through every end beside a witness; writes `docs/kernels.md`.
//!
//! `$ONLY` runs the rows with that in their names and prints them, and writes nothing. Each row is a
//! process of its own (`kernels ROW`), so that one that fails does not end the others.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};

use bulkhead_tests::control::reading;
use bulkhead_tests::neighbour::{Neighbour, beside_a_witness};
use bulkhead_tests::qemu::{Firmware, Machine};
use bulkhead_tests::{Kernel, kexec, root, tool};

/// Processors that one kernel is tried on, as QEMU's `-cpu` has them.
const PROCESSORS: [&str; 8] = [
    "qemu64",
    "Nehalem",
    "Skylake-Server",
    "EPYC",
    "max",
    "max,-x2apic",
    "max,-tsc-deadline",
    "max,-la57",
];
const ON_PROCESSORS: Kernel = Kernel::Debian612Cloud;
/// What each row is put through; a column each.
const STEPS: [&str; 7] = [
    "boot",
    "control",
    "reboot",
    "panic",
    "kexec",
    "kill in a panic",
    "power-off",
];
/// What `dmesg` has of what looks like a fault.
const COMPLAINTS: &str =
    "dmesg -r | grep -E '^<[0-3]>|page allocation failure|Call Trace' | cut -c 1-90";
const HEAD: &str = "\
# Kernels

Written by `make kernels-table`, from runs in QEMU: Debian's kernels as their packages have them, two
cores each, beside a witness that must notice nothing. `yes`: it was told rightly and what followed was
right. What `dmesg` says at level *error* or worse stands below the table
([firmware-tests.md](firmware-tests.md) has the reasons). A row that failed has the step, and the reason
below. What `could not be had` is what the packages' mirror did not have.

";

/// One row: a kernel, a firmware and a processor.
#[derive(Clone)]
struct Row {
    kernel: Kernel,
    firmware: &'static str,
    processor: &'static str,
}

impl Row {
    fn all() -> Vec<Self> {
        let of = |kernel, firmware, processor| Self {
            kernel,
            firmware,
            processor,
        };
        let kernels = Kernel::ALL.into_iter();
        let kernels = kernels.flat_map(|kernel| ["bios", "uefi"].map(|way| of(kernel, way, "max")));
        let processors = PROCESSORS.map(|processor| of(ON_PROCESSORS, "bios", processor));
        kernels
            .chain(processors.into_iter().filter(|row| row.processor != "max"))
            .collect()
    }

    fn name(&self) -> String {
        format!(
            "{} {} {}",
            self.kernel.name(),
            self.firmware,
            self.processor
        )
    }
}

fn main() -> ExitCode {
    if let Some(name) = std::env::args().nth(1) {
        tool::exit_on_failure("kernels");
        let row = Row::all().into_iter().find(|row| row.name() == name);
        play(&row.unwrap_or_else(|| panic!("there is no row \"{name}\"")));
        return ExitCode::SUCCESS;
    }
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut rows = Row::all();
    let names: Vec<String> = rows.iter().map(Row::name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_right =
        tool::goes_by(&["ONLY"], variable).and_then(|()| tool::finds(&only, &names, false));
    if let Err(why) = is_right {
        eprintln!("kernels: error: {why}");
        return ExitCode::FAILURE;
    }
    rows.retain(|row| tool::is_asked_for(&only, &row.name()));
    let mut page = format!(
        "{HEAD}| kernel, firmware, processor | release | {} |\n|---|---",
        STEPS.join(" | ")
    );
    page.push_str(&"|---".repeat(STEPS.len()));
    page.push_str("|\n");
    let mut complaints: Vec<(String, Vec<String>)> = Vec::new();
    let mut failures = String::new();
    let mut played = 0;
    for row in rows {
        let told = tell(&row);
        println!("{}{}", told.line, told.failure);
        played += usize::from(row.kernel.is_there());
        page.push_str(&told.line);
        failures.push_str(&told.failure);
        for complaint in told.complaints {
            println!("  {complaint}");
            match complaints.iter_mut().find(|(text, _)| *text == complaint) {
                Some((_, rows)) => rows.push(row.name()),
                None => complaints.push((complaint, vec![row.name()])),
            }
        }
    }
    if only.is_empty() {
        let _ = write!(page, "\n{failures}");
        for (text, rows) in complaints {
            let rows = if rows.len() == played {
                "every row".to_string()
            } else {
                rows.join("; ")
            };
            let _ = writeln!(page, "* `{}`: {rows}", text.replace('`', "'"));
        }
        std::fs::write(root().join("docs/kernels.md"), page).expect("the page can be written");
    }
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What came of a row.
struct Told {
    /// Its line of the table.
    line: String,
    /// What its kernel complained of, each once.
    complaints: Vec<String>,
    /// Why it failed, as a line; empty if it did not.
    failure: String,
}

fn tell(row: &Row) -> Told {
    let name = row.name();
    if !row.kernel.is_there() {
        return Told {
            line: format!(
                "| {name} | could not be had | {} |\n",
                ["-"; STEPS.len()].join(" | ")
            ),
            complaints: Vec::new(),
            failure: String::new(),
        };
    }
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .arg(&name)
        .output()
        .expect("it can be run");
    let said = String::from_utf8_lossy(&output.stdout);
    let done = |step: &&str| {
        said.lines()
            .any(|line| line.strip_prefix("DONE ") == Some(*step))
    };
    let cells = STEPS.map(|step| if done(&step) { "yes" } else { "**no**" });
    let mut complaints: Vec<String> = Vec::new();
    for line in said.lines().filter_map(|line| line.strip_prefix("DMESG ")) {
        if !complaints.iter().any(|known| known == line) {
            complaints.push(line.to_string());
        }
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let failure = if output.status.success() {
        String::new()
    } else {
        format!("* {name}: {}\n", why.lines().next().unwrap_or("it ended"))
    };
    Told {
        line: format!(
            "| {name} | {} | {} |\n",
            row.kernel.release(),
            cells.join(" | ")
        ),
        complaints,
        failure,
    }
}

/// Puts one row through all steps; each is printed when it was right.
fn play(row: &Row) {
    let kernel = row.kernel;
    let name = format!("table_{}", row.name().replace([' ', ','], "_"));
    let iso = beside_a_witness(&name, kernel, kexec::files(&[kernel]), "768M").make();
    let firmware = Firmware::by_name(row.firmware).expect("a known firmware");
    // The last `-cpu` is the one that counts.
    let machine = Machine::new(&iso, "run")
        .firmware(firmware)
        .arguments(&["-cpu", row.processor]);
    let mut machine = machine.start();
    tool::watch(&machine);
    machine.wait_for_prompt();
    let report = machine.wait_for_demo(2);
    assert_eq!(
        (report.release.as_str(), report.cpus),
        (kernel.release().as_str(), 2)
    );
    println!("DONE boot");
    machine.wait_for_demo(3);
    let mut witness = Neighbour::watch(&mut machine, 3);
    for line in machine
        .linux(2, COMPLAINTS)
        .lines()
        .filter(|line| line.starts_with('<'))
    {
        // The time differs from run to run.
        println!(
            "DMESG {}",
            line.split_once("] ").map_or(line, |(_, text)| text.trim())
        );
    }
    assert!(machine.linux(2, &reading("Partitions")).contains("witness"));
    println!("DONE control");
    for (step, command, event) in [
        ("reboot", "reboot".to_string(), "* it: rebooted"),
        (
            "panic",
            "echo c > /proc/sysrq-trigger".to_string(),
            "* it: failed reason=\"panic",
        ),
        ("kexec", kexec::command(kernel), ""),
    ] {
        machine.com(2).skip();
        machine.com(2).send(&format!("{command}\r"));
        if !event.is_empty() {
            machine.wait_for(1, event);
        }
        assert_eq!(machine.wait_for_demo(2).cpus, 2, "after {step}");
        witness.runs_on(&mut machine, step);
        println!("DONE {step}");
    }
    machine.linux(2, "echo 0 > /proc/sys/kernel/panic");
    machine.com(2).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(2, "end Kernel panic");
    machine.expect("kill it", &[]);
    witness.runs_on(&mut machine, "kill in a panic");
    println!("DONE kill in a panic");
    machine.com(2).skip();
    machine.expect("start it", &[]);
    machine.wait_for_demo(2);
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* it: powered-off");
    witness.runs_on(&mut machine, "power-off");
    witness.noticed_nothing(&mut machine);
    println!("DONE power-off");
}
