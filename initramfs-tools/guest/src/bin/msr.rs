//! `msr`: reads and writes a core's model-specific registers, by Linux's module `msr`.
//!
//! ```text
//! msr load MODULE                  loads it, with writes allowed
//! msr read CPU REGISTER...         each as "REGISTER VALUE"
//! msr write CPU REGISTER VALUE
//! ```
//!
//! Numbers are hexadecimal. The last line of a write is `MSR ok`, and of anything that fails
//! `MSR failed: WHY`, with exit status 1.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

/// The device's major number (Linux `Documentation/admin-guide/devices.txt`).
const MAJOR: u32 = 202;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("MSR failed: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        ["load", module] => load(module).map_err(|error| format!("{module}: {error}")),
        ["read", cpu, registers @ ..] => {
            let device = device(number(cpu)?)?;
            for name in registers {
                let mut bytes = [0; 8];
                let read = device.read_exact_at(&mut bytes, number(name)?);
                read.map_err(|error| format!("{name}: {error}"))?;
                println!("{name} {:x}", u64::from_le_bytes(bytes));
            }
            Ok(())
        }
        ["write", cpu, name, value] => {
            let bytes = number(value)?.to_le_bytes();
            let written = device(number(cpu)?)?.write_all_at(&bytes, number(name)?);
            written.map_err(|error| format!("{name}: {error}"))?;
            println!("MSR ok");
            Ok(())
        }
        _ => Err("usage: msr load MODULE | read CPU REGISTER... | write CPU REGISTER VALUE".into()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| format!("\"{text}\" is not a hexadecimal number"))
}

fn load(module: &str) -> io::Result<()> {
    let file = File::open(module)?;
    let parameters = c"allow_writes=on";
    // SAFETY: the descriptor is open and the parameters are a string.
    let status = unsafe {
        libc::syscall(
            libc::SYS_finit_module,
            file.as_raw_fd(),
            parameters.as_ptr(),
            0,
        )
    };
    if status == 0 {
        println!("MSR ok");
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Its device file, made if nobody has.
fn device(cpu: u64) -> Result<File, String> {
    let path = format!("/tmp/msr{cpu}");
    let describe = |error: io::Error| format!("{path}: {error}");
    let minor = u32::try_from(cpu).map_err(|_| format!("there is no CPU {cpu:x}"))?;
    if fs::metadata(&path).is_err() {
        let name = std::ffi::CString::new(path.clone()).expect("no zero in it");
        let device = libc::makedev(MAJOR, minor);
        // SAFETY: the name is a string.
        let status = unsafe { libc::mknod(name.as_ptr(), libc::S_IFCHR | 0o600, device) };
        if status != 0 {
            return Err(describe(io::Error::last_os_error()));
        }
    }
    let file = OpenOptions::new().read(true).write(true).open(&path);
    file.map_err(describe)
}
