//! `work`: what a machine does in a second, for `make bench`. In the manner of lmbench, STREAM and
//! fio, whose Debian packages want many libraries; this is one static program.
//!
//! ```text
//! work cpu SECONDS                  millions of rounds of a loop in a second
//! work syscall SECONDS              nanoseconds of a system call that does nothing (getppid)
//! work ring PROCESSES SECONDS       nanoseconds for a byte to go from one process to the next, by
//!                                   pipes in a ring: with two this is `perf bench sched pipe`
//! work copy SECONDS                 MB/s of STREAM's "copy", read and written bytes counted
//! work triad SECONDS                MB/s of STREAM's "triad"
//! work disk BUS read|write random|sequential THREADS SECONDS
//!                                   past the page cache, so many at once: operations of 4 KiB in a
//!                                   second, or MB/s in steps of 128 KiB
//! work interrupts BUS COMMAND ...   how many a function takes in a second of the command; with
//!                                   `busy=X` too
//! work card BUS                     the name of the network card
//! work unlink|fault|fork|pipe|udp SECONDS
//!                                   operations in a second that meet others in the kernel
//! work map THREADS SECONDS          the same, by so many threads of one process, a core each
//! work soon SECONDS                 what the time-stamp counter says in that time
//! work at TICKS COMMAND ...         begins the command when it says that: in two Linuxes at once
//! ```
//!
//! BUS is that of a PCI function, two hexadecimal digits; its driver is waited for. What is measured
//! runs once or for a moment before, uncounted. The last line is `WORK value=X`, for a disk with
//! `interrupts=X`, its own per second meanwhile, and `busy=X`, how many cores were not idle; or `WORK failed: WHY` with exit status 1.

mod at;
mod busy;
mod contend;
mod cores;
mod cpu;
mod disk;
mod function;
mod memory;
mod ring;
mod timed;

use std::io;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::busy::Busy;
use crate::disk::{Job, Order};
use crate::function::Function;

/// Does what the arguments say; gives the last line's words. `None`: they say nothing.
fn run(arguments: &[&str]) -> Option<io::Result<String>> {
    Some(match arguments {
        ["cpu", time] => Ok(value(cpu::rounds(seconds(time)?) / 1e6)),
        ["syscall", time] => Ok(value(1e9 / cpu::system_calls(seconds(time)?))),
        ["ring", processes, time] => {
            let processes = processes.parse().ok().filter(|count| *count > 1)?;
            ring::passes(processes, seconds(time)?).map(|rate| value(1e9 / rate))
        }
        ["copy", time] => Ok(value(memory::copy(seconds(time)?) / 1e6)),
        ["triad", time] => Ok(value(memory::triad(seconds(time)?) / 1e6)),
        ["disk", bus, direction, order, threads, time] => {
            let job = Job {
                is_write: one_of(direction, "read", "write")?,
                order: if one_of(order, "random", "sequential")? {
                    Order::Sequential
                } else {
                    Order::Random
                },
                threads: threads.parse().ok().filter(|count| *count > 0)?,
                seconds: seconds(time)?,
            };
            disk(&Function::on_bus(bus), &job)
        }
        ["interrupts", bus, command, rest @ ..] => {
            interrupts(&Function::on_bus(bus), command, rest)
        }
        ["card", bus] => Function::on_bus(bus).card(),
        ["unlink", time] => contend::unlink(seconds(time)?).map(value),
        ["map", threads, time] => {
            let threads = threads.parse().ok().filter(|count| *count > 0)?;
            contend::map(threads, seconds(time)?).map(value)
        }
        ["fault", time] => contend::fault(seconds(time)?).map(value),
        ["fork", time] => contend::fork(seconds(time)?).map(value),
        ["pipe", time] => contend::pipe(seconds(time)?).map(value),
        ["udp", time] => contend::udp(seconds(time)?).map(value),
        ["soon", time] => Ok(value(
            at::soon(Duration::from_secs_f64(seconds(time)?)) as f64
        )),
        ["at", ticks, command @ ..] => match at::wait(ticks.parse().ok()?) {
            Ok(()) => return run(command),
            Err(error) => Err(error),
        },
        _ => return None,
    })
}

fn value(value: f64) -> String {
    format!("value={value:.3}")
}

fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|seconds| *seconds > 0.0)
}

/// Whether it is the second.
fn one_of(text: &str, first: &str, second: &str) -> Option<bool> {
    (text == first || text == second).then_some(text == second)
}

fn disk(function: &Function, job: &Job) -> io::Result<String> {
    let disk = function.disk()?;
    let before = function.interrupts()?;
    let start = Instant::now();
    let busy = Busy::start()?;
    let rate = disk::rate(&disk, job)?;
    let busy = busy.cores()?;
    let interrupts = per_second(function, before, start)?;
    let rate = match job.order {
        Order::Random => rate,
        Order::Sequential => rate * disk::SEQUENTIAL_BYTES as f64 / 1e6,
    };
    Ok(format!(
        "{} interrupts={interrupts:.3} busy={busy:.6}",
        value(rate)
    ))
}

fn interrupts(function: &Function, command: &str, arguments: &[&str]) -> io::Result<String> {
    let before = function.interrupts()?;
    let start = Instant::now();
    let busy = Busy::start()?;
    let status = Command::new(command).args(arguments).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{command}: {status}")));
    }
    let busy = busy.cores()?;
    let value = value(per_second(function, before, start)?);
    Ok(format!("{value} busy={busy:.6}"))
}

fn per_second(function: &Function, before: u64, start: Instant) -> io::Result<f64> {
    let seconds = start.elapsed().as_secs_f64();
    Ok((function.interrupts()? - before) as f64 / seconds)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Some(Ok(words)) => {
            println!("WORK {words}");
            ExitCode::SUCCESS
        }
        Some(Err(error)) => {
            println!("WORK failed: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!(
                "usage: work cpu|syscall|copy|triad SECONDS\n       \
                 work ring PROCESSES SECONDS\n       \
                 work disk BUS read|write random|sequential THREADS SECONDS\n       \
                 work interrupts BUS COMMAND ...\n       \
                 work card BUS\n       \
                 work unlink|fault|fork|pipe|udp SECONDS\n       \
                 work map THREADS SECONDS\n       \
                 work soon SECONDS\n       \
                 work at TICKS COMMAND ..."
            );
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "",
            "cpu",
            "cpu x",
            "cpu 0",
            "ring 1 1",
            "disk 01 read x 1 1",
            "disk 01 read random 0 1",
            "interrupts 01",
            "map 0 1",
            "at x cpu 1",
        ] {
            let arguments: Vec<&str> = line.split_ascii_whitespace().collect();
            assert!(run(&arguments).is_none(), "{line}");
        }
    }

    #[test]
    fn this_machine_has_figures() {
        for line in [
            "cpu 0.01",
            "syscall 0.01",
            "ring 3 0.01",
            "copy 0.01",
            "triad 0.01",
            "unlink 0.01",
            "map 1 0.01",
            "map 2 0.01",
            "fault 0.01",
            "fork 0.01",
            "pipe 0.01",
            "udp 0.01",
            "soon 0.01",
        ] {
            let arguments: Vec<&str> = line.split(' ').collect();
            let words = run(&arguments).unwrap().unwrap();
            let figure = words.strip_prefix("value=").unwrap();
            assert!(figure.parse::<f64>().unwrap() > 0.0, "{line}: {words}");
        }
    }
}
