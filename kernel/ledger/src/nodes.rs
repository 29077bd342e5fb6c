//! NUMA: memory near a partition's cores.
//!
//! What a partition can have is told by sets of free memory, the best first, in which
//! [`crate::memory`] then looks as in any other: how it finds pieces is no matter here.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bulkhead_memory::{Bytes, LARGE_PAGE, Region, RegionSet, sort_ascending};
use bulkhead_model::{BELOW_4G, Definition, Key, Machine};

use crate::memory::{ABOVE_4G, LOW};

/// Of memory that must lie below 4 GiB and is on another node, how much a large partition gets, in bytes:
/// enough for the devices that reach no further.
const LOW_SHARE: u64 = 256 << 20;
/// A partition is large that has so many times as much.
const LARGE: u64 = 4;
/// Most pieces that a node's share is found in.
const MOST_PIECES: usize = 8;

/// Why a partition can't be of a node. Displays as the sentence that the shell prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeError {
    /// There is no such node.
    Absent {
        /// What was asked for.
        node: usize,
        /// How many there are.
        count: usize,
    },
    /// A core is of another node, or of none.
    Core {
        /// That core.
        core: u32,
        /// What was asked for.
        node: usize,
    },
    /// Memory that was asked for by its address is not of the node, nor below 4 GiB.
    Memory {
        /// That memory.
        region: Region,
        /// What was asked for.
        node: usize,
    },
    /// The node has not enough free memory.
    NoRoom {
        /// What was asked for.
        node: usize,
        /// How much of it is free, in bytes.
        free: u64,
    },
}

impl NodeError {
    /// The part of the line that is at fault.
    pub(crate) const fn key(&self) -> Key {
        match self {
            Self::Absent { .. } => Key::Node,
            Self::Core { .. } => Key::Cores,
            Self::Memory { .. } | Self::NoRoom { .. } => Key::Memory,
        }
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { count: 0, .. } => {
                f.write_str("there are no nodes: the firmware tells of none (it has no SRAT)")
            }
            Self::Absent { node, count } => {
                let last = count - 1;
                write!(f, "there is no node {node} (accepted: 0 to {last}, none)")
            }
            Self::Core { core, node } => write!(f, "core {core} is not on node {node}"),
            Self::Memory { region, node } => write!(
                f,
                "memory {region} is not on node {node} (accepted from elsewhere: below 4 GiB)"
            ),
            Self::NoRoom { node, free } => write!(
                f,
                "node {node} has not that much memory in few enough pieces ({} of it are free)",
                Bytes(*free)
            ),
        }
    }
}

/// Checks that cores, and memory that has an address, are of the node that is asked for.
pub(crate) fn check(definition: &Definition, machine: &Machine) -> Result<(), NodeError> {
    let Some(node) = definition.node else {
        return Ok(());
    };
    let count = machine.nodes.len();
    let Some(place) = machine.nodes.get(node) else {
        return Err(NodeError::Absent { node, count });
    };
    let mut cores = definition.cores.iter();
    if let Some(&core) = cores.find(|core| !place.cores.contains(core)) {
        return Err(NodeError::Core { core, node });
    }
    let mut regions = exact(definition);
    let is_elsewhere = |region: &Region| {
        !place.memory.contains_region(*region) && !BELOW_4G.contains_region(*region)
    };
    match regions.find(is_elsewhere) {
        Some(region) => Err(NodeError::Memory { region, node }),
        None => Ok(()),
    }
}

/// Memory that is asked for by its address.
fn exact(definition: &Definition) -> impl Iterator<Item = Region> + '_ {
    let requests = definition.memory.iter();
    requests.filter_map(|request| Region::new(request.at?, request.size))
}

/// How much of a node's memory is free.
pub(crate) fn free_on(free: &RegionSet, machine: &Machine, node: usize) -> RegionSet {
    let own = machine.nodes.get(node).map(|node| &node.memory);
    let own = own.into_iter().flat_map(RegionSet::iter);
    own.flat_map(|region| free.within(region).iter().collect::<Vec<_>>())
        .collect()
}

/// The sets of free memory in which that of the partition is to be looked for before all others:
/// an even share of each node that its cores are of, or the one asked for; all of those nodes. What a kernel `needs` below 4 GiB comes from another node where theirs have none there.
pub(crate) fn preferences(
    definition: &Definition,
    cores: &[u32],
    machine: &Machine,
    free: &RegionSet,
    needs: u64,
) -> Vec<RegionSet> {
    let of_cores = cores.iter().filter_map(|core| machine.node_of_core(*core));
    let mut nodes: Vec<usize> = match definition.node {
        Some(node) => vec![node],
        None => of_cores.collect(),
    };
    sort_ascending(&mut nodes);
    nodes.dedup();
    if !machine.has_nodes() || nodes.is_empty() {
        return Vec::new();
    }
    let (mut rest, mut given) = (free.clone(), RegionSet::new());
    for region in exact(definition) {
        if free.contains_region(region) {
            given.insert(region);
        }
        rest.remove(region);
    }
    let own: Vec<RegionSet> = nodes
        .iter()
        .map(|node| usable(&free_on(&rest, machine, *node)))
        .collect();
    let unplaced = definition.memory.iter().filter(|r| r.at.is_none());
    let total = unplaced.fold(0u64, |sum, request| sum.saturating_add(request.size));
    let mut near = given.clone();
    for region in own.iter().flat_map(RegionSet::iter) {
        near.insert(region);
    }
    let has_low = near.within(LOW).iter().any(|region| region.size() >= needs);
    let foreign = (!has_low).then(|| low_piece(&rest, total, needs)).flatten();
    if let Some(piece) = foreign {
        near.insert(piece);
        given.insert(piece);
    }
    let has = |node: &usize| free_on(&given, machine, *node).total();
    let has: Vec<u64> = nodes.iter().map(has).collect();
    let left = total.saturating_sub(foreign.map_or(0, |piece| piece.size()));
    let mut sets = Vec::new();
    sets.extend(even(&own, &has, given, left));
    sets.push(near);
    sets
}

/// Refuses memory from anywhere for a partition of a node.
pub(crate) fn insist(
    definition: &Definition,
    machine: &Machine,
    free: &RegionSet,
) -> Result<(), NodeError> {
    let Some(node) = definition.node else {
        return Ok(());
    };
    let free = free_on(free, machine, node).total();
    Err(NodeError::NoRoom { node, free })
}

/// What may be given where no address is asked for.
fn usable(set: &RegionSet) -> RegionSet {
    let windows = [LOW, ABOVE_4G].map(|window| set.within(window));
    windows.iter().flat_map(RegionSet::iter).collect()
}

/// Memory below 4 GiB, from wherever it is.
fn low_piece(free: &RegionSet, total: u64, needs: u64) -> Option<Region> {
    let is_large = total / LARGE >= LOW_SHARE;
    let share = if is_large {
        LOW_SHARE.max(needs)
    } else {
        needs
    };
    free.within(LOW).lowest_fit(share.min(total), LARGE_PAGE)
}

/// `given`, of which each node `has` some, and `more`, so that each has the same. `None` if there are not
/// several nodes, or one has not as much, or more already.
fn even(own: &[RegionSet], has: &[u64], given: RegionSet, more: u64) -> Option<RegionSet> {
    let count = u64::try_from(own.len()).ok().filter(|count| *count > 1)?;
    let total = has
        .iter()
        .fold(more, |sum, bytes| sum.saturating_add(*bytes));
    let share = total / count / LARGE_PAGE * LARGE_PAGE;
    // The first one also has what is left over.
    let mut wanted = total - share * (count - 1);
    let mut set = given;
    for (node, has) in own.iter().zip(has) {
        for piece in pieces(node, wanted.checked_sub(*has)?)? {
            set.insert(piece);
        }
        wanted = share;
    }
    Some(set)
}

/// So many bytes of a set: in one piece, else in the largest.
fn pieces(set: &RegionSet, mut bytes: u64) -> Option<Vec<Region>> {
    let (mut set, mut pieces) = (set.clone(), Vec::new());
    while bytes > 0 && pieces.len() < MOST_PIECES {
        let whole = set.lowest_fit(bytes, LARGE_PAGE);
        let aligned = set.iter().filter_map(|r| r.align_inward(LARGE_PAGE));
        let piece = whole.or_else(|| aligned.max_by_key(|region| region.size()))?;
        set.remove(piece);
        bytes = bytes.checked_sub(piece.size())?;
        pieces.push(piece);
    }
    (bytes == 0).then_some(pieces)
}
