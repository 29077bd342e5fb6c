//! `vm`: a virtual machine by KVM, with a virtual processor for each of this Linux's own, bound to it.
//!
//! Each counts inside the machine for ever, and writes to a port every 65,536 counts. The last line is
//! `VM runs on COUNT`, printed when all have written twice, or `VM failed: WHY` with exit status 1. It
//! never ends by itself.
//!
//! Source: Linux `Documentation/virt/kvm/api.rst`, `include/uapi/linux/kvm.h`.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;

const KVM_CREATE_VM: u64 = 0xae01;
const KVM_GET_VCPU_MMAP_SIZE: u64 = 0xae04;
const KVM_CREATE_VCPU: u64 = 0xae41;
const KVM_SET_TSS_ADDR: u64 = 0xae47;
const KVM_SET_USER_MEMORY_REGION: u64 = 0x4020_ae46;
const KVM_RUN: u64 = 0xae80;
const KVM_SET_REGS: u64 = 0x4090_ae82;
const KVM_GET_SREGS: u64 = 0x8138_ae83;
const KVM_SET_SREGS: u64 = 0x4138_ae84;

/// `struct kvm_regs`, `struct kvm_sregs`: eight bytes each.
const REGS_WORDS: usize = 18;
const SREGS_WORDS: usize = 39;
const RIP: usize = 16;
const RFLAGS: usize = 17;
/// The bit that is always set. The machine's own interrupts are off; those of the Linux lead out of it all
/// the same.
const ALWAYS: u64 = 2;
/// Of the code segment, which comes first: base, then limit (32 bits) and selector (16).
const CS_BASE: usize = 0;
const CS_LIMIT: usize = 1;
const SELECTOR: u64 = 0xffff << 32;
/// Of `struct kvm_run`, and its value for a port's write.
const EXIT_REASON: usize = 8;
const KVM_EXIT_IO: u32 = 2;

/// Three pages below 4 GiB, which Intel's processors want for real mode.
const TSS: usize = 0xfffb_d000;
const PAGE: usize = 4096;
/// Where the code is in the machine: its second page.
const START: u64 = 0x1000;
/// `1: out %al, $0x80; xor %cx, %cx; 2: loop 2b; jmp 1b`, in 16-bit mode.
const CODE: [u8; 8] = [0xe6, 0x80, 0x31, 0xc9, 0xe2, 0xfe, 0xeb, 0xf8];

fn call(descriptor: i32, request: u64, argument: usize) -> io::Result<i32> {
    // SAFETY: the kernel checks all three; what an argument points to is the caller's, who holds it.
    match unsafe { libc::ioctl(descriptor, request as _, argument) } {
        status @ 0.. => Ok(status),
        _ => Err(io::Error::last_os_error()),
    }
}

fn named<T>(what: &str, result: io::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

fn map(length: usize, flags: i32, descriptor: i32) -> io::Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), length, access, flags, descriptor, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(start.cast())
}

/// A machine with two pages of RAM; its own descriptor, and that of KVM.
fn machine() -> Result<(i32, i32), String> {
    let kvm = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    let kvm = named("/dev/kvm", kvm)?;
    let vm = named("KVM_CREATE_VM", call(kvm.as_raw_fd(), KVM_CREATE_VM, 0))?;
    named("KVM_SET_TSS_ADDR", call(vm, KVM_SET_TSS_ADDR, TSS))?;
    let ram = map(2 * PAGE, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1);
    let ram = named("mmap", ram)?;
    let code = ram.wrapping_add(PAGE);
    // SAFETY: the mapping has two pages, and nobody else knows of it yet.
    unsafe { code.copy_from(CODE.as_ptr(), CODE.len()) };
    // Slot and flags, guest's address, bytes, address here.
    let region = [0, 0, 2 * PAGE as u64, ram as u64];
    let set = call(vm, KVM_SET_USER_MEMORY_REGION, region.as_ptr() as usize);
    named("KVM_SET_USER_MEMORY_REGION", set)?;
    let kvm_descriptor = kvm.as_raw_fd();
    // Kept open: it lives as long as this program.
    std::mem::forget(kvm);
    Ok((vm, kvm_descriptor))
}

/// Binds this thread to that processor.
fn bind(cpu: usize) -> io::Result<()> {
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: takes the structure, and checks the number.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the structure lives through the call.
    match unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs a virtual processor; tells when it has written twice, or what failed.
fn run(vm: i32, kvm: i32, cpu: usize, told: &Sender<Result<(), String>>) -> Result<(), String> {
    named("sched_setaffinity", bind(cpu))?;
    let vcpu = named("KVM_CREATE_VCPU", call(vm, KVM_CREATE_VCPU, cpu))?;
    let length = named("mmap size", call(kvm, KVM_GET_VCPU_MMAP_SIZE, 0))?;
    let shared = map(length as usize, libc::MAP_SHARED, vcpu);
    let shared = named("mmap", shared)?;
    let mut sregs = [0_u64; SREGS_WORDS];
    let get = call(vcpu, KVM_GET_SREGS, sregs.as_mut_ptr() as usize);
    named("KVM_GET_SREGS", get)?;
    (sregs[CS_BASE], sregs[CS_LIMIT]) = (0, sregs[CS_LIMIT] & !SELECTOR);
    let set = call(vcpu, KVM_SET_SREGS, sregs.as_ptr() as usize);
    named("KVM_SET_SREGS", set)?;
    let mut regs = [0_u64; REGS_WORDS];
    (regs[RIP], regs[RFLAGS]) = (START, ALWAYS);
    let set = call(vcpu, KVM_SET_REGS, regs.as_ptr() as usize);
    named("KVM_SET_REGS", set)?;
    let reason = shared.wrapping_add(EXIT_REASON).cast::<u32>();
    for write in 1_u64.. {
        loop {
            match call(vcpu, KVM_RUN, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => {
                    named("KVM_RUN", other)?;
                    break;
                }
            }
        }
        // SAFETY: the mapping begins with `struct kvm_run`, which KVM writes only while it runs.
        let reason = unsafe { reason.read_volatile() };
        if reason != KVM_EXIT_IO {
            return Err(format!(
                "KVM_RUN: exit reason {reason} in place of {KVM_EXIT_IO}"
            ));
        }
        if write == 2 {
            // The main thread waits for it.
            let _ = told.send(Ok(()));
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match start() {
        Ok(never) => match never {},
        Err(why) => {
            println!("VM failed: {why}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<std::convert::Infallible, String> {
    let (vm, kvm) = machine()?;
    let cpus = named("processors", thread::available_parallelism())?.get();
    let (told, tells) = channel();
    for cpu in 0..cpus {
        let told = told.clone();
        thread::spawn(move || {
            let failed = run(vm, kvm, cpu, &told);
            let _ = told.send(failed);
        });
    }
    for _ in 0..cpus {
        tells.recv().map_err(|error| error.to_string())??;
    }
    println!("VM runs on {cpus}");
    // From here on only a failure is told.
    match tells.recv() {
        Ok(Err(why)) => Err(why),
        other => Err(format!("{other:?}")),
    }
}
