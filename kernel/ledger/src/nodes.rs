//! NUMA: memory near a partition's cores.
//!
//! What a partition can have is told by sets of free memory, the best first, in which
//! [`crate::memory`] then looks as in any other: how it finds pieces is no matter here.

use alloc::vec::Vec;
use core::fmt;

use bulkhead_memory::{Bytes, LARGE_PAGE, Region, RegionSet};
use bulkhead_model::{ABOVE_4G, BELOW_4G, Definition, Key, Machine, Node};

use crate::memory::LOW;

/// Of memory that must lie below 4 GiB and is on another node, how much a large partition gets, in bytes:
/// enough for the devices that reach no further.
const LOW_SHARE: u64 = 256 << 20;
/// A partition is large that has so many times as much.
const LARGE: u64 = 4;
/// Where memory is given from.
const EVERYWHERE: [Region; 2] = [LOW, ABOVE_4G];
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

/// What of a node's memory is free.
pub(crate) fn free_on(free: &RegionSet, machine: &Machine, node: usize) -> RegionSet {
    let node = machine.nodes.get(node);
    node.map_or_else(RegionSet::new, |node| free.intersection(&node.memory))
}

/// Memory that is given, or may be.
#[derive(Clone)]
struct Near<'a> {
    /// What is given in any case: the places that were asked for, and what boots.
    given: RegionSet,
    /// How much more is wanted.
    wanted: u64,
    /// What is free beside what is given.
    rest: RegionSet,
    /// The nodes that the cores are of.
    nodes: Vec<&'a Node>,
}

/// The sets of free memory in which that of the partition is to be looked for before all others:
/// an even share of each node that its cores are of, or the one asked for; all of those nodes. What
/// a kernel needs below 4 GiB comes from another node where theirs have none there. With each set, for
/// how many partitions that may come something has to stay there.
pub(crate) fn preferences(
    definition: &Definition,
    cores: &[u32],
    machine: &Machine,
    free: &RegionSet,
    low: Low,
) -> Vec<(RegionSet, usize)> {
    let mut sets = Vec::new();
    let mut near = Near {
        given: RegionSet::new(),
        wanted: 0,
        rest: free.clone(),
        nodes: of_cores(cores, machine).collect(),
    };
    if !machine.has_nodes() || near.nodes.is_empty() {
        return sets;
    }
    for request in &definition.memory {
        near.wanted = near.wanted.saturating_add(request.size);
        match request.at.and_then(|at| Region::new(at, request.size)) {
            Some(region) if near.rest.contains_region(region) => near.give(region),
            _ => {}
        }
    }
    let usable = |near: &Near<'_>, window| {
        let mut all = RegionSet::new();
        near.nodes
            .iter()
            .for_each(|node| all.unite(&near.usable(node, window)));
        all
    };
    let largest = usable(&near, &[LOW]).largest();
    let mut to_come = low.to_come;
    if largest.is_none_or(|region| region.size() < low.needs)
        && let Some(piece) = low.piece(&near.rest, near.wanted)
    {
        near.give(piece);
        to_come = 0;
    }
    let even = near.even(&EVERYWHERE);
    let even = even.filter(|set| low.leaves(free, set)).or_else(|| {
        // As even above; and below what nobody misses who may come.
        let mut near = near.clone();
        if let Some(piece) = low.to_spare(&near.rest, near.wanted) {
            near.give(piece);
        }
        near.even(&[ABOVE_4G])
    });
    sets.extend(even.map(|set| (set, 0)));
    let mut all = usable(&near, &EVERYWHERE);
    all.unite(&near.given);
    sets.push((all, to_come));
    sets
}

/// The nodes that cores are of.
fn of_cores<'a>(cores: &'a [u32], machine: &'a Machine) -> impl Iterator<Item = &'a Node> {
    let nodes = machine.nodes.iter();
    nodes.filter(|node| node.cores.iter().any(|core| cores.contains(core)))
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

/// What memory below 4 GiB is needed for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Low {
    /// Bytes that a partition needs there, in one piece.
    pub(crate) needs: u64,
    /// How many partitions may still come, each with the same need.
    pub(crate) to_come: usize,
}

impl Low {
    /// A piece of it, from wherever it is, for a partition of `total` bytes.
    fn piece(self, free: &RegionSet, total: u64) -> Option<Region> {
        let large = self.share(free, total);
        large.or_else(|| Self::fit(free, self.needs.min(total)))
    }

    /// The same, if those that may come could still boot.
    fn to_spare(self, free: &RegionSet, total: u64) -> Option<Region> {
        let piece = self.piece(free, total)?;
        self.is_spare(free, piece).then_some(piece)
    }

    /// As much as devices may want, of a large one, if it is to spare.
    fn share(self, free: &RegionSet, total: u64) -> Option<Region> {
        let piece = Self::fit(free, LOW_SHARE.max(self.needs).min(total))?;
        (total / LARGE >= LOW_SHARE && self.is_spare(free, piece)).then_some(piece)
    }

    fn fit(free: &RegionSet, size: u64) -> Option<Region> {
        free.within(LOW).lowest_fit(size, LARGE_PAGE)
    }

    fn is_spare(self, free: &RegionSet, piece: Region) -> bool {
        self.leaves(free, &[piece].into_iter().collect())
    }

    /// Whether those that may come could still boot, if `taken` were.
    fn leaves(self, free: &RegionSet, taken: &RegionSet) -> bool {
        let [free, taken] = [free, taken].map(|set| set.within(LOW).total());
        let wanted = self.needs.saturating_mul(self.to_come as u64);
        free.saturating_sub(taken) >= wanted
    }
}

impl Near<'_> {
    /// Gives it `region`, which is free.
    fn give(&mut self, region: Region) {
        self.given.insert(region);
        self.rest.remove(region);
        self.wanted = self.wanted.saturating_sub(region.size());
    }

    /// What else it may have of a node in these windows.
    fn usable(&self, node: &Node, windows: &[Region]) -> RegionSet {
        let mut usable = RegionSet::new();
        windows
            .iter()
            .for_each(|window| usable.unite(&self.rest.within(*window)));
        usable.intersection(&node.memory)
    }

    /// What is given, and more from these windows, so that each node has the same. `None` if there are not several
    /// nodes, or one has not as much, or more already.
    fn even(&self, windows: &[Region]) -> Option<RegionSet> {
        let count = self.nodes.len() as u64;
        if count < 2 {
            return None;
        }
        let has = |node: &Node| self.given.intersection(&node.memory).total();
        let total = self.nodes.iter().map(|node| has(node));
        let total = total.fold(self.wanted, u64::saturating_add);
        let share = total / count / LARGE_PAGE * LARGE_PAGE;
        // The first one also has what is left over.
        let mut share_of = total - share * (count - 1);
        let mut set = self.given.clone();
        for node in &self.nodes {
            let more = share_of.checked_sub(has(node))?;
            add_pieces(&mut set, &self.usable(node, windows), more)?;
            share_of = share;
        }
        Some(set)
    }
}

/// Adds so many bytes of `usable`: in one piece, else the largest.
fn add_pieces(set: &mut RegionSet, usable: &RegionSet, mut bytes: u64) -> Option<()> {
    let mut usable = usable.clone();
    for _ in 0..MOST_PIECES {
        if bytes == 0 {
            break;
        }
        let whole = usable.lowest_fit(bytes, LARGE_PAGE);
        let piece = whole.or_else(|| usable.largest()?.align_inward(LARGE_PAGE))?;
        usable.remove(piece);
        set.insert(piece);
        bytes = bytes.checked_sub(piece.size())?;
    }
    (bytes == 0).then_some(())
}
