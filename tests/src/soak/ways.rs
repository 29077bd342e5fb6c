//! The ways in which a partition can end, and what follows each.

use super::Partition;
use crate::faulty;
use crate::qemu::Running;

/// A way to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a command in its Linux; the partition stays ended.
    Off(&'static str),
    /// By a command in its Linux; another run follows.
    Again(&'static str),
    /// The same, by a panic.
    Panic(&'static str),
    /// By the shell.
    Kill,
    /// By the shell, at once.
    Restart,
    /// A command after which all its cores have interrupts off for good; the shell restarts it.
    Hang(&'static str),
}

/// All of them; the last one needs a second core.
pub const WAYS: [Way; 13] = [
    Way::Off("poweroff"),
    Way::Off("poweroff -f"),
    Way::Off("echo o > /proc/sysrq-trigger"),
    Way::Again("reboot"),
    Way::Again("reboot -f"),
    Way::Again("echo b > /proc/sysrq-trigger"),
    Way::Panic("echo c > /proc/sysrq-trigger"),
    Way::Panic(faulty::PANIC),
    Way::Kill,
    Way::Restart,
    Way::Hang("halt -f"),
    Way::Hang(faulty::HANG),
    Way::Panic("taskset 2 sh -c 'echo c > /proc/sysrq-trigger'"),
];

impl Way {
    /// What to call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Panic(faulty::PANIC) => "an oops, with panic_on_oops",
            Self::Off(command) | Self::Again(command) | Self::Panic(command) => command,
            Self::Kill => "kill from the shell",
            Self::Restart => "restart from the shell",
            Self::Hang(faulty::HANG) => "interrupts off, restart from the shell",
            Self::Hang(_) => "halt -f, restart from the shell",
        }
    }
}

impl Way {
    /// Whether it counts as a failure, if the run was a short one.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Again(_) | Self::Panic(_))
    }
}

impl Partition {
    /// The ways that it can be ended by.
    #[must_use]
    pub fn ways(&self) -> &'static [Way] {
        let count = WAYS.len() - usize::from(self.cores.len() == 1);
        &WAYS[..count]
    }
}

/// Ends it, and sees to it that it is launched again.
///
/// # Panics
/// If it does not end in that way.
pub fn end(machine: &mut Running, partition: &Partition, way: Way) {
    let name = partition.name;
    match way {
        Way::Off(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            machine.wait_for(1, &format!("* {name}: powered-off"));
            let parked = format!("* {name}: parked core={}", partition.cores[0]);
            machine.wait_for(1, &parked);
            machine.expect_states(&[(name, "stopped")]);
            type_line(machine, &format!("start {name}"));
        }
        Way::Again(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            machine.wait_for(1, &format!("* {name}: rebooted"));
        }
        Way::Panic(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            let failed = format!("* {name}: failed reason=\"panic");
            machine.wait_for(1, &failed);
        }
        Way::Kill => {
            type_line(machine, &format!("kill {name}"));
            machine.wait_for(1, &format!("* {name}: killed"));
            machine.expect_states(&[(name, "stopped")]);
            type_line(machine, &format!("start {name}"));
        }
        Way::Restart => {
            type_line(machine, &format!("restart {name}"));
            machine.wait_for(1, &format!("* {name}: killed"));
        }
        Way::Hang(command) => {
            machine.com(partition.com).send(&format!("{command}\r"));
            machine.wait_for_deaf_cores(partition.cores, partition.cores.len());
            machine.expect_states(&[(name, "running")]);
            type_line(machine, &format!("restart {name}"));
            machine.wait_for(1, &format!("* {name}: killed"));
        }
    }
}

/// The same, and waits until it is back.
///
/// # Panics
/// If it does not come back.
pub fn end_and_wait(machine: &mut Running, partition: &Partition, way: Way) {
    machine.com(1).skip();
    machine.com(partition.com).skip();
    end(machine, partition, way);
    machine.wait_for_demo(partition.com);
}

fn type_line(machine: &mut Running, line: &str) {
    machine.com(1).skip();
    machine.com(1).send(&format!("{line}\r"));
}
