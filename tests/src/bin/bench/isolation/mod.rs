//! What `isolation=dma` costs: mapping by itself, launches and work beside `bare`.

mod machine;
mod mapping;
mod print;
mod unit;

use bulkhead_tests::Kernel;
use bulkhead_tests::qemu::has_kvm;

use crate::work::{Clock, Size};

use machine::{Bench, Launches, Row};
use mapping::Mapping;

pub(crate) use print::{json, print};

/// All of it.
pub(crate) struct Isolation {
    mapping: Vec<Mapping>,
    launches: Vec<Launches>,
    release: String,
    work: Vec<Row>,
}

/// On a kernel with drivers.
pub(crate) fn measure(kernel: Kernel, size: &Size) -> Isolation {
    let mapping = mapping::measure();
    mapping::print(&mapping);
    if has_kvm() {
        println!("Launches and work are measured in virtual time, which is emulated only.");
        return Isolation {
            mapping,
            launches: Vec::new(),
            release: String::new(),
            work: Vec::new(),
        };
    }
    let size = Size {
        clock: Clock::Virtual,
        ..size.clone()
    };
    let bench = Bench::new(kernel);
    let launches = bench.launches(size.runs);
    print::launches(&launches);
    Isolation {
        mapping,
        launches,
        release: kernel.release(),
        work: bench.work(&size),
    }
}
