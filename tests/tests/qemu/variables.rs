//! Bulkhead's EFI variables, as a stock Linux has them: files of `efivarfs`.

use bulkhead_tests::qemu::Running;

const EFIVARS: &str = "/sys/firmware/efi/efivars";
const GUID: &str = "8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23";

/// The file of one of them.
pub(crate) fn path(name: &str) -> String {
    format!("{EFIVARS}/{name}-{GUID}")
}

/// Reads one of them, without the four bytes of attributes.
pub(crate) fn read(machine: &mut Running, com: usize, name: &str) -> String {
    machine.linux(com, &format!("tail -c +5 {}", path(name)))
}

/// A command that writes a request: attributes first (6: boot services and runtime), in one write.
pub(crate) fn request(text: &str) -> String {
    format!("{} > {}", value(text), path("Control"))
}

/// Writes a request, and reads the answer: it may take a moment until there is one.
pub(crate) fn ask(machine: &mut Running, com: usize, text: &str) -> String {
    machine.linux(com, &request(text));
    for _ in 0..100 {
        let answer = read(machine, com, "Control");
        if !answer.starts_with("busy") {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("\"{text}\" is not answered")
}

/// Writes to a variable; what the writer says of it: of an error, the words of its number.
pub(crate) fn complaint(machine: &mut Running, com: usize, name: &str, text: &str) -> String {
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
pub(crate) fn unlock(machine: &mut Running, com: usize, name: &str) {
    machine.linux(com, &format!("unlock {}", path(name)));
}
