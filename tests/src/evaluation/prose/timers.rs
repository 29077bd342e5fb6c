//! How late a timer is beside a neighbour: by the kernel whose timer it is, since each has controls of its own.

use super::super::Measured;
use super::super::results::Jitter;
use super::{PAGE, all, digits, first_table, has, line, read, word};
use crate::root;

/// Which of [`Jitter::late_us`].
const MEDIAN: usize = 0;
const HUNDRED: usize = 1;
const THOUSAND: usize = 2;
const LATEST: usize = 3;

fn file(name: &str) -> Vec<Jitter> {
    let found = all().into_iter().find(|one| one.name == name);
    match found.map(|one| one.measured) {
        Some(Measured::Jitter(cases)) => cases,
        _ => panic!("no {name}.json with a timer"),
    }
}

/// The most of some.
fn most<'a>(
    cases: impl IntoIterator<Item = &'a Jitter>,
    which: usize,
    takes: impl Fn(&Jitter) -> bool,
) -> f64 {
    let late = cases.into_iter().filter(|case| takes(case));
    late.map(|case| case.late_us[which]).fold(0.0, f64::max)
}

/// What is later than in all controls of its kernel, and in which way.
fn above(cases: &[Jitter]) -> Vec<(&str, &str, usize)> {
    let mut found = Vec::new();
    for case in cases.iter().filter(|case| !case.is_control) {
        for which in [MEDIAN, HUNDRED, THOUSAND, LATEST] {
            let is_its = |other: &Jitter| other.is_control && other.kernel == case.kernel;
            if case.late_us[which] > most(cases, which, is_its) {
                found.push((case.kernel.as_str(), case.other.as_str(), which));
            }
        }
    }
    found
}

fn is_panics(case: &Jitter) -> bool {
    case.other == "it panics over and over"
}

/// By the ticks of a control, of which some have a few more.
fn times_as_many(cases: &[Jitter], takes: impl Fn(&Jitter) -> bool) -> f64 {
    let controls = cases.iter().filter(|case| case.is_control);
    let (count, sum) = controls.fold((0, 0), |(count, sum), case| {
        (count + 1, sum + case.ticks[0])
    });
    let case = cases.iter().find(|case| takes(case)).expect("one such");
    (case.ticks[0] * count) as f64 / sum as f64
}

/// Rounded down, in a word; six times is 5.99 as well.
fn about(times: f64) -> &'static str {
    word(
        (1..=12)
            .rfind(|whole| *whole as f64 <= times + 0.01)
            .expect("once at least"),
    )
}

#[test]
fn the_first_table_has_how_late_a_timer_was() {
    let first = first_table();
    let all = all();
    let mut cases = all.iter().flat_map(|one| match &one.measured {
        Measured::Jitter(cases) => cases.as_slice(),
        _ => &[],
    });
    let is_lost = cases.any(|case| case.ticks[1] > 0);
    let says_none = first.contains("no period of a millisecond was lost");
    assert_eq!(says_none, !is_lost, "periods lost");
    let ends = file("timer-ends");
    let is_later = above(&ends).iter().any(|(.., which)| *which == LATEST);
    let says_none = first.contains("beside ways to end no tick is later than in the controls");
    assert_eq!(says_none, !is_later, "ticks later than in the controls");
    let loads = file("timer-loads-6.1");
    let later_us = most(&loads, LATEST, |case| !case.is_control)
        - most(&loads, LATEST, |case| case.is_control);
    let wanted = format!(
        "that panics again and again the latest is {} ms later (of {} times as many ticks as a control has)",
        digits(later_us / 1000.0, 2),
        about(times_as_many(&loads, is_panics))
    );
    has(PAGE, &first, &[wanted]);
    let requirements = std::fs::read_to_string(root().join("docs/requirements.md"));
    let wanted = format!(
        "the latest tick at most {} us later than in the controls",
        digits(later_us, 0)
    );
    let requirements = requirements.expect("it is there");
    has("docs/requirements.md", &requirements, &[wanted]);
}

#[test]
fn the_sentences_on_loads_have_how_late_a_timer_was() {
    let loads = file("timer-loads-6.1");
    let kernel = loads[0].kernel.as_str();
    // What is said of each, and of no other.
    let (compiles, reboots, panics) = (
        "it compiles C",
        "it reboots over and over",
        "it panics over and over",
    );
    let wanted = [
        (compiles, MEDIAN),
        (reboots, MEDIAN),
        (panics, HUNDRED),
        (panics, LATEST),
    ];
    let wanted = wanted.map(|(other, which)| (kernel, other, which));
    assert_eq!(above(&loads), wanted, "above the controls");
    let control = |end: &str, which| {
        most(&loads, which, |case| {
            case.is_control && case.other.ends_with(end)
        })
    };
    let own = |other: &str, which| most(&loads, which, |case| case.other == other);
    let wanted = [
        format!(
            "{} to {} times as many ticks as a control",
            about(times_as_many(&loads, |case| case.other == reboots)),
            about(times_as_many(&loads, is_panics))
        ),
        format!(
            "at most {} us late, where that of the controls is {} in which Bulkhead's shell answers, {} in which the core \
             spins and {} in which it idles",
            most(&loads, LATEST, |case| !case.is_control && !is_panics(case)),
            control("shell answers", LATEST),
            control("core spins", LATEST),
            control("it idles", LATEST)
        ),
        format!(
            "Beside panics it is {}, one in a thousand {} us late (the controls' {}), one in a hundred {} ({})",
            own(panics, LATEST),
            own(panics, THOUSAND),
            control("", THOUSAND),
            own(panics, HUNDRED),
            control("", HUNDRED)
        ),
        format!(
            "above the controls' {} beside reboots, {}, and beside compiling, {}",
            control("", MEDIAN),
            own(reboots, MEDIAN),
            own(compiles, MEDIAN)
        ),
    ];
    has(PAGE, &line(&read("README.md")), &wanted);
}

#[test]
fn the_sentences_on_ends_have_how_late_a_timer_was() {
    let ends = file("timer-ends");
    let of = |version: &str| -> Vec<&Jitter> {
        let is_its = |case: &&Jitter| case.kernel.starts_with(version);
        ends.iter().filter(is_its).collect()
    };
    let (new, old) = (of("6.12."), of("6.1."));
    let kernel = new[0].kernel.as_str();
    let [off, crash] = ["o", "c"].map(|key| format!("echo {key} > /proc/sysrq-trigger"));
    let wanted = [
        (kernel, off.as_str(), THOUSAND),
        (kernel, crash.as_str(), HUNDRED),
    ];
    assert_eq!(above(&ends), wanted, "above the controls");
    let control = |cases: &[&Jitter], end: &str, which| {
        let cases = cases.iter().copied();
        most(cases, which, |case| {
            case.is_control && case.other.ends_with(end)
        })
    };
    let end = |cases: &[&Jitter]| most(cases.iter().copied(), LATEST, |case| !case.is_control);
    let own = |other: &str, which| most(new.iter().copied(), which, |case| case.other == other);
    let shells = ends
        .iter()
        .filter(|case| case.other.ends_with("shell answers"));
    let shells: Vec<String> = shells
        .map(|case| case.late_us[LATEST].to_string())
        .collect();
    let (last, others) = shells.split_last().expect("some");
    let wanted = [
        format!(
            "each of the {} are within the controls",
            word(ends.iter().filter(|case| !case.is_control).count())
        ),
        format!(
            "beside an end at most {} us late on 6.12 and {} on 6.1, where those of the controls are {} and {}",
            end(&new),
            end(&old),
            control(&new, "", LATEST),
            control(&old, "", LATEST)
        ),
        format!(
            "one in a thousand beside `echo o` is {} us late, where the controls have at most {}, and one in a hundred \
             beside `echo c` {}, where they have {}",
            own(&off, THOUSAND),
            control(&new, "", THOUSAND),
            own(&crash, HUNDRED),
            control(&new, "", HUNDRED)
        ),
        format!("Bulkhead's shell ({} and {last} us)", others.join(", ")),
        format!(
            "in which Bulkhead has no part ({}), cores that spin ({})",
            control(&new, "without Bulkhead", LATEST),
            control(&new, "cores spin", LATEST)
        ),
    ];
    has(PAGE, &line(&read("README.md")), &wanted);
}
