//! Bad input of every kind gets its error, names the culprit, and changes nothing.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, build_folder, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("refusals::all", all)]
}

/// A command, and what its error must name.
const REFUSALS: &[(&str, &[&str])] = &[
    ("frobnicate", &["frobnicate", "help"]),
    ("define", &["name"]),
    ("define Web cores=2 memory=256M kernel=linux", &["Web"]),
    ("define web", &["cores"]),
    ("define web cores=2 memory=256M", &["kernel"]),
    (
        "define web cores=9 memory=256M kernel=linux",
        &["core 9", "0-3"],
    ),
    ("define web cores=x memory=256M kernel=linux", &["x"]),
    ("define web cores=3-2 memory=256M kernel=linux", &["3-2"]),
    (
        "define web cores=1 memory=256M kernel=linux",
        &["core 1", "\"busy\""],
    ),
    ("define busy cores=2 memory=256M kernel=linux", &["busy"]),
    ("define web cores=2 memory=64G kernel=linux", &["64G"]),
    ("define web cores=2 memory=0 kernel=linux", &["zero"]),
    ("define web cores=2 memory=4M kernel=linux", &["4M"]),
    (
        "define web cores=2 memory=256M@0x10000000 kernel=linux",
        &["\"busy\""],
    ),
    (
        "define web cores=2 memory=256M@0x30100000 kernel=linux",
        &["2M"],
    ),
    (
        "define web cores=2 memory=256M@0xb0000000 kernel=linux",
        &["RAM"],
    ),
    (
        "define web cores=2 memory=256M kernel=nothere",
        &["nothere", "linux"],
    ),
    ("define web cores=2 memory=256M kernel=demo", &["demo"]),
    (
        "define web cores=2 memory=256M kernel=truncated",
        &["truncated"],
    ),
    (
        "define web cores=2 memory=256M kernel=corrupt",
        &["corrupt"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux initrd=none_such",
        &["none_such"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux console=com9",
        &["com9"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux console=com1",
        &["com1"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux console=com2",
        &["com2", "\"busy\""],
    ),
    (
        "define web cores=2 memory=256M kernel=linux colour=red",
        &["colour"],
    ),
    (
        "define web cores=2 cores=3 memory=256M kernel=linux",
        &["cores"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"acpi=off\"",
        &["acpi=off"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"noefi\"",
        &["noefi"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"pnpacpi=off\"",
        &["pnpacpi=off", "sleep for ever"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"pci=conf1\"",
        &["pci=conf1"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"no_ipi_broadcast=0\"",
        &["no_ipi_broadcast"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"mem=2G\"",
        &["mem=2G"],
    ),
    (
        "define web cores=2 memory=256M kernel=linux cmdline=\"quiet",
        &["quote"],
    ),
    ("start web", &["web"]),
    ("start own", &["core 0", "handoff own"]),
    ("restart own", &["core 0", "handoff own"]),
    ("handoff busy", &["busy", "core 0"]),
    ("set busy restart=often", &["often", "on-failure"]),
    ("set busy control=true", &["true", "names of partitions"]),
    ("start busy nobody", &["nobody"]),
    ("kill busy", &["busy", "defined"]),
    ("show nobody", &["nobody", "busy"]),
    ("undefine nobody", &["nobody"]),
    ("set busy", &["key"]),
    ("set busy cores=", &["cores"]),
    ("help frobnicate", &["frobnicate"]),
    ("list now", &["now"]),
];

fn all() {
    let kernel = std::fs::read(Kernel::Debian61Cloud.image()).expect("the kernel can be read");
    let folder = build_folder().join("tests");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let truncated = folder.join("truncated");
    std::fs::write(&truncated, &kernel[..kernel.len() / 2]).expect("can be written");
    let corrupt = folder.join("corrupt");
    let mut bytes = kernel;
    bytes[0x236..0x238].fill(0); // xloadflags: no 64-bit entry
    std::fs::write(&corrupt, &bytes).expect("can be written");

    let iso = Iso::new("refusals")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .image("truncated", truncated)
        .image("corrupt", corrupt)
        .script(
            "define busy cores=1 memory=256M@0x10000000 kernel=linux initrd=demo console=com2\n\
             define own cores=0 memory=64M kernel=linux\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    let before = (
        machine.command("list"),
        machine.command("memory"),
        machine.command("cores"),
    );
    for (line, wanted) in REFUSALS {
        let output = machine.command(line);
        let errors: Vec<&str> = output
            .lines()
            .filter(|l| l.starts_with("error: "))
            .collect();
        assert_eq!(
            errors.len(),
            1,
            "{line:?} must print one error line, not:\n{output}"
        );
        for text in *wanted {
            assert!(
                errors[0].contains(text),
                "{line:?}: {text:?} is not named in: {}",
                errors[0]
            );
        }
        assert!(
            output.lines().any(|l| l.contains('^')),
            "{line:?} has no caret:\n{output}"
        );
    }
    let after = (
        machine.command("list"),
        machine.command("memory"),
        machine.command("cores"),
    );
    assert_eq!(before, after, "a refused command changes nothing");
    // Nothing is lost: what was defined still runs.
    machine.expect("start busy", &[]);
    machine.wait_for_demo(2);
}
