//! A machine in Bochs: slow, and with what QEMU's emulation has not, such as branch tracking (CET) and
//! VMX.
//!
//! Debian's `bochs` draws on a terminal only, and is built with its debugger; both are kept quiet.
//! Its machine has two cores or more, 1 GiB, a CD drive and two serial ports. What they send is written to
//! files; the first one can be typed into.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The processor: the newest that Bochs 2.7 knows.
const PROCESSOR: &str = "tigerlake";

/// How long it may take until its first serial port can be connected to.
const START: Duration = Duration::from_secs(60);

/// What `tools/bochs` keeps.
fn store() -> PathBuf {
    crate::cache().join("bochs")
}

/// Whether `tools/bochs` has fetched it.
#[must_use]
pub fn is_available() -> bool {
    store().join("bochs").is_file()
}

/// A running machine; it ends when this is dropped.
pub struct Bochs {
    child: Child,
    folder: PathBuf,
    /// Its first serial port.
    line: TcpStream,
    /// Of each serial port: how much was waited for.
    seen: [usize; 2],
}

impl Bochs {
    /// Boots an ISO made by [`crate::iso::Iso::make`] on two cores. Its files lie beside it, in the
    /// folder `run`.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn boot(iso: &Path) -> Self {
        Self::boot_on(iso, 2)
    }

    /// As [`Self::boot`], on that many cores. They take turns: each makes the others slower.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn boot_on(iso: &Path, cores: u32) -> Self {
        let folder = iso.with_file_name("run");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for port in [1, 2] {
            // There may be one of an earlier run.
            let _ = std::fs::remove_file(port_file(&folder, port));
        }
        let port = free_port();
        let share = store().join("root/usr/share");
        let settings = format!(
            "display_library: term\n\
             cpu: model={PROCESSOR}, count={cores}:1:1, ips=60000000, reset_on_triple_fault=0\n\
             memory: guest=1024, host=1024\n\
             romimage: file={0}/bochs/BIOS-bochs-latest\n\
             vgaromimage: file={0}/vgabios/vgabios.bin\n\
             vga: extension=none\n\
             ata0-master: type=cdrom, path={1}, status=inserted\n\
             boot: cdrom\n\
             com1: enabled=1, mode=socket-server, dev=localhost:{port}\n\
             com2: enabled=1, mode=file, dev={2}\n\
             log: {3}\n\
             clock: sync=none\n\
             panic: action=fatal\n",
            share.display(),
            iso.display(),
            port_file(&folder, 2).display(),
            folder.join("bochs.log").display(),
        );
        let (rc, debugger) = (folder.join("bochsrc"), folder.join("debugger"));
        std::fs::write(&rc, settings).expect("it can be written");
        std::fs::write(&debugger, "c\n").expect("it can be written");
        let bochs = format!(
            "{} -q -f {} -rc {}",
            store().join("bochs").display(),
            rc.display(),
            debugger.display()
        );
        let screen = std::fs::File::create(folder.join("screen.log")).expect("it can be made");
        let child = Command::new("script")
            .args(["-q", "-e", "-c", &bochs, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(screen.try_clone().expect("a file can be cloned"))
            .stderr(screen)
            .spawn()
            .expect("script is installed");
        let line = connect(port);
        keep(
            line.try_clone().expect("a connection can be cloned"),
            &port_file(&folder, 1),
        );
        Self {
            child,
            folder,
            line,
            seen: [0; 2],
        }
    }

    /// Types a line into the first serial port.
    ///
    /// # Panics
    /// If Bochs has ended.
    pub fn send(&mut self, line: &str) {
        let bytes = format!("{line}\r");
        self.line.write_all(bytes.as_bytes()).expect("Bochs runs");
    }

    /// Waits until `wanted` comes on a serial port (1 or 2), after what was waited for before.
    ///
    /// # Panics
    /// If it does not come in time, or Bochs ends.
    pub fn wait_for(&mut self, port: usize, wanted: &str, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            let has_ended = !matches!(self.child.try_wait(), Ok(None));
            let bytes = std::fs::read(port_file(&self.folder, port)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let fresh = text.get(self.seen[port - 1]..).unwrap_or_default();
            if let Some(at) = fresh.find(wanted) {
                self.seen[port - 1] += at + wanted.len();
                return;
            }
            let late = Instant::now() > end;
            assert!(
                !late && !has_ended,
                "com{port}: {wanted:?} did not come{}; in {}:\n{}",
                if has_ended { ", Bochs has ended" } else { "" },
                self.folder.display(),
                fresh.lines().rev().take(20).collect::<Vec<_>>().join("\n"),
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// One that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
    listener.local_addr().expect("it is bound").port()
}

/// Bochs waits for this before it starts the machine.
fn connect(port: u16) -> TcpStream {
    let end = Instant::now() + START;
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(line) => return line,
            Err(error) => assert!(Instant::now() < end, "Bochs: {error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Writes what comes into a file, until the other side ends.
fn keep(mut line: TcpStream, file: &Path) {
    let mut file = std::fs::File::create(file).expect("it can be made");
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = line.read(&mut bytes) {
            file.write_all(&bytes[..count]).expect("it can be written");
        }
    });
}

fn port_file(folder: &Path, port: usize) -> PathBuf {
    folder.join(format!("com{port}.log"))
}

impl Drop for Bochs {
    fn drop(&mut self) {
        // `script` gives Bochs a session of its own, and Bochs outlives it: it is known by its file.
        let settings = self.folder.join("bochsrc").display().to_string();
        let _ = Command::new("pkill")
            .args(["-KILL", "-f", &settings])
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
