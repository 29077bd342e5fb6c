//! A machine in Bochs: slow, and with what QEMU's emulation has not, such as branch tracking (CET).
//!
//! Debian's `bochs` draws on a terminal only, and is built with its debugger; both are kept quiet.
//! Its machine has two cores, 1 GiB, a CD drive and two serial ports that are written to files.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The processor: the newest that Bochs 2.7 knows.
const PROCESSOR: &str = "tigerlake";

/// Whether it is installed.
#[must_use]
pub fn is_available() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join("bochs").is_file())
}

/// A running machine; it ends when this is dropped.
pub struct Bochs {
    child: Child,
    folder: PathBuf,
    /// Of each serial port: how much was waited for.
    seen: [usize; 2],
}

impl Bochs {
    /// Boots an ISO made by [`crate::iso::Iso::make`]. Its files lie beside it, in the folder `run`.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn boot(iso: &Path) -> Self {
        let folder = iso.with_file_name("run");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for port in [1, 2] {
            // There may be one of an earlier run.
            let _ = std::fs::remove_file(port_file(&folder, port));
        }
        let settings = format!(
            "display_library: term\n\
             cpu: model={PROCESSOR}, count=2:1:1, ips=60000000, reset_on_triple_fault=0\n\
             memory: guest=1024, host=1024\n\
             romimage: file=/usr/share/bochs/BIOS-bochs-latest\n\
             vgaromimage: file=/usr/share/vgabios/vgabios.bin\n\
             vga: extension=none\n\
             ata0-master: type=cdrom, path={}, status=inserted\n\
             boot: cdrom\n\
             com1: enabled=1, mode=file, dev={}\n\
             com2: enabled=1, mode=file, dev={}\n\
             log: {}\n\
             clock: sync=none\n\
             panic: action=fatal\n",
            iso.display(),
            port_file(&folder, 1).display(),
            port_file(&folder, 2).display(),
            folder.join("bochs.log").display(),
        );
        let (rc, debugger) = (folder.join("bochsrc"), folder.join("debugger"));
        std::fs::write(&rc, settings).expect("it can be written");
        std::fs::write(&debugger, "c\n").expect("it can be written");
        let bochs = format!("bochs -q -f {} -rc {}", rc.display(), debugger.display());
        let screen = std::fs::File::create(folder.join("screen.log")).expect("it can be made");
        let child = Command::new("script")
            .args(["-q", "-e", "-c", &bochs, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(screen.try_clone().expect("a file can be cloned"))
            .stderr(screen)
            .spawn()
            .expect("script is installed");
        Self {
            child,
            folder,
            seen: [0; 2],
        }
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
