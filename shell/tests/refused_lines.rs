//! Lines that don't belong to the language: the caret, the sentence, and that nothing changes.

mod support;

use support::refused::assert_refused;

const COMMANDS: &str = "accepted: define, set, undefine, link, unlink, check, list, watch, show, console, start, stop, restart, \
    kill, wait, include, on-error, machine, cores, memory, devices, images, keymap, status, isolation, log, version, help, handoff, halt, reset, poweroff; help says what each does";
const KEYS: &str = "accepted: cores, memory, kernel, initrd, cmdline, console, devices, restart, control, watchdog, dump, node, isolation";
const DEFINE: &str = "accepted: define NAME cores=LIST memory=LIST kernel=IMAGE \
    [initrd=LIST] [cmdline=\"...\"] [console=PORT|mem] [devices=LIST] [restart=POLICY] [control=yes|no|LIST] [watchdog=SECONDS] [dump=yes|no] [node=N] [isolation=bare|dma]";
const POLICIES: &str = "accepted: never, on-failure, always";
const PORTS: &str = "accepted: mem, com1, com2, com3, com4, none";
const NUMBER: &str = "accepted: 512M, 1G, 0x20000000; units K, M, G, T";

#[test]
fn commands() {
    assert_refused(&[
        (
            "lsit",
            "^^^^",
            format!("unknown command \"lsit\", did you mean \"list\"? ({COMMANDS})"),
        ),
        (
            "reboot",
            "^^^^^^",
            format!("unknown command \"reboot\" ({COMMANDS})"),
        ),
        (
            "  def x",
            "  ^^^",
            format!("unknown command \"def\", did you mean \"define\"? ({COMMANDS})"),
        ),
        (
            "help strt",
            "     ^^^^",
            format!("unknown command \"strt\", did you mean \"start\"? ({COMMANDS})"),
        ),
        (
            "exit",
            "^^^^",
            "\"exit\" is no command: the shell has no end of its own (accepted: poweroff, reset; handoff NAME and halt, by which \
             Bulkhead's core goes; without any of them the partitions and their consoles just run on)"
                .into(),
        ),
        ("wiat", "^^^^", format!("unknown command \"wiat\", did you mean \"wait\"? ({COMMANDS})")),
        ("want", "^^^^", format!("unknown command \"want\", did you mean \"wait\"? ({COMMANDS})")),
        ("wand", "^^^^", format!("unknown command \"wand\" ({COMMANDS})")),
        ("''", "^^", format!("unknown command \"\" ({COMMANDS})")),
        (
            "list web",
            "     ^^^",
            "\"web\" is too much here (accepted: list)".into(),
        ),
        (
            "show web db",
            "         ^^",
            "\"db\" is too much here (accepted: show NAME)".into(),
        ),
        (
            "help set x",
            "         ^",
            "\"x\" is too much here (accepted: help [COMMAND])".into(),
        ),
        (
            "reset now",
            "      ^^^",
            "\"now\" is too much here (accepted: reset [force]; of a partition: restart NAME)"
                .into(),
        ),
        (
            "reset force x",
            "            ^",
            "\"x\" is too much here (accepted: reset [force])".into(),
        ),
        (
            "show",
            "     ^",
            "\"show\" needs the name of a partition (accepted: show NAME)".into(),
        ),
        (
            "start",
            "      ^",
            "\"start\" needs the name of a partition (accepted: start NAME ...)".into(),
        ),
        (
            "restart",
            "        ^",
            "\"restart\" needs the name of a partition (accepted: restart NAME ... [force])".into(),
        ),
        (
            "handoff",
            "        ^",
            "\"handoff\" needs the name of a partition (accepted: handoff NAME)".into(),
        ),
        (
            "handoff db web",
            "           ^^^",
            "\"web\" is too much here (accepted: handoff NAME)".into(),
        ),
        (
            "halt force",
            "     ^^^^^",
            "\"force\" is too much here (accepted: halt)".into(),
        ),
        (
            "define",
            "       ^",
            format!("\"define\" needs the name of a partition ({DEFINE})"),
        ),
        (
            "set db",
            "       ^",
            "\"set\" needs key=value (accepted: set NAME key=value ...)".into(),
        ),
    ]);
}

#[test]
fn words() {
    assert_refused(&[
        (
            "show \"web",
            "     ^",
            "this quote is not closed: a second \" is missing".into(),
        ),
        (
            "set db cmdline='a b",
            "               ^",
            "this quote is not closed: a second ' is missing".into(),
        ),
    ]);
}

#[test]
fn settings() {
    assert_refused(&[
        (
            "set db core=1",
            "       ^^^^",
            format!("unknown key \"core\", did you mean \"cores\"? ({KEYS})"),
        ),
        (
            "set db colour=1",
            "       ^^^^^^",
            format!("unknown key \"colour\" ({KEYS})"),
        ),
        (
            "set db =1",
            "       ^^",
            format!("unknown key \"\" ({KEYS}); there are no spaces around =: memory=512M"),
        ),
        (
            "set db cores",
            "       ^^^^^",
            "\"cores\" is not key=value; write cores=1,2-3".into(),
        ),
        (
            "set db cmdline=a quiet",
            "                 ^^^^^",
            "\"quiet\" is not key=value; a value with spaces needs quotes: cmdline=\"a b\"".into(),
        ),
        (
            "set db cores=5 cores=6",
            "               ^^^^^",
            "cores= is given twice".into(),
        ),
        (
            "set db cores=",
            "       ^^^^^^",
            "cores= needs a value: cores=1,2-3".into(),
        ),
        (
            "set db memory=''",
            "       ^^^^^^^^^",
            "memory= needs a value: memory=512M[@0x40000000][,MORE]".into(),
        ),
        (
            "set db kernel=",
            "       ^^^^^^^",
            "kernel= needs a value: kernel=IMAGE".into(),
        ),
        (
            "set db console=com5",
            "               ^^^^",
            format!("\"com5\" is not a console, did you mean \"com1\"? ({PORTS})"),
        ),
        (
            "set db console=ttyS1",
            "               ^^^^^",
            format!("\"ttyS1\" is not a console, did you mean \"com2\"? ({PORTS})"),
        ),
        (
            "set db console=vga",
            "               ^^^",
            format!("\"vga\" is not a console ({PORTS})"),
        ),
        (
            "set db restart=allways",
            "               ^^^^^^^",
            format!("\"allways\" is not a restart policy, did you mean \"always\"? ({POLICIES})"),
        ),
        (
            "set db restart=yes",
            "               ^^^",
            format!("\"yes\" is not a restart policy ({POLICIES})"),
        ),
        (
            "set db restart=",
            "       ^^^^^^^^",
            format!("\"\" is not a restart policy ({POLICIES})"),
        ),
        (
            "set db restart",
            "       ^^^^^^^",
            "\"restart\" is not key=value; write restart=never|on-failure|always".into(),
        ),
        (
            "set db control=true",
            "               ^^^^",
            "\"true\" is neither yes nor no (accepted: yes, no, names of partitions)".into(),
        ),
        (
            "define new",
            "           ^",
            format!("\"define\" needs cores=1,2-3 ({DEFINE})"),
        ),
        (
            "define new cores=5 # memory",
            "                   ^",
            format!("\"define\" needs memory=512M[@0x40000000][,MORE] ({DEFINE})"),
        ),
        (
            "define new cores=5 memory=1G",
            "                             ^",
            format!("\"define\" needs kernel=IMAGE ({DEFINE})"),
        ),
    ]);
}

/// What other shells would have taken apart otherwise is said beside the refusal.
#[test]
fn habits() {
    let one = "a line has one command, and nothing ends it but its end";
    let spaces = "there are no spaces around =: memory=512M";
    let list = "a list has no spaces: cores=1,2";
    let cores = "accepted: local APIC IDs and ranges, as in 1,2-3";
    let quotes = "a value with spaces needs quotes: cmdline=\"a b\"";
    assert_refused(&[
        (
            "set db restart=never; list",
            "               ^^^^^^",
            format!(
                "\"never;\" is not a restart policy, did you mean \"never\"? ({POLICIES}); {one}"
            ),
        ),
        (
            "start db; list",
            "      ^^^",
            format!(
                "there is no partition \"db;\", did you mean \"db\"? (partitions: web, db); {one}"
            ),
        ),
        (
            "check db; list",
            "          ^^^^",
            format!("\"list\" is too much here (accepted: check [NAME]); {one}"),
        ),
        (
            "list && list",
            "     ^^",
            format!("\"&&\" is too much here (accepted: list); {one}"),
        ),
        (
            "set db memory = 128M",
            "       ^^^^^^",
            format!("\"memory\" is not key=value; write memory=512M[@0x40000000][,MORE]; {spaces}"),
        ),
        (
            "set db memory= 128M",
            "       ^^^^^^^",
            format!("memory= needs a value: memory=512M[@0x40000000][,MORE]; {spaces}"),
        ),
        (
            "set db console= com2",
            "                ^^^^",
            format!("\"com2\" is not key=value; {quotes}; {spaces}"),
        ),
        (
            "set db cores=5, 6",
            "       ^^^^^^^^",
            format!("\"\" is not a core ({cores}); {list}"),
        ),
        (
            "set db cores=5 ,6",
            "               ^^",
            format!("\",6\" is not key=value; {quotes}; {list}"),
        ),
        // A mistake of another kind stays what it is.
        (
            "set db cores=5, memory=1G",
            "       ^^^^^^^^",
            format!("\"\" is not a core ({cores})"),
        ),
    ]);
}

#[test]
fn values() {
    let cores = "accepted: local APIC IDs and ranges, as in 1,2-3";
    let devices = "accepted: 0000:01:00.0, pci:01, bus0, com1-com4, ps2, rtc, framebuffer, ioapic0";
    let memory = "accepted: SIZE or SIZE@ADDRESS, as in 512M or 1G@0x40000000";
    assert_refused(&[
        (
            "set db cores=5,x",
            "               ^",
            format!("\"x\" is not a core ({cores})"),
        ),
        (
            "set db cores=5,",
            "       ^^^^^^^^",
            format!("\"\" is not a core ({cores})"),
        ),
        (
            "set db cores=6-5",
            "             ^^^",
            format!("the range 6-5 runs backwards ({cores})"),
        ),
        (
            "set db cores=5,\"4-6\"",
            "                ^^^",
            "core 5 is listed twice".into(),
        ),
        (
            "set db cores=0-99999",
            "             ^^^^^^^",
            "more than 1024 cores are named".into(),
        ),
        (
            "set db devices=rtc,com5",
            "                   ^^^^",
            format!("\"com5\" is not a device, did you mean \"com1\"? ({devices})"),
        ),
        (
            "set db devices=eth0,rtc",
            "               ^^^^",
            format!("\"eth0\" is not a device ({devices})"),
        ),
        (
            "set db devices=rtc,",
            "       ^^^^^^^^^^^^",
            format!("\"\" is not a device ({devices})"),
        ),
        (
            "set db devices=com3,01:00.0,COM3",
            "                            ^^^^",
            "com3 is listed twice".into(),
        ),
        (
            "define new initrd=demo,demo",
            "                       ^^^^",
            "\"demo\" is listed twice".into(),
        ),
        (
            "set db memory=1Q",
            "              ^^",
            format!("the size \"1Q\" is not a number ({NUMBER})"),
        ),
        (
            "set db memory=1G,0",
            "                 ^",
            format!("the size \"0\" is zero ({memory})"),
        ),
        (
            "set db memory=1G@low",
            "                 ^^^",
            format!("the address \"low\" is not a number ({NUMBER})"),
        ),
        (
            "set db memory=1G@",
            "       ^^^^^^^^^^",
            "the address \"\" is empty".into(),
        ),
        (
            "set db memory=99999999999T",
            "              ^^^^^^^^^^^^",
            "the size \"99999999999T\" is larger than 64 bits hold".into(),
        ),
    ]);
}
