//! The results as tables.

use bulkhead_tests::tool::{self, short};
use bulkhead_tests::values::Values;

use super::Size;
use super::figure::{Compared, Verdict, WANTED};

pub(crate) fn one(release: &str, size: &Size, compared: &[Compared]) {
    let (cores, seconds) = (size.cores, size.seconds);
    let heading = format!(
        "Work in a partition and in the same Linux alone on the same devices, {release}, {cores} \
         core(s), {seconds} s\neach: medians, and the smallest and largest of the runs. Wanted: a \
         ratio of speeds of at least {WANTED}."
    );
    print(&heading, ["PARTITION", "ALONE"], compared);
}

pub(crate) fn two(release: &str, compared: &[Compared]) {
    let heading = format!(
        "Two workloads at once, {release}: two partitions with a core and a disk each, and one big \
         Linux with both."
    );
    print(&heading, ["PARTITIONS", "BIG LINUX"], compared);
}

fn print(heading: &str, sides: [&str; 2], compared: &[Compared]) {
    if compared.is_empty() {
        return;
    }
    println!("{heading}\n{}", table(sides, compared));
    println!(
        "  Ratio: the partition's speed by the other's, so that more than 1 is faster whether a \
         figure is a rate or a time.\n  Under emulation virtual cores share the host's: what is \
         seen is the emulator and the host's load as much as\n  Bulkhead (docs/bench.md).\n"
    );
}

fn table([partition, alone]: [&str; 2], compared: &[Compared]) -> String {
    let spread = "MIN..MAX";
    let headings = [
        "WORK", "UNIT", partition, spread, alone, spread, "RATIO", "WANTED",
    ];
    let heading = headings.map(String::from).to_vec();
    let mut rows = vec![heading];
    let mut last = "";
    for one in compared {
        let mut row = row(one);
        // What belongs to the row above need not say it all again.
        match one.figure.name.strip_prefix(last) {
            Some(rest) if !last.is_empty() => row[0] = rest.replacen(": ", "  its ", 1),
            _ => last = &one.figure.name,
        }
        rows.push(row);
    }
    tool::table(&rows)
}

fn row(compared: &Compared) -> Vec<String> {
    let (partition, alone) = (compared.partition(), compared.alone());
    let spread = |values: &Values| {
        let (smallest, largest) = (short(values.smallest), short(values.largest));
        format!("{smallest}..{largest}")
    };
    let verdict = match compared.verdict() {
        Verdict::Open => "",
        Verdict::Met => "met",
        Verdict::InSpread => "within the spread",
        Verdict::Below => "below",
    };
    vec![
        compared.figure.name.clone(),
        compared.figure.unit.to_string(),
        short(partition.median),
        spread(&partition),
        short(alone.median),
        spread(&alone),
        format!("{:.3}", compared.ratio()),
        verdict.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::figure::Figure;

    #[test]
    fn a_row_has_both_medians_their_spreads_and_the_ratio() {
        let compared = Compared {
            partition: vec![2100.0, 1900.0, 2000.0],
            alone: vec![1000.0, 1010.0, 990.0],
            ..Compared::new(Figure::time("call", "ns"))
        };
        let wanted = [
            "call",
            "ns",
            "2000",
            "1900..2100",
            "1000",
            "990.0..1010",
            "0.500",
            "below",
        ];
        assert_eq!(row(&compared), wanted);
    }

    #[test]
    fn interrupts_stand_below_what_they_belong_to() {
        let of = |name: &str| Compared {
            partition: vec![1.0],
            alone: vec![1.0],
            ..Compared::new(Figure::rate(name, "1/s"))
        };
        let table = table(
            ["P", "A"],
            &[of("disk"), of("disk: interrupts"), of("other")],
        );
        let words = table
            .lines()
            .map(|line| line.split("  1/s").next().unwrap().trim_end());
        let wanted = ["  disk", "    its interrupts", "  other"];
        assert_eq!(words.skip(1).collect::<Vec<_>>(), wanted);
    }
}
