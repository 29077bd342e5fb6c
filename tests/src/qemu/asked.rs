//! What `make run` and `make demo` are asked for by variables.

use std::path::Path;
use std::process::Command;

use super::Firmware;

/// `$FIRMWARE`, `$SMP` and `$MEMORY`, none of which QEMU refuses for what it is.
#[derive(Debug)]
pub struct Asked {
    /// The BIOS if nothing is said.
    pub firmware: Firmware,
    /// For `-smp`: 4 if nothing is said.
    pub cores: String,
    /// For `-m`: 2G if nothing is said.
    pub memory: String,
}

impl Asked {
    /// What the environment has, looked at by `tools/check-machine`; with a boot script, the machine has the
    /// cores that are claimed there.
    ///
    /// # Errors
    /// What is accepted.
    pub fn by_environment(script: Option<&Path>) -> Result<Self, String> {
        let mut check = Command::new(crate::root().join("tools/check-machine"));
        check.args(script);
        let output = check.output();
        let output = output.map_err(|error| format!("tools/check-machine: {error}"))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            let why = why.trim_end();
            return Err(why.rsplit("error: ").next().unwrap_or(why).to_string());
        }
        let variable = |name: &str, default: &str| {
            let value = std::env::var(name).unwrap_or_default();
            if value.is_empty() {
                default.to_string()
            } else {
                value
            }
        };
        Ok(Self {
            firmware: Firmware::by_name(&variable("FIRMWARE", "bios"))?,
            cores: variable("SMP", "4"),
            memory: variable("MEMORY", "2G"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of one variable, for the demo's script.
    fn said(variable: &str, value: &str) -> String {
        let root = crate::root();
        let output = Command::new(root.join("tools/check-machine"))
            .arg(root.join("conf/demo.conf"))
            .envs(["FIRMWARE", "SMP", "MEMORY"].map(|name| (name, "")))
            .env(variable, value)
            .output()
            .expect("it can be run");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), text.is_empty(), "{text}");
        text
    }

    #[test]
    fn what_is_not_accepted_is_refused_with_what_is() {
        for (variable, value, accepted) in [
            ("SMP", "zero", "accepted: a number of cores, as 4"),
            ("SMP", "0", "accepted: a number of cores, as 4"),
            (
                "SMP",
                "1",
                "accepted: 4 and more: conf/demo.conf claims cores up to number 3",
            ),
            ("SMP", "3,sockets=3", "accepted: 4 and more"),
            ("SMP", "4,foo", "accepted: a number of cores, as 4"),
            ("SMP", "4,foo=1", "as sockets=2 or threads=2"),
            ("SMP", "4,", "accepted: a number of cores, as 4"),
            ("SMP", "9999", "accepted: a number of cores up to 255"),
            ("SMP", "4,maxcpus=256", "up to 255"),
            (
                "MEMORY",
                "512M",
                "accepted: 1024M and more: conf/demo.conf claims 896M; Bulkhead, firmware and images take up to 128M",
            ),
            ("MEMORY", "1", "accepted: 1024M and more"),
            ("MEMORY", "1023", "accepted: 1024M and more"),
            ("MEMORY", "3T", "accepted: at most 2T"),
            ("MEMORY", "999999999T", "accepted: at most 2T"),
            ("MEMORY", "4Q", "accepted: a number of M, G or T, as 2G"),
            ("MEMORY", "0G", "accepted: a number of M, G or T, as 2G"),
            ("FIRMWARE", "efi", "accepted: bios, uefi"),
        ] {
            let text = said(variable, value);
            assert!(text.contains(&format!("{variable}={value} (")), "{text}");
            assert!(text.contains(accepted), "{text}");
        }
        for (variable, value) in [
            ("SMP", ""),
            ("SMP", "4"),
            ("SMP", "8,sockets=2"),
            ("SMP", "8,sockets=2,cores=2,threads=2"),
            ("SMP", "255"),
            ("MEMORY", "1G"),
            ("MEMORY", "1024"),
            ("MEMORY", "2T"),
            ("MEMORY", "2048"),
            ("MEMORY", "4g"),
            ("FIRMWARE", "uefi"),
        ] {
            assert_eq!(said(variable, value), "", "{variable}={value}");
        }
    }
}
