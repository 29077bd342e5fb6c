//! A machine in QEMU. How QEMU is started stands here and nowhere else: the stories, the demo, the
//! benchmarks and the pictures start a [`Machine`], and `make run` asks for its command
//! (`bin/machine.rs`).
//!
//! * `asked`: what `make run` and `make demo` are asked for by variables.
//! * `host`: which QEMU there is, and whether it emulates.
//! * `machine`: what a machine has; `command`: the command that makes it.
//! * `sources`: what it boots.
//! * `running`: one that runs; `dialogue`: talking to it; `evidence`: what it leaves when it fails.

mod asked;
mod command;
mod dialogue;
mod evidence;
mod host;
mod machine;
mod running;
mod sources;

pub use asked::Asked;
pub use host::{accelerator, has_kvm, program, version, virtual_time};
pub use machine::{Firmware, Machine};
pub use running::{PATIENCE, Running};

const PROMPT: &str = "bulkhead> ";
