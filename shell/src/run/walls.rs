//! What partitions' devices reach, and what was blocked.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_conductor::{blocked, isolation as next};
use bulkhead_launch::Walls;
use bulkhead_ledger::Partition;
use bulkhead_model::{Isolation, Machine};
use bulkhead_pci::Address;

use super::Done;
use crate::control::Control;
use crate::error::CommandError;
use crate::settings;
use crate::words::Word;

/// `isolation`
pub(super) fn isolation(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let machine = control.machine();
    match machine.isolation {
        Some(isolation) => writeln!(out, "{isolation}"),
        None => writeln!(out, "default: dma where it can be, else bare"),
    }?;
    writeln!(out, "IOMMU: {}", iommu(machine))
}

/// `isolation bare`, `isolation dma`, `isolation default`
pub(super) fn set_isolation(word: &Word, control: &mut dyn Control) -> Done {
    let isolation = settings::isolation(&word.text);
    let isolation = isolation.map_err(|why| CommandError::new(word.span, why))?;
    control.set_isolation(isolation);
    Ok(())
}

/// Whether there is one, and whether it is used.
pub(super) fn iommu(machine: &Machine) -> String {
    let is_iommu =
        |table: &&bulkhead_firmware::TableInfo| matches!(&table.signature, b"DMAR" | b"IVRS");
    match machine.tables.iter().find(is_iommu) {
        Some(_) if machine.iommu.is_some() => String::from(
            "in use: devices of nobody reach nothing, those of isolation=dma their owner's RAM alone",
        ),
        Some(table) => {
            let why = machine.iommu_unused.as_deref();
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let name = String::from_utf8_lossy(&table.signature);
            format!("there is one ({name}), which is not used{why}; a device reaches all RAM")
        }
        None => String::from("none reported; a device reaches all RAM"),
    }
}

/// What keeps a partition's devices in: as it was launched, or would be.
pub(super) fn now(partition: &Partition, control: &dyn Control) -> Option<Isolation> {
    let launched = control.isolation(partition.id);
    let launched = launched.filter(|_| partition.life.state.is_live());
    launched.or_else(|| next(control.machine(), partition))
}

/// What a function is in the way of, if its devices' owner is to be isolated.
pub(super) fn obstacles(machine: &Machine, function: Address) -> Vec<String> {
    let Some(iommu) = &machine.iommu else {
        return Vec::new();
    };
    let is_unserved = iommu.unserved.contains(&function);
    let mut obstacles = Vec::new();
    if is_unserved {
        obstacles.push(String::from(
            "its requests go by no IOMMU: only with isolation=bare",
        ));
    }
    let elsewhere = iommu.elsewhere.iter();
    let names = elsewhere.filter(|(sender, _)| *sender == function);
    obstacles.extend(names.map(|(_, name)| {
        let name = name.address();
        format!("its requests come under the name of {name}: isolated only with the bus of that")
    }));
    let what = iommu.shape.kind.reserved();
    let its = iommu
        .pinned
        .iter()
        .filter(|(pinned, _)| *pinned == function);
    let ranges: Vec<String> = its.map(|(_, region)| region.to_string()).collect();
    if !ranges.is_empty() {
        let ranges = ranges.join(" and ");
        obstacles.push(format!(
            "firmware has it reach {ranges} ({what}): only with isolation=bare"
        ));
    }
    obstacles
}

/// What a partition's devices reach, and why no less.
pub(super) fn reach(
    partition: &Partition,
    control: &dyn Control,
    out: &mut dyn Write,
) -> fmt::Result {
    let machine = control.machine();
    if partition.claim.devices.units.is_empty() {
        return Ok(());
    }
    if let Some(now) = now(partition, control).filter(|now| Some(*now) != next(machine, partition))
    {
        let all = reached(now);
        writeln!(
            out,
            "  dma      {all} (isolation={now}) in this run; from its next launch on:"
        )?;
    }
    match Walls::of(machine, &partition.definition, &partition.claim) {
        Ok(walls) => {
            let all = reached(walls.isolation);
            write!(out, "  dma      {all} (isolation={})", walls.isolation)?;
            match walls.why {
                Some(why) => writeln!(out, ": {why}"),
                None => writeln!(out),
            }
        }
        Err(why) => writeln!(out, "  dma      can't be isolated: {why}"),
    }
}

const fn reached(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Dma => "its RAM alone",
        Isolation::Bare => "all RAM",
    }
}

/// What an IOMMU has blocked.
pub(super) fn toll(
    partition: &Partition,
    control: &dyn Control,
    out: &mut dyn Write,
) -> fmt::Result {
    let (count, last) = control.toll(partition.id);
    if count == 0 {
        return Ok(());
    }
    let s = if count == 1 { "" } else { "s" };
    writeln!(out, "blocked:\n  {count} request{s} of its devices")?;
    last.map_or(Ok(()), |last| writeln!(out, "  {}", blocked(&last)))
}
