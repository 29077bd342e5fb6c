//! Launches, restarts, a neighbour's timer: everything of a partition's coming and going.

use crate::launch::{Bench, KERNELS, Launches};
use crate::neighbour::{self, Case};
use crate::print;
use crate::restart::Restarts;

pub(crate) struct Launching {
    pub(crate) launches: Vec<Launches>,
    pub(crate) restarts: Vec<Restarts>,
    pub(crate) neighbour: Vec<Case>,
    /// Of each of the neighbour's cases.
    seconds: usize,
}

impl Launching {
    pub(crate) fn measure(runs: usize, cores: usize, seconds: usize) -> Self {
        let bench = Bench::new(cores);
        let launches = KERNELS.map(|kernel| bench.launches(kernel, runs));
        let restarts = KERNELS.map(|kernel| bench.restarts(kernel, runs));
        println!();
        let neighbour = neighbour::cases(seconds);
        println!();
        Self {
            launches: launches.into(),
            restarts: restarts.into(),
            neighbour,
            seconds,
        }
    }

    pub(crate) fn print(&self) {
        print::launches(&self.launches);
        print::copies(&self.launches, &self.restarts);
        print::restarts(&self.restarts);
        print::ratios(&self.restarts);
        print::neighbour(self.seconds, &self.neighbour);
        print::resident(&self.launches[0].resident);
    }
}
