//! One thing at a time changed in what is committed, to what can't be: each is refused, and said why.

use serde_json::{Value, json};

use super::{Results, tortured};
use crate::root;

fn committed(name: &str) -> Value {
    let path = root().join(format!("docs/evaluation/{name}.json"));
    let text = std::fs::read_to_string(path).expect("it is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// What is said of it, with something in it changed.
fn refused(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = committed(name);
    change(&mut value);
    let why = Results::parse(name, &value.to_string()).expect_err(name);
    assert!(why.starts_with(&format!("{name}.json: ")), "{why}");
    why
}

/// A value in it, by where it stands, what is put there, and what is said.
fn refuses(name: &str, changes: &[(&str, Value, &str)]) {
    for (place, other, wanted) in changes {
        let why = refused(name, |value| {
            *value.pointer_mut(place).expect(place) = other.clone();
        });
        assert!(why.contains(wanted), "{place} {other}: {why}");
    }
}

/// Something is there that was not.
fn refuses_more(name: &str, key: &str, other: &Value, wanted: &str) {
    let why = refused(name, |value| value[key] = other.clone());
    assert!(why.contains(wanted), "{why}");
}

#[test]
fn what_is_committed_is_accepted() {
    for name in ["work-6.1-core", "restart-6.1", "scale", "timer-ends"] {
        Results::parse(name, &committed(name).to_string()).expect(name);
    }
}

#[test]
fn another_kernel_and_more_cores_are_accepted() {
    let mut work = committed("work-6.1-cloud");
    work["cores"] = json!(2);
    Results::parse("work-6.1-cloud-two", &work.to_string()).expect("two cores");
    let mut restart = committed("restart-6.1");
    restart["restarts"][0]["kernel"] = json!("6.12.118+deb13-cloud-amd64");
    Results::parse("restart-6.12", &restart.to_string()).expect("6.12");
}

#[test]
fn a_run_that_nobody_asks_for_is_refused() {
    refuses(
        "work-7-core",
        &[
            ("/cores", json!(99), "1 is accepted"),
            ("/cores", json!(2), "1 is accepted"),
            ("/halted", json!(false), "true is accepted"),
            ("/memory", json!("-3M"), "\"512M\" is accepted"),
            ("/memory", json!("0M"), "\"512M\" is accepted"),
            ("/work_seconds", json!(0), "from 1 to 1000000"),
            ("/runs", json!(0), "from 1 to 1000000"),
            ("/host/processors", json!(0), "from 1 to"),
            ("/host/load_before", json!("-1"), "number from 0 on"),
        ],
    );
    refuses("work-7-two-cores", &[("/cores", json!(1), "2 is accepted")]);
    refuses(
        "work-6.1-core",
        &[("/halted", json!(true), "false is accepted")],
    );
    refuses("restart-6.1", &[("/halted", json!(true), "does not go by")]);
}

#[test]
fn another_kernel_than_the_name_says_is_refused() {
    let release = "/work/0/kernel";
    let old = json!("6.1.0-57-amd64");
    let cloud = json!("7.2.13+deb14-cloud-amd64");
    refuses(
        "work-7-core",
        &[(release, old, "7."), (release, cloud.clone(), "cloud")],
    );
    let plain = json!("6.1.0-57-amd64");
    refuses("work-6.1-cloud", &[(release, plain, "cloud")]);
    refuses("restart-6.1", &[("/restarts/0/kernel", cloud, "6.1.")]);
}

#[test]
fn another_clock_than_the_machines_is_refused() {
    let kvm = json!("-accel kvm -cpu host");
    let wanted = "\"host\" is accepted";
    refuses("work-7-core", &[("/host/accelerator", kvm.clone(), wanted)]);
    refuses(
        "timer-ends",
        &[
            ("/clock", json!("host"), "\"virtual\" is accepted"),
            ("/clock", json!("sun"), "\"virtual\" is accepted"),
            ("/neighbour/3/accelerator", kvm.clone(), "accelerator"),
            ("/host/accelerator", kvm, "accelerator"),
        ],
    );
    refuses("scale", &[("/clock", json!("host"), "is accepted")]);
    let why = refused("timer-ends", |value| {
        value["neighbour"][3]["clock"] = json!("host");
    });
    assert!(why.contains("\"host\" of one"), "{why}");
}

#[test]
fn a_number_that_a_part_does_not_go_by_is_refused() {
    for name in ["scale", "timer-ends", "timer-loads-6.1"] {
        let wanted = "does not go by it: none is accepted";
        refuses_more(name, "runs", &json!(5), wanted);
        refuses_more(name, "cores", &json!(1), wanted);
        refuses_more(name, "memory", &json!("512M"), wanted);
    }
    refuses_more("contention-6.1", "cores", &json!(1), "does not go by");
    refuses_more("restart-6.1", "work_seconds", &json!(1), "does not go by");
}

#[test]
fn a_day_that_was_not_is_refused() {
    for day in [
        "2099-99-99",
        "2026-02-30",
        "9999-01-01",
        "yesterday",
        "2026-1-1",
    ] {
        refuses(
            "work-7-core",
            &[("/host/date", json!(day), "until today is accepted")],
        );
    }
}

#[test]
fn nothing_takes_no_time() {
    let row = "/work/0/one/0";
    let why = refused("work-7-core", |value| {
        for row in value["work"][0]["one"].as_array_mut().expect("rows") {
            (row["partition"], row["alone"]) = (json!([0.0, 0.0]), json!([0.0, 0.0]));
            row["ratio_of_speeds"] = Value::Null;
        }
    });
    assert!(why.contains("more than 0 is accepted"), "{why}");
    let none = json!([0.0, 0.0]);
    refuses(
        "work-7-core",
        &[(&format!("{row}/partition"), none, "more than 0")],
    );
    for key in [
        "hand_over_to_prompt_ms",
        "boot_s",
        "list_ms",
        "resident_bytes",
        "heap_bytes",
    ] {
        let place = format!("/counted/2/{key}");
        refuses("scale", &[(&place, json!(0), "more than 0 is accepted")]);
    }
    let (entry, copy) = ("doorbell_to_entry_ms", "copy_ms");
    let none = json!([0.0, 0.0, 0.0]);
    let why = refused("scale", |value| {
        (value["counted"][0][entry], value["counted"][0][copy]) = (none.clone(), none);
    });
    assert!(why.contains("more than 0 is accepted"), "{why}");
    let none = json!([[0.0, 0.0], [0.0, 0.0]]);
    let place = "/contention/0/loads/1/partitions";
    refuses("contention-6.1", &[(place, none, "more than 0")]);
    let none = json!([0, 0, 0, 0, 0]);
    let place = "/restarts/0/kexec/to_init_s";
    refuses("restart-6.1", &[(place, none, "more than 0")]);
}

#[test]
fn a_part_is_no_longer_than_the_whole() {
    let why = refused("restart-6.1", |value| {
        let row = &mut value["restarts"][0];
        row["doorbell_to_entry_ms"] = json!([9e6, 9e6, 9e6, 9e6, 9e6]);
        row["ratio_of_medians"]["entry_to_copy"] = json!(9e6 / 4.2);
    });
    assert!(why.contains("has a launch of 9000000 ms"), "{why}");
    let why = refused("restart-6.1", |value| {
        let row = &mut value["restarts"][0];
        row["doorbell_to_entry_ms"] = json!([4.3]);
        row["copy_ms"] = json!([4.2]);
    });
    assert!(why.contains("has 1 of 5 runs"), "{why}");
    let long = json!([9e6, 9e6, 9e6]);
    let place = "/counted/0/doorbell_to_entry_ms";
    refuses("scale", &[(place, long, "has a launch of 9000000 ms")]);
}

#[test]
fn more_partitions_than_there_may_be_are_refused() {
    let place = "/counted/5/partitions";
    refuses(
        "scale",
        &[(place, json!(1_000_000), "from 1 to 64 is accepted")],
    );
    refuses(
        "scale",
        &[("/counted/0/partitions", json!(0), "from 1 to 64")],
    );
}

#[test]
fn more_lost_periods_than_late_ticks_are_refused() {
    let place = "/neighbour/4/lost";
    let wanted = "0 is accepted";
    refuses(
        "timer-ends",
        &[
            (place, json!(1_000_000_000), wanted),
            (place, json!(1), wanted),
        ],
    );
}

#[test]
fn nothing_is_measured_twice() {
    // A way to end once, a control before and after.
    for (row, wanted) in [(4, "once is accepted"), (0, "twice is accepted")] {
        let why = refused("timer-ends", |value| {
            let rows = value["neighbour"].as_array_mut().expect("rows");
            let row = rows[row].clone();
            rows.push(row);
        });
        assert!(why.contains(wanted), "{why}");
    }
    // Neither is the second one a copy of the first.
    let why = refused("timer-ends", |value| {
        value["neighbour"][10] = value["neighbour"][0].clone();
    });
    assert!(why.contains("the same numbers"), "{why}");
    for (name, key) in [
        ("contention-6.1", "contention"),
        ("restart-6.1", "restarts"),
    ] {
        let why = refused(name, |value| {
            let rows = value[key].as_array_mut().expect("rows");
            rows.push(rows[0].clone());
        });
        assert!(why.contains("is there twice"), "{why}");
    }
}

#[test]
fn torture_has_its_cases_and_its_controls() {
    let torture = |change: fn(&mut Value)| {
        let mut value = committed("torture");
        change(&mut value);
        tortured::read(&value.to_string()).map(|_| ())
    };
    torture(|_| ()).expect("what is committed");
    type Change = (fn(&mut Value), &'static str);
    let changes: [Change; 5] = [
        (
            |all| all["bare"]["nosuch"] = json!({"verdict": "contained"}),
            "bare, nosuch: is no case; one of control-nothing, control-hurt, ",
        ),
        (
            |all| all["dma"]["control-hurt"]["verdict"] = json!("nothing happens"),
            "dma, control-hurt: \"nothing happens\", and \"not contained: the witness does not answer\" is accepted",
        ),
        (
            |all| all["bare"]["control-card"]["verdict"] = json!("contained"),
            "bare, control-card: \"contained\", and \"nothing happens\" is accepted",
        ),
        (
            |all| {
                all["bare"]
                    .as_object_mut()
                    .expect("cases")
                    .remove("control-nothing");
            },
            "bare, control-nothing: is missing, and \"nothing happens\" is accepted",
        ),
        (
            |all| {
                all.as_object_mut().expect("modes").remove("dma");
            },
            "dma, control-nothing: is missing",
        ),
    ];
    for (change, wanted) in changes {
        let why = torture(change).expect_err(wanted);
        assert!(
            why.starts_with("torture.json: ") && why.contains(wanted),
            "{why}"
        );
    }
}
