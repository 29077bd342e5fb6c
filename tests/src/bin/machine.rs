//! `machine print IMAGE FOLDER PORTS`: the command that starts QEMU for `make run`, as the tests have
//! it, each argument ended by a NUL.
//!
//! IMAGE is an ISO, or a TFTP folder of `tools/mkpxe`. The sockets of the serial ports, `com1.sock`
//! and so on, will lie in FOLDER, and QEMU waits until somebody has come to each of the PORTS.
//! `$FIRMWARE` (bios or uefi), `$SMP` and `$MEMORY` describe the machine, as for `make demo`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use bulkhead_tests::qemu::{Asked, Machine};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["print", image, folder, ports] => print(Path::new(image), Path::new(folder), ports),
        _ => Err("usage: machine print IMAGE FOLDER PORTS".to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("machine: error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(image: &Path, folder: &Path, ports: &str) -> Result<(), String> {
    let ports = ports
        .parse()
        .map_err(|_| format!("\"{ports}\": a number of serial ports is accepted"))?;
    let machine = live(image, ports)?.folder(folder);
    machine.prepare();
    let mut text = String::new();
    for argument in machine.command() {
        text += &argument;
        text.push('\0');
    }
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| error.to_string())
}

/// A machine for somebody who looks at its ports. Unlike a test's it has a screen, which a partition
/// may be given, and a reset is one.
fn live(image: &Path, ports: usize) -> Result<Machine, String> {
    let Asked {
        firmware,
        cores,
        memory,
    } = Asked::by_environment(None)?;
    // Its folder is another one: neither is made here.
    let machine = if image.is_dir() {
        Machine::from_network(image, None, firmware, "run")
    } else {
        Machine::new(image, "run")
            .firmware(firmware)
            .arguments(&["-nic", "none"])
    };
    Ok(machine
        .cores(&cores)
        .memory(&memory)
        .serial_ports(ports)
        .listens()
        .resets()
        .keeps_variables()
        .arguments(&["-vga", "std"]))
}
