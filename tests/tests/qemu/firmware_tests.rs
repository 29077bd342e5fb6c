//! The Firmware Test Suite and dmidecode inside a partition: what fails is what
//! `docs/firmware-tests.md` names, with its reason, and nothing else.

use std::time::Duration;

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, fwts_initrd, root};
use libtest_mimic::Trial;

use crate::long_story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        long_story("firmware_tests::old", || {
            firmware_tests("fwts61", Kernel::Debian61)
        }),
        long_story("firmware_tests::new", || {
            firmware_tests("fwts612", Kernel::Debian612)
        }),
    ]
}

/// Longest that a suite may take.
const LIMIT: Duration = Duration::from_secs(400);
/// What each suite fails, by fwts's own names.
const ACPI: &[&str] = &[
    "AEAMLDivideByZero",
    "FADTRHWAPICFlags",
    "MADTLAPICUidMismatch",
];
const RUNTIME: &[&str] = &[];
const OTHERS: &[&str] = &[
    "KlogBiosMtrrDefTypeIncosistent",
    "KlogBiosMtrrsInconsistentAcrossCPUs",
];

/// Runs the tests; gives the names of those that failed, sorted, each once.
fn failures(machine: &mut Running, tests: &str) -> Vec<String> {
    let run = format!("rm -f /tmp/fwts.log; fwts -q {tests} -r /tmp/fwts.log >/dev/null 2>&1");
    machine.linux_within(2, &run, LIMIT);
    // Else none would fail where fwts did not even start.
    let passed = machine.linux(2, "grep -c '^PASSED: ' /tmp/fwts.log");
    if passed.parse().map_or(true, |passed: u32| passed < 5) {
        machine.fail(&format!("fwts {tests}: {passed} tests passed"));
    }
    let output = machine.linux(
        2,
        "sed -nE 's/^FAILED \\[[A-Z]+\\] ([A-Za-z0-9]+):.*/fails \\1/p' /tmp/fwts.log | sort -u",
    );
    let names = output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("fails "));
    names.map(String::from).collect()
}

fn firmware_tests(name: &str, kernel: Kernel) {
    let iso = Iso::new(name)
        .image("linux", kernel.image())
        .image("fwts", fwts_initrd(kernel))
        .script(
            "define one cores=1,2 memory=512M kernel=linux initrd=fwts console=com2 cmdline=\"bulkhead.name=one quiet\"\n\
             start one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);

    // Two of types 17 and 19, one of each other.
    let structures = "dmidecode 2>&1 | grep -c 'DMI type'";
    assert_eq!(machine.linux(2, structures), "13");
    let complaints =
        "dmidecode 2>&1 | grep -ciE '<|bad|out of spec|invalid|wrong|broken|truncated'";
    assert_eq!(machine.linux(2, complaints), "0");
    assert_eq!(failures(&mut machine, "--acpitests"), ACPI);
    assert_eq!(failures(&mut machine, "dmicheck version klog oops"), OTHERS);

    machine.linux_expect(2, "insmod /lib/efi_test.ko && echo loaded", "loaded");
    // By names too, each would run twice, and fwts frees twice what the first one had.
    assert_eq!(failures(&mut machine, "--unsafe"), RUNTIME);

    let page = std::fs::read_to_string(root().join("docs/firmware-tests.md")).expect("it is there");
    for failure in ACPI.iter().chain(OTHERS).chain(RUNTIME) {
        assert!(
            page.contains(failure),
            "docs/firmware-tests.md does not name {failure}"
        );
    }
}
