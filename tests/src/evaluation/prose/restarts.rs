//! Restarts and launches.

use serde_json::Value;

use super::super::table::median;
use super::{PAGE, digits, has, json, line, read};

/// The median of some runs in the restarts' file.
fn restart(way: impl Fn(&Value) -> &Value) -> f64 {
    let value = json("restart-6.1.json");
    let runs = way(&value["restarts"][0]).as_array().expect("runs");
    median(&runs.iter().filter_map(Value::as_f64).collect::<Vec<_>>())
}

pub(super) fn to_init(way: &str) -> f64 {
    restart(|row| &row[way]["to_init_s"])
}

/// Milliseconds of a launch.
pub(super) fn launch(what: &str) -> f64 {
    restart(|row| &row[what])
}

/// By how many seconds it takes longer than a partition's.
fn more(way: &str) -> f64 {
    to_init(way) - to_init("partition")
}

fn times(way: &str) -> String {
    digits(to_init(way) / to_init("partition"), 2)
}

/// Milliseconds of a launch on machines with more and more partitions.
fn launch_of_many() -> f64 {
    let value = json("scale.json");
    let machines = value["counted"].as_array().expect("machines");
    let all = machines
        .iter()
        .filter_map(|one| one["doorbell_to_entry_ms"].as_array());
    median(&all.flatten().filter_map(Value::as_f64).collect::<Vec<_>>())
}

#[test]
fn the_sentences_on_restarts_have_what_was_measured() {
    let [entry, copy] = ["doorbell_to_entry_ms", "copy_ms"].map(|what| digits(launch(what), 1));
    let [bios, uefi] = ["machine_reset_bios", "machine_reset_uefi"].map(times);
    let wanted = [
        format!(
            "A launch, from the doorbell to the kernel's entry, is {entry} ms of a restart in the table, and {} ms in",
            digits(launch_of_many(), 1)
        ),
        format!(
            "{entry} ms of the partition's {} s are the launch, and {copy} of these copy the images",
            digits(to_init("partition"), 2)
        ),
        format!(
            "takes {} ms more than a restart; its UEFI {} s more",
            digits(more("machine_reset_bios") * 1000.0, 0),
            digits(more("machine_reset_uefi"), 1)
        ),
        format!("QEMU's gives {bios} and {uefi}"),
        format!("**kexec takes {} s more**", digits(more("kexec"), 1)),
        format!("[{bios} by BIOS, {uefi} by UEFI](#launches-and-restarts)"),
    ];
    has(PAGE, &line(&read("README.md")), &wanted);
}
