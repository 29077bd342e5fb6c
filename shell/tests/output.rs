//! What commands print and do when they succeed, and when the kernel can't do its part.

mod support;

use bulkhead_fake::Happening;
use bulkhead_model::{End, Machine};
use proptest::prelude::*;
use support::{FakeKernel, Session};

const TWO: &str = "
    define web cores=2-3 memory=512M kernel=linux61 initrd=demo console=com2
    define db cores=5 memory=512M kernel=linux612 initrd=demo # half a core
";

#[test]
fn start_launches_all_and_warns() {
    let mut session = Session::after(TWO);
    assert_eq!(session.line("start web db"), "");
    assert_eq!(session.kernel.started, ["web", "db"]);
    assert_eq!(
        session.line("list"),
        "NAME  STATE    CORES  MEMORY  KERNEL    RUNS  RESTART     CONSOLE\n\
         web   running  2-3    512M    linux61   1     on-failure  com2\n\
         db    running  5      512M    linux612  1     on-failure  mem\n"
    );
}

#[test]
fn split_siblings_are_warned_of() {
    let mut session = Session::after(TWO);
    assert_eq!(
        session.line("define c cores=4 memory=512M kernel=linux61 initrd=demo"),
        "warning: c: core 4 is an SMT sibling of core 5, which belongs to \"db\"\n\
         c: cores 4, memory 0x41000000-0x60ffffff (512M)\n"
    );
}

/// A launch says nothing of it: what is known already would disturb a boot script's output.
#[test]
fn a_linux_that_will_find_nothing_to_run_is_warned_of() {
    let mut session = Session::new();
    let warning = "warning: web: no initrd, no root= and no PCI device: unless it has an initrd built in, \
                   its kernel finds nothing to run and panics\n";
    let claim = "web: cores 2-3, memory 0x1000000-0x20ffffff (512M)\n";
    let define = "define web cores=2-3 memory=512M kernel=linux61 devices=com3";
    assert_eq!(session.line(define), format!("{warning}{claim}"));
    for check in ["check", "check web"] {
        assert_eq!(session.line(check), format!("{warning}web: ok\n"));
    }
    for set in [
        "initrd=demo",
        "initrd= cmdline=root=/dev/sda1",
        "cmdline= devices=01:00.0",
    ] {
        assert_eq!(session.line(&format!("set web {set}")), claim, "{set}");
        assert_eq!(session.line("check web"), "web: ok\n", "{set}");
    }
    // No more than a parameter that ends so.
    let said = session.line("set web devices=none cmdline=noroot=1");
    assert_eq!(said, format!("{warning}{claim}"));
    assert_eq!(session.line("start web"), "");
}

#[test]
fn a_launch_that_fails_says_what_went_before() {
    let mut session = Session::after(TWO);
    session.kernel.broken = Some("db");
    assert!(session.line("start web db").ends_with(
        "                    ^^\n\
         error: \"db\" was not launched: core 2 is not parked but silent \
         (launched before it: web)\n"
    ));
    session.kernel.broken = Some("web");
    let said = session.line("kill web");
    let why = "error: \"web\" was not killed: core 2 did not come back; see the log\n";
    assert!(said.ends_with(why), "{said}");
}

#[test]
fn killed_and_failed_partitions_can_start_again() {
    let mut session = Session::after(TWO);
    session.line("start web db");
    assert_eq!(session.line("kill web"), "");
    let failed = Happening::Ended(End::Failed);
    session.kernel.apply("db", failed);
    let list = session.line("list");
    assert!(list.contains("web   stopped"), "{list}");
    assert!(list.contains("db    failed"), "{list}");
    let show = session.line("show db");
    assert!(
        show.starts_with("db: failed, 1 run\nlast end:\n  failed reason=\"panic\"\n"),
        "{show}"
    );
    session.kernel.reason = Some("Attempted to kill init! exitcode=0x00000100".into());
    let show = session.line("show db");
    let why = "failed reason=\"panic: Attempted to kill init! exitcode=0x00000100\"";
    assert!(
        show.starts_with(&format!("db: failed, 1 run\nlast end:\n  {why}\n")),
        "{show}"
    );
    let show = session.line("show web");
    assert!(
        show.starts_with("web: stopped, 1 run\nlast end:\n  killed\ndefinition:\n"),
        "{show}"
    );
    session.line("start web db");
    assert!(
        session
            .line("show web")
            .starts_with("web: running, 2 runs\nlast end:\n  killed\ndefinition:\n")
    );
}

#[test]
fn check_names_all_that_is_wrong() {
    let mut session = Session::after(TWO);
    assert_eq!(session.line("check"), "web: ok\ndb: ok\n");
    assert_eq!(session.line("check db"), "db: ok\n");
    session
        .kernel
        .machine
        .images
        .retain(|image| image.name != "linux612");
    let why = "there is no image \"linux612\" (images: linux61, old, demo)";
    assert_eq!(
        session.line("check"),
        format!(
            "web: ok\ndb: refused: {why}\n          ^^^^^\n\
             error: \"db\" can't be launched\n"
        )
    );
    let said = session.line("start web db");
    assert_eq!(said, format!("{:20}^^\nerror: {why}\n", ""));
    assert!(session.kernel.started.is_empty());
    assert!(
        session
            .line("show db")
            .ends_with(&format!("it can't be launched: {why}\n"))
    );
}

#[test]
fn show_tells_everything() {
    let mut session = Session::after(TWO);
    let show = session.line("show web");
    let heads: Vec<&str> = show.lines().filter(|line| !line.starts_with(' ')).collect();
    let heads = heads.join("\n");
    let (before, tables) = heads.split_once("EFI system table at 0x").unwrap();
    assert_eq!(
        before,
        "web: defined, 0 runs\ndefinition:\npolicy:\nclaim:\nplacement:\ncommand line:\ne820 map:\n\
         EFI memory map:\n"
    );
    assert!(tables.contains("\nACPI tables, RSDP at 0x"), "{tables}");
    for line in [
        "  define web cores=2-3 memory=512M kernel=linux61 initrd=demo console=com2\n",
        "  restart  on-failure, after at most 5 failures in a row\n",
        "  failures 0 in a row\n",
        "  control  no\n",
        "  cores    2-3 (boot core 2)\n",
        "  memory   0x1000000-0x20ffffff    512M\n",
        "  console  com2 (0x2f8, ttyS1)\n",
        "  kernel        0x1000000-0x2ffffff     32M, 6.1.0-50-cloud-amd64\n",
        "  0x10000-0x1ffff         64K  RAM\n",
        "  0x100000000-0x17fffffff 2G  reserved\n",
        "no_ipi_broadcast=1",
    ] {
        assert!(show.contains(line), "{line}\n{show}");
    }
}

#[test]
fn the_machine_ends_when_nothing_runs_or_by_force() {
    let mut session = Session::after(TWO);
    let failed = "error: the machine was not reset: the firmware has no reset register\n";
    assert!(session.line("reset").ends_with(failed));
    session.line("start web db");
    assert!(
        session.line("reset").ends_with(
            "error: \"web\" and \"db\" are running, and no agent is heard in them (accepted all the same: reset force)\n"
        )
    );
    assert_eq!(session.kernel.ends, 1);
    assert!(session.line("reset force").ends_with(failed));
    assert!(
        session
            .line("poweroff force")
            .ends_with("error: the machine was not powered off: the firmware has no S5 state\n")
    );
    assert_eq!(session.kernel.ends, 3);
}

#[test]
fn a_bare_machine_is_described_too() {
    let mut session = Session::new();
    session.kernel = FakeKernel::default();
    session.kernel.machine = Machine::default();
    assert!(session.line("machine").ends_with("no ACPI tables\n"));
    assert_eq!(session.line("images"), "the loader brought no images\n");
    assert_eq!(
        session.line("memory"),
        "REGION  SIZE  KIND  OWNER\nfree: 0, 0 of it below 4G\n"
    );
    assert_eq!(
        session.line("cores"),
        "CORE  PACKAGE  PHYSICAL  SIBLINGS  STATE  OWNER\n"
    );
    assert_eq!(
        session.line("devices"),
        "PCI functions: none can be given: this machine has no ECAM (no MCFG table)\n\
         serial ports: none found\nother devices: none found\nI/O APICs: none found\n"
    );
    assert_eq!(session.line("check"), "");
}

#[test]
fn scripts_stop_at_the_first_error() {
    let mut session = Session::new();
    let mut said = String::new();
    let script = "\u{feff}# two partitions\r\n\
                  define web cores=2-3 memory=512M kernel=linux61 initrd=demo\r\n\
                  \r\n\
                  \tdefine d\u{e9} cores=5 memory=512M kernel=linux61 \r\n\
                  start web\r\n";
    let done = session
        .shell
        .script("bulkhead.conf", script, &mut session.kernel, &mut said);
    assert_eq!(done.unwrap_err().line, 4);
    assert_eq!(
        said,
        "web: cores 2-3, memory 0x1000000-0x20ffffff (512M)\n \
         define d? cores=5 memory=512M kernel=linux61\n         ^\n\
         bulkhead.conf:4: error: the character U+00E9 is not accepted: only printable ASCII is\n\
         bulkhead.conf: the script stopped at line 4; nothing behind it was done\n"
    );
    assert!(session.kernel.started.is_empty());
    assert!(session.kernel.ledger.find("web").is_some());
    assert_eq!(session.line("start web"), "");
}

proptest! {
    /// The definition that `show` prints can be typed again and means the same.
    #[test]
    fn a_shown_definition_defines_the_same(
        cmdline in "([a-z=.,'\\\\ ]|\"[a-z ]*\"){0,30}",
        console in prop::sample::select(vec!["", " console=com3"]),
        memory in prop::sample::select(vec!["64M", "512M@0x40000000,1G", "0x8000000"]),
        devices in prop::sample::select(vec!["", " devices=1:0.0,PCI:02,com2,ioapic0,ps2"]),
        policy in prop::sample::select(vec!["", " restart=never", " control=yes restart=always"]),
    ) {
        let escaped = cmdline.replace('\\', "\\\\").replace('"', "\\\"");
        let line = format!(
            "define web cores=5,4 memory={memory} kernel=linux61 cmdline=\"{escaped}\"{console}{devices}{policy}"
        );
        let mut session = Session::new();
        let said = session.line(&line);
        prop_assume!(!said.contains("error"));
        let first = session.kernel.ledger.find("web").unwrap().definition.clone();
        prop_assert_eq!(&first.cmdline, &cmdline);
        let show = session.line("show web");
        let (_, rest) = show.split_once("definition:\n  ").unwrap();
        let (shown, _) = rest.split_once("\nclaim:").unwrap();
        let mut again = Session::new();
        again.line(shown);
        let mut second = again.kernel.ledger.find("web").unwrap().definition.clone();
        // Cores are shown in the order in which they are used.
        prop_assert_eq!(&second.cores, &[4, 5]);
        second.cores.clone_from(&first.cores);
        prop_assert_eq!(first, second);
    }
}
