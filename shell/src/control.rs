//! What the shell needs of the kernel.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bulkhead_conductor::{ConductError, How};
use bulkhead_launch::ResidentCode;
use bulkhead_ledger::{Ledger, PlanError};
use bulkhead_lifecycle::{Agent, Blocked, CoreState, Order, Refusal, Terminals};
use bulkhead_memory::Region;
use bulkhead_model::{Change, Isolation, Machine, Warning};
use bulkhead_pci::{Answer, Function};
use bulkhead_printk::{Follower, Note, Piece};

/// The kernel, as the shell sees it.
///
/// Everything that a command does to hardware goes through here; the rest is arithmetic on the
/// [`Machine`] and the [`Ledger`].
pub trait Control {
    /// The machine as it was found.
    fn machine(&self) -> &Machine;

    /// The partitions.
    fn ledger(&self) -> &Ledger;

    /// Defines a partition.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    fn define(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError>;

    /// Changes a partition, and gives up what it is not to have any more.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    fn set(&mut self, name: &str, change: Change) -> Result<Vec<Warning>, PlanError>;

    /// Forgets a partition.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    fn undefine(&mut self, name: &str) -> Result<(), PlanError>;

    /// Links two partitions, by memory of that many bytes, or of the usual ones, that nobody has any data
    /// in.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    fn link(&mut self, names: [&str; 2], size: Option<u64>) -> Result<Region, PlanError>;

    /// Gives the link of two partitions up.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    fn unlink(&mut self, names: [&str; 2]) -> Result<(), PlanError>;

    /// The runtime services that every launch puts into its partition.
    fn resident_code(&self) -> ResidentCode;

    /// Brings [`ledger`](Self::ledger) in line with what is true. Asked before every command.
    fn observe(&mut self);

    /// Launches a partition, by its present definition: from rest, or after its cores were taken back
    /// by force. Its row of failures ends: its operator wants it. Later events are told through
    /// [`Shell::event`](crate::Shell::event).
    ///
    /// # Errors
    /// Why it could not be done: a part of the sentence `"web" was not launched: ...`.
    fn launch(&mut self, name: &str, how: How) -> Result<(), ConductError>;

    /// Takes the cores of a partition back by force.
    ///
    /// # Errors
    /// Why it could not be done: a part of the sentence `"web" was not killed: ...`.
    fn kill(&mut self, name: &str) -> Result<(), ConductError>;

    /// Asks a partition's Linux by its agent to end itself; after so many seconds it is done by force.
    ///
    /// # Errors
    /// Why it is not asked: a part of the sentence `"web" was not stopped: ...`.
    fn order(&mut self, _name: &str, _order: Order, _seconds: u32) -> Result<(), ConductError> {
        Err(ConductError::Refused(Refusal::NoAgent))
    }

    /// What is known of the agent of the partition with that id.
    fn agent(&self, _id: usize) -> Agent {
        Agent::default()
    }

    /// What holds for partitions of which nothing else is said.
    fn set_isolation(&mut self, isolation: Option<Isolation>);

    /// How many requests of the devices of the partition with that id an IOMMU has blocked, and the last one that
    /// was told.
    fn toll(&self, _id: usize) -> (u32, Option<Blocked>) {
        (0, None)
    }

    /// What keeps the devices of the partition with that id in now, if that is known.
    fn isolation(&self, _id: usize) -> Option<Isolation> {
        None
    }

    /// Keeps the plans of all partitions that are at rest and could be launched while no core is
    /// Bulkhead's: a partition with `control=yes` may ask for them. They replace those kept
    /// before. Called before [`Self::handoff`] and [`Self::halt`]. The result are those of which
    /// none can be made.
    fn prepare(&mut self) -> Vec<(String, ConductError)>;

    /// Launches a partition on Bulkhead's own core, which leaves as soon as the shell has returned to
    /// its caller ([`Self::is_leaving`]). When it is back, [`Shell::prompt`] goes on.
    ///
    /// [`Shell::prompt`]: crate::Shell::prompt
    ///
    /// # Errors
    /// Why it could not be done: a part of the sentence `core 0 was not handed to "web": ...`.
    fn handoff(&mut self, name: &str) -> Result<(), ConductError>;

    /// Parks Bulkhead's own core until a partition with `control=yes` asks for the shell. Ends
    /// like [`Self::handoff`].
    ///
    /// # Errors
    /// Why it could not be done: a part of the sentence `core 0 was not parked: ...`.
    fn halt(&mut self) -> Result<(), ConductError>;

    /// Whether this core is about to leave, as [`Self::handoff`] or [`Self::halt`] had it: then the
    /// shell does and prints nothing more, and returns. What its functions hold is dropped that way;
    /// a stack that is abandoned would take it along, each time.
    fn is_leaving(&self) -> bool {
        false
    }

    /// The bytes of an image: never written, never given up.
    fn image_bytes(&self, region: Region) -> &'static [u8];

    /// What happened to a partition since it was last asked, oldest first: the line to tell of it,
    /// after the ledger was brought up to date. Asked between the lines of a script and by `wait`;
    /// at the prompt the kernel asks itself and calls [`Shell::event`](crate::Shell::event).
    fn next_event(&mut self) -> Option<String>;

    /// Lets a moment pass, a few milliseconds at most. Keeps what is typed meanwhile for later, up
    /// to a `^C`: whether there was one, and then what was typed before it is dropped.
    fn pause(&mut self) -> bool;

    /// What answers in the place of a PCI function that was found at boot.
    fn answer(&self, _function: &Function) -> Answer {
        Answer::Here
    }

    /// Whether somebody wants the card out of the slot below `bridge`.
    fn removal_asked(&self, _bridge: &Function) -> bool {
        false
    }

    /// Bytes of the largest free block of Bulkhead's own memory: a command that may need more is
    /// refused.
    fn free_bytes(&self) -> usize;

    /// Prints the log, oldest line first.
    ///
    /// # Errors
    /// Only those of `out`.
    fn log(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Prints what a partition's Linux has printed, by its number: of the run that is named, or of the
    /// present or last one. At most its last 64 KiB. Whether anything of it is there.
    ///
    /// # Errors
    /// Only those of `out`.
    fn printed(
        &self,
        id: usize,
        run: Option<u32>,
        out: &mut dyn fmt::Write,
    ) -> Result<bool, fmt::Error>;

    /// Reads on what a partition's Linux prints: as [`Follower::read`].
    fn follow(&self, _id: usize, _follower: &mut Follower, _piece: &mut Piece) -> Option<Note> {
        None
    }

    /// The operator's ends of terminals in partitions, if there are any.
    fn terminals(&self) -> Option<&dyn Terminals> {
        None
    }

    /// The runs of a partition that are kept, oldest first.
    fn printed_runs(&self, id: usize) -> [Option<u32>; 3];

    /// What a partition's Linux said why it panicked, in the last of its runs that has ended.
    fn reason(&self, id: usize) -> Option<String>;

    /// What the core with that local APIC ID does.
    fn core_state(&self, apic_id: u32) -> CoreState;

    /// Resets the machine; returns only to say why that failed.
    fn reset(&mut self) -> String;

    /// Why the machine can't be powered off, as far as that is known before.
    fn lacks_poweroff(&self) -> Option<String> {
        None
    }

    /// Powers the machine off; returns only to say why that failed.
    fn poweroff(&mut self) -> String;

    /// Which Bulkhead this is, for example `Bulkhead 0.1.0`.
    fn version(&self) -> &str;

    /// Milliseconds since Bulkhead was entered.
    fn uptime_ms(&self) -> u64;

    /// Milliseconds since the kernel of the partition with that id was entered; `None` unless it
    /// runs.
    fn partition_uptime_ms(&self, id: usize) -> Option<u64>;

    /// The names of all keyboard layouts.
    fn keymaps(&self) -> &'static [&'static str];

    /// The layout in force, and in a few words what keyboard there is.
    fn keymap(&self) -> (&'static str, &'static str);

    /// Chooses one of [`Self::keymaps`].
    fn set_keymap(&mut self, name: &str);

    /// Whether the screen has a status line; `None` where there is no screen.
    fn status(&self) -> Option<bool>;

    /// Switches the status line on or off, if there is a screen.
    fn set_status(&mut self, on: bool);
}
