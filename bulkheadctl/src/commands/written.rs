//! What is shipped beside the program: a completion and a man page.

use std::fmt::Write;

use super::{CODES, COMMANDS, Needs, OPTIONS, Takes};

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
    for needs in Needs::ALL {
        let place = needs.place().to_uppercase();
        let _ = writeln!(out, ".SH COMMANDS {place}");
        for command in needs.commands() {
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
