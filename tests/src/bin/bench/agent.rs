//! What an agent takes of its Linux's core, with nobody and with somebody at its console, and how much goes through
//! one: in virtual time where the machine is emulated.

use std::time::Duration;

use bulkhead_tests::inside;
use bulkhead_tests::qemu::Running;

const BOSS: usize = 2;
const SPARE: usize = 4;
/// Seconds of each look.
const SECONDS: u32 = 20;

/// Says it.
pub(crate) fn measure() {
    let mut machine = inside::machine("bench_agent").virtual_time().start();
    inside::wait(&mut machine);
    machine.command("start spare");
    machine.wait_for_demo(SPARE);
    let machine = &mut machine;
    let before = busy_ms(machine);
    machine.linux(
        SPARE,
        "head -c 1100000 /dev/zero | tr '\\0' x >/tmp/long; head -c 100000 /tmp/long >/tmp/short",
    );
    agent(machine, "sleep 1000");
    let alone = busy_ms(machine);
    machine.linux(
        BOSS,
        "(sleep 60 | bulkheadctl console spare >/dev/null 2>&1) & true",
    );
    let fresh = busy_ms(machine);
    let attached = busy_ms(machine);
    println!(
        "a core's ms each second: without an agent {before:.2}, with {alone:.2}, attached {fresh:.2}, idle for long {attached:.2}"
    );
    let mut seconds = [0.0; 2];
    for (seconds, file) in seconds.iter_mut().zip(["short", "long"]) {
        agent(machine, &format!("cat /tmp/{file}"));
        let line =
            "sleep 12; time bulkheadctl console spare </dev/null >/tmp/shown; wc -c /tmp/shown";
        let said = machine.linux_within(BOSS, line, Duration::from_secs(300));
        *seconds = inside::real_seconds(&said)
            .unwrap_or_else(|| machine.fail(&format!("no time was told: {said}")));
        println!(
            "{file}: {:.2} s, {}",
            *seconds,
            said.lines().last().unwrap_or_default()
        );
    }
    let [short, long] = seconds;
    println!("a console passes {:.0} KB/s", 1000.0 / (long - short));
}

fn agent(machine: &mut Running, login: &str) {
    machine.linux(SPARE, "kill $A 2>/dev/null; sleep 1");
    let line = format!("bulkheadctl agent --login '{login}' >/tmp/agent 2>&1 & A=$!");
    machine.linux(SPARE, &line);
    machine.linux(SPARE, "sleep 2");
}

/// How long its core did not rest, in milliseconds each second.
fn busy_ms(machine: &mut Running) -> f64 {
    let line = format!("cat /proc/uptime; sleep {SECONDS}; cat /proc/uptime");
    let said = machine.linux_within(SPARE, &line, Duration::from_secs(300));
    let rows = said.lines().filter_map(|line| {
        let (up, idle) = line.trim().split_once(' ')?;
        Some((up.parse::<f64>().ok()?, idle.parse::<f64>().ok()?))
    });
    let rows: Vec<(f64, f64)> = rows.collect();
    let [(up, idle), (up_then, idle_then)] = rows[..] else {
        machine.fail(&format!("no times were told: {said}"));
    };
    let all = up_then - up;
    (all - (idle_then - idle)) * 1000.0 / all
}
