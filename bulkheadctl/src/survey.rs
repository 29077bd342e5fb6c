//! The report of a machine.

use std::fmt::Write;

use bulkhead_launch::kexec;
use bulkhead_linux::BzImage;
use bulkhead_memory::{Bytes, Region};
use bulkhead_model::{Image, ImageKind, Machine, Told};

use bulkhead_shell::Control;

use crate::board::{Board, board, most_partitions};
use crate::findings::Findings;
use crate::operator::Operator;
use crate::pack::Pack;
use crate::standing::Given;

/// What the shell itself says, under these headings.
const COMMANDS: [&str; 3] = ["cores", "memory", "devices"];
/// What a partition of the trial has, beside its core.
const LEAST: &str = "memory=128M kernel=linux";

/// The report, and whether the machine fits as it is.
#[must_use]
pub fn survey(pack: &Pack) -> (String, bool) {
    let board = board(pack, None);
    let findings = Findings::of(&board, pack);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, &board, pack, &findings);
    (out, findings.changes.is_empty())
}

fn write(out: &mut String, board: &Board, pack: &Pack, findings: &Findings) -> std::fmt::Result {
    let machine = &board.machine;
    writeln!(
        out,
        "What Bulkhead {} would make of this machine",
        env!("CARGO_PKG_VERSION")
    )?;
    models(out, pack)?;
    writeln!(out, "processor  {}", machine.cpu_model)?;
    writeln!(
        out,
        "RAM        {}",
        Bytes(machine.ram().total() & !0xfffff)
    )?;
    writeln!(out, "firmware   {:?}", machine.firmware)?;
    let console = if machine.shell_line.is_empty() {
        "none"
    } else {
        &machine.shell_line
    };
    writeln!(out, "console    {console}")?;
    let timer = board
        .firmware
        .fadt
        .as_ref()
        .and_then(|fadt| fadt.pm_timer_port);
    let timer = timer.map_or_else(
        || String::from("none"),
        |port| format!("I/O port {port:#x}"),
    );
    writeln!(out, "PM timer   {timer}")?;
    let mut operator = Operator::new(machine.clone(), Vec::new());
    for command in COMMANDS {
        writeln!(out, "\n--- {command}")?;
        out.push_str(&operator.run("survey", command).0);
    }
    writeln!(out, "\n--- what fits")?;
    partitions(out, pack)?;
    devices(out, machine)?;
    if !findings.notes.is_empty() {
        writeln!(out, "\n--- to know")?;
        findings
            .notes
            .iter()
            .try_for_each(|note| writeln!(out, "* {note}"))?;
    }
    writeln!(out, "\n--- verdict")?;
    findings
        .changes
        .iter()
        .try_for_each(|change| writeln!(out, "* {change}"))?;
    findings
        .lacks
        .iter()
        .try_for_each(|lacking| writeln!(out, "* to be done without: {lacking}"))?;
    match findings.changes.len() {
        0 => writeln!(
            out,
            "nothing is to be changed before Bulkhead is tried on this machine{}",
            if findings.lacks.is_empty() {
                ""
            } else {
                ", if it can be done without what is named above"
            }
        ),
        1 => writeln!(out, "one thing is to be changed first"),
        count => writeln!(out, "{count} things are to be changed first"),
    }
}

fn models(out: &mut String, pack: &Pack) -> std::fmt::Result {
    let text = pack.text("dmi");
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let line: String = line.unwrap_or_default().chars().take(60).collect();
        line.replace(|c: char| c.is_control(), "?")
    };
    for (what, names) in [
        ("system     ", ["sys_vendor", "product_name"]),
        ("board      ", ["board_vendor", "board_name"]),
        ("version    ", ["bios_vendor", "bios_version"]),
    ] {
        let values = names.map(value).join(" ");
        if !values.trim().is_empty() {
            writeln!(out, "{what}{}", values.trim())?;
        }
    }
    Ok(())
}

/// How many partitions fit, and what they have of low memory.
fn partitions(out: &mut String, pack: &Pack) -> std::fmt::Result {
    let (trial, reason) = trial(pack, "6.1");
    let count = trial.ledger().iter().len();
    writeln!(out, "partitions of one core: {count} at once ({reason})")?;
    let claims = || trial.ledger().iter().map(|partition| &partition.claim);
    let shared = claims().filter(|claim| claim.shares_low_chunk).count();
    let small = claims().filter(|claim| claim.low_chunk.size() < kexec::LOW_BYTES);
    let small = small.count() - shared;
    let whole = count - shared - small;
    writeln!(
        out,
        "low memory: {whole} with 64K (any kexec inside), {small} with 32K (kexec from Linux 6.8 on), \
         {shared} share 32K (no kexec)"
    )?;
    let (own, reason) = self::trial(pack, "6.1-rt");
    let own = own.ledger().iter().len();
    if own < count {
        writeln!(
            out,
            "of those that can't share (several cores, PREEMPT_RT, before 5.13, no EFI): {own} at once ({reason})"
        )?;
    }
    writeln!(
        out,
        "RAM of Bulkhead itself: about 1 MiB, a page below 64 KiB, and the images that its loader brings"
    )
}

/// Partitions of one core each, with a kernel that says to be that version, defined until the shell
/// refuses one; and the reason, which is the limit.
fn trial(pack: &Pack, version: &str) -> (Operator, String) {
    let mut machine = board(pack, Some(&[])).machine;
    machine.images.push(kernel(version));
    let cores: Vec<u32> = machine.cores.iter().map(|core| core.apic_id).collect();
    let (most, own) = (most_partitions(&machine), machine.boot_core);
    let mut operator = Operator::new(machine, Vec::new());
    let others = cores.into_iter().filter(|core| *core != own);
    for (number, core) in others.enumerate() {
        if number == most {
            return (operator, format!("there is room for {most}"));
        }
        let line = format!("define p{number} cores={core} {LEAST}");
        let (said, done) = operator.run("survey", &line);
        if done.is_err() {
            let error = said.lines().find_map(|line| line.split_once("error: "));
            let reason = error.map_or(said.clone(), |(_, error)| error.to_string());
            return (operator, reason);
        }
    }
    let reason = String::from("each has a core, and Bulkhead keeps one");
    (operator, reason)
}

/// A kernel as the trial's partitions have it: a small one, whose bytes nobody reads.
fn kernel(version: &str) -> Image {
    Image {
        name: String::from("linux"),
        // Where no RAM is: the trial is about partitions, whatever images there are.
        region: Region::new(1 << 50, 8 << 20),
        kind: ImageKind::Kernel(BzImage {
            protocol: 0x020f,
            // It decides about low memory.
            version: Some(version.into()),
            setup_bytes: 0x4000,
            protected_mode_bytes: (8 << 20) - 0x4000,
            init_size: 48 << 20,
            kernel_alignment: 2 << 20,
            pref_address: 16 << 20,
            xloadflags: 0x3f,
            has_efi: true,
            cmdline_size: 2047,
            compression: None,
            header: vec![0; 0x7b],
        }),
        told: Told::default(),
    }
}

/// How many functions can be owned alone.
fn devices(out: &mut String, machine: &Machine) -> std::fmt::Result {
    let functions = machine.functions.iter();
    let given: Vec<Given> = functions.map(|f| Given::of(machine, f)).collect();
    let count = |wanted| given.iter().filter(|given| **given == wanted).count();
    writeln!(
        out,
        "PCI functions: {} can be owned alone, {} with others, {} stay Bulkhead's, {} can't be given",
        count(Given::Alone),
        count(Given::With),
        count(Given::Never),
        count(Given::Refused)
    )
}
