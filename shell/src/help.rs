//! What `help` says.

use alloc::string::String;
use core::fmt::{self, Write};

use crate::command::Verb;
use crate::settings::KEYS;

/// How a command is written.
pub(crate) const fn usage(verb: Verb) -> &'static str {
    match verb {
        Verb::Define => {
            "define NAME cores=LIST memory=LIST kernel=IMAGE [initrd=LIST] [cmdline=\"...\"] [console=PORT|mem] [devices=LIST] [restart=POLICY] [control=yes|no|LIST] [watchdog=SECONDS] [dump=yes|no] [node=N] [isolation=bare|dma]"
        }
        Verb::Set => "set NAME key=value ...",
        Verb::Undefine => "undefine NAME",
        Verb::Link => "link NAME NAME [SIZE]",
        Verb::Unlink => "unlink NAME NAME",
        Verb::Check => "check [NAME]",
        Verb::List => "list",
        Verb::Show => "show NAME",
        Verb::Start => "start NAME ...",
        Verb::Stop => "stop NAME [TIMEOUT]",
        Verb::Restart => "restart NAME ... [force]",
        Verb::Kill => "kill NAME",
        Verb::Handoff => "handoff NAME",
        Verb::Halt => "halt",
        Verb::Wait => "wait NAME running|stopped TIMEOUT",
        Verb::Include => "include NAME",
        Verb::OnError => "on-error continue|stop",
        Verb::Watch => "watch",
        Verb::Console => "console NAME",
        Verb::Keymap => "keymap [LAYOUT]",
        Verb::Status => "status [on|off]",
        Verb::Isolation => "isolation [WHAT]",
        Verb::Log => "log [NAME [RUN]]",
        Verb::Version => "version",
        Verb::Help => "help [COMMAND]",
        Verb::Machine => "machine",
        Verb::Cores => "cores",
        Verb::Memory => "memory",
        Verb::Devices => "devices",
        Verb::Images => "images",
        Verb::Reset => "reset [force]",
        Verb::Poweroff => "poweroff [force]",
    }
}

/// How a command is written, if need be less exactly, in half a row.
const fn short_usage(verb: Verb) -> &'static str {
    match verb {
        Verb::Define => "define NAME key=value ...",
        Verb::Wait => "wait NAME STATE TIMEOUT",
        _ => usage(verb),
    }
}

/// What a command does, in one line.
const fn summary(verb: Verb) -> &'static str {
    match verb {
        Verb::Define => "claim cores, memory and devices for a partition",
        Verb::Set => "change a partition that does not run",
        Verb::Undefine => "give a partition and its claim up",
        Verb::Link => "let two partitions share memory",
        Verb::Unlink => "give the memory that two share up",
        Verb::Check => "say whether partitions could be launched",
        Verb::List => "the partitions and their states",
        Verb::Show => "all that a partition's Linux is told",
        Verb::Start => "launch partitions: all that are named, or none",
        Verb::Stop => "have a Linux end itself, and wait for it",
        Verb::Restart => "launch partitions again; what runs ends before",
        Verb::Handoff => "give Bulkhead's own core to a last partition",
        Verb::Halt => "park Bulkhead's own core; partitions run on",
        Verb::Kill => "take a running partition's cores back by force",
        Verb::Wait => "wait until a partition runs, or has stopped",
        Verb::Include => "run another script, an image of that name",
        Verb::OnError => "in scripts: what follows a line that is refused",
        Verb::Watch => "the partitions again each second, until a key",
        Verb::Console => "a terminal in it, or what its kernel prints",
        Verb::Keymap => "what is printed on the keys of the keyboard",
        Verb::Status => "the line of partitions at the foot of the screen",
        Verb::Isolation => "what devices reach of partitions without isolation=",
        Verb::Log => "what Bulkhead did, or what a Linux printed",
        Verb::Version => "which Bulkhead this is",
        Verb::Help => "these lines, or all about one command",
        Verb::Machine => "processor, firmware, loader and ACPI tables",
        Verb::Cores => "the cores: topology, state, owner",
        Verb::Memory => "the memory map: what is whose, what is free",
        Verb::Devices => "all devices: what can be owned, and whose it is",
        Verb::Images => "the kernels and initrds that the loader brought",
        Verb::Reset => "reset the machine",
        Verb::Poweroff => "power the machine off",
    }
}

/// More than a line, where there is more to say.
const fn details(verb: Verb) -> &'static str {
    match verb {
        Verb::Define => {
            "The first three are required. From now on cores, memory, console and devices\n\
             are the partition's alone. Nothing is touched before \"start\".\n\
             \n\
             example:\n  \
             define web cores=2-3 memory=512M kernel=linux61 initrd=demo console=com2\n  \
             define db cores=1 memory=1G@0x40000000 kernel=linux612 initrd=demo\n  \
             set db devices=0000:01:00.0,com3 cmdline=\"quiet\"\n"
        }
        Verb::Set => {
            "Keys that are not named stay as they are. Refused while the partition runs.\n\
             \n\
             example:\n  \
             set web memory=1G cmdline=\"quiet loglevel=3\" console=mem\n"
        }
        Verb::Undefine => "Refused while the partition runs, or is linked to another.\n",
        Verb::Link => {
            "SIZE is 4M if it is not said, and a multiple of 2M. Refused while one of them\n\
             runs. Each finds a PCI function, whose memory the other has, too; \"bulkheadctl\n\
             net\" makes a network interface of it.\n\
             \n\
             example:\n  \
             link web db\n"
        }
        Verb::Unlink => "Refused while one of them runs.\n",
        Verb::Check => "Without a name every partition is checked.\n",
        Verb::List => {
            "STATE is defined (never started), launching, running, ending, waiting (for\n\
             its restart), stopped (it powered off, was killed, or rebooted with\n\
             restart=never) or failed (it panicked, or its policy gave up). RUNS counts\n\
             its launches; RESTART is its policy; CONSOLE is its serial port, or mem: what\n\
             it prints is read in its memory alone.\n"
        }
        Verb::Watch => {
            "UP is the time since its kernel was entered, in hours, minutes and seconds.\n\
             What happens to partitions meanwhile is told below the table.\n"
        }
        Verb::Console => {
            "A terminal with a login, if an agent runs in it (bulkheadctl agent); else what\n\
             its kernel prints, from the last lines on, and only read. Both go on over its\n\
             ends and restarts, with or without a port of its own, until Ctrl-] is pressed.\n\
             \n\
             example:\n  \
             console web\n"
        }
        Verb::Keymap => {
            "Without a layout: the one in force, and all that there are. It makes no\n\
             difference to the serial line.\n\
             \n\
             example:\n  \
             keymap de\n"
        }
        Verb::Isolation => {
            "bare: all RAM; dma: their partition's alone, and one that can't have that is\n\
             refused; default: dma where it can be, else bare. It holds from the next\n\
             launch on. Without a word: what holds.\n"
        }
        Verb::Status => "Without a word: whether it is on. The serial line has none.\n",
        Verb::Show => {
            "Its definition, its policy, its claim, where things will lie, the final command\n\
             line with what Bulkhead adds, the e820 and EFI memory maps, the ACPI tables.\n"
        }
        Verb::Start => {
            "Every named partition is planned before the first is launched.\n\
             \n\
             example:\n  \
             start web db\n"
        }
        Verb::Restart => {
            "Every named partition is planned before the first is touched. One that runs\n\
             and in which an agent is heard is asked to end as by \"stop\", within 60 s; of\n\
             any other, and with \"force\" of all, the cores are taken back as by \"kill\".\n\
             One that does not run is launched as by \"start\".\n\
             \n\
             example:\n  \
             restart web db\n"
        }
        Verb::Handoff => {
            "The partition must claim Bulkhead's own core, which is then its boot core. No\n\
             core runs Bulkhead any more: partitions restart by themselves, and those with\n\
             control=yes start, restart and kill others. The shell comes back when the\n\
             partition has ended and its policy does not launch it again.\n"
        }
        Verb::Halt => {
            "No core runs Bulkhead any more: partitions restart by themselves, and those\n\
             with control=yes start, restart and kill others. The shell comes back when one\n\
             of those asks for it.\n"
        }
        Verb::Wait => {
            "STATE is running (its kernel was entered) or stopped (its cores are at rest:\n\
             it ended and is not launched again by itself). TIMEOUT is in seconds, or as\n\
             500ms or 2m; when it is over the command is refused. ^C ends the wait.\n\
             \n\
             example:\n  \
             wait web running 10\n"
        }
        Verb::Include => {
            "The image must be text in this language; \"images\" lists what there is.\n\
             A script may include others, eight deep.\n\
             \n\
             example:\n  \
             include bulkhead.conf\n"
        }
        Verb::OnError => {
            "\"stop\" is what scripts begin with: the first refused line ends the script, and\n\
             the scripts that include it. After \"continue\" the error is printed and the next\n\
             line is run. It holds for the rest of its script and for what that includes.\n"
        }
        Verb::Log => {
            "With a name: the last 64K of what that partition's kernel has printed, with or\n\
             without a console. RUN is the number of an earlier run; the last three that\n\
             ended are kept.\n\
             \n\
             example:\n  \
             log web\n"
        }
        Verb::Stop => {
            "The agent in it (\"bulkheadctl agent\") is asked. After TIMEOUT, 60s if it is not\n\
             said, the cores are taken. It stays stopped, whatever restart= says. ^C ends\n\
             the wait. Refused where no agent is heard.\n\
             \n\
             example:\n  \
             stop web 2m\n"
        }
        Verb::Kill => "Its Linux is not told; what it had not yet written is lost.\n",
        Verb::Reset | Verb::Poweroff => {
            "What runs is asked to end as by \"stop\", within 60 s. While one runs in which no\n\
             agent is heard this is refused. With \"force\" nobody is asked: they are lost.\n"
        }
        Verb::Devices => {
            "\"devices=\" takes, separated by commas: a PCI function (its whole bus comes\n\
             with it), pci:BUS (with all below it; bus0 for pci:00), com1-com4, ps2, rtc,\n\
             framebuffer, ioapic0, ioapic1 and so on (\"ioapic\" where there is one).\n\
             \n\
             example:\n  \
             set web devices=0000:01:00.0,com3\n"
        }
        _ => "",
    }
}

/// Prints one line for each command.
pub(crate) fn overview(out: &mut dyn Write) -> fmt::Result {
    for verb in Verb::ALL {
        writeln!(out, "{:<26} {}", short_usage(verb), summary(verb))?;
    }
    writeln!(
        out,
        "\"help COMMAND\" tells more; Tab completes, # begins a comment."
    )
}

/// The keys of `define` and `set`, a line each: for those who pass such lines on to the shell.
#[must_use]
pub fn keys() -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_keys(&mut out);
    out
}

fn write_keys(out: &mut dyn Write) -> fmt::Result {
    for known in &KEYS {
        let (name, form, meaning) = (known.name, known.form, known.meaning);
        writeln!(out, "  {name}{form:<w$} {meaning}", w = 32 - name.len())?;
    }
    Ok(())
}

/// Prints all about one command.
pub(crate) fn topic(verb: Verb, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "{}", short_usage(verb))?;
    writeln!(out, "  {}", summary(verb))?;
    if matches!(verb, Verb::Define | Verb::Set) {
        writeln!(out)?;
        write_keys(out)?;
    }
    if !details(verb).is_empty() {
        write!(out, "\n{}", details(verb))?;
    }
    Ok(())
}
