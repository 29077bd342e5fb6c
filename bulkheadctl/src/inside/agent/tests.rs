//! The agent's words, with an ear that is made.

use std::io;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// An ear that answers what is written down.
struct Made {
    told: Vec<io::Result<Option<String>>>,
    said: Vec<String>,
    why: &'static str,
}

impl Pulse for Made {
    fn say(&mut self, word: &str) -> io::Result<Option<String>> {
        self.said.push(word.to_string());
        self.told.remove(0)
    }

    fn told(&mut self) -> io::Result<String> {
        Ok(self.why.to_string())
    }
}

fn serve_all(mut made: Made, commands: &Commands) -> (Result<bool, Trouble>, Vec<String>) {
    let mut left = made.told.len();
    let done = serve(&mut made, "hello", commands, |_| {
        left -= 1;
        std::thread::sleep(Duration::from_millis(20));
        left > 0
    });
    (done, made.said)
}

fn told(all: &[&str]) -> Vec<io::Result<Option<String>>> {
    let told = all.iter().map(|told| match *told {
        "" => Ok(None),
        "refused" => Err(ErrorKind::InvalidInput.into()),
        told => Ok(Some(told.to_string())),
    });
    told.collect()
}

fn marking(mark: &Path) -> Commands {
    Commands {
        poweroff: format!("echo off >>{}", mark.display()),
        reboot: format!("echo again >>{}; false", mark.display()),
    }
}

#[test]
fn what_is_asked_for_is_done_once() {
    let mark = std::env::temp_dir().join(format!("bulkhead-agent-{}", std::process::id()));
    let _ = std::fs::remove_file(&mark);
    let words = [
        "",
        "",
        "stop within=60\n",
        "stop within=59\n",
        "stop within=58\n",
    ];
    let made = Made {
        told: told(&words),
        said: Vec::new(),
        why: "",
    };
    let (done, said) = serve_all(made, &marking(&mark));
    assert!(matches!(done, Ok(true)));
    assert_eq!(said, ["hello", "beat", "beat", "beat", "beat"]);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "off\n");
    // One that fails is tried again, later.
    let made = Made {
        told: told(&["restart within=60\n"; 8]),
        said: Vec::new(),
        why: "",
    };
    let (done, said) = serve_all(made, &marking(&mark));
    assert!(matches!(done, Ok(true)));
    assert_eq!(said.len(), 8, "it goes on saying that it lives");
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "off\nagain\n");
    std::fs::remove_file(&mark).unwrap();
}

#[test]
fn one_that_was_told_to_leave_ends() {
    let made = Made {
        told: told(&["", "refused", ""]),
        said: Vec::new(),
        why: "error: no hello was heard before it\n",
    };
    let (done, said) = serve_all(made, &Commands::of(Path::new("/nowhere")));
    assert!(matches!(done, Ok(true)));
    assert_eq!(said, ["hello", "beat"]);
    // A Linux that is being ended refuses it for another reason, and it goes on.
    let made = Made {
        told: told(&["", "refused", ""]),
        said: Vec::new(),
        why: "none\n",
    };
    let (_, said) = serve_all(made, &Commands::of(Path::new("/nowhere")));
    assert_eq!(said, ["hello", "beat", "beat"]);
}

#[test]
fn the_command_is_that_of_the_first_process() {
    let root = std::env::temp_dir().join(format!("bulkhead-init-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    assert_eq!(Commands::of(&root).reboot, "reboot");
    std::fs::create_dir_all(root.join("proc/1")).unwrap();
    std::fs::write(root.join("proc/1/comm"), "openrc-init\n").unwrap();
    assert_eq!(
        Commands::of(&root).poweroff,
        "openrc-shutdown --poweroff now"
    );
    std::fs::create_dir_all(root.join("run/systemd/system")).unwrap();
    assert_eq!(Commands::of(&root).reboot, "systemctl reboot");
    std::fs::remove_dir_all(&root).unwrap();
}

proptest! {
    #[test]
    fn any_text_is_read(told in any::<String>()) {
        let _ = order(&told);
    }
}
