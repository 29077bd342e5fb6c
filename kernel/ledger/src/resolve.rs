//! From a definition to a claim: everything that was asked for is there, and nobody else's.

use alloc::vec::Vec;

use bulkhead_memory::RegionSet;
use bulkhead_model::{Claim, Definition, Machine, initrd_bytes};

use crate::{Partition, PlanError, console, cores, devices, low, memory, nodes};

/// Checks `definition` against the machine and `others`, and decides what it gets.
///
/// Where `before` is a claim made for the same memory requests, its memory is kept, so that a
/// change of something else does not move a partition.
pub(crate) fn claim<'a>(
    definition: &Definition,
    before: Option<(&Definition, &Claim)>,
    machine: &'a Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> Result<Claim, PlanError> {
    let cores = cores::check(&definition.cores, machine, others.clone())?;
    let boot = definition.find_kernel(machine).map_err(PlanError::Kernel)?;
    let initrds = boot
        .initrds(definition, machine)
        .map_err(PlanError::Initrd)?;
    nodes::check(definition, machine).map_err(PlanError::Node)?;
    let free = memory::free(machine, others.clone());
    let (mut claimed, mut shared) = (cores.len(), None);
    for Claim {
        cores,
        low_chunk,
        shares_low_chunk,
        ..
    } in others.clone().map(|other| &other.claim)
    {
        claimed += cores.len();
        shared = shared.or(shares_low_chunk.then_some(*low_chunk));
    }
    // Each that may come has a core at least.
    let to_come = machine.cores.len().saturating_sub(claimed);
    let asked = |of: &Definition| (of.memory == definition.memory) && of.node == definition.node;
    let kept = before.filter(|(earlier, _)| asked(earlier));
    let memory = match kept {
        Some((_, claim)) => claim.memory.clone(),
        None => {
            let needed = memory::Needed::to_boot(boot.bzimage, initrd_bytes(&initrds));
            let look = |free: &RegionSet, to_come| {
                memory::allocate(&definition.memory, &needed, free, to_come)
            };
            let low = nodes::Low {
                needs: needed.low_bytes(),
                to_come,
            };
            let near = nodes::preferences(definition, &cores, machine, &free, low);
            match near
                .iter()
                .find_map(|(free, to_come)| look(free, *to_come).ok())
            {
                Some(memory) => memory,
                None => {
                    let memory = look(&free, to_come).map_err(|failure| {
                        failure.explain(&definition.memory, machine, others.clone())
                    })?;
                    nodes::insist(definition, machine, &free).map_err(PlanError::Node)?;
                    memory
                }
            }
        }
    };
    let around = low::Around {
        free: &free,
        shared,
        to_come,
    };
    let earlier = before.map(|(_, claim)| claim);
    let (low_chunk, shares_low_chunk) = low::choose(cores.len(), boot.bzimage, earlier, &around)?;
    if let Some(port) = definition.console {
        console::check(port, machine, others.clone())?;
    }
    let devices = devices::resolve(definition, &cores, machine, others)?;
    Ok(Claim {
        cores,
        memory,
        low_chunk,
        shares_low_chunk,
        console: definition.console,
        devices,
        links: earlier.map_or_else(Vec::new, |claim| claim.links.clone()),
    })
}
