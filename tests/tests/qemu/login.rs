//! A terminal in a partition, by its agent: for the shell's operator and for other partitions.

use std::time::Duration;

use bulkhead_tests::inside;
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use crate::story;

const BOSS: usize = 2;
const CLERK: usize = 3;
const SPARE: usize = 4;
/// What leaves a console.
const LEAVE: &str = "\x1d";
/// `secret`, by `openssl passwd -1 -salt bulkhead`.
const HASH: &str = "$1$bulkhead$978AMiJZZKm67N7oiVfs4.";

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story(
            "login::from_the_shell_and_from_a_partition",
            from_the_shell_and_from_a_partition,
        ),
        story("login::comes_again", comes_again),
    ]
}

/// One of 6.12 that may ask for all, one of 6.1 that may ask for the third, and that, of 6.1.
fn start(name: &str) -> Running {
    inside::start(
        name,
        "define boss cores=1 memory=256M kernel=linux612 initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define clerk cores=2 memory=256M kernel=linux initrd=demo console=com3 control=spare cmdline=\"bulkhead.name=clerk quiet\"\n\
             define spare cores=3 memory=256M kernel=linux initrd=demo console=com4 restart=always cmdline=\"bulkhead.name=spare quiet\"\n\
             start boss clerk spare\n",
        &[BOSS, CLERK, SPARE],
    )
}

fn agent(machine: &mut Running, com: usize, name: &str, options: &str) {
    machine.linux(
        com,
        &format!("echo 'root:{HASH}:0:0:root:/root:/bin/sh' >/etc/passwd"),
    );
    inside::agent(machine, com, name, options);
}

/// Logs in at the console that is open on that port.
fn log_in(machine: &mut Running, com: usize) {
    machine.wait_for(com, "login:");
    machine.com(com).send("root\r");
    machine.wait_for(com, "Password:");
    machine.com(com).send("secret\r");
    machine.wait_for(com, "# ");
    machine.com(com).send("echo $((6*7))-$(tty)\r");
    machine.wait_for(com, "42-/dev/pts/");
}

fn from_the_shell_and_from_a_partition() {
    let machine = &mut start("login_both");
    // Without an agent.
    machine.com(1).send("console spare\r");
    machine.wait_for(1, "Ctrl-] leaves)");
    machine.com(1).send("x");
    machine.wait_for(1, "no agent gives a terminal");
    machine.com(1).send(LEAVE);
    machine.wait_for_prompt();
    // From a partition it is read; the key that is typed is answered once; and when an agent comes there is a login.
    machine
        .com(BOSS)
        .send("bulkheadctl console spare; echo code $?\r");
    machine.wait_for(BOSS, "no agent in it gives a terminal");
    let line = "echo '<5>one more line' >/dev/kmsg";
    machine.linux(SPARE, line);
    machine.wait_for(BOSS, "] one more line");
    machine.com(BOSS).send("x");
    machine.wait_for(BOSS, "what is typed here reaches nobody");
    machine.linux(SPARE, &line.replace("one more", "the last"));
    machine.wait_for(BOSS, "] the last line");
    agent(machine, SPARE, "spare", "");
    machine.wait_for(BOSS, "a terminal in \"spare\"");
    log_in(machine, BOSS);
    machine.com(BOSS).send(LEAVE);
    machine.wait_for(BOSS, "code 0");

    // From the shell, a password and all.
    machine.com(1).send("console spare\r");
    machine.wait_for(1, "a terminal in \"spare\"");
    log_in(machine, 1);
    // One is at it; the other has no right.
    let said = machine.linux(CLERK, "bulkheadctl console spare 2>&1; echo code $?");
    assert!(
        said.contains("somebody is at its console already") && said.contains("code 1"),
        "{said}"
    );
    let said = machine.linux(CLERK, "bulkheadctl console boss 2>&1; echo code $?");
    assert!(
        said.contains("names others only") && said.contains("code 4"),
        "{said}"
    );
    // What draws passes, what a terminal would answer to does not.
    machine
        .com(1)
        .send("printf 'a\\033[6nb\\033]0;title\\007c\\033[31mred\\033[0m\\n'\r");
    machine.wait_for(1, "abc\u{1b}[31mred\u{1b}[0m");
    machine.com(1).send(LEAVE);
    machine.wait_for_prompt();
    machine.linux_expect(SPARE, "sleep 1; ps | grep -c '[-]sh'", "0");

    // From another partition that may: its end is that of the login.
    machine
        .com(CLERK)
        .send("bulkheadctl console spare; echo code $?\r");
    machine.wait_for(CLERK, "a terminal in \"spare\"");
    log_in(machine, CLERK);
    machine.com(CLERK).send("exit\r");
    machine.wait_for(CLERK, "the login has ended");
    machine.wait_for(CLERK, "code 0");

    // The agent's Linux is of 6.12, with another command.
    agent(machine, BOSS, "boss", "--login '/bin/sh -i'");
    machine.com(1).send("console boss\r");
    machine.wait_for(1, "a terminal in \"boss\"");
    machine.wait_for(1, "# ");
    machine.com(1).send("echo $((6*7))-$(tty)\r");
    machine.wait_for(1, "42-/dev/pts/");
    machine.com(1).send(LEAVE);
    machine.wait_for_prompt();
    machine.expect_states(&[("boss", "running"), ("spare", "running")]);
}

fn comes_again() {
    let machine = &mut start("login_again");
    agent(machine, SPARE, "spare", "");
    machine
        .com(BOSS)
        .send("bulkheadctl console spare; echo code $?\r");
    machine.wait_for(BOSS, "a terminal in \"spare\"");
    log_in(machine, BOSS);

    // The agent is killed, and started again.
    machine.linux(SPARE, "kill -9 $A");
    machine.wait_for(BOSS, "its agent is waited for");
    machine.linux(SPARE, "bulkheadctl agent >/tmp/agent 2>&1 & A=$!");
    log_in(machine, BOSS);

    // Its Linux is launched again.
    machine.com(BOSS).send("reboot -f\r");
    machine.wait_for(1, "* spare: rebooted");
    machine.wait_for(BOSS, "its agent is waited for");
    machine.wait_for_demo(SPARE);
    agent(machine, SPARE, "spare", "");
    log_in(machine, BOSS);

    // Who is attached is killed: his place is free after a while.
    machine.command("kill boss");
    std::thread::sleep(Duration::from_secs(11));
    machine.com(1).send("console spare\r");
    machine.wait_for(1, "a terminal in \"spare\"");
    log_in(machine, 1);
    // It ends under the operator, and comes again by its policy: what its kernel prints is read meanwhile.
    machine.com(1).send("poweroff -f\r");
    machine.wait_for(1, "* spare: powered-off");
    machine.wait_for(1, "its agent is waited for");
    machine.wait_for(1, "Linux version");
    machine.wait_for_demo(SPARE);
    agent(machine, SPARE, "spare", "");
    log_in(machine, 1);
    machine.com(1).send(LEAVE);
    machine.wait_for_prompt();
}
