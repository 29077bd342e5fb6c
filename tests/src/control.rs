//! Bulkhead's EFI variables, as a stock Linux has them: files of `efivarfs`.
//!
//! A request is answered at once, and may be *done* later: until then `Control` reads as a line that
//! begins with `busy`. [`ask`], and the function `ask` that [`teach`] leaves in a Linux, wait for the
//! line after it, so that a story need not know how long the kernel takes.

use crate::qemu::Running;

const EFIVARS: &str = "/sys/firmware/efi/efivars";
const GUID: &str = "8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23";

/// The answer while a request is not done yet begins so.
const BUSY: &str = "busy";
/// How often `Control` is read at most, a tenth of a second apart: half a minute, far longer than
/// the two seconds after which a core that does not come is given up.
const LOOKS: u32 = 300;

/// Where [`teach`] leaves the function.
pub const SCRIPT: &str = "/tmp/ask";

/// The file of one of them.
#[must_use]
pub fn path(name: &str) -> String {
    format!("{EFIVARS}/{name}-{GUID}")
}

/// Reads one of them, without the four bytes of attributes.
///
/// # Panics
/// If the Linux does not answer.
pub fn read(machine: &mut Running, com: usize, name: &str) -> String {
    machine.linux(com, &reading(name))
}

/// A command that reads one of them.
#[must_use]
pub fn reading(name: &str) -> String {
    format!("tail -c +5 {}", path(name))
}

/// A command that writes a request: attributes first (6: boot services and runtime), in one write.
#[must_use]
pub fn request(text: &str) -> String {
    format!("{} > {}", value(text), path("Control"))
}

/// Writes a request, waits until it is done or refused, and gives the answer.
///
/// # Panics
/// If it is still busy after half a minute.
pub fn ask(machine: &mut Running, com: usize, text: &str) -> String {
    machine.linux(com, &request(text));
    let answer = machine.linux(com, &format!("{}; echo \"$a\"", waiting()));
    if answer.starts_with(BUSY) {
        machine.fail(&format!(
            "{text:?} is not done after {LOOKS} looks: {answer}"
        ));
    }
    answer
}

/// A command that sets `a` to the answer, once it is one.
fn waiting() -> String {
    let read = reading("Control");
    format!(
        "n=0; while a=$({read}); case $a in {BUSY}*) ;; *) false;; esac; do \
         n=$((n+1)); [ $n -lt {LOOKS} ] || break; usleep 100000; done"
    )
}

/// Leaves a function `ask REQUEST` in a file of a Linux, for loops there: `. /tmp/ask`. It writes the
/// request and sets `a` to the answer, as [`ask`] does. `Control` is unlocked.
///
/// It is for a Linux that waits at its prompt, maybe after a run that was ended while something was
/// typed into it: the rest of that line, which its next run got, is thrown away.
///
/// # Panics
/// If the Linux does not answer.
pub fn teach(machine: &mut Running, com: usize) {
    machine.fresh_line(com);
    unlock(machine, com, "Control");
    let write = format!(
        "printf \"\\006\\000\\000\\000$1\" 2>/dev/null > {}",
        path("Control")
    );
    let lines = [
        "ask() {".to_string(),
        format!("{{ {write}; }} 2>/dev/null"),
        waiting(),
        "}".to_string(),
    ];
    for (line, to) in lines.iter().zip([">", ">>", ">>", ">>"]) {
        machine.linux(com, &format!("printf '%s\\n' '{line}' {to} {SCRIPT}"));
    }
}

/// Writes to a variable; what the writer says of it: of an error, the words of its number.
///
/// # Panics
/// If the Linux does not answer.
pub fn complaint(machine: &mut Running, com: usize, name: &str, text: &str) -> String {
    // Unlike `printf`, `cat` tells of errors.
    let command = format!(
        "{} > /tmp/value; cat /tmp/value > {}",
        value(text),
        path(name)
    );
    machine.linux(com, &format!("({command}) 2>&1"))
}

fn value(text: &str) -> String {
    format!("printf '\\006\\000\\000\\000{text}'")
}

/// Linux makes the variables of whom it does not know immutable.
///
/// # Panics
/// If the Linux does not answer.
pub fn unlock(machine: &mut Running, com: usize, name: &str) {
    machine.linux(com, &format!("unlock {}", path(name)));
}

/// A line of `Partitions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its state, in a word.
    pub state: String,
    /// How often its kernel was entered.
    pub runs: u32,
    /// Its boot core's local APIC ID.
    pub core: u32,
}

/// What a Linux reads of the partitions.
///
/// # Panics
/// If it reads anything else.
pub fn partitions(machine: &mut Running, com: usize) -> Vec<Row> {
    let text = read(machine, com, "Partitions");
    rows(&text).unwrap_or_else(|| machine.fail(&format!("not what Partitions should be:\n{text}")))
}

/// The one of that name.
///
/// # Panics
/// If there is none.
pub fn partition(machine: &mut Running, com: usize, name: &str) -> Row {
    let rows = partitions(machine, com);
    let found = rows.iter().find(|row| row.name == name).cloned();
    found.unwrap_or_else(|| machine.fail(&format!("{name} is not in Partitions: {rows:?}")))
}

/// The lines of `Partitions`; nothing if one of them is no such line.
#[must_use]
pub fn rows(text: &str) -> Option<Vec<Row>> {
    text.lines().map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [name, state, runs, core] = words[..] else {
        return None;
    };
    Some(Row {
        name: name.to_string(),
        state: state.to_string(),
        runs: runs.parse().ok()?,
        core: core.parse().ok()?,
    })
}

/// Whether it is on its way from one state to another.
#[must_use]
pub fn is_on_its_way(state: &str) -> bool {
    matches!(state, "launching" | "ending" | "waiting")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_row_has_four_words() {
        let wanted = Row {
            name: "one".to_string(),
            state: "running".to_string(),
            runs: 2,
            core: 1,
        };
        assert_eq!(row("one running 2 1"), Some(wanted));
        assert_eq!(row("one running 2"), None);
        assert_eq!(row("one running twice 1"), None);
        assert!(is_on_its_way("ending") && !is_on_its_way("stopped"));
    }

    /// The loop of [`waiting`], with a file that is `Control`, in this machine's own shell.
    #[test]
    fn an_answer_is_waited_for() {
        let folder = std::env::temp_dir().join(format!("bulkhead-control-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let file = folder.join("control");
        std::fs::write(&file, "\u{6}\0\0\0busy: its cores are being taken back\n")
            .expect("it can be written");
        let line = waiting()
            .replace(&path("Control"), &file.display().to_string())
            .replace("usleep 100000", "printf '\\006\\000\\000\\000ok\\n' > $F");
        let output = Command::new("sh")
            .env("F", &file)
            .args(["-c", &format!("{line}; echo \"$a $n\"")])
            .output()
            .expect("there is a shell");
        std::fs::remove_dir_all(&folder).expect("it can be removed");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "ok 1\n");
    }
}
