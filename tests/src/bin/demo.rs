//! `make demo`: boots `build/demo.iso`, prints what each Linux of `conf/demo.conf` reported, and
//! compares it with what that script asked for. Exit status 0 only if all of it was right.
//!
//! `$FIRMWARE` (bios or uefi), `$SMP` and `$MEMORY` describe the machine, as for `make run`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bulkhead_tests::claims::{self, Claim};
use bulkhead_tests::qemu::{self, Asked, Machine, Running, has_kvm};
use bulkhead_tests::report::Report;
use bulkhead_tests::{Kernel, answers, build_folder, root, tool};

/// How much of the RAM that it was given a Linux may keep out of `MemTotal`, for its own text and
/// page structures: 1/N.
const OWN_USE: u64 = 5;
/// RAM of a claim that is no RAM for its Linux: tables and code of its firmware.
const FIRMWARE_BYTES: u64 = 1 << 20;

fn main() -> ExitCode {
    tool::exit_on_failure("demo");
    let begin = Instant::now();
    let script = root().join("conf/demo.conf");
    let asked = match Asked::by_environment(Some(&script)) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("demo: error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let script = std::fs::read_to_string(&script).expect("conf/demo.conf can be read");
    let claims = claims::parse(&script).unwrap_or_else(|error| panic!("conf/demo.conf: {error}"));
    let (survivor, stopped) = match claims.as_slice() {
        [first, .., last] => (first, last),
        _ => panic!("conf/demo.conf: the demo needs two partitions"),
    };

    let mut demo = Demo::boot(&asked);
    let mut reports = Vec::new();
    for claim in &claims {
        reports.push((claim, demo.machine.wait_for_demo(claim.com)));
    }
    print_reports(&reports);
    for (claim, report) in &reports {
        demo.check_report(claim, report);
        demo.check_nothing_else(claim);
    }
    demo.check_disjoint(&reports);
    demo.check_all_live(&claims);
    demo.check_power_off(survivor, stopped);
    demo.check_start_again(stopped);
    demo.check_end(&claims);

    let seconds = begin.elapsed().as_secs();
    if demo.failures.is_empty() {
        println!("\nAll of it was right, in {seconds} s.");
        return ExitCode::SUCCESS;
    }
    println!("\nNot right, in {seconds} s:");
    for failure in &demo.failures {
        println!("  {failure}");
    }
    println!("What the serial ports said is in build/demo/.");
    ExitCode::FAILURE
}

struct Demo {
    machine: Running,
    /// What is looked at.
    subject: String,
    failures: Vec<String>,
}

impl Demo {
    /// Boots the machine up to the shell's prompt.
    fn boot(asked: &Asked) -> Self {
        let Asked {
            firmware,
            cores,
            memory,
        } = asked;
        let accelerator = if has_kvm() { "KVM" } else { "emulation" };
        println!(
            "QEMU {} ({accelerator}): q35, {firmware:?}, {cores} cores, {memory} of RAM; build/demo.iso",
            qemu::version()
        );
        let machine = Machine::new(&build_folder().join("demo.iso"), "demo")
            .firmware(*firmware)
            .cores(cores)
            .memory(memory)
            .start();
        tool::watch(&machine);
        let mut demo = Self {
            machine,
            subject: String::new(),
            failures: Vec::new(),
        };
        demo.machine.wait_for_prompt();
        let version = demo.machine.command("version");
        println!(
            "{}: its shell is there, the Linuxes are starting",
            version.trim()
        );
        demo
    }

    /// Says what is looked at from now on.
    fn look_at(&mut self, subject: &str) {
        println!("{subject}:");
        self.subject = subject.to_string();
    }

    /// Says whether something is as it should be.
    fn check(&mut self, what: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => println!("  ok     {what}"),
            Err(reason) => {
                println!("  WRONG  {what}: {reason}");
                self.failures
                    .push(format!("{}: {what}: {reason}", self.subject));
            }
        }
    }

    /// A Linux has what its claim asks for.
    fn check_report(&mut self, claim: &Claim, report: &Report) {
        let name = &claim.name;
        self.look_at(&format!("{name}, as conf/demo.conf asks for it"));
        self.check("its name", same(&report.name, name));
        let release = Kernel::by_name(&claim.kernel)
            .map(Kernel::release)
            .ok_or_else(|| format!("{} is no kernel of tools/kernels", claim.kernel));
        self.check(
            &format!("its kernel is {}", claim.kernel),
            release.and_then(|release| same(&report.release, &release)),
        );
        self.check(
            &format!("its cores are {}", list(&claim.cores)),
            same(&report.apic_ids, &claim.cores)
                .and_then(|()| same(&report.cpus, &claim.cores.len())),
        );
        let rows = answers::memory(&self.machine.command("memory"));
        let owned: Vec<(u64, u64)> = rows
            .iter()
            .filter(|row| row.owner == *name)
            .map(|row| row.bounds)
            .collect();
        let told = answers::shown_ram(&self.machine.command(&format!("show {name}")));
        self.check(
            "its RAM lies in what `memory` gives it and in what `show` says it is told",
            all_within(&report.ram, &owned).and_then(|()| all_within(&report.ram, &told)),
        );
        let (asked, seen) = (claim.memory_bytes, report.ram_bytes());
        let total = report.memory_total_kib << 10;
        self.check(
            &format!("it has its {}M, and MemTotal fits", asked >> 20),
            (seen + FIRMWARE_BYTES >= asked && total <= seen && total >= asked - asked / OWN_USE)
                .then_some(())
                .ok_or_else(|| format!("{seen} bytes of System RAM, MemTotal {total}")),
        );
    }

    /// A Linux sees nothing beyond its claim.
    fn check_nothing_else(&mut self, claim: &Claim) {
        let looks = [
            (
                "no PCI function",
                "ls /sys/bus/pci/devices 2>/dev/null | wc -l",
                "0",
            ),
            (
                "no I/O APIC in use",
                "grep -c IO-APIC /proc/interrupts",
                "0",
            ),
            (
                "one serial port, its own",
                "grep -c serial /proc/ioports",
                "1",
            ),
        ];
        for (what, command, wanted) in looks {
            let seen = self.machine.linux(claim.com, command);
            self.check(what, same(&seen.as_str(), &wanted));
        }
    }

    /// No byte of RAM is in two Linuxes.
    fn check_disjoint(&mut self, reports: &[(&Claim, Report)]) {
        let mut all: Vec<((u64, u64), &str)> = reports
            .iter()
            .flat_map(|(claim, report)| report.ram.iter().map(|ram| (*ram, claim.name.as_str())))
            .collect();
        all.sort_unstable();
        let overlap = all.windows(2).find(|pair| pair[1].0.0 <= pair[0].0.1);
        self.look_at("all of them together");
        self.check(
            "no byte of RAM is in two of them",
            overlap.map_or(Ok(()), |pair| Err(format!("{pair:x?}"))),
        );
    }

    /// Every console answers while the others do, Bulkhead's shell too.
    fn check_all_live(&mut self, claims: &[Claim]) {
        // All are busy before any is waited for.
        for (claim, n) in claims.iter().zip(3..) {
            let port = self.machine.com(claim.com);
            port.skip();
            port.send(&format!("echo $(({n}*{n}))-from-$(hostname)\r"));
        }
        let list = self.machine.command("list");
        self.check(
            "Bulkhead's shell answers meanwhile",
            every(claims, |claim| state(&list, &claim.name) == Some("running")),
        );
        for (claim, n) in claims.iter().zip(3..) {
            self.machine
                .wait_for(claim.com, &format!("{}-from-{}", n * n, claim.name));
            self.machine.wait_for(claim.com, "# ");
        }
        self.check("all consoles are interactive at once", Ok(()));
    }

    /// One powers off; another's counter runs on.
    fn check_power_off(&mut self, survivor: &Claim, stopped: &Claim) {
        let com = survivor.com;
        self.machine.linux(
            com,
            "(i=0; while :; do i=$((i+1)); echo $i >/tmp/counter; usleep 10000; done) & true",
        );
        self.power_off(stopped);
        let list = self.machine.command("list");
        self.check(
            &format!("{} powers off", stopped.name),
            same(&state(&list, &stopped.name), &Some("stopped"))
                .and_then(|()| same(&state(&list, &survivor.name), &Some("running"))),
        );
        let before = self.counter(com);
        std::thread::sleep(Duration::from_secs(2));
        let after = self.counter(com);
        let outcome = match (before, after) {
            (Some(before), Some(after)) if before < after => Ok(()),
            _ => Err(format!("it counted from {before:?} to {after:?}")),
        };
        self.check(&format!("{}'s counter runs on", survivor.name), outcome);
    }

    fn counter(&mut self, com: usize) -> Option<u64> {
        // Rewritten all the time, so it may be read empty.
        (0..5).find_map(|_| self.machine.linux(com, "cat /tmp/counter").parse().ok())
    }

    fn power_off(&mut self, claim: &Claim) {
        let name = &claim.name;
        self.machine.com(1).skip();
        self.machine.com(claim.com).send("poweroff\r");
        self.machine.wait_for(1, &format!("* {name}: powered-off"));
    }

    /// The one that was powered off runs again, and has what it had.
    fn check_start_again(&mut self, claim: &Claim) {
        let name = &claim.name;
        self.machine.com(claim.com).skip();
        // The event comes before the next prompt or after it.
        self.machine.com(1).skip();
        self.machine.com(1).send(&format!("start {name}\r"));
        self.machine
            .wait_for(1, &format!("* {name}: launched run=2"));
        let report = self.machine.wait_for_demo(claim.com);
        self.check(&format!("{name} starts again"), Ok(()));
        self.check_report(claim, &report);
    }

    /// All power off, then the machine.
    fn check_end(&mut self, claims: &[Claim]) {
        self.look_at("the end");
        for claim in claims {
            self.power_off(claim);
        }
        let list = self.machine.command("list");
        self.check(
            "all power off",
            every(claims, |claim| state(&list, &claim.name) == Some("stopped")),
        );
        self.machine.com(1).send("poweroff\r");
        let has_ended = self.machine.wait_for_end(Duration::from_secs(20));
        self.check(
            "the machine powers off",
            has_ended
                .then_some(())
                .ok_or_else(|| "it did not".to_string()),
        );
    }
}

fn print_reports(reports: &[(&Claim, Report)]) {
    let headings = [
        "LINUX",
        "KERNEL",
        "CORES (APIC ID)",
        "MEMTOTAL",
        "SYSTEM RAM",
        "PCI FUNCTIONS",
    ];
    let mut rows = vec![headings.map(ToString::to_string).to_vec()];
    for (_, report) in reports {
        let ram = report
            .ram
            .iter()
            .map(|(from, to)| format!("{from:#x}-{to:#x}"));
        rows.push(vec![
            report.name.clone(),
            report.release.clone(),
            list(&report.apic_ids),
            format!("{} MiB", report.memory_total_kib >> 10),
            ram.collect::<Vec<_>>().join("\n"),
            report.pci.to_string(),
        ]);
    }
    println!("\nWhat each Linux reported:\n{}", tool::table(&rows));
}

/// The state of a partition in what `list` printed.
fn state<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == name).then(|| words.next())?
    })
}

fn same<T: PartialEq + std::fmt::Debug>(seen: &T, wanted: &T) -> Result<(), String> {
    (seen == wanted)
        .then_some(())
        .ok_or_else(|| format!("{seen:?} instead of {wanted:?}"))
}

fn every(claims: &[Claim], is_right: impl Fn(&Claim) -> bool) -> Result<(), String> {
    let wrong = claims.iter().find(|claim| !is_right(claim));
    wrong.map_or(Ok(()), |claim| Err(format!("not of {}", claim.name)))
}

/// Every region lies in one of `allowed`.
fn all_within(regions: &[(u64, u64)], allowed: &[(u64, u64)]) -> Result<(), String> {
    let is_allowed = |(from, to): &(u64, u64)| allowed.iter().any(|(a, b)| a <= from && to <= b);
    match regions.iter().find(|region| !is_allowed(region)) {
        None if regions.is_empty() => Err("there is none".to_string()),
        None => Ok(()),
        Some((from, to)) => Err(format!("{from:#x}-{to:#x} is not in {allowed:x?}")),
    }
}

fn list(numbers: &[u32]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    texts.join(",")
}
