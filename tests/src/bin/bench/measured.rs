//! What was measured, in the order in which it is.

use bulkhead_tests::Kernel;
use bulkhead_tests::evaluation::contention::Contention;

use crate::asked::Asked;
use crate::boot::{self, Boots};
use crate::counted::{self, Counted};
use crate::dump::{self, Dump};
use crate::inside::{self, Inside};
use crate::isolation::{self, Isolation};
use crate::launching::{Launching, Parts};
use crate::links::{self, Links};
use crate::scale::{self, Scale};
use crate::work::{self, Clock, Work, contention};
use crate::{agent, launch, print};

/// What was not asked for is not there.
pub(crate) struct Measured {
    pub(crate) boots: Option<Vec<Boots>>,
    pub(crate) scale: Option<Vec<Scale>>,
    pub(crate) counted: Option<Vec<Counted>>,
    pub(crate) inside: Option<Inside>,
    pub(crate) dump: Option<Dump>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) links: Option<Vec<Links>>,
    pub(crate) work: Option<Vec<Work>>,
    pub(crate) contention: Option<Vec<Contention>>,
    pub(crate) launching: Option<Launching>,
}

impl Measured {
    pub(crate) fn of(asked: &Asked) -> Self {
        let (size, has) = (&asked.size, |part: &str| asked.has(part));
        let kernels = asked.kernels(&work::WITH_DRIVERS, work::USUAL);
        let on_cores = asked.kernels(&work::KERNELS, work::USUAL);
        let launched = asked.kernels(&launch::KERNELS, launch::KERNELS);
        let is_counted = size.clock == Clock::Virtual;
        let parts = Parts {
            launches: has("launch"),
            restarts: has("restart"),
            neighbour: has("neighbour"),
        };
        // A field's value is computed where it stands.
        Self {
            boots: has("boot").then(|| boot::measure(size.runs)),
            counted: (has("scale") && is_counted).then(|| counted::measure(&size.only)),
            scale: (has("scale") && !is_counted).then(scale::measure),
            inside: has("inside").then(|| {
                let inside = inside::measure(size.runs);
                agent::measure();
                inside
            }),
            dump: has("dump").then(|| dump::measure(size.runs)),
            isolation: has("isolation").then(|| isolation::measure(kernels[0], size)),
            links: has("links").then(|| on_each(&kernels, |kernel| links::measure(kernel, size))),
            work: has("work").then(|| on_each(&on_cores, |kernel| work::work(kernel, size))),
            contention: has("contention")
                .then(|| on_each(&on_cores, |kernel| contention::measure(kernel, size))),
            launching: parts
                .any()
                .then(|| Launching::measure(parts, [&launched, &kernels], size, asked.ticks)),
        }
    }

    /// The tables; work, contention and scale in virtual time were printed as they came.
    pub(crate) fn print(&self) {
        if let Some(boots) = &self.boots {
            print::boots(boots);
        }
        if let Some(scale) = &self.scale {
            print::scale(scale);
        }
        if let Some(inside) = &self.inside {
            print::inside(inside);
        }
        if let Some(dump) = &self.dump {
            print::dump(dump);
        }
        if let Some(links) = &self.links {
            links.iter().for_each(print::links);
        }
        if let Some(isolation) = &self.isolation {
            isolation::print(isolation);
        }
        if let Some(launching) = &self.launching {
            launching.print();
        }
    }
}

fn on_each<T>(kernels: &[Kernel], measure: impl Fn(Kernel) -> T) -> Vec<T> {
    kernels.iter().map(|kernel| measure(*kernel)).collect()
}
