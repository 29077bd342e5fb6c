//! The commands, the options, the exit codes.

use super::{Command, Needs, Takes};

const fn inside(
    name: &'static str,
    takes: Takes,
    usage: &'static str,
    options: &'static [&'static str],
    summary: &'static str,
) -> Command {
    Command {
        name,
        takes,
        usage,
        options,
        summary,
        needs: Needs::Bulkhead,
    }
}

const fn outside(
    name: &'static str,
    takes: Takes,
    usage: &'static str,
    options: &'static [&'static str],
    summary: &'static str,
) -> Command {
    Command {
        needs: Needs::Nothing,
        ..inside(name, takes, usage, options, summary)
    }
}

const fn linked(
    name: &'static str,
    usage: &'static str,
    options: &'static [&'static str],
    summary: &'static str,
) -> Command {
    Command {
        needs: Needs::Link,
        ..inside(name, Takes::Name, usage, options, summary)
    }
}

/// All of them, in the order of the help.
pub const COMMANDS: [Command; 32] = [
    inside(
        "list",
        Takes::Nothing,
        "[--names]",
        &["--names", "--json"],
        "the partitions and their states",
    ),
    inside(
        "show",
        Takes::Name,
        "NAME",
        &["--json"],
        "what is known of a partition, with the reason of its last end",
    ),
    inside(
        "start",
        Takes::Names,
        "NAME...",
        &["--json", "--timeout"],
        "launch partitions",
    ),
    inside(
        "stop",
        Takes::Names,
        "NAME... [--within SECONDS] [--force]",
        &["--within", "--force", "--json", "--timeout"],
        "have a partition's Linux end itself, and end it by force when its time is over",
    ),
    inside(
        "restart",
        Takes::Names,
        "NAME... [--within SECONDS] [--force]",
        &["--within", "--force", "--json", "--timeout"],
        "end a partition, if it runs, as stop does where an agent is heard, and launch it",
    ),
    inside(
        "kill",
        Takes::Names,
        "NAME...",
        &["--json", "--timeout"],
        "take a partition's cores back",
    ),
    inside(
        "events",
        Takes::Nothing,
        "[--follow]",
        &["--follow", "--json"],
        "what happened to partitions",
    ),
    inside(
        "watch",
        Takes::Nothing,
        "",
        &["--json"],
        "the list, again and again",
    ),
    inside(
        "metrics",
        Takes::Nothing,
        "",
        &[],
        "the partitions in Prometheus' text format",
    ),
    inside(
        "time",
        Takes::Nothing,
        "",
        &["--json"],
        "how long this run is up, this Linux's clock and its firmware's",
    ),
    inside(
        "log",
        Takes::Name,
        "NAME [RUN]",
        &["--json", "--timeout"],
        "what a partition's Linux has printed",
    ),
    inside(
        "console",
        Takes::Name,
        "NAME",
        &["--timeout"],
        "a terminal with a login in a partition, by its agent, or else what its kernel prints; Ctrl-] leaves",
    ),
    inside(
        "dump",
        Takes::Name,
        "NAME [FILE] [--stop]",
        &["--stop", "--json", "--timeout"],
        "write an ELF core of a dead partition's memory, for crash or gdb",
    ),
    inside(
        "define",
        Takes::Name,
        "NAME KEY=VALUE...",
        &["--json", "--timeout"],
        "claim cores, memory and devices for a partition",
    ),
    inside(
        "set",
        Takes::Name,
        "NAME KEY=VALUE...",
        &["--json", "--timeout"],
        "change a partition that does not run",
    ),
    inside(
        "undefine",
        Takes::Name,
        "NAME",
        &["--json", "--timeout"],
        "give a partition and its claim up",
    ),
    inside(
        "link",
        Takes::Names,
        "NAME NAME [SIZE]",
        &["--json", "--timeout"],
        "let two partitions share memory",
    ),
    inside(
        "unlink",
        Takes::Names,
        "NAME NAME",
        &["--json", "--timeout"],
        "give the memory that two share up",
    ),
    inside(
        "apply",
        Takes::File,
        "FILE [--dry-run] [--restart]",
        &["--dry-run", "--restart", "--json", "--timeout"],
        "make what there is what a file says; first the difference is said",
    ),
    inside(
        "agent",
        Takes::Nothing,
        "[--login COMMAND] [--no-login] [--poweroff-command COMMAND] [--reboot-command COMMAND] [--leave]",
        &[
            "--login",
            "--no-login",
            "--poweroff-command",
            "--reboot-command",
            "--leave",
        ],
        "say that this Linux lives, end it when that is asked for, and give a login to its console; in the foreground",
    ),
    inside(
        "reset",
        Takes::Nothing,
        "[force]",
        &["--force", "--json", "--timeout"],
        "stop all partitions, this one too, and reset the machine",
    ),
    inside(
        "poweroff",
        Takes::Nothing,
        "[force]",
        &["--force", "--json", "--timeout"],
        "stop all partitions, this one too, and switch the machine off",
    ),
    inside(
        "shell",
        Takes::Nothing,
        "",
        &["--json", "--timeout"],
        "wake Bulkhead's own core after halt",
    ),
    linked(
        "net",
        "NAME [INTERFACE]",
        &[],
        "a network interface to a partition that this one is linked to; it is there as long as this runs, at both ends",
    ),
    linked(
        "disk",
        "NAME [DEVICE] [--serve FILE] [--read-only]",
        &["--serve", "--read-only"],
        "a disk of a partition that this one is linked to, as DEVICE or the first free /dev/nbdN, as long as this runs at both ends; with --serve FILE the one that it is",
    ),
    outside(
        "survey",
        Takes::Nothing,
        "[--from FILE] [--save FILE]",
        &["--from", "--save"],
        "what Bulkhead would make of this machine; as root, it sees all of it",
    ),
    outside(
        "check",
        Takes::File,
        "SCRIPT [--from FILE] [--image NAME=PATH]...",
        &["--from", "--image"],
        "what Bulkhead's shell would say of a boot script on this machine",
    ),
    outside(
        "suggest",
        Takes::Nothing,
        "[--from FILE] [--image NAME=PATH]...",
        &["--from", "--image"],
        "a first boot script for this machine and its kernels",
    ),
    outside(
        "boot",
        Takes::Nothing,
        "[--now]",
        &["--now"],
        "what the disks' own boot entries are; how boot.img goes over to one",
    ),
    outside(
        "completion",
        Takes::Word(&["bash"]),
        "bash",
        &[],
        "a script that completes these commands",
    ),
    outside("man", Takes::Nothing, "", &[], "this program's man page"),
    outside(
        "help",
        Takes::Nothing,
        "[COMMAND]",
        &[],
        "this text, or what there is to say of one command",
    ),
];

/// An option, what follows it, and what it is for.
pub const OPTIONS: [(&str, &str, &str); 20] = [
    (
        "--json",
        "",
        "JSON instead of text: one value, or one a line where there is no end to it",
    ),
    ("--names", "", "only the names, one a line"),
    ("--follow", "", "goes on as more happens"),
    ("--dry-run", "", "says the difference, and does nothing"),
    ("--restart", "", "also restarts what runs and has changed"),
    (
        "--force",
        "",
        "takes the cores back without asking that Linux",
    ),
    ("--stop", "", "kills it before, if it runs"),
    (
        "--now",
        "",
        "enters the one that is chosen by kexec, at once: for boot.img, where nothing else runs",
    ),
    (
        "--within",
        "SECONDS",
        "how long a Linux has to end itself before its cores are taken, 60 without it, 3600 at most",
    ),
    (
        "--login",
        "COMMAND",
        "what the agent runs on a terminal for who is attached to the console; without it /bin/login, if that is there",
    ),
    ("--no-login", "", "no terminal is given"),
    (
        "--poweroff-command",
        "COMMAND",
        "how the agent powers this Linux off; without it as its first process wants it",
    ),
    (
        "--reboot-command",
        "COMMAND",
        "how the agent reboots this Linux",
    ),
    (
        "--leave",
        "",
        "says that this Linux's agent leaves, so that its silence means nothing, and ends",
    ),
    (
        "--timeout",
        "SECONDS",
        "how long an answer is waited for; 60 without it",
    ),
    (
        "--from",
        "FILE",
        "the machine that a saved file is of, instead of this one",
    ),
    (
        "--save",
        "FILE",
        "keeps what the survey is made from: a tar archive, without serial numbers, MAC addresses and host names; its piece `about` says what is in it",
    ),
    (
        "--serve",
        "FILE",
        "the file or block device that the other partition's disk is",
    ),
    ("--read-only", "", "nobody writes to it"),
    (
        "--image",
        "NAME=PATH",
        "a kernel or initial RAM disk, by the name that the script has for it; without any, all kernels and initial RAM disks in /boot, by their own names",
    ),
];

/// Options of one command of which one would be of no effect beside the other.
pub(super) const EXCLUSIVE: [(&str, &str); 7] = [
    ("--names", "--json"),
    ("--force", "--within"),
    ("--login", "--no-login"),
    ("--leave", "--login"),
    ("--leave", "--no-login"),
    ("--leave", "--poweroff-command"),
    ("--leave", "--reboot-command"),
];

/// What each exit code means.
pub const CODES: [(u8, &str); 6] = [
    (0, "done; nothing is to be changed (survey)"),
    (
        1,
        "refused, or something is to be changed (survey, apply --dry-run)",
    ),
    (2, "the command line is wrong"),
    (
        3,
        "there is no Bulkhead around this Linux, or a file can't be read or written",
    ),
    (4, "no right: not root, or not control= of that partition"),
    (5, "no answer in time"),
];
