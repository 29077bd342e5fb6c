//! The neighbour's timer beside a Linux with a disk and a card, which works as hard as it can, or does not stop to
//! end: what [`super::neighbour`]'s has no drivers for.

use std::time::Duration;

use bulkhead_tests::Kernel;
use bulkhead_tests::qemu::{Running, has_kvm, virtual_time};
use bulkhead_tests::ticks;

use crate::neighbour::{Case, answered};
use crate::work::{Bench, COMS, Clock, NVME, Side, cards_to_host, parts};

/// So often in a row.
const ENDS: usize = 3;
/// Beyond its seconds, for a load or a boot in virtual time.
const PATIENCE: Duration = Duration::from_secs(600);
/// The bus of its card.
const CARD: &str = "03";

/// What one Linux, on the first port, does.
#[derive(Clone, Copy)]
enum Load {
    /// A command, for so many seconds.
    Line(fn(usize) -> String),
    /// The same, and Bulkhead's shell [answers](answered) meanwhile.
    Answered(fn(usize) -> String),
    /// A command after which it boots again, a few times in a row.
    Ends(&'static str),
}

const CONTROLS: [(&str, Load); 3] = [
    (
        "control: with devices, it idles",
        Load::Line(|seconds| format!("sleep {seconds}")),
    ),
    (
        "control: with devices, its core spins",
        Load::Line(|seconds| again_and_again(seconds, ":")),
    ),
    (
        "control: with devices, its core spins, Bulkhead's shell answers",
        Load::Answered(|seconds| again_and_again(seconds, ":")),
    ),
];

const LOADS: [(&str, Load); 5] = [
    (
        "it compiles C",
        Load::Line(|seconds| again_and_again(seconds, "tcc -c -o /tmp/a.o /tmp/a.c")),
    ),
    (
        "it floods its disk",
        Load::Line(|seconds| format!("work disk {NVME} write random 4 {seconds}")),
    ),
    (
        "it floods its card",
        // Frames for nobody: QEMU's network has no use for them. A stream's other end would be in the host's time.
        Load::Line(|seconds| {
            format!(
                "n=$(work card {CARD}); n=${{n##* }}; ip link set $n up; timeout {seconds} flood $n /tmp/sent; \
                 [ $(cat /tmp/sent) -gt 1000 ] || echo too few"
            )
        }),
    ),
    ("it reboots over and over", Load::Ends("reboot -f")),
    (
        "it panics over and over",
        Load::Ends("echo c > /proc/sysrq-trigger"),
    ),
];

fn again_and_again(seconds: usize, command: &str) -> String {
    format!("timeout {seconds} sh -c 'while :; do {command}; done'")
}

/// What is compiled: some hundred functions, and no header.
const SOURCE: &str = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo \"int f$i(int a,int b)\
    {int i,s=0;for(i=0;i<a;i++)s+=i*b^$i;return s;}\"; done >/tmp/a.c; tcc -c -o /tmp/a.o /tmp/a.c && echo MADE";

/// What `$ONLY` may have a part of.
pub(crate) fn names() -> Vec<String> {
    let all = CONTROLS.into_iter().chain(LOADS);
    all.map(|(name, _)| name.to_string()).collect()
}

/// Each load once, the controls before and after; those that have this in their names.
pub(crate) fn cases(
    kernel: Kernel,
    seconds: usize,
    is_asked_for: impl Fn(&str) -> bool,
) -> Vec<Case> {
    let all = CONTROLS.into_iter().chain(LOADS).chain(CONTROLS);
    let chosen: Vec<_> = all.filter(|(name, _)| is_asked_for(name)).collect();
    if chosen.is_empty() {
        return Vec::new();
    }
    let clock = match has_kvm() {
        true => Clock::Host,
        false => Clock::Virtual,
    };
    let bench =
        Bench::new("bench_loads", kernel, parts(), Some(cards_to_host()), clock).without_waiting();
    let mut machine = bench.boot(Side::Partition);
    let [com, neighbour] = COMS;
    machine.linux_expect(com, SOURCE, "MADE");
    let case = |(name, load): (&str, Load)| {
        let (ticks, ()) = ticks::watch(&mut machine, neighbour, com, |machine| {
            happen(machine, com, seconds, load);
        });
        Case::new(
            kernel,
            name,
            name.starts_with("control"),
            &virtual_time(false),
            ticks,
        )
    };
    chosen.into_iter().map(case).collect()
}

fn happen(machine: &mut Running, com: usize, seconds: usize, load: Load) {
    let limit = Duration::from_secs(seconds as u64) + PATIENCE;
    match load {
        Load::Line(line) => {
            let said = machine.linux_within(com, &line(seconds), limit);
            // A shell says who was terminated, and `work` what it got done.
            let is_right = |line: &str| line == "Terminated" || line.contains("WORK value=");
            if !said.lines().map(str::trim).all(is_right) {
                machine.fail(&format!("the load was not done: {said}"));
            }
        }
        Load::Answered(line) => answered(machine, com, &line(seconds)),
        Load::Ends(command) => {
            for _ in 0..ENDS {
                machine.com(com).skip();
                machine.com(com).send(&format!("{command}\r"));
                machine.wait_for_within(com, "BULKHEAD-DEMO end", limit);
                machine.wait_for(com, "# ");
            }
        }
    }
}
