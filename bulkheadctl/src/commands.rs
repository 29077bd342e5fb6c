//! The one list of commands: usage, completion and man page are made of it.

use std::fmt::Write;

/// What a command's first words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// One partition, and what the usage says behind it.
    Name,
    /// One partition or more.
    Names,
    /// A file.
    File,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// How it is typed.
    pub name: &'static str,
    /// What follows it.
    pub takes: Takes,
    /// The same, and its options, as they are written.
    pub usage: &'static str,
    /// Its options, `--` included.
    pub options: &'static [&'static str],
    /// What it does, in a line.
    pub summary: &'static str,
    /// Whether it needs Bulkhead around this Linux.
    pub inside: bool,
}

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
        inside: true,
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
        name,
        takes,
        usage,
        options,
        summary,
        inside: false,
    }
}

/// All of them, in the order of the help.
pub const COMMANDS: [Command; 30] = [
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
        "a terminal with a login in a partition, by its agent; Ctrl-] leaves",
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
        "shell",
        Takes::Nothing,
        "",
        &["--json", "--timeout"],
        "wake Bulkhead's own core after halt",
    ),
    outside(
        "net",
        Takes::Name,
        "NAME [INTERFACE]",
        &[],
        "a network interface to a partition that this one is linked to; it is there as long as this runs, at both ends",
    ),
    outside(
        "disk",
        Takes::Name,
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
    outside("help", Takes::Nothing, "", &[], "this text"),
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

/// The one of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// All names, as a sentence has them.
#[must_use]
pub fn names() -> String {
    COMMANDS.map(|command| command.name).join(", ")
}

/// Breaks a text into rows behind a column of `margin` bytes.
fn wrapped(text: &str, margin: usize) -> String {
    const WIDTH: usize = 100;
    let (mut out, mut used) = (String::new(), margin);
    for word in text.split(' ') {
        if used > margin && used + 1 + word.len() > WIDTH {
            let _ = write!(out, "\n{:margin$}", "");
            used = margin;
        } else if used > margin {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += word.len();
    }
    out
}

/// What `help` says.
#[must_use]
pub fn usage() -> String {
    let mut out = String::from("usage: bulkheadctl COMMAND\n");
    for (heading, inside) in [
        ("\nin a partition of Bulkhead:\n", true),
        ("\nin any Linux:\n", false),
    ] {
        out.push_str(heading);
        for command in COMMANDS.iter().filter(|command| command.inside == inside) {
            let form = format!("{} {}", command.name, command.usage);
            let gap = if form.len() > 30 {
                format!("\n{:34}", "")
            } else {
                String::new()
            };
            let _ = writeln!(out, "  {form:<30}  {gap}{}", wrapped(command.summary, 34));
        }
    }
    out.push('\n');
    for (name, value, summary) in OPTIONS {
        let form = format!("{name} {value}");
        let _ = writeln!(out, "  {form:<18}  {}", wrapped(summary, 22));
    }
    out.push_str("\nexit codes:\n");
    for (code, meaning) in CODES {
        let _ = writeln!(out, "  {code}  {meaning}");
    }
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// A completion for bash.
#[must_use]
pub fn bash() -> String {
    let mut cases = String::new();
    for command in &COMMANDS {
        let mut words = command.options.join(" ");
        let then = match command.takes {
            Takes::Nothing => "",
            Takes::Name | Takes::Names => "names",
            Takes::File => "files",
            Takes::Word(known) => {
                words = known.join(" ");
                ""
            }
        };
        let _ = writeln!(
            cases,
            "        {}) words=\"{words}\" then={then} ;;",
            command.name
        );
    }
    let names = COMMANDS.map(|command| command.name).join(" ");
    format!(
        r#"# bash completion for bulkheadctl; made by "bulkheadctl completion bash"
_bulkheadctl() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} words= then=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "{names}" -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}    esac
    if [ "${{word#-}}" = "$word" ]; then
        case $then in
            names) words=$(bulkheadctl list --names 2>/dev/null) ;;
            files) COMPREPLY=($(compgen -f -- "$word")); return ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _bulkheadctl bulkheadctl
"#
    )
}

fn roff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// The man page.
#[must_use]
pub fn man() -> String {
    let mut out = format!(
        ".\\\" made by \"bulkheadctl man\"\n.TH BULKHEADCTL 1 \"\" \"Bulkhead {}\" \"Bulkhead\"\n.SH NAME\n\
         bulkheadctl \\- a machine that Bulkhead partitions, seen and run from one of its Linuxes\n\
         .SH SYNOPSIS\n.B bulkheadctl\n.I COMMAND\n.SH DESCRIPTION\n\
         Bulkhead is asked by EFI variables, as firmware is: efivarfs has to be mounted. Reading needs no \
         right; what changes something needs root and \n.B control=\nof the partition that this Linux runs in.\n",
        env!("CARGO_PKG_VERSION")
    );
    for (heading, inside) in [
        ("COMMANDS IN A PARTITION", true),
        ("COMMANDS IN ANY LINUX", false),
    ] {
        let _ = writeln!(out, ".SH {heading}");
        for command in COMMANDS.iter().filter(|command| command.inside == inside) {
            let usage = roff(command.usage);
            let _ = writeln!(
                out,
                ".TP\n.B {} {usage}\n{}",
                command.name,
                roff(command.summary)
            );
        }
    }
    out.push_str(".SH OPTIONS\n");
    for (name, value, summary) in OPTIONS {
        let _ = writeln!(out, ".TP\n.B {} {value}\n{}", roff(name), roff(summary));
    }
    out.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in CODES {
        let _ = writeln!(out, ".TP\n.B {code}\n{}", roff(meaning));
    }
    out.push_str(
        ".SH ENVIRONMENT\n.TP\n.B BULKHEAD_EFIVARS\nwhere the variables are, instead of \
         /sys/firmware/efi/efivars\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_explained_and_used() {
        for command in &COMMANDS {
            for option in command.options {
                assert!(OPTIONS.iter().any(|(name, ..)| name == option), "{option}");
            }
            for word in command
                .usage
                .split([' ', '[', ']'])
                .filter(|word| word.starts_with("--"))
            {
                assert!(command.options.contains(&word), "{}: {word}", command.name);
            }
        }
        for (name, ..) in OPTIONS {
            let mut all = COMMANDS.iter().flat_map(|command| command.options);
            assert!(all.any(|option| *option == name), "{name}");
        }
    }

    #[test]
    fn what_is_shipped_is_what_the_list_says() {
        let shipped = [
            (include_str!("../share/bulkheadctl.bash"), bash()),
            (include_str!("../share/bulkheadctl.1"), man()),
        ];
        for (file, made) in shipped {
            assert!(
                file == made,
                "make it again: bulkheadctl completion bash, bulkheadctl man"
            );
        }
        for command in &COMMANDS {
            assert!(usage().contains(&format!("\n  {}", command.name)));
            assert!(bash().contains(&format!("        {}) ", command.name)));
            assert!(
                man().contains(&format!("\n.B {} ", command.name)),
                "{}",
                command.name
            );
        }
    }
}
