//! `attach SOCKET`: this terminal, raw, on one of QEMU's serial ports (a Unix socket).
//!
//! For `make run`, whose tmux panes each run one. It needs nothing that a minimal Debian lacks:
//! `stty` sets the terminal's mode, as the standard library cannot. Every key goes to the port,
//! Ctrl-C too; it ends when the other side does.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{io, thread};

/// How long the socket may take to appear: QEMU opens it after its other preparations, and the
/// next one only when the one before is taken.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let Some(socket) = std::env::args().nth(1) else {
        eprintln!("usage: attach SOCKET");
        return ExitCode::FAILURE;
    };
    let result = connect(&socket).and_then(|port| {
        let saved = stty(&["-g"])?;
        stty(&["raw", "-echo"])?;
        let result = relay(port);
        stty(&[saved.trim()])?;
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attach: error: {socket}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn connect(socket: &str) -> io::Result<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(socket) {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

/// Runs `stty` on this terminal and returns what it prints.
fn stty(arguments: &[&str]) -> io::Result<String> {
    let output = Command::new("stty")
        .args(arguments)
        .stdin(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).trim().to_string(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes both ways until the port is closed. The thread that waits for keys ends with the process.
fn relay(port: UnixStream) -> io::Result<()> {
    let keys = port.try_clone()?;
    thread::spawn(move || copy(io::stdin(), keys));
    match copy(port, io::stdout()) {
        // QEMU ended with something of ours unread.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        result => result,
    }
}

/// Like [`io::copy`], but what is there is passed on at once.
fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let bytes = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..bytes])?;
        to.flush()?;
    }
}
