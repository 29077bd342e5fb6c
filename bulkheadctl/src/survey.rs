//! The report of a machine.

use std::fmt::Write;

use bulkhead_linux::BzImage;
use bulkhead_memory::{Bytes, Region};
use bulkhead_model::{Image, ImageKind, Machine, Told};

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
    match findings.changes.len() {
        0 => writeln!(
            out,
            "nothing is to be changed before Bulkhead is tried on this machine"
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

/// Defines partitions of one core each until the shell refuses one, whose reason is the limit.
fn partitions(out: &mut String, pack: &Pack) -> std::fmt::Result {
    let mut machine = board(pack, Some(&[])).machine;
    machine.images.push(kernel());
    let cores: Vec<u32> = machine.cores.iter().map(|core| core.apic_id).collect();
    let (most, own) = (most_partitions(&machine), machine.boot_core);
    let mut operator = Operator::new(machine, Vec::new());
    let mut count = 0;
    let others = cores.into_iter().filter(|core| *core != own);
    let mut reason = String::from("each has a core, and Bulkhead keeps one");
    for core in others {
        if count == most {
            reason = format!("there is room for {most}");
            break;
        }
        let line = format!("define p{count} cores={core} {LEAST}");
        let (said, done) = operator.run("survey", &line);
        if done.is_err() {
            let error = said.lines().find_map(|line| line.split_once("error: "));
            reason = error.map_or(said.clone(), |(_, error)| error.to_string());
            break;
        }
        count += 1;
    }
    writeln!(out, "partitions of one core: {count} at once ({reason})")?;
    writeln!(
        out,
        "RAM of Bulkhead itself: about 1 MiB, a page below 64 KiB, and the images that its loader brings"
    )
}

/// A kernel as the trial's partitions have it: a small one, whose bytes nobody reads.
fn kernel() -> Image {
    Image {
        name: String::from("linux"),
        // Where no RAM is: the trial is about partitions, whatever images there are.
        region: Region::new(1 << 50, 8 << 20),
        kind: ImageKind::Kernel(BzImage {
            protocol: 0x020f,
            // One of those that can share low memory, as all since 5.13 but the rt ones.
            version: Some(String::from("6.1")),
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
