//! Launches, restarts, a neighbour's timer: everything of a partition's coming and going.

use bulkhead_tests::{Kernel, tool};

use crate::launch::{Bench, Launches};
use crate::loads;
use crate::neighbour::{self, Case};
use crate::print;
use crate::restart::Restarts;
use crate::work::Size;

/// What of it is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) launches: bool,
    pub(crate) restarts: bool,
    pub(crate) neighbour: bool,
}

impl Parts {
    pub(crate) const fn any(self) -> bool {
        self.launches || self.restarts || self.neighbour
    }
}

/// What was not asked for is empty.
pub(crate) struct Launching {
    pub(crate) launches: Vec<Launches>,
    pub(crate) restarts: Vec<Restarts>,
    pub(crate) neighbour: Vec<Case>,
}

impl Launching {
    /// `kernels` are those of launches, and those with drivers.
    pub(crate) fn measure(
        parts: Parts,
        [kernels, with_drivers]: [&[Kernel]; 2],
        size: &Size,
        seconds: usize,
    ) -> Self {
        let mut all = Self {
            launches: Vec::new(),
            restarts: Vec::new(),
            neighbour: Vec::new(),
        };
        if parts.launches || parts.restarts {
            let bench = Bench::new(size.cores, size.clock);
            if parts.launches {
                let launches = kernels
                    .iter()
                    .map(|kernel| bench.launches(*kernel, size.runs));
                all.launches = launches.collect();
            }
            if parts.restarts {
                let restarts = kernels
                    .iter()
                    .map(|kernel| bench.restarts(*kernel, size.runs));
                all.restarts = restarts.collect();
            }
            println!();
        }
        if parts.neighbour {
            all.neighbour = neighbour::cases(seconds, &size.only);
            for kernel in with_drivers {
                let is_asked_for = |name: &str| tool::is_asked_for(&size.only, name);
                all.neighbour
                    .extend(loads::cases(*kernel, seconds, is_asked_for));
            }
            println!();
        }
        all
    }

    pub(crate) fn print(&self) {
        if !self.launches.is_empty() {
            print::launches(&self.launches);
        }
        print::copies(&self.launches, &self.restarts);
        if !self.restarts.is_empty() {
            print::restarts(&self.restarts);
            print::ratios(&self.restarts);
        }
        if !self.neighbour.is_empty() {
            print::neighbour(&self.neighbour);
        }
        if let Some(launches) = self.launches.first() {
            print::resident(&launches.resident);
        }
    }
}
