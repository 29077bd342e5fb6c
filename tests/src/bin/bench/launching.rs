//! Launches, restarts, a neighbour's timer: everything of a partition's coming and going.

use bulkhead_tests::Kernel;

use crate::launch::{Bench, Launches};
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
    pub(crate) fn measure(parts: Parts, kernels: &[Kernel], size: &Size, seconds: usize) -> Self {
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
