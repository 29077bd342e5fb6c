//! Where the INTx pins of the root buses lead: the `_PRT`s of the DSDT and the SSDTs.
//!
//! # What is read
//!
//! - a root bridge is a device whose `_HID` is the constant `PNP0A08` or `PNP0A03` and whose `_STA`
//!   does not say that it isn't there; its bus and segment are `_BBN` and `_SEG`, else 0. A segment
//!   that isn't known is that of the MCFG, if all of that is one segment;
//! - `_PRT` in it is a package, or a method that returns one (see [`run`]);
//! - an entry names the interrupt, or a link device whose `_CRS` is one interrupt or, where that is
//!   computed from a register, whose `_PRS` is. Where a link leads that tells neither isn't known, and
//!   how many pins are behind such is told. An entry of a pin that no device has is passed over.
//!
//! All tables count together, wherever in them a scope is opened. What is defined twice, or only
//! under a condition, counts as unknown; two bridges on one bus are believed neither.
//!
//! # What that means
//!
//! AML can't be parsed without knowing how many arguments each method takes, so [`walk`] goes by
//! the form of definitions. **What isn't found so means: where the pin leads isn't known, and a
//! device can't be given away with its pin.** Nothing is guessed.

mod aml;
mod link;
mod names;
mod package;
mod path;
mod run;
mod walk;

use alloc::vec::Vec;
use bulkhead_memory::sort_ascending;

use bulkhead_pci::{Bus, Route};

use crate::header::HEADER_BYTES;
use crate::problem::Note as _;
use crate::{Problem, Signature};
use aml::Object;
use names::{Kind, Names};
use package::{Pin, Pins};
use path::Path;

const ROOT_BRIDGES: [Kind; 2] = [
    Kind {
        eisa: 0x080a_d041,
        text: b"PNP0A08",
    },
    Kind {
        eisa: 0x030a_d041,
        text: b"PNP0A03",
    },
];

/// `_STA` (ACPI §6.3.7): the device is there; it works; and what counts where there is no `_STA`.
const PRESENT: u64 = 1 << 0;
const FUNCTIONING: u64 = 1 << 3;
const ABSENT_STATUS: u64 = 0x0f;

/// More AML than any machine has, in bytes of all tables.
const MAX_AML_BYTES: usize = 8 << 20;
/// More root bridges than any machine has.
const MAX_BRIDGES: usize = 64;
/// Entries of all `_PRT`s; real ones have 50.
const MAX_ENTRIES: usize = 16_384;
/// The most routes that are kept.
const MAX_ROUTES: usize = 1024;
/// The most pins of which it is told that they lead to more than one interrupt.
const MAX_CONFLICTS: usize = 32;
/// What one look-up tells may call for another: bridge, `_PRT`, its packages, their links, the
/// links' `_CRS`, and some for methods that call others.
const MAX_ROUNDS: usize = 32;
/// The most bytes that all of them walk over, of which a slow core manages some ten a microsecond.
/// A server's tables of 1 MiB have all the rounds.
const MAX_WALKED_BYTES: usize = 32 << 20;

/// A root bridge and where it is.
struct Bridge {
    path: Path,
    segment: u16,
    bus: u8,
    has_prt: bool,
}

/// Reads the routes from the DSDT and the SSDTs, headers included: of root buses only, sorted, each pin
/// once, no interrupt 0.
///
/// `segments` are those that the MCFG names: a bridge that computes its own is in the only one.
pub(crate) fn find(
    tables: &[&[u8]],
    segments: impl Iterator<Item = u16> + Clone,
    problems: &mut Vec<Problem>,
) -> Vec<Route> {
    let first = segments.clone().next();
    let only_segment = first.filter(|first| segments.clone().all(|segment| segment == *first));
    let is_narrow = tables.first().and_then(|dsdt| dsdt.get(8)) < Some(&2);
    let tables: Vec<&[u8]> = tables
        .iter()
        .filter_map(|table| table.get(HEADER_BYTES..))
        .collect();
    let bytes: usize = tables.iter().map(|table| table.len()).sum();
    let routes = Some(tables)
        .filter(|_| bytes <= MAX_AML_BYTES)
        .and_then(|tables| read(&tables, only_segment, is_narrow));
    let Some(routes) = routes else {
        problems.note(Problem::TooMuchAml);
        return Vec::new();
    };
    problems.extend(routes.problems);
    routes.found
}

/// Asks for names until all are answered; `None` if there are too many of something.
fn read(tables: &[&[u8]], only_segment: Option<u16>, is_narrow: bool) -> Option<Routes> {
    let paths = bridge_paths(tables)?;
    let mut names = Names::default();
    names.is_narrow = is_narrow;
    let bytes: usize = tables.iter().map(|table| table.len()).sum();
    for _ in 0..MAX_ROUNDS.min(MAX_WALKED_BYTES / bytes.max(1)) {
        let bridges = bridges(&mut names, &paths, only_segment);
        let routes = routes(&mut names, &bridges)?;
        if names.overflowed() {
            return None;
        }
        if !names.look_up(tables) {
            return Some(routes);
        }
    }
    None
}

/// Whatever has the `_HID` of a root bridge; `None` if that is more than can be.
fn bridge_paths(tables: &[&[u8]]) -> Option<Vec<Path>> {
    let mut paths: Vec<Path> = Vec::new();
    for table in tables {
        walk::definitions(table, &mut |path, object| {
            let is_bridge = path.last() == Some(*b"_HID")
                && ROOT_BRIDGES.iter().any(|kind| kind.is_named_by(object));
            let device = path.parent().filter(|_| is_bridge);
            if let Some(device) = device
                && paths.len() <= MAX_BRIDGES
                && !paths.contains(&device)
            {
                paths.push(device);
            }
        });
    }
    (paths.len() <= MAX_BRIDGES).then_some(paths)
}

/// Those of them of which it is certain that they are bridges, and where they are.
fn bridges(names: &mut Names<'_>, paths: &[Path], only_segment: Option<u16>) -> Vec<Bridge> {
    let bridge = |path: &Path| {
        // All is asked for before anything is missed.
        let bus = names.integer(path.child(*b"_BBN"), 0);
        let segment = names.integer(path.child(*b"_SEG"), 0);
        let status = names.integer(path.child(*b"_STA"), ABSENT_STATUS);
        let has_prt = names.at(path.child(*b"_PRT")) != Object::Absent;
        let is_device = names.at(Some(*path)) == Object::Device;
        let is_bridge = names.is_kind(*path, &ROOT_BRIDGES);
        let bridge = Bridge {
            path: *path,
            segment: segment.map_or(only_segment, |segment| u16::try_from(segment).ok())?,
            bus: u8::try_from(bus?).ok()?,
            has_prt,
        };
        // As Linux does, which takes what works though it is not present for a bridge as well.
        let is_there = status.is_none_or(|status| status & (PRESENT | FUNCTIONING) != 0);
        (is_device && is_bridge && is_there).then_some(bridge)
    };
    paths.iter().filter_map(bridge).collect()
}

/// The routes of all bridges and what is wrong with them; `None` if there are too many entries.
fn routes(names: &mut Names<'_>, bridges: &[Bridge]) -> Option<Routes> {
    let mut routes = Routes::default();
    let mut entries_left = MAX_ENTRIES;
    for bridge in bridges.iter().filter(|bridge| bridge.has_prt) {
        let (segment, bus) = (bridge.segment, bridge.bus);
        // Each bridge has a bus of its own, so some of these say what isn't true.
        let is_sharer = |other: &&Bridge| (other.segment, other.bus) == (segment, bus);
        if bridges.iter().filter(is_sharer).count() > 1 {
            let problem = Problem::SharedRootBus { segment, bus };
            if !routes.problems.contains(&problem) {
                routes.problems.note(problem);
            }
            continue;
        }
        let pins = bridge
            .path
            .child(*b"_PRT")
            .and_then(|path| package::pins(names, path, &mut entries_left));
        let named = || pins.iter().flat_map(Pins::named);
        for (device, pin, leads) in named() {
            routes.add(bridge, device, pin + 1, leads);
        }
        let unknown = named().filter(|(.., leads)| *leads == Pin::Unknown).count();
        if unknown != 0 {
            let problem = Problem::UnknownLinks {
                segment,
                bus,
                pins: unknown,
            };
            routes.problems.note(problem);
        }
    }
    sort_ascending(&mut routes.found);
    (entries_left != 0).then_some(routes)
}

#[derive(Default)]
struct Routes {
    found: Vec<Route>,
    problems: Vec<Problem>,
    conflicts: usize,
}

impl Routes {
    fn add(&mut self, bridge: &Bridge, device: u8, pin: u8, leads: Pin) {
        let (segment, bus) = (bridge.segment, bridge.bus);
        match leads {
            Pin::Gsi(gsi) if self.found.len() < MAX_ROUTES => self.found.push(Route {
                bus: Bus {
                    segment,
                    number: bus,
                },
                device,
                pin,
                gsi,
            }),
            Pin::Conflict if self.conflicts < MAX_CONFLICTS => {
                self.conflicts += 1;
                self.problems.note(Problem::ConflictingRoutes {
                    segment,
                    bus,
                    device,
                    pin,
                });
            }
            Pin::Gsi(_) => {
                let problem = Problem::TooManyEntries {
                    table: Signature(*b"_PRT"),
                    read: MAX_ROUTES,
                };
                if !self.problems.contains(&problem) {
                    self.problems.note(problem);
                }
            }
            Pin::Conflict | Pin::Unknown | Pin::Unnamed => {}
        }
    }
}
