//! The QEMU that is there, and what it can do on this host.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Command;

/// Whether guests are to run on the processor itself: asked of the processor first, since the device
/// file alone may be there and not work. With `BULKHEAD_KVM=0` they are emulated all the same.
#[must_use]
pub fn has_kvm() -> bool {
    if std::env::var_os("BULKHEAD_KVM").is_some_and(|value| value == "0") {
        return false;
    }
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let device = || OpenOptions::new().read(true).write(true).open("/dev/kvm");
    can_run_guests(&info) && device().is_ok()
}

/// Whether `/proc/cpuinfo` shows Intel's or AMD's virtualisation.
fn can_run_guests(cpuinfo: &str) -> bool {
    let mut words = cpuinfo.split_ascii_whitespace();
    words.any(|word| word == "vmx" || word == "svm")
}

/// The program: what `tools/qemu` keeps in the cache, where it does, else the machine's own.
#[must_use]
pub fn program() -> PathBuf {
    const NAME: &str = "qemu-system-x86_64";
    let own = crate::cache().join("qemu").join(NAME);
    if own.exists() {
        own
    } else {
        PathBuf::from(NAME)
    }
}

/// The program's own words for its version; empty if it can't be asked.
#[must_use]
pub fn version() -> String {
    let output = Command::new(program()).arg("--version").output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    version_in(&String::from_utf8_lossy(&text))
}

/// From what `--version` prints.
fn version_in(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let version = line
        .rsplit_once("version ")
        .map_or(line, |(_, version)| version);
    version.split(" (").next().unwrap_or_default().to_string()
}

/// The accelerator's arguments.
#[must_use]
pub fn accelerator() -> [&'static str; 4] {
    if has_kvm() {
        ["-accel", "kvm", "-cpu", "host"]
    } else {
        ["-accel", "tcg,thread=multi", "-cpu", "max"]
    }
}

/// Those of [`Machine::virtual_time`](super::Machine::virtual_time), or of `counted_time`, which sleeps: `-icount` wants the cores in
/// one thread. With KVM there is no such time, and they are [`accelerator`]'s.
#[must_use]
pub fn virtual_time(sleeps: bool) -> Vec<&'static str> {
    if has_kvm() {
        return accelerator().to_vec();
    }
    let icount = match sleeps {
        true => "shift=1,sleep=on",
        false => "shift=1,sleep=off",
    };
    vec![
        "-accel",
        "tcg,thread=single",
        "-cpu",
        "max",
        "-icount",
        icount,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kvm_is_the_processors() {
        assert!(can_run_guests("flags\t\t: fpu vmx ssse3\n"));
        assert!(can_run_guests("flags\t\t: fpu svm\n"));
        // Flags that only begin or end so are others.
        assert!(!can_run_guests("flags\t\t: fpu svm_lock nvmx\n"));
        assert!(!can_run_guests(""));
    }

    #[test]
    fn a_version_is_found() {
        let debian = "QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1~bpo13+1)\nCopyright\n";
        assert_eq!(version_in(debian), "11.1.3");
        assert_eq!(version_in("QEMU emulator version 10.0.8\n"), "10.0.8");
        assert_eq!(version_in(""), "");
    }
}
