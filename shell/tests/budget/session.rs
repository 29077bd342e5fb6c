//! A shell on the arena.

use std::fmt;

use bulkhead_launch::LaunchPlan;
use bulkhead_ledger::Partition;
use bulkhead_model::Machine;
use bulkhead_shell::{Control, Shell};

use crate::arena::{high, inside, largest_free, outside, usage};
use crate::support::FakeKernel;

/// What is printed: only errors are looked at.
#[derive(Default)]
pub(crate) struct Printed {
    pub(crate) errors: Vec<String>,
    row: String,
}

impl fmt::Write for Printed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        outside(|| {
            for part in text.split_inclusive('\n') {
                self.row.push_str(part);
                if part.ends_with('\n') {
                    let row = std::mem::take(&mut self.row);
                    if row.starts_with("error: ") {
                        self.errors.push(row);
                    }
                }
            }
        });
        Ok(())
    }
}

/// What the kernel keeps of a partition from its first plan on.
pub(crate) type Kept = Option<Box<LaunchPlan>>;

/// A shell, its kernel, and what the kernel would keep: all of it in the arena.
pub(crate) struct Session {
    shell: Shell,
    pub(crate) kernel: FakeKernel,
    kept: Vec<Kept>,
    pub(crate) printed: Printed,
}

impl Session {
    pub(crate) fn new(machine: &Machine, partitions: usize) -> Self {
        inside(|| {
            let mut kernel = outside(FakeKernel::default);
            kernel.machine = machine.clone();
            let mut kept = Vec::new();
            kept.resize_with(partitions, || None);
            Self {
                shell: Shell::new(),
                kernel,
                kept,
                printed: Printed::default(),
            }
        })
    }

    /// Types a line that must be done.
    pub(crate) fn line(&mut self, line: &str) {
        self.type_line(line);
        let errors = std::mem::take(&mut self.printed.errors);
        assert!(errors.is_empty(), "{line}: {errors:?}");
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        let before = usage().used;
        self.kernel.free_bytes = largest_free();
        let _ = high();
        inside(|| {
            for byte in line.bytes().chain([b'\r']) {
                let Self {
                    shell,
                    kernel,
                    printed,
                    ..
                } = self;
                shell.feed(byte, kernel, printed);
            }
        });
        let needed = high().saturating_sub(before);
        inside(|| self.keep_plans());
        if std::env::var_os("SHOW").is_some() {
            let word = line.split(' ').next().unwrap();
            println!("{word:10} needed {needed} used {}", usage().used);
        }
    }

    /// A copy of all that there is of a partition.
    pub(crate) fn copy(&self, name: &str) -> (Partition, Kept) {
        let partition = self.kernel.ledger.find(name).unwrap();
        (partition.clone(), self.kept[partition.id].clone())
    }

    /// What the kernel does with what was launched or is to be ready: it keeps a plan of each, in the
    /// place of the one before.
    fn keep_plans(&mut self) {
        let kernel = &mut self.kernel;
        let mut names = outside(|| std::mem::take(&mut kernel.started));
        outside(|| names.append(&mut kernel.restarted));
        outside(|| names.append(&mut kernel.prepared));
        for name in &names {
            let id = kernel.ledger.find(name).unwrap().id;
            self.kept[id] = None;
            let code = kernel.resident_code();
            let plan = kernel.ledger.plan(&kernel.machine, &code, name).unwrap();
            self.kept[id] = Some(Box::new(plan.without_view()));
        }
        for (id, kept) in self.kept.iter_mut().enumerate() {
            if kernel.ledger.by_id(id).is_none() {
                *kept = None;
            }
        }
    }
}
