//! What happens to a partition, told to a ledger as the lifecycle would tell it.

use bulkhead_ledger::Ledger;
use bulkhead_model::{End, State};

/// Something that happens to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Its boot core begins to apply its plan, has cleared what others left and copied its images.
    Launch,
    /// The same, and it has not got as far as that.
    LaunchBegun,
    /// Its kernel is entered.
    Launched,
    /// Its run ends, and it stays down.
    Ended(End),
}

/// Tells the ledger that it happened to the partition with that number; whether it could.
pub fn happen(ledger: &mut Ledger, id: usize, happening: Happening) -> bool {
    let Some(partition) = ledger.by_id(id) else {
        return false;
    };
    let (mut life, mut ram) = (partition.life.clone(), partition.ram);
    match (happening, life.state.is_live()) {
        (Happening::Launch | Happening::LaunchBegun, false) => {
            life.state = State::Launching;
            life.failures = 0;
            ram.attempts += 1;
            ram.is_cleared = happening == Happening::Launch;
        }
        (Happening::Launched, true) if life.state == State::Launching => {
            life.state = State::Running;
            life.runs += 1;
            ram.is_cleared = true;
        }
        (Happening::Ended(end), true) if life.state == State::Running || end == End::Killed => {
            life.state = match end {
                End::Failed | End::Silent => State::Failed,
                _ => State::Stopped,
            };
            life.failures = match end {
                End::Failed | End::Silent => life.failures + 1,
                _ => 0,
            };
            life.last_end = Some(end);
        }
        _ => return false,
    }
    ledger.observe(id, life, ram);
    true
}
