//! What `isolation=dma` costs, as tables and as JSON.

use bulkhead_tests::answers::LaunchTime;
use bulkhead_tests::tool::{self, short};
use bulkhead_tests::values::Values;
use serde_json::{Value, json};

use super::Isolation;
use super::machine::{Launches, Row, Side};
use crate::json::{each, number, object, rounded};
use crate::work::Better;

/// What is wanted: work within a hundredth of `bare`.
const WANTED: f64 = 0.01;

fn median(values: &[f64]) -> f64 {
    Values::of(values.iter().copied()).median
}

fn entry(times: &[LaunchTime]) -> Vec<f64> {
    times.iter().map(|time| time.entry_ms).collect()
}

/// Without what copying the images takes, which is the same and most of it.
fn rest(times: &[LaunchTime]) -> Vec<f64> {
    let rest = times.iter().map(|time| time.entry_ms - time.copy_ms);
    rest.collect()
}

pub(super) fn launches(results: &[Launches]) {
    println!(
        "From the doorbell to the kernel's entry, in ms of virtual time, and of it what is no copying: medians after \
         start and restart."
    );
    let headings = ["RAM", "ISOLATION", "START", "", "RESTART", ""];
    let mut rows = vec![headings.map(String::from).to_vec()];
    for one in results {
        let mut row = vec![one.memory.to_string(), one.isolation.to_string()];
        for times in [&one.first, &one.again] {
            row.push(format!("{:.1}", median(&entry(times))));
            row.push(format!("{:.1}", median(&rest(times))));
        }
        rows.push(row);
    }
    println!("{}", tool::table(&rows));
}

/// The work; all else was printed as it came.
pub(crate) fn print(results: &Isolation) {
    if results.work.is_empty() {
        return;
    }
    println!(
        "Work in virtual time, {}: of a partition with isolation=bare and dma, of a Linux that has the machine to itself, its \
         driver of the IOMMU off and on; medians. Wanted: dma within {} % of bare.",
        results.release,
        WANTED * 100.0
    );
    let headings = [
        "WORK",
        "UNIT",
        "BARE",
        "DMA",
        "DMA/BARE",
        "",
        "ALONE",
        "ITS IOMMU ON",
        "RATIO",
    ];
    let mut rows = vec![headings.map(String::from).to_vec()];
    rows.extend(results.work.iter().map(cells));
    println!("{}", tool::table(&rows));
}

fn cells(row: &Row) -> Vec<String> {
    let [bare, dma, alone, driver] = row.values.each_ref().map(|values| median(values));
    let change = dma / bare;
    // Interrupts come together as the host has it: nothing is wanted of them.
    let largest = Values::of(row.values[0].iter().copied()).largest;
    // All are times, or interrupts, which come together as the host has it: nothing is wanted of these.
    let verdict = match row.figure.better {
        Better::Less if change <= 1.0 + WANTED => "met",
        Better::Less if dma <= largest => "within the spread",
        Better::Less => "beyond",
        Better::More | Better::Neither => "",
    };
    vec![
        row.figure.name.clone(),
        row.figure.unit.to_string(),
        short(bare),
        short(dma),
        format!("{change:.3}"),
        verdict.to_string(),
        short(alone),
        short(driver),
        format!("{:.3}", driver / alone),
    ]
}

pub(crate) fn json(results: &Isolation) -> Value {
    let mapping = each(&results.mapping, |mapping| {
        json!({
            "tables": mapping.tables,
            "gib": mapping.gib,
            "pages": mapping.pages,
            "map_ms": rounded(&mapping.map_ms),
            "unmap_ms": rounded(&mapping.unmap_ms),
        })
    });
    let time = |time: &LaunchTime| json!({"entry_ms": number(time.entry_ms), "copy_ms": number(time.copy_ms)});
    let launches = each(&results.launches, |one| {
        json!({
            "memory": one.memory,
            "isolation": one.isolation.to_string(),
            "start": each(&one.first, time),
            "restart": each(&one.again, time),
        })
    });
    let work = each(&results.work, |row| {
        let sides = Side::ALL.into_iter().zip(&row.values);
        let sides = sides.map(|(side, values)| (side.name(), rounded(values)));
        let name = [
            ("name", json!(row.figure.name)),
            ("unit", json!(row.figure.unit)),
        ];
        object(name.into_iter().chain(sides))
    });
    json!({
        "mapping": mapping,
        "launches": launches,
        "kernel": results.release,
        "work": work,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Figure;

    #[test]
    fn within_a_hundredth_is_what_is_wanted() {
        let row = |figure, dma| Row {
            figure,
            values: [vec![99.0, 100.0, 103.0], vec![dma], vec![50.0], vec![75.0]],
        };
        let verdict = |figure, dma| {
            let cells = cells(&row(figure, dma));
            [&cells[4], &cells[5], &cells[8]].map(String::from)
        };
        let time = || Figure::time("x", "us/op");
        assert_eq!(verdict(time(), 100.9), ["1.009", "met", "1.500"]);
        assert_eq!(verdict(time(), 101.5)[1], "within the spread");
        assert_eq!(verdict(time(), 104.0), ["1.040", "beyond", "1.500"]);
        assert_eq!(verdict(time(), 90.0)[1], "met");
        assert_eq!(verdict(Figure::same("x", "1/op"), 150.0)[1], "");
    }
}
