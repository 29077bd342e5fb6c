//! The machine seen and run from one of its Linuxes, by `bulkheadctl`.

use std::time::Duration;

use bulkhead_tests::qemu::Running;
use bulkhead_tests::{control, guest_tool, inside, root};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("inside::a_day", a_day),
        story("inside::eight_askers_at_once", eight_askers_at_once),
        story("inside::report", report),
    ]
}

fn start(name: &str) -> Running {
    let mut machine = inside::machine(name).start();
    inside::wait(&mut machine);
    machine
}

/// What the program says, and its exit code.
fn run(machine: &mut Running, com: usize, command: &str) -> (i32, String) {
    let said = machine.linux(com, &format!("bulkheadctl {command} 2>&1; echo code $?"));
    let (said, code) = said.rsplit_once("code ").unwrap_or((&said, "-1"));
    println!("{command}: {code}\n{said}");
    (code.trim().parse().unwrap_or(-1), said.to_string())
}

/// It ends so, and says all of that.
fn expect(machine: &mut Running, com: usize, command: &str, code: i32, wanted: &[&str]) -> String {
    let (ended, said) = run(machine, com, command);
    if ended != code || wanted.iter().any(|text| !said.contains(text)) {
        machine.fail(&format!(
            "{command}: {code}, {wanted:?} were expected:\n{said}\ncode {ended}"
        ));
    }
    said
}

fn a_day() {
    const BOSS: usize = 2;
    const CLERK: usize = 3;
    let machine = &mut start("inside_a_day");
    let list = expect(
        machine,
        BOSS,
        "list",
        0,
        &["NAME   STATE    CORES  MEMORY  RUNS  UP"],
    );
    let row = |name: &str| {
        list.lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default()
    };
    assert!(row("boss").contains("running  1      256M    1 "), "{list}");
    assert!(
        row("spare").contains("defined  3      256M    0 "),
        "{list}"
    );

    // A launch, a crash and why, all from the inside.
    expect(machine, BOSS, "start spare", 0, &[]);
    machine.wait_for_demo(4);
    machine.wait_for(1, "* spare: asked to start by a partition with control");
    expect(
        machine,
        BOSS,
        "start spare",
        1,
        &["its state does not allow it"],
    );
    machine.com(4).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* spare: failed reason=\"panic: sysrq triggered crash\"");
    expect(
        machine,
        BOSS,
        "show spare",
        0,
        &["failed", "reason   sysrq triggered crash"],
    );
    expect(
        machine,
        BOSS,
        "log spare",
        0,
        &["] Linux version 6.1.", "sysrq: Trigger a crash"],
    );
    let events = "spare: failed run=1 reason=\"panic: sysrq triggered crash\"";
    expect(
        machine,
        BOSS,
        "events",
        0,
        &["boss: launched run=1", events],
    );
    expect(
        machine,
        BOSS,
        "events --json",
        0,
        &["\"reason\":\"sysrq triggered crash\"", "\"run\":1"],
    );
    let failed = "bulkhead_partition_last_failed{name=\"spare\"} 1";
    expect(machine, BOSS, "metrics", 0, &[failed, "bulkhead_shell 1"]);
    expect(
        machine,
        BOSS,
        "show spare --json",
        0,
        &["\"state\":\"failed\"", "\"memory_bytes\":268435456"],
    );
    expect(machine, BOSS, "time", 0, &["boss: run 1, up "]);

    // Definitions, in the shell's own words.
    expect(
        machine,
        BOSS,
        "set spare memory=900G",
        1,
        &["no free 900G", "largest free"],
    );
    expect(machine, BOSS, "set spare memory=192M", 0, &[]);
    machine.wait_for(1, "* boss: asked to set spare memory=192M");
    machine.expect("list", &["192M"]);
    expect(
        machine,
        BOSS,
        "stop spare",
        1,
        &["its state does not allow it"],
    );
    expect(
        machine,
        BOSS,
        "show nobody",
        1,
        &["partitions: boss, clerk, spare"],
    );
    expect(
        machine,
        BOSS,
        "kill boss",
        1,
        &["a partition can't do this to itself"],
    );
    apply(machine, BOSS);

    // A right over some.
    expect(machine, CLERK, "kill boss", 4, &["names others only"]);
    expect(
        machine,
        CLERK,
        "set spare memory=64M",
        4,
        &["names others only"],
    );
    expect(machine, CLERK, "restart spare", 0, &[]);
    machine.wait_for_demo(4);
    let seen = expect(machine, CLERK, "list", 0, &["spare  running  3"]);
    assert!(seen.contains("boss   running  -"), "{seen}");
    let events = expect(machine, CLERK, "events", 0, &["spare: launched run="]);
    assert!(!events.contains("boss"), "{events}");
    // Without one.
    expect(
        machine,
        4,
        "kill boss",
        4,
        &["this partition has not control=yes"],
    );

    // Without the shell.
    machine.com(1).send("halt\r");
    machine.wait_for(1, "until then");
    std::thread::sleep(Duration::from_secs(1));
    expect(machine, BOSS, "kill spare", 0, &[]);
    expect(
        machine,
        BOSS,
        "set spare memory=64M",
        1,
        &["only Bulkhead's shell does that"],
    );
    expect(machine, CLERK, "shell", 4, &["names others only"]);
    machine.com(1).skip();
    expect(machine, BOSS, "shell", 0, &[]);
    machine.wait_for(1, "the shell is back");
}

/// The difference is said first, and then made.
fn apply(machine: &mut Running, com: usize) {
    let lines = [
        "define spare cores=3 memory=128M kernel=linux initrd=demo console=com4 cmdline=\"bulkhead.name=spare quiet\"",
        "define clerk cores=2 memory=128M kernel=linux initrd=demo console=com3 control=spare,later cmdline=\"bulkhead.name=clerk quiet\"",
        "start spare",
    ];
    for line in lines {
        machine.linux(com, &format!("echo '{line}' >>/tmp/wanted"));
    }
    let set = "set spare memory=128M cmdline=\"bulkhead.name=spare quiet\" restart=on-failure (was: memory=192M";
    let left = "left: set clerk memory=128M (was: memory=256M); it runs (accepted: --restart)";
    expect(
        machine,
        com,
        "apply /tmp/wanted --dry-run",
        1,
        &[set, left, "start spare"],
    );
    expect(machine, com, "show spare", 0, &["192M", "failed"]);
    expect(machine, com, "apply /tmp/wanted", 1, &[set, left]);
    machine.wait_for_demo(4);
    expect(machine, com, "show spare", 0, &["128M", "running"]);
    let again = expect(machine, com, "apply /tmp/wanted", 1, &[left]);
    assert_eq!(again.trim(), left, "nothing else is to be done");
    machine.linux(com, "echo 'isolation bare' >/tmp/bare");
    let bare = ["isolation bare (was: default)"];
    expect(machine, com, "apply /tmp/bare", 0, &bare);
    machine.expect("isolation", &["bare\n"]);
    assert_eq!(expect(machine, com, "apply /tmp/bare", 0, &[]).trim(), "");
}

/// Eight programs of one Linux, and one of another, each with requests of which it knows the answer.
fn eight_askers_at_once() {
    const ROUNDS: u32 = 6;
    let machine = &mut start("inside_eight");
    machine.linux(2, "bulkheadctl start nobody"); // unlocks Control
    let asker = [
        "ask() { n=0; while [ $n -lt ROUNDS ]; do a=$(bulkheadctl $1 2>&1); case $a in *\"$2\"*) ;; *) echo \"$1: $a\" >>/tmp/bad;; esac; n=$((n+1)); done; echo x >>/tmp/done; }",
        "ask \"start nobody\" \"there is no partition\" &",
        "ask \"kill boss\" \"do this to itself\" &",
        "ask \"start clerk\" \"its state does not allow it\" &",
        "ask \"set spare memory=900G\" \"900G\" &",
        "ask \"set spare cores=99\" \"99\" &",
        "ask \"undefine nobody\" \"nobody\" &",
        "ask \"log spare 7\" \"run 7\" &",
        "ask \"show nobody\" \"there is no partition\" &",
    ];
    for line in asker {
        let line = line.replace("ROUNDS", &ROUNDS.to_string());
        machine.linux(2, &format!("printf '%s\\n' '{line}' >>/tmp/askers"));
    }
    machine.linux(2, "echo 'ask \"kill spare\" \"its state does not allow it\" &' >>/tmp/askers; echo wait >>/tmp/askers; : >/tmp/bad");
    // What is the operator's alone is refused by the shell, whoever asks.
    machine.linux(2, &control::request("#7 do halt"));
    let answer = machine.linux(2, &format!("sleep 1; {}", control::reading("Answers")));
    assert_eq!(answer.trim(), "#7 error: refused; Output says why");
    let said = control::read(machine, 2, "Output");
    assert!(
        said.starts_with("#7 0 ") && said.contains("\"halt\" is the operator's alone"),
        "{said}"
    );
    machine.linux(2, &control::request("#7 seen"));
    // Meanwhile another partition asks, too.
    machine.com(3).send("for i in 1 2 3 4 5 6; do bulkheadctl start nobody; bulkheadctl kill spare; done 2>/tmp/said; echo finished\r");
    let said = machine.linux_within(
        2,
        "sh /tmp/askers; cat /tmp/bad; wc -l </tmp/done",
        Duration::from_secs(180),
    );
    assert_eq!(
        said.trim(),
        "9",
        "answers that are lost or another's:\n{said}"
    );
    machine.wait_for(3, "finished");
    let others = machine.linux(3, "sort /tmp/said | uniq -c");
    let wanted = [
        "6 bulkheadctl: its state does not allow it",
        "6 bulkheadctl: this partition's control= names others only",
    ];
    assert!(wanted.iter().all(|line| others.contains(line)), "{others}");
}

/// `tools/report`, as it goes to a board: three files in a folder. By one who may control all, by one who may
/// not, and where Bulkhead can't be asked.
fn report() {
    const BOSS: usize = 2;
    const CLERK: usize = 3;
    let file = |name: &str, path| (format!("/board/{name}"), path);
    let files = vec![
        file("report", root().join("tools/report")),
        file("bulkheadctl", root().join("build/bulkheadctl")),
        file("work", guest_tool("work")),
    ];
    let script = "define boss cores=1 memory=256M kernel=linux612 initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
                  define clerk cores=2 memory=256M kernel=linux initrd=demo console=com3 cmdline=\"bulkhead.name=clerk quiet\"\n\
                  start boss clerk\n";
    let machine = &mut inside::machine_with("inside_report", script, files).start();
    inside::wait(machine);

    let made = "RUNS=1 SECONDS_EACH=1 sh /board/report /tmp/r.tar.gz 2>&1; echo code $?";
    for com in [BOSS, CLERK] {
        let said = machine.linux(com, made);
        assert!(said.contains("a partition of Bulkhead, "), "{said}");
        assert!(said.ends_with("code 0"), "{said}");
        machine.linux(com, "cd /tmp && tar xzf r.tar.gz");
        let report = |machine: &mut Running, file: &str| {
            machine.linux(com, &format!("cat /tmp/bulkhead-report/{file}"))
        };
        assert_eq!(report(machine, "about"), "place: a partition of Bulkhead");
        let work = report(machine, "work");
        let rows: Vec<_> = work.lines().collect();
        assert_eq!(rows.len(), 6, "{work}");
        for (row, words) in rows
            .iter()
            .zip(["cpu", "syscall", "ring 2", "ring 8", "copy", "triad"])
        {
            let counted = row.strip_prefix(words).is_some_and(|said| {
                said.split(|letter: char| !letter.is_ascii_digit())
                    .any(|number| number.parse().is_ok_and(|number: u64| number > 0))
            });
            assert!(counted, "{row}");
        }
        let codes = report(machine, "codes");
        let all_said = codes.lines().all(|line| line.ends_with(" exit 0"));
        assert!(all_said && codes.contains("show-boss exit 0"), "{codes}");
    }
    machine.linux(BOSS, "umount /sys/firmware/efi/efivars");
    let said = machine.linux(BOSS, made);
    assert!(
        said.contains("this is a partition, and Bulkhead is not heard"),
        "{said}"
    );
    assert!(said.ends_with("code 1"), "{said}");
}
