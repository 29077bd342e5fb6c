//! The tables are read back by Intel's disassembler, where it is installed.

mod fixture;

use std::process::Command;
use std::{env, fs, process};

use bulkhead_tables::acpi::{Blob, UartView, View, build};
use fixture::{IO_APICS, OVERRIDES, UARTS, nodes, performance, roots, table, view};

/// Intel's disassembler and compiler, if installed; `None` and a word about it if not.
fn iasl(arguments: &[&str]) -> Option<String> {
    match Command::new("iasl").args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).to_string();
            assert!(output.status.success(), "iasl {arguments:?}: {text}");
            Some(text)
        }
        Err(_) => {
            println!("skipped: iasl is not installed");
            None
        }
    }
}

/// Disassembles every table, and compiles what the DSDT says again; returns the DSDT's source.
fn disassemble(name: &str, blob: &Blob) -> Option<String> {
    let folder = env::temp_dir().join(format!("bulkhead-tables-{name}-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mut dsdt = None;
    for (signature, _, _) in &blob.tables {
        let name = String::from_utf8_lossy(signature).to_lowercase();
        let file = folder.join(&name).with_extension("aml");
        fs::write(&file, table(blob, signature)).expect("written");
        let Some(text) = iasl(&["-d", &file.to_string_lossy()]) else {
            break;
        };
        for word in ["Error", "ERROR", "Warning", "Incorrect", "Invalid"] {
            assert!(!text.contains(word), "{name}: {text}");
        }
        let source = file.with_extension("dsl");
        let disassembly = fs::read_to_string(&source).expect("written by iasl");
        for word in ["Incorrect", "Invalid", "**** ", "Unknown"] {
            assert!(!disassembly.contains(word), "{name}: {disassembly}");
        }
        if signature == b"DSDT" {
            // What it says can be said in ASL: it compiles again, without a remark.
            let text = iasl(&[&source.to_string_lossy()]).unwrap_or_default();
            assert!(text.contains("0 Errors, 0 Warnings, 0 Remarks"), "{text}");
            dsdt = Some(disassembly);
        }
    }
    fs::remove_dir_all(&folder).expect("removed");
    dsdt
}

#[test]
fn the_disassembler_reads_every_table() {
    let Some(dsdt) = disassemble("small", &build(&view(&[1, 2, 300]))) else {
        return;
    };
    for line in [
        "PNP0501",
        "Device (UA01)",
        "Device (UA04)",
        "0x03F8",
        "0x02E8",
    ] {
        assert!(dsdt.contains(line), "{line}: {dsdt}");
    }
}

#[test]
fn the_disassembler_reads_everything_that_there_can_be() {
    let uarts = UARTS.map(|uart| UartView {
        irq: Some(4),
        ..uart
    });
    let blob = build(&View {
        io_apics: &IO_APICS,
        isa_interrupts: true,
        nodes: &nodes(),
        performance: Some(&performance(2)),
        overrides: &OVERRIDES,
        uarts: &uarts,
        ps2: true,
        rtc: true,
        roots: &roots(),
        ..view(&[1, 2, 300])
    });
    let Some(dsdt) = disassemble("full", &blob) else {
        return;
    };
    for line in [
        "IRQNoFlags ()\n                    {4}",
        "Device (KBD)",
        "Device (MOU)",
        "Device (RTC)",
        "Device (P000)",
        "Device (P001)",
        "Name (_CBA, 0x0000002000000000)",
        "Name (_PRT, Package (0x02)",
        "QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Prefetchable, ReadWrite",
        "Memory32Fixed (ReadWrite,",
        "QWordMemory (ResourceConsumer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite",
    ] {
        let is_there = || {
            let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            squeeze(&dsdt).contains(&squeeze(line))
        };
        assert!(is_there(), "{line}: {dsdt}");
    }
}
