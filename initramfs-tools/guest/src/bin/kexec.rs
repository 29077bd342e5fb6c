//! `kexec KERNEL INITRD CMDLINE`: loads another kernel and enters it, without firmware.
//!
//! `kexec -s -l` and `kexec -e` in one, for the demo's image and for boot.img, which have no kexec-tools. An
//! INITRD that is empty is none.
//! Source: kexec_file_load(2), reboot(2).

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

/// `KEXEC_FILE_NO_INITRAMFS` of `include/uapi/linux/kexec.h`.
const NO_INITRD: usize = 4;

fn load(kernel: &str, initrd: &str, command_line: &str) -> io::Result<()> {
    let kernel = File::open(kernel)?;
    let initrd = (!initrd.is_empty())
        .then(|| File::open(initrd))
        .transpose()?;
    let (descriptor, flags) = initrd
        .as_ref()
        .map_or((-1, NO_INITRD), |file| (file.as_raw_fd(), 0));
    let command_line = CString::new(command_line)?;
    let length = command_line.as_bytes_with_nul().len();
    // SAFETY: the descriptors are open (with the flag the second is not looked at), and the text has the length that is told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_kexec_file_load,
            kernel.as_raw_fd(),
            descriptor,
            length,
            command_line.as_ptr(),
            flags,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, kernel, initrd, command_line] = arguments.as_slice() else {
        eprintln!("usage: kexec KERNEL INITRD CMDLINE");
        return ExitCode::FAILURE;
    };
    if let Err(error) = load(kernel, initrd, command_line) {
        eprintln!("kexec: {error}");
        return ExitCode::FAILURE;
    }
    // SAFETY: reads a counter, which Linux lets programs read.
    println!("kexec: loaded counter={}", unsafe {
        core::arch::x86_64::_rdtsc()
    });
    // Before what the kernel prints.
    // SAFETY: takes a number only.
    unsafe { libc::tcdrain(libc::STDOUT_FILENO) };
    // SAFETY: takes nothing, and changes no memory of this program.
    unsafe { libc::sync() };
    // SAFETY: enters the kernel that was loaded; returns only if that fails.
    unsafe { libc::reboot(libc::LINUX_REBOOT_CMD_KEXEC) };
    eprintln!("kexec: {}", io::Error::last_os_error());
    ExitCode::FAILURE
}
