//! A Linux that enters a kernel of its own choice by `kexec`, which Bulkhead has no part in.

use std::path::PathBuf;

use crate::{Kernel, demo_initrd, guest_tool};

/// What its initial RAM disk needs for it beside the demo's: the tool, the kernels, and the demo's
/// own initial RAM disk, with which they are entered.
#[must_use]
pub fn files(kernels: &[Kernel]) -> Vec<(String, PathBuf)> {
    files_with(kernels, demo_initrd())
}

/// The same, with another initial RAM disk.
#[must_use]
pub fn files_with(kernels: &[Kernel], initrd: PathBuf) -> Vec<(String, PathBuf)> {
    let mut files = vec![
        ("/bin/kexec".to_string(), guest_tool("kexec")),
        ("/boot/demo.img".to_string(), initrd),
    ];
    files.extend(kernels.iter().map(|kernel| (path(*kernel), kernel.image())));
    files
}

/// The command in its shell that enters one of those kernels, with the command line that it has
/// itself.
#[must_use]
pub fn command(kernel: Kernel) -> String {
    let path = path(kernel);
    format!("kexec {path} /boot/demo.img \"$(cat /proc/cmdline)\"")
}

fn path(kernel: Kernel) -> String {
    format!("/boot/{}", kernel.name())
}
