//! Networks of the host's, for machines that are to be on one.

use std::process::{Command, Stdio};

/// Has `ip` of iproute2 do that; whether it did. It says nothing.
pub fn ip(arguments: &[&str]) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
