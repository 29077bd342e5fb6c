//! A login on a new terminal.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

/// The word by which this program is called to become it.
pub const WORD: &str = "login-on-stdin";
/// What it is told to be: what passes to the operator's terminal is of that kind.
const TERM: &str = "vt220";

/// What asks for a name and a password here, if something does.
pub(super) fn usual() -> Option<String> {
    let known = ["/bin/login", "/usr/bin/login"];
    let found = known.iter().find(|path| Path::new(path).exists());
    found.map(|path| (*path).to_string())
}

/// Our end of a new terminal, not blocking, with that command at the other.
pub(super) fn open(command: &str) -> io::Result<(File, Child)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs: OwnedFd = ioctl_tiocgptpeer(&ours, flags)?;
    let child = Command::new("/proc/self/exe")
        .args([WORD, command])
        .env("TERM", TERM)
        .stdin(theirs.try_clone()?)
        .stdout(theirs.try_clone()?)
        .stderr(theirs)
        .spawn()?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((File::from(ours), child))
}

/// Becomes the command, in a session of its own whose terminal is standard input. Returns to say why not.
#[must_use]
pub fn become_login(command: &str) -> String {
    let begun =
        rustix::process::setsid().and_then(|_| rustix::process::ioctl_tiocsctty(std::io::stdin()));
    if let Err(error) = begun {
        return format!("its terminal: {error}");
    }
    let error = Command::new("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .exec();
    format!("/bin/sh: {error}")
}
