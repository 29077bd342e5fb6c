//! Passes the linker script and its one number, for the bare-metal target only.

include!("src/base.rs");

fn main() {
    println!("cargo:rerun-if-changed=src/base.rs");
    println!("cargo:rerun-if-changed=linker.ld");
    println!("cargo:rerun-if-changed=src/boot/multiboot2.S");
    println!("cargo:rerun-if-changed=src/cpu/trap.S");
    println!("cargo:rerun-if-changed=src/cpu/ap.S");
    println!("cargo:rerun-if-changed=src/partition/enter.S");
    println!("cargo:rerun-if-changed=src/partition/runtime.S");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo:rustc-link-arg-bins=--defsym=KERNEL_BASE={KERNEL_BASE:#x}");
        println!("cargo:rustc-link-arg-bins=-T{dir}/linker.ld");
    }
}
