//! The agent in two kernels: a Linux that is asked to end, one that does not, one that falls silent.

use std::time::Duration;

use bulkhead_tests::inside::{self, agent};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use crate::story;

const BOSS: usize = 2;
const WEB: usize = 3;
const SPARE: usize = 4;
/// Ends the demo, whose first process is no init.
const BY_FORCE: &str = "--poweroff-command 'poweroff -f' --reboot-command 'reboot -f'";

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("agent::asked_to_end", asked_to_end),
        story("agent::ends_the_machine", ends_the_machine),
        story("agent::silent", silent),
        story("agent::without_the_shell", without_the_shell),
    ]
}

/// One of 6.12 that may ask for all; one of 6.1 with a watchdog, which is launched again whatever happens; one of 6.1
/// without an agent.
fn start(name: &str) -> Running {
    inside::start(name, SCRIPT, &[BOSS, WEB, SPARE])
}

const SCRIPT: &str = "define boss cores=1 memory=256M kernel=linux612 initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define web cores=2 memory=256M kernel=linux initrd=demo console=com3 watchdog=10 restart=always cmdline=\"bulkhead.name=web quiet\"\n\
             define spare cores=3 memory=256M kernel=linux612 initrd=demo console=com4 cmdline=\"bulkhead.name=spare quiet\"\n\
             start boss web spare\n";

fn asked_to_end() {
    let machine = &mut start("agent_asked");
    machine.expect(
        "stop spare",
        &["no agent is heard in \"spare\"", "kill spare"],
    );
    agent(machine, BOSS, "boss", BY_FORCE);
    agent(machine, WEB, "web", BY_FORCE);
    let second = machine.linux(WEB, "bulkheadctl agent 2>&1; echo code $?");
    assert!(
        second.contains("an agent runs in this Linux already") && second.contains("code 1"),
        "{second}"
    );
    machine.expect("list", &["AGENT", "yes"]);
    machine.expect("show web", &["heard ", " s ago", "watchdog=10"]);

    // From the inside: a restart, in good order; its policy would have launched it again anyway.
    let said = machine.linux_within(
        BOSS,
        "bulkheadctl restart web --within 30 2>&1; echo code $?",
        Duration::from_secs(60),
    );
    assert!(said.contains("code 0"), "{said}");
    machine.wait_for(
        1,
        "* web: is asked to restart, and killed and launched if it runs in 30 s",
    );
    machine.wait_for(1, "* web: rebooted");
    machine.wait_for(1, "* web: launched run=2");
    machine.wait_for_demo(WEB);

    // From the shell: it stays, whatever its policy says.
    agent(machine, WEB, "web", BY_FORCE);
    machine.com(1).skip();
    machine.com(1).send("stop web 30\r");
    // The prompt may come before the last of them: its core says so once it has ended.
    for line in ["is asked to stop", "* web: powered-off", "* web: parked"] {
        machine.wait_for(1, line);
    }
    machine.expect_states(&[("web", "stopped"), ("boss", "running")]);

    // A restart at the shell, and one that does not end in its time.
    machine.command("start web");
    machine.wait_for_demo(WEB);
    agent(machine, WEB, "web", BY_FORCE);
    let said = machine.command("restart web");
    assert!(said.contains("* web: rebooted"), "{said}");
    machine.wait_for_demo(WEB);
    agent(machine, WEB, "web", "--poweroff-command true");
    machine.com(1).skip();
    machine.com(1).send("stop web 5s\r");
    for line in ["* web: did not end in 5 s, and is killed", "* web: killed"] {
        machine.wait_for(1, line);
    }
    machine.expect_states(&[("web", "stopped")]);

    // The machine's end: all are asked before.
    machine.command("start web");
    machine.wait_for_demo(WEB);
    agent(machine, WEB, "web", BY_FORCE);
    let refused =
        "\"spare\" is running, and no agent is heard in it (accepted all the same: poweroff force)";
    machine.expect("poweroff", &[refused]);
    machine.command("kill spare");
    machine.com(1).send("poweroff\r");
    assert!(
        machine.wait_for_end(Duration::from_secs(60)),
        "it is still there"
    );
    let said = std::fs::read_to_string(machine.folder().join("com1.log")).unwrap_or_default();
    let last = said.rsplit("bulkhead> poweroff").next().unwrap_or_default();
    for line in ["* boss: powered-off", "* web: powered-off"] {
        assert!(last.contains(line), "{line}:\n{said}");
    }
}

/// From the inside the machine is reset, and switched off by force, by whom it may be; all are asked before.
fn ends_the_machine() {
    let machine = inside::machine_of("agent_ends", SCRIPT).resets();
    let machine = &mut machine.start();
    machine.wait_for_prompt();
    for com in [BOSS, WEB, SPARE] {
        machine.wait_for_demo(com);
    }
    agent(machine, BOSS, "boss", BY_FORCE);
    agent(machine, WEB, "web", BY_FORCE);
    for (com, line, why) in [
        (WEB, "reset", "this partition has not control=yes"),
        (
            BOSS,
            "reset",
            "\"spare\" is running, and no agent is heard in it (accepted all the same: reset force)",
        ),
        (BOSS, "reset now", "\"now\""),
        (BOSS, "poweroff force please", "unexpected argument"),
    ] {
        machine.linux_expect(com, &format!("bulkheadctl {line} 2>&1"), why);
    }
    machine.expect_states(&[
        ("boss", "running"),
        ("web", "running"),
        ("spare", "running"),
    ]);
    machine.command("kill spare");
    machine.com(1).skip();
    machine.linux_expect(
        BOSS,
        "bulkheadctl reset --json",
        "every partition is asked to stop, then the machine ends",
    );
    for line in ["* boss: asked to reset", "* web: powered-off"] {
        machine.wait_for(1, line);
    }
    // It comes again, with all that its script starts; by force it asks nobody.
    machine.wait_for_prompt();
    for com in [BOSS, WEB, SPARE] {
        machine.wait_for_demo(com);
    }
    machine.com(BOSS).send("bulkheadctl poweroff --force\r");
    assert!(
        machine.wait_for_end(Duration::from_secs(60)),
        "it is still there"
    );
}

fn silent() {
    let machine = &mut start("agent_silent");
    // Malformed, oversized, and before a hello.
    agent(machine, BOSS, "boss", BY_FORCE);
    machine.linux(WEB, "bulkheadctl agent --leave"); // unlocks it
    let file = "/sys/firmware/efi/efivars/Agent-8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23";
    let long = "x".repeat(200);
    for (word, why) in [
        ("beat", "error: no hello was heard before it"),
        (
            "boat",
            "error: not a message (accepted: hello [terminal], beat, bye)",
        ),
        (long.as_str(), "error: not a message"),
        ("bye", "none"),
    ] {
        machine.linux(WEB, &format!("printf '\\006\\000\\000\\000{word}' >{file}"));
        machine.linux_expect(WEB, &format!("tail -c +5 {file}"), why);
    }

    // One that is stopped on purpose, and started again, is no failure.
    agent(machine, WEB, "web", BY_FORCE);
    machine.linux(WEB, "bulkheadctl agent --leave");
    machine.wait_for(1, "* web: its agent leaves");
    machine.linux(WEB, "sleep 2; cat /tmp/agent");
    std::thread::sleep(Duration::from_secs(12));
    agent(machine, WEB, "web", BY_FORCE);
    machine.expect_states(&[("web", "running")]);

    // One that is killed, and comes back in time.
    machine.linux(WEB, "kill -9 $A");
    machine.wait_for(
        1,
        "* web: its agent is silent since 10 s: it gets an NMI, and 10 s",
    );
    machine.wait_for(
        1,
        "* web: failed reason=\"watchdog: silent for 10 s; panic: NMI",
    );
    machine.wait_for_demo(WEB);
    let shown = machine.expect("show web", &["watchdog: silent for 10 s; panic: NMI"]);
    assert!(shown.contains("running"), "{shown}");
    machine.linux_expect(BOSS, "bulkheadctl show web", "watchdog: silent for 10 s");
    let run = machine.linux(BOSS, "bulkheadctl events");
    assert!(
        run.contains("web: failed run=1 reason=\"watchdog: silent for 10 s"),
        "{run}"
    );

    // All of it hangs, interrupts off.
    agent(machine, WEB, "web", BY_FORCE);
    machine.linux(WEB, "echo 0 >/proc/sys/kernel/unknown_nmi_panic");
    machine.com(WEB).send("halt -f\r");
    machine.wait_for(1, "* web: its agent is silent");
    machine.wait_for(1, "* web: failed reason=\"watchdog: silent for 10 s");
    machine.wait_for_demo(WEB);
}

fn without_the_shell() {
    let machine = &mut start("agent_halt");
    agent(machine, BOSS, "boss", BY_FORCE);
    agent(machine, WEB, "web", BY_FORCE);
    machine.com(1).send("halt\r");
    machine.wait_for(1, "until then");
    let mut bulkheadctl = |command: &str| {
        let line = format!("bulkheadctl {command} 2>&1; echo code $?");
        machine.linux_within(BOSS, &line, Duration::from_secs(60))
    };
    let said = bulkheadctl("stop spare");
    assert!(
        said.contains("no agent is heard in it") && said.contains("code 1"),
        "{said}"
    );
    let said = bulkheadctl("stop web");
    assert!(said.contains("code 0"), "{said}");
    let said = bulkheadctl("list");
    assert!(said.contains("web    stopped"), "{said}");
    bulkheadctl("start web");
    machine.wait_for_demo(WEB);
    machine.linux(WEB, "bulkheadctl agent >/dev/null 2>&1 & A=$!");
    machine.linux(WEB, "sleep 2; kill -9 $A");
    // Nobody looks but the agent of the other one, by its words.
    machine.wait_for_demo(WEB);
    machine.linux(BOSS, "bulkheadctl shell");
    machine.wait_for(1, "the shell is back");
    machine.wait_for(1, "* web: failed reason=\"watchdog: silent for 10 s");
}
