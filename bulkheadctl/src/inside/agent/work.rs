//! How this Linux is ended in good order.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::Order;
use crate::inside::Wish;

/// After a command that failed, until it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// How this Linux ends itself.
#[derive(Clone, Debug)]
pub struct Commands {
    /// By a power-off.
    pub poweroff: String,
    /// By a reboot.
    pub reboot: String,
}

impl Commands {
    /// Those of the first process that runs below that root.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let first = std::fs::read_to_string(root.join("proc/1/comm")).unwrap_or_default();
        let (poweroff, reboot) = if root.join("run/systemd/system").exists() {
            ("systemctl poweroff", "systemctl reboot")
        } else if first.trim() == "openrc-init" {
            (
                "openrc-shutdown --poweroff now",
                "openrc-shutdown --reboot now",
            )
        } else {
            ("poweroff", "reboot")
        };
        Self {
            poweroff: poweroff.to_string(),
            reboot: reboot.to_string(),
        }
    }

    pub(super) fn of_wish(wish: &Wish) -> Self {
        let mut commands = Self::of(Path::new("/"));
        if let Some(command) = &wish.poweroff {
            commands.poweroff.clone_from(command);
        }
        if let Some(command) = &wish.reboot {
            commands.reboot.clone_from(command);
        }
        commands
    }

    fn that(&self, order: Order) -> &str {
        match order {
            Order::Stop => &self.poweroff,
            Order::Restart => &self.reboot,
        }
    }
}

/// What was begun because it was asked for.
#[derive(Default)]
pub(super) struct Work {
    order: Option<Order>,
    child: Option<Child>,
    again: Option<Instant>,
}

impl Work {
    /// Begins it, once; and again if it failed.
    pub(super) fn go_on(&mut self, order: Order, commands: &Commands) {
        let command = commands.that(order);
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) => return,
                Ok(Some(status)) if status.success() => self.child = None,
                ended => {
                    let why = ended.map_or_else(
                        |error| error.to_string(),
                        |status| status.map_or_else(String::new, |status| status.to_string()),
                    );
                    self.fail(command, &why);
                }
            }
        }
        let is_begun = self.order == Some(order) && self.again.is_none();
        if is_begun || self.again.is_some_and(|again| Instant::now() < again) {
            return;
        }
        eprintln!("bulkheadctl: asked to end: {command}");
        (self.order, self.again) = (Some(order), None);
        match Command::new("/bin/sh").arg("-c").arg(command).spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => self.fail(command, &error.to_string()),
        }
    }

    fn fail(&mut self, command: &str, why: &str) {
        eprintln!("bulkheadctl: {command}: {why}");
        (self.child, self.again) = (None, Some(Instant::now() + AGAIN));
    }
}
