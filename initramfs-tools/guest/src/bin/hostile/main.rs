//! `hostile`: what root of a Linux can do to a machine from user space, for `make torture`.
//!
//! ```text
//! hostile out WIDTH PORT VALUE...    writes to an I/O port; WIDTH is 8, 16 or 32
//! hostile ports SECONDS PORT VALUE   writes to it and reads the next one, over and over
//! hostile config SECONDS             enumerates PCI by ports 0xcf8 and 0xcfc, over and over, on each core
//! hostile enumerate SECONDS          the same on one, and fails if it does not find the same each time
//! hostile hot-reset BUS SECONDS      resets what is behind the bridge to that bus, over and over
//! hostile fill ADDRESS BYTES VALUE   fills physical memory with a byte, by /dev/mem
//! hostile dword ADDRESS VALUE...     writes dwords to physical memory, by /dev/mem
//! hostile ipi HIGH LOW               both halves of the local APIC's command register, at once
//! hostile split SECONDS              locks that cross a cache line, over and over, on each core
//! hostile variables SECONDS          reads all EFI variables, over and over, on each core
//! hostile calls MODULE               calls its EFI runtime services with every kind of pointer
//! ```
//!
//! Numbers but SECONDS and WIDTH are hexadecimal. The last line is `HOSTILE did COUNT`; `HOSTILE found: WHAT` if it
//! looked for what others do to it and found it, or `HOSTILE failed: WHY`, both with exit status 1.
//!
//! Source: `iopl(2)`, `mem(4)`, Linux `Documentation/filesystems/efivarfs.rst`.

mod calls;
mod pci;

use std::arch::asm;
use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

const PAGE: u64 = 4096;
const LOCAL_APIC: u64 = 0xfee0_0000;
const COMMAND_HIGH: usize = 0x310;
const COMMAND_LOW: usize = 0x300;
const VARIABLES: &str = "/sys/firmware/efi/efivars";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(count) => {
            println!("HOSTILE did {count}");
            ExitCode::SUCCESS
        }
        Err(Why::Found(what)) => {
            println!("HOSTILE found: {what}");
            ExitCode::FAILURE
        }
        Err(Why::Failed(why)) => {
            println!("HOSTILE failed: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Why it did not go on.
enum Why {
    /// Others did to it what it looked for.
    Found(String),
    /// It could not do what it was asked to.
    Failed(String),
}

impl From<String> for Why {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<&str> for Why {
    fn from(why: &str) -> Self {
        Self::Failed(why.to_string())
    }
}

fn run(arguments: &[&str]) -> Result<u64, Why> {
    match arguments {
        ["out", width, at, values @ ..] if !values.is_empty() => {
            let at = port(at)?;
            let values = dwords(values)?;
            allow_ports()?;
            for value in &values {
                out(width, at, *value)?;
            }
            Ok(values.len() as u64)
        }
        ["ports", time, at, value] => {
            let (at, value) = (port(at)?, dword(value)?);
            allow_ports()?;
            let count = repeat(time, || {
                out("8", at, value)?;
                // The window beside an index, or nothing.
                let _ = read_byte(at.wrapping_add(1));
                Ok(1)
            })?;
            Ok(count)
        }
        ["config", time] => Ok(on_each_core(|| {
            allow_ports()?;
            repeat(time, || Ok(pci::enumerate().len() as u64))
        })?),
        ["enumerate", time] => {
            allow_ports()?;
            let first = pci::enumerate();
            let wrong = Cell::new(0);
            let count = repeat(time, || {
                wrong.set(wrong.get() + pci::others(&first, &pci::enumerate()));
                Ok(first.len() as u64)
            })?;
            match wrong.get() {
                0 => Ok(count),
                wrong => {
                    println!("{wrong} of {count}");
                    Err(Why::Found(
                        "what it reads by ports 0xcf8 and 0xcfc is wrong".into(),
                    ))
                }
            }
        }
        ["hot-reset", bus, time] => {
            let bus = u8::try_from(number(bus)?).map_err(|_| "BUS: up to ff is accepted")?;
            allow_ports()?;
            let bridge = pci::bridge(bus)?;
            Ok(repeat(time, || {
                pci::hot_reset(bridge);
                Ok(1)
            })?)
        }
        ["calls", module] => Ok(calls::all(module)?),
        ["fill", at, bytes, value] => {
            let (at, bytes, value) = (number(at)?, number(bytes)?, number(value)?);
            let value = u8::try_from(value).map_err(|_| "VALUE: a byte".to_string())?;
            with_memory(at, bytes, |memory, length| {
                for offset in 0..length {
                    let at = memory.wrapping_add(offset);
                    // SAFETY: inside the mapping; whose memory it is, is what is tried.
                    unsafe { at.write_volatile(value) };
                }
            })?;
            Ok(bytes)
        }
        ["dword", at, values @ ..] if !values.is_empty() => {
            let at = number(at)?;
            let values = dwords(values)?;
            with_memory(at, values.len() as u64 * 4, |memory, _| {
                for (index, value) in values.iter().enumerate() {
                    let at = memory.cast::<u32>().wrapping_add(index);
                    // SAFETY: inside the mapping; whose registers these are, is what is tried.
                    unsafe { at.write_volatile(*value) };
                }
            })?;
            Ok(values.len() as u64)
        }
        ["ipi", high, low] => {
            let (high, low) = (dword(high)?, dword(low)?);
            with_memory(LOCAL_APIC, PAGE, |memory, _| {
                let at = |offset| memory.wrapping_add(offset).cast::<u32>();
                // Linux sends interrupts of its own by the same register: nothing is between the two.
                let (first, second) = (at(COMMAND_HIGH), at(COMMAND_LOW));
                // SAFETY: inside the mapping; whom it reaches, is what is tried.
                unsafe { first.write_volatile(high) };
                // SAFETY: likewise.
                unsafe { second.write_volatile(low) };
            })?;
            Ok(1)
        }
        ["split", time] => Ok(on_each_core(|| repeat(time, split_lock))?),
        ["variables", time] => Ok(on_each_core(|| repeat(time, read_variables))?),
        _ => Err("see the top of hostile/main.rs".into()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| format!("{text}: a hexadecimal number is accepted"))
}

fn port(text: &str) -> Result<u16, String> {
    u16::try_from(number(text)?).map_err(|_| format!("{text}: a port up to ffff is accepted"))
}

fn dword(text: &str) -> Result<u32, String> {
    u32::try_from(number(text)?).map_err(|_| format!("{text}: up to ffffffff is accepted"))
}

fn dwords(texts: &[&str]) -> Result<Vec<u32>, String> {
    texts.iter().map(|text| dword(text)).collect()
}

/// As long as that many seconds; the sum of what was done.
fn repeat(seconds: &str, work: impl Fn() -> Result<u64, String>) -> Result<u64, String> {
    let seconds = seconds.parse().map_err(|_| "SECONDS: a number")?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0;
    while Instant::now() < end {
        count += work()?;
    }
    Ok(count)
}

fn on_each_core(work: impl Fn() -> Result<u64, String> + Sync) -> Result<u64, String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(&work)).collect();
        let mut sum = 0;
        for thread in threads {
            sum += thread.join().map_err(|_| "a thread panicked")??;
        }
        Ok(sum)
    })
}

fn allow_ports() -> Result<(), String> {
    // SAFETY: takes a number only.
    if unsafe { libc::iopl(3) } < 0 {
        return Err(format!("iopl: {}", io::Error::last_os_error()));
    }
    Ok(())
}

fn out(width: &str, port: u16, value: u32) -> Result<(), String> {
    match width {
        "8" => {
            let value = u8::try_from(value).map_err(|_| "VALUE: up to ff is accepted")?;
            // SAFETY: `allow_ports` was called; what the port does is what is tried.
            unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack)) };
        }
        "16" => {
            let value = u16::try_from(value).map_err(|_| "VALUE: up to ffff is accepted")?;
            // SAFETY: as above.
            unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack)) };
        }
        "32" => write_dword(port, value),
        _ => return Err(format!("{width}: 8, 16 or 32 is accepted")),
    }
    Ok(())
}

fn write_dword(port: u16, value: u32) {
    // SAFETY: as in `out`.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack)) };
}

fn read_dword(port: u16) -> u32 {
    let value;
    // SAFETY: as in `out`.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack)) };
    value
}

fn read_byte(port: u16) -> u8 {
    let value;
    // SAFETY: as in `out`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) };
    value
}

/// Physical memory, mapped.
fn with_memory(at: u64, bytes: u64, work: impl FnOnce(*mut u8, usize)) -> Result<(), String> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/mem");
    let file = file.map_err(|error| format!("/dev/mem: {error}"))?;
    let start = at & !(PAGE - 1);
    let size = |bytes| usize::try_from(bytes).map_err(|_| "too much".to_string());
    let (offset, bytes) = (size(at - start)?, size(bytes)?);
    let start = i64::try_from(start).map_err(|_| "too high".to_string())?;
    // SAFETY: a new mapping, wherever the kernel wants it.
    let mapped = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            offset + bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            start,
        )
    };
    if mapped == libc::MAP_FAILED {
        return Err(format!("mmap: {}", io::Error::last_os_error()));
    }
    work(mapped.cast::<u8>().wrapping_add(offset), bytes);
    Ok(())
}

/// A locked addition whose operand lies in two cache lines.
fn split_lock() -> Result<u64, String> {
    #[repr(align(64))]
    struct Lines([u8; 128]);
    const EACH: u64 = 1000;
    let mut lines = Lines([0; 128]);
    let at = lines.0.as_mut_ptr().wrapping_add(62);
    for _ in 0..EACH {
        // SAFETY: four bytes inside `lines`, whose other bytes nobody looks at.
        unsafe { asm!("lock add dword ptr [{}], 1", in(reg) at, options(nostack)) };
    }
    Ok(EACH)
}

fn read_variables() -> Result<u64, String> {
    let mut calls = 0;
    let all = fs::read_dir(VARIABLES).map_err(|error| format!("{VARIABLES}: {error}"))?;
    for variable in all.flatten() {
        // Opening asks for its size, reading for it.
        if fs::read(variable.path()).is_ok() {
            calls += 1;
        }
    }
    Ok(calls)
}
