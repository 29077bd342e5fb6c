//! The ledger: all partitions, and the only way to change them.
//!
//! Every operation either succeeds or changes nothing.

use alloc::vec::Vec;

use bulkhead_launch::{self as launch, LaunchPlan, Layout, ResidentCode};
use bulkhead_memory::Region;
use bulkhead_model::{
    Change, Claim, Definition, Key, Life, Machine, Ram, State, Warning, check_name,
};

use crate::{History, LinkError, PlanError, cores, devices, permission, resolve};

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its number: the lowest one that was free when it was defined, unique while it is.
    pub id: usize,
    /// What its operator said.
    pub definition: Definition,
    /// What it has.
    pub claim: Claim,
    /// Its life up to now, as it was last observed.
    pub life: Life,
    /// What its launches had done to its RAM when it was last observed.
    pub ram: Ram,
}

/// All partitions.
///
/// Invariant: no two share a core, a byte of RAM, a console, a device, a name or a number; but for
/// the low chunk that partitions with one core share where there are too few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    partitions: Vec<Partition>,
    history: History,
}

impl Ledger {
    /// No partitions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            partitions: Vec::new(),
            history: History::new(),
        }
    }

    /// Defines a partition; from now on what it claims is its own.
    ///
    /// # Errors
    /// [`PlanError`] says what is wrong with the definition.
    pub fn define(
        &mut self,
        machine: &Machine,
        name: &str,
        change: Change,
    ) -> Result<Vec<Warning>, PlanError> {
        check_name(name).map_err(|error| PlanError::Name {
            name: name.into(),
            error,
        })?;
        if self.find(name).is_some() {
            return Err(PlanError::NameTaken { name: name.into() });
        }
        let missing = |key| PlanError::Missing { key };
        let definition = Definition {
            name: name.into(),
            cores: change.cores.ok_or(missing(Key::Cores))?,
            memory: change.memory.ok_or(missing(Key::Memory))?,
            node: change.node.flatten(),
            kernel: change.kernel.ok_or(missing(Key::Kernel))?,
            initrds: change.initrds.unwrap_or_default(),
            cmdline: change.cmdline.unwrap_or_default(),
            console: change.console.flatten(),
            devices: change.devices.unwrap_or_default(),
            restart: change.restart.unwrap_or_default(),
            control: change.control.unwrap_or_default(),
            isolation: change.isolation.flatten(),
            dump: change.dump.unwrap_or_default(),
            watchdog: change.watchdog.flatten(),
        };
        let claim = resolve::claim(&definition, None, machine, self.iter())?;
        let partition = Partition {
            id: self.free_id(),
            definition,
            claim,
            life: Life::default(),
            ram: Ram::default(),
        };
        let warnings = self.examine(machine, &partition)?;
        self.partitions.push(partition);
        Ok(warnings)
    }

    /// Changes a partition that is not live.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn set(
        &mut self,
        machine: &Machine,
        name: &str,
        change: Change,
    ) -> Result<Vec<Warning>, PlanError> {
        self.set_if(machine, name, change, |_, _| true)
    }

    /// The same, if its present claim is given up where another one follows: `give_up` is told its number
    /// and whether it keeps all its memory, and sees to it that nothing is launched by the claim any
    /// more; `false` if something has been already.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn set_if(
        &mut self,
        machine: &Machine,
        name: &str,
        change: Change,
        give_up: impl FnOnce(usize, bool) -> bool,
    ) -> Result<Vec<Warning>, PlanError> {
        let index = self.index(name)?;
        let mut partition = self.resting(index, "changed")?.clone();
        change.apply(&mut partition.definition);
        let before = &self.partitions[index];
        partition.claim = resolve::claim(
            &partition.definition,
            Some((&before.definition, &before.claim)),
            machine,
            self.others(partition.id),
        )?;
        let warnings = self.examine(machine, &partition)?;
        let (old, new) = (&self.partitions[index].claim, &partition.claim);
        let is_in = |region: &Region| new.memory.iter().any(|own| own.contains_region(*region));
        if old != new && !give_up(partition.id, old.memory.iter().all(is_in)) {
            return Err(launching(&partition, "changed"));
        }
        self.partitions[index] = partition;
        Ok(warnings)
    }

    /// Forgets a partition that is not live; what it claimed is free.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn undefine(&mut self, name: &str) -> Result<(), PlanError> {
        self.undefine_if(name, |_| true)
    }

    /// The same, if its claim is given up, as for [`set_if`](Self::set_if).
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn undefine_if(
        &mut self,
        name: &str,
        give_up: impl FnOnce(usize) -> bool,
    ) -> Result<(), PlanError> {
        let index = self.index(name)?;
        let partition = self.resting(index, "undefined")?;
        let id = partition.id;
        if let Some(end) = partition.claim.links.first() {
            let (name, peer) = (name.into(), end.peer.clone());
            return Err(LinkError::Held { name, peer }.into());
        }
        if !give_up(id) {
            return Err(launching(partition, "undefined"));
        }
        self.partitions.remove(index);
        self.history.retire(id);
        Ok(())
    }

    /// Checks a partition as if it were to be launched.
    ///
    /// # Errors
    /// [`PlanError`] says what is wrong.
    pub fn check(&self, machine: &Machine, name: &str) -> Result<Vec<Warning>, PlanError> {
        self.examine(machine, self.get(name)?)
    }

    /// Plans the launch of a partition, whatever its state: the plan is also what `show` shows.
    /// [`Self::check_launch`] tells whether it may be launched now.
    ///
    /// # Errors
    /// [`PlanError`] says why it can't be launched.
    pub fn plan(
        &self,
        machine: &Machine,
        resident: &ResidentCode,
        name: &str,
    ) -> Result<LaunchPlan, PlanError> {
        let partition = self.get(name)?;
        let layout = Layout::of(machine, &partition.definition, &partition.claim)?;
        let warnings = self.warnings(machine, partition, &layout);
        let claim = &partition.claim;
        let mut foreign = self.history.foreign(partition.id, &claim.own_regions());
        if claim.shares_low_chunk {
            foreign.extend(self.history.foreign_to_sharers(claim.low_chunk));
        }
        Ok(launch::plan(
            layout,
            partition.id,
            resident,
            &foreign,
            warnings,
        )?)
    }

    /// Takes note of the life of the partition with that number, and of what became of its RAM: who
    /// used which memory last. Nothing happens if there is none.
    pub fn observe(&mut self, id: usize, life: Life, ram: Ram) {
        let Some(partition) = self.partitions.iter_mut().find(|p| p.id == id) else {
            return;
        };
        let before = core::mem::replace(&mut partition.ram, ram);
        let runs_before = core::mem::replace(&mut partition.life, life).runs;
        // Entered, it had its turn before. A launch that was cut short may not have come to clear anything there.
        if partition.life.runs != runs_before && partition.claim.shares_low_chunk {
            self.history.share(partition.claim.low_chunk);
        }
        if before == ram {
            return;
        }
        let regions = partition.claim.own_regions();
        if ram.attempts != before.attempts {
            self.history.taint(id, &regions);
        }
        if ram.attempts > 0 && ram.is_cleared {
            self.history.record(id, &regions);
        }
    }

    /// The partitions in the order in which they were defined.
    pub fn iter(&self) -> core::slice::Iter<'_, Partition> {
        self.partitions.iter()
    }

    /// The partition called `name`.
    ///
    /// # Errors
    /// [`PlanError::Unknown`] names those that there are.
    pub fn get(&self, name: &str) -> Result<&Partition, PlanError> {
        self.find(name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> PlanError {
        PlanError::Unknown {
            name: name.into(),
            existing: self.iter().map(|p| p.definition.name.clone()).collect(),
        }
    }

    /// The partition called `name`, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Partition> {
        self.iter().find(|p| p.definition.name == name)
    }

    /// The partition with that number.
    #[must_use]
    pub fn by_id(&self, id: usize) -> Option<&Partition> {
        self.iter().find(|p| p.id == id)
    }

    pub(crate) fn index(&self, name: &str) -> Result<usize, PlanError> {
        let index = self.iter().position(|p| p.definition.name == name);
        index.ok_or_else(|| self.unknown(name))
    }

    fn others(&self, id: usize) -> impl Iterator<Item = &Partition> + Clone {
        self.iter().filter(move |partition| partition.id != id)
    }

    /// The partition at `index`, unless it is live or a core of it did not come back.
    pub(crate) fn resting(
        &self,
        index: usize,
        action: &'static str,
    ) -> Result<&Partition, PlanError> {
        let partition = &self.partitions[index];
        if partition.life.state.is_live() {
            return Err(wrong_state(partition, action));
        }
        not_held(partition, action)?;
        if partition.life.leaks {
            let name = partition.definition.name.clone();
            return Err(PlanError::Leaks { name, action });
        }
        if let Some(&core) = partition.life.lost_cores.first() {
            return Err(PlanError::CoreLost {
                name: partition.definition.name.clone(),
                core,
                action,
            });
        }
        Ok(partition)
    }

    pub(crate) fn claim_mut(&mut self, index: usize) -> &mut Claim {
        &mut self.partitions[index].claim
    }

    /// Nobody has that memory any more.
    pub(crate) fn orphan(&mut self, region: Region) {
        self.history.orphan(region);
    }

    fn free_id(&self) -> usize {
        let is_free = |id: &usize| self.by_id(*id).is_none();
        (0..).find(is_free).unwrap_or(usize::MAX)
    }

    /// Everything that can be said of a resolved partition without runtime code.
    fn examine(&self, machine: &Machine, partition: &Partition) -> Result<Vec<Warning>, PlanError> {
        let layout = Layout::of(machine, &partition.definition, &partition.claim)?;
        Ok(self.warnings(machine, partition, &layout))
    }

    fn warnings(
        &self,
        machine: &Machine,
        partition: &Partition,
        layout: &Layout<'_>,
    ) -> Vec<Warning> {
        let others = self.others(partition.id);
        let mut warnings = Vec::new();
        if permission::has_bulkheads_core(machine, partition) {
            warnings.push(Warning::BulkheadsCore {
                core: machine.boot_core,
                name: partition.definition.name.clone(),
            });
        }
        let cores = &partition.claim.cores;
        warnings.extend(cores::split_siblings(cores, machine, others.clone()));
        let owned = &partition.claim.devices;
        for (function, bus) in devices::companions(&partition.definition, owned, machine) {
            warnings.push(Warning::ComesAlong { function, bus });
        }
        for (function, lead) in devices::without_interrupt(owned, machine) {
            warnings.push(Warning::NoInterrupt { function, lead });
        }
        warnings.extend(devices::shared_lines(partition, machine, others.clone()));
        warnings.extend(devices::shared_groups(partition, machine, others));
        warnings.extend(layout.warnings());
        warnings
    }
}

/// Nobody reads its RAM.
pub(crate) fn not_held(partition: &Partition, action: &'static str) -> Result<(), PlanError> {
    if partition.life.held_by.is_none() {
        return Ok(());
    }
    Err(PlanError::Held {
        name: partition.definition.name.clone(),
        action,
    })
}

fn wrong_state(partition: &Partition, action: &'static str) -> PlanError {
    in_state(partition, partition.life.state, action)
}

/// Its launch began after it was observed.
pub(crate) fn launching(partition: &Partition, action: &'static str) -> PlanError {
    in_state(partition, State::Launching, action)
}

fn in_state(partition: &Partition, state: State, action: &'static str) -> PlanError {
    PlanError::WrongState {
        name: partition.definition.name.clone(),
        state,
        action,
    }
}

impl<'a> IntoIterator for &'a Ledger {
    type Item = &'a Partition;
    type IntoIter = core::slice::Iter<'a, Partition>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
