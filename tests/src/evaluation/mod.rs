//! The evaluation's tables and plots, made of the benchmark's results that are committed in
//! `docs/evaluation/`: nothing in them is typed.

mod check;
pub mod contention;
#[cfg(test)]
mod impossible;
mod jitter;
mod metadata;
mod name;
mod parts;
mod plot;
#[cfg(test)]
mod prose;
pub mod restart;
mod results;
mod scale;
mod table;
mod tortured;

use std::path::Path;

pub use self::results::{Figure, Measured, Results};

/// Where in a page the tables stand: what is between these two lines is made.
const BEGIN: &str = "<!-- made by make evaluation: ";
const END: &str = "<!-- made until here -->";

/// What a page or plot should be, by its name in the folder.
pub type Made = Vec<(String, String)>;

/// All that is made from the results in a folder: the plots, and its page with the tables in it.
///
/// # Errors
/// What can't be read, or is not as `make bench` writes it.
pub fn make(folder: &Path) -> Result<Made, String> {
    let all = results::all(folder)?;
    let mut made: Made = all
        .iter()
        .map(|results| (format!("{}.svg", results.name), results.plot()))
        .collect();
    let page = std::fs::read_to_string(folder.join("README.md"));
    let page = page.map_err(|error| format!("README.md: {error}"))?;
    made.push(("README.md".to_string(), filled(&page, &all)?));
    made.extend(tortured::made(folder)?);
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".svg") && !made.iter().any(|(own, _)| *own == name) {
            return Err(format!("{name}: there are no results of that name"));
        }
    }
    Ok(made)
}

/// The page with each of its tables made anew.
fn filled(page: &str, all: &[Results]) -> Result<String, String> {
    let mut out = String::new();
    let mut used = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        let Some(name) = line.strip_prefix(BEGIN) else {
            continue;
        };
        let name = name.trim_end_matches(" -->");
        let results = all.iter().find(|results| results.name == name);
        let results = results.ok_or_else(|| format!("README.md: there is no {name}.json"))?;
        out += &results.table();
        // The next table's end is another's: what stands between would be lost.
        let end = lines.find(|line| *line == END || line.starts_with(BEGIN));
        if end != Some(END) {
            return Err(format!("README.md: {name} has no end, {END:?}"));
        }
        used.push(name);
        out += END;
        out.push('\n');
    }
    let unused = all
        .iter()
        .find(|results| !used.contains(&results.name.as_str()));
    match unused {
        Some(results) => Err(format!(
            "README.md: no place for {0}.json: \"{BEGIN}{0} -->\" and, in the next line, {END:?}",
            results.name
        )),
        None => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"version": "8", "clock": "host", "halted": false, "runs": 2, "cores": 1, "memory": "512M", "work_seconds": 1,
        "host": {"processor": "P & Q", "processors": 2, "load_before": "1", "qemu": "11", "accelerator": "tcg"},
        "work": [{"kernel": "6.1", "one": [
            {"name": "call", "unit": "ns", "better": "less", "partition": [100.0, 102.0],
             "alone": [101.0, 101.0], "ratio_of_speeds": 1.0},
            {"name": "loop", "unit": "M/s", "better": "more", "partition": [80.0, 80.0],
             "alone": [100.0, 100.0], "ratio_of_speeds": 0.8}], "two_at_once": []}]}"#;

    const HOST: &str = r#"{"processor": "P", "processors": 2, "load_before": "1", "qemu": "11",
        "accelerator": "tcg -icount shift=1"}, "clock": "virtual""#;

    fn with_host(json: &str) -> String {
        json.replacen("HOST", HOST, 1)
    }

    /// One table's end is not another's, and what is there is shown.
    #[test]
    fn a_page_is_not_lost() {
        let mut two = vec![Results::parse("one", JSON).unwrap()];
        let page = format!("{BEGIN}one -->\n{BEGIN}one -->\n{END}\nrest\n");
        let why = filled(&page, &two).unwrap_err();
        assert!(why.contains("one has no end"), "{why}");
        two.push(Results::parse("other", JSON).unwrap());
        let why = filled(&format!("{BEGIN}one -->\n{END}\n"), &two).unwrap_err();
        assert!(why.contains("no place for other.json"), "{why}");
    }

    /// Whose time it is, is what its machine was started with.
    #[test]
    fn a_table_says_whose_time_it_has() {
        let asked = |json: &str| Results::parse("one", json).unwrap().asked;
        assert!(asked(JSON).ends_with(", the host's time"));
        let counted = JSON.replace("\"tcg\"", "\"tcg -icount shift=1\"");
        let counted = counted.replace("\"host\",", "\"virtual\",");
        assert!(asked(&counted).ends_with(", virtual time"));
        let own = r#""neighbour": [{"kernel": "6.1", "other": "control: x", "is_control": true, "ticks": 9, "lost": 0,
            "accelerator": "-icount own", "max_us": 1, "p999_us": 1, "p99_us": 1, "p50_us": 1, "histogram": [0, 9]}]"#;
        let json = with_host(&format!("{{\"host\": HOST, {own}}}"));
        let results = Results::parse("one", &json).unwrap();
        assert_eq!(results.asked, "virtual time");
        assert!(
            results.machine.contains("(-icount own)"),
            "{}",
            results.machine
        );
        let both = JSON.replacen("\"work\"", &format!("{own}, \"work\""), 1);
        assert!(Results::parse("one", &both).is_err());
    }

    #[test]
    fn a_ratio_is_of_the_values() {
        let results = Results::parse("one", JSON).unwrap();
        let Measured::Work(all) = results.measured else {
            panic!("{:?}", results.measured);
        };
        let ratios: Vec<f64> = all[0].figures.iter().map(|one| one.ratio).collect();
        assert_eq!(ratios, [1.0, 0.8]);
        for (is, other, wanted) in [
            (
                "\"ratio_of_speeds\": 0.8",
                "\"ratio_of_speeds\": 0.801",
                "one.json: 6.1: loop: \"ratio_of_speeds\" is 0.801, and its values come to 0.8000",
            ),
            ("[80.0, 80.0]", "[16.0, 16.0]", "come to 0.1600"),
            ("[80.0, 80.0]", "[80.0]", "\"partition\" has 1 of 2 runs"),
            ("[80.0, 80.0]", "[80.0, -80.0]", "loop: \"partition\""),
            ("[80.0, 80.0]", "[80.0, null]", "loop: \"partition\""),
            ("[100.0, 100.0]", "[0.0, 0.0]", "more than 0"),
            ("\"loop\"", "\"call\"", "\"call\" is there twice"),
        ] {
            let why = Results::parse("one", &JSON.replace(is, other)).expect_err(other);
            assert!(why.contains(wanted), "{why}");
        }
        let none = JSON.replace("[100.0, 100.0]", "[0, 0]");
        let none = none.replace("[80.0, 80.0]", "[0, 0]");
        let none = none.replace("0.8}", "null}");
        assert!(Results::parse("one", &none).is_err());
        let open = none.replace("more", "neither");
        assert!(Results::parse("one", &open).is_ok());
        let some = open.replace("\"alone\": [0, 0]", "\"alone\": [0, 0.1]");
        assert!(Results::parse("one", &some).is_err());
        let half = JSON
            .replace("more", "neither")
            .replace("[100.0, 100.0]", "[0, 0]");
        let why = Results::parse("one", &half).unwrap_err();
        assert!(why.contains("no ratio"), "{why}");
    }

    #[test]
    fn a_table_takes_the_place_of_what_was_there() {
        let results = Results::parse("one", JSON).unwrap();
        let page = format!("a\n{BEGIN}one -->\nold\n{END}\nb\n");
        let made = filled(&page, std::slice::from_ref(&results)).unwrap();
        assert!(
            made.contains("| call | ns | 101.0 | 1.98 % | 101.0 | 0.00 % | 1.0000 |  |"),
            "{made}"
        );
        assert!(
            made.contains(
                "| loop | M/s | 80.00 | 0.00 % | 100.0 | 0.00 % | 0.8000 | **outside** |"
            ),
            "{made}"
        );
        assert!(
            !made.contains("old") && made.ends_with(&format!("{END}\nb\n")),
            "{made}"
        );
        assert_eq!(
            filled(&made, &[results]).unwrap(),
            made,
            "once more is the same"
        );
        assert!(filled(&page, &[]).is_err());
    }

    /// What runs that go through each other may have as well is told from what they have not.
    #[test]
    fn what_may_be_chance_is_said() {
        let told = |partition: &str, ratio: f64| {
            let runs = |values: &str| format!("\"partition\": [{values}]");
            let json = JSON.replace("\"partition\": [80.0, 80.0]", &runs(partition));
            let json = json.replace(
                "\"alone\": [100.0, 100.0]",
                "\"alone\": [98.0, 99.0, 100.0, 101.0, 102.0]",
            );
            let json = json.replace("[100.0, 102.0]", "[101, 101, 101, 101, 101]");
            let json = json.replace("[101.0, 101.0]", "[101, 101, 101, 101, 101]");
            let json = json.replace("\"runs\": 2", "\"runs\": 5");
            let json = json.replace("0.8}", &format!("{ratio}}}"));
            let results = Results::parse("one", &json).unwrap();
            filled(&format!("{BEGIN}one -->\n{END}\n"), &[results]).unwrap()
        };
        let seldom = told("79.0, 80.0, 81.0, 82.0, 83.0", 0.81);
        assert!(seldom.contains("| **outside** |"), "{seldom}");
        let often = told("79.0, 98.5, 98.0, 97.0, 103.0", 0.98);
        assert!(often.contains("| outside; by chance in "), "{often}");
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        for json in [
            "",
            "[]",
            "{\"work\": [{}]}",
            &JSON.replace("\"alone\": [100.0, 100.0]", "\"alone\": []"),
        ] {
            assert!(Results::parse("one", json).is_err(), "{json}");
        }
    }

    #[test]
    fn scale_is_a_table_and_lines() {
        let machine = |count, prompt| {
            format!(
                r#"{{"partitions": {count}, "hand_over_to_prompt_ms": {prompt}, "resident_bytes": 4096,
                "heap_bytes": 2048, "boot_s": 5.5, "doorbell_to_entry_ms": [9.0, 8.0, 7.0], "copy_ms": [6, 6, 6], "list_ms": 0.25}}"#
            )
        };
        let json = format!(
            r#"{{"host": {HOST}, "counted": [{}, {}]}}"#,
            machine(1, 50),
            machine(64, 100)
        );
        let results = Results::parse("scale", &json).unwrap();
        let table = results.table();
        assert!(table.contains("| partitions | unit | 1 | 64 |"), "{table}");
        assert!(
            table.contains("| to the prompt | ms | 50.00 | 100.0 |"),
            "{table}"
        );
        assert!(
            table.contains("| doorbell to entry, the others stopped | ms | 8.000 | 8.000 |"),
            "{table}"
        );
        assert!(results.plot().matches("<polyline").count() == 7);
        let why = Results::parse("scale", &json.replace("5.5", "\"soon\"")).unwrap_err();
        assert!(
            why.contains("scale.json: partitions 1: \"boot_s\""),
            "{why}"
        );
        for (is, other, wanted) in [
            ("[6, 6, 6]", "[6, 6, 9]", "a launch of 7 ms copies for 9 ms"),
            ("2048", "4097", "more than \"resident_bytes\""),
            ("\"partitions\": 64", "\"partitions\": 1", "more and more"),
        ] {
            let why = Results::parse("scale", &json.replace(is, other)).expect_err(other);
            assert!(why.contains(wanted), "{why}");
        }
        let uneven = json.replace("[6, 6, 6]", "[6, 6]");
        assert!(Results::parse("scale", &uneven).is_err());
        let none = json
            .replace("[6, 6, 6]", "[]")
            .replace("[9.0, 8.0, 7.0]", "[]");
        assert!(Results::parse("scale", &none).is_err());
        let nobody = json.replace("\"partitions\": 64", "\"partitions\": 0");
        assert!(Results::parse("scale", &nobody).is_err());
        let nowhere = json.replace("\"processors\": 2,", "");
        let why = Results::parse("scale", &nowhere).unwrap_err();
        assert!(why.contains("processors"), "{why}");
    }

    #[test]
    fn a_timer_is_a_table_and_histograms() {
        let json = with_host(
            r#"{"host": HOST, "neighbour": [
            {"kernel": "6.1", "other": "control: it idles", "is_control": true, "ticks": 900, "lost": 0,
             "max_us": 120, "p999_us": 80, "p99_us": 70, "p50_us": 9, "histogram": [0, 0, 0, 0, 800, 0, 0, 100]},
            {"kernel": "6.1", "other": "reboot -f", "is_control": false, "ticks": 1901, "lost": 0,
             "max_us": 300, "p999_us": 90, "p99_us": 70, "p50_us": 9, "histogram": [0, 0, 0, 0, 1801, 0, 0, 99, 0, 1]}]}"#,
        );
        let results = Results::parse("timer", &json).unwrap();
        let table = results.table();
        assert!(
            table.contains("| 6.1 | reboot -f | 1901 | 0 | 9 | 70 | 90 | 300 |"),
            "{table}"
        );
        let plot = results.plot();
        assert!(
            plot.matches("timer of 6.1").count() == 1
                && plot.matches("fill-opacity").count() == 5
                && plot.contains(">300<"),
            "{plot}"
        );
        for (is, other, wanted) in [
            (
                "\"lost\": 0",
                "\"lost\": -1",
                "timer.json: 6.1, control: it idles: \"lost\"",
            ),
            ("1901", "1902", "reboot -f: the histogram has 1901 of 1902"),
            ("300", "1", "reboot -f: p50 9, p99 70"),
            (
                "p50_us\": 9",
                "p50_us\": 6",
                "control: it idles: \"p50_us\" is 6",
            ),
            ("true", "false", "\"is_control\" is false"),
            (
                "\"6.1\", \"other\": \"r",
                "\"6.2\", \"other\": \"r",
                "no control of 6.2",
            ),
        ] {
            let why = Results::parse("timer", &json.replace(is, other)).expect_err(other);
            assert!(why.contains(wanted), "{why}");
        }
    }

    #[test]
    fn two_loads_are_a_table_and_bars() {
        let json = with_host(
            r#"{"host": HOST, "runs": 1, "work_seconds": 1,
            "contention": [{"kernel": "6.1", "loads": [
                {"name": "loop", "is_control": true, "alone": [100.0], "big_linux": [[50.0, 50.0]],
                 "partitions": [[50.0, 50.0]]},
                {"name": "unlink", "is_control": false, "alone": [10.0], "big_linux": [[4.0, 4.0]],
                 "partitions": [[5.0, 5.0]]}]}]}"#,
        );
        let results = Results::parse("two", &json).unwrap();
        let (plot, table) = (results.plot(), results.table());
        assert!(table.contains("| 6.1, load | alone, 1/s |"), "{table}");
        assert!(table.contains("| 0.8000 | 1.2500 |"), "{table}");
        assert!(
            plot.contains(">unlink<") && plot.contains(">1.250<"),
            "{plot}"
        );
    }

    #[test]
    fn restarts_are_a_table_and_bars() {
        let json = with_host(
            r#"{"host": HOST, "runs": 1, "cores": 1, "memory": "512M", "restarts": [{"kernel": "6.1", "partition": {"to_init_s": [2.0]},
            "kexec": {"to_init_s": [3.0]}, "machine_reset_bios": {"to_init_s": [4.0]},
            "machine_reset_uefi": {"to_init_s": [8.0]}, "doorbell_to_entry_ms": [5.0], "copy_ms": [4.0], "ratio_of_medians": {"partition_to_kexec": 0.6667,
            "reset_bios_to_partition": 2.0, "reset_uefi_to_partition": 4.0, "entry_to_copy": 1.25}}]}"#,
        );
        let results = Results::parse("restart", &json).unwrap();
        let (plot, table) = (results.plot(), results.table());
        assert!(
            table.contains("| machine reset, UEFI | s | 8.000 | one run | 4.00 |"),
            "{table}"
        );
        assert!(table.contains("| of it copying the images | ms | 4.000 |"));
        assert!(plot.matches(" s</text>").count() == 4, "{plot}");
        for (is, other, wanted) in [
            ("[3.0]", "[]", "restart.json: 6.1: kexec: \"to_init_s\""),
            ("[3.0]", "[3.0, 3.0]", "kexec: \"to_init_s\" has 2 of 1"),
            ("[3.0]", "[9.0]", "\"partition_to_kexec\" is 0.6667"),
            ("[4.0], \"ratio", "[6.0], \"ratio", "5 ms copies for 6 ms"),
        ] {
            let why = Results::parse("restart", &json.replace(is, other)).expect_err(other);
            assert!(why.contains(wanted), "{why}");
        }
    }

    #[test]
    fn a_plot_has_each_figure() {
        let svg = Results::parse("one", JSON).unwrap().plot();
        assert!(svg.contains(">call<") && svg.contains(">0.800<"), "{svg}");
        assert!(svg.contains("P &amp; Q"), "{svg}");
    }

    #[test]
    fn what_is_committed_is_what_is_made() {
        let folder = crate::root().join("docs/evaluation");
        for (name, text) in make(&folder).unwrap() {
            let committed = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
            assert!(
                committed == text,
                "docs/evaluation/{name} is another: make evaluation"
            );
        }
    }
}
