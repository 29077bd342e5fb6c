//! What the environment asks for, looked through before anything is done.

use bulkhead_tests::{Kernel, tool};

use crate::work::{Clock, Size};
use crate::{counted, launch, loads, neighbour, work};

/// Everything, in the host's time.
const ALL: &str = "all";

/// What `$WHAT` may be, and what else may be asked of it.
struct Part {
    name: &'static str,
    /// What `$KERNEL` may be.
    kernels: &'static [Kernel],
    /// Whether `$CLOCK` may be `virtual`; some always are.
    has_clocks: bool,
    /// Which of [`COUNTS`] it goes by; of the others it has numbers of its own, or none.
    counts: &'static [&'static str],
    /// What `$ONLY` may have a part of; `None` where it chooses nothing.
    names: fn(&Size, Option<Kernel>) -> Option<Vec<String>>,
    /// Whether it has to be the whole of one, as a number has.
    by_whole: bool,
}

impl Part {
    fn goes_by(&self, count: &str) -> bool {
        self.counts.contains(&count)
    }
}

const fn part(name: &'static str) -> Part {
    Part {
        name,
        kernels: &[],
        has_clocks: false,
        counts: &[],
        names: |_, _| None,
        by_whole: false,
    }
}

/// Numbers that may be asked for.
const COUNTS: [&str; 4] = ["N", "CORES", "WORK", "TICKS"];

const PARTS: [Part; 11] = [
    Part {
        counts: &["N"],
        ..part("boot")
    },
    Part {
        has_clocks: true,
        names: |size, _| (size.clock == Clock::Virtual).then(counted::names),
        by_whole: true,
        ..part("scale")
    },
    Part {
        counts: &["N"],
        ..part("inside")
    },
    Part {
        counts: &["N"],
        ..part("dump")
    },
    Part {
        kernels: &work::WITH_DRIVERS,
        has_clocks: true,
        counts: &["N", "WORK"],
        ..part("links")
    },
    Part {
        kernels: &work::WITH_DRIVERS,
        counts: &["N", "WORK"],
        ..part("isolation")
    },
    Part {
        kernels: &work::KERNELS,
        has_clocks: true,
        counts: &["N", "CORES", "WORK"],
        names: |size, kernel| Some(work::names(size, kernel)),
        ..part("work")
    },
    Part {
        kernels: &work::KERNELS,
        has_clocks: true,
        counts: &["N", "WORK"],
        names: |_, _| Some(work::contention::names()),
        ..part("contention")
    },
    Part {
        kernels: &launch::KERNELS,
        counts: &["N", "CORES"],
        ..part("launch")
    },
    Part {
        kernels: &launch::KERNELS,
        has_clocks: true,
        counts: &["N", "CORES"],
        ..part("restart")
    },
    Part {
        kernels: &work::WITH_DRIVERS,
        counts: &["TICKS"],
        names: |_, _| Some([neighbour::names(), loads::names()].concat()),
        ..part("neighbour")
    },
];

/// All that may be asked for, some of it with some parts only.
const VARIABLES: [&str; 10] = [
    "WHAT", "N", "CORES", "WORK", "TICKS", "KERNEL", "ONLY", "CLOCK", "KVM", "HALT",
];

/// As many cores as QEMU's board has with one for Bulkhead.
const MOST_CORES: usize = 254;
/// Of everything else that is counted; more is a slip.
const MOST: usize = 1_000_000;

/// All of it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) what: String,
    pub(crate) size: Size,
    /// Seconds of each of the neighbour's controls.
    pub(crate) ticks: usize,
    kernel: Option<Kernel>,
}

impl Asked {
    /// `variable` is the environment's; an empty one is none.
    pub(crate) fn read(
        variable: impl Fn(&str) -> Option<String>,
        has_kvm: bool,
    ) -> Result<Self, String> {
        tool::goes_by(&VARIABLES, |name| variable(name).unwrap_or_default())?;
        let text = |name: &str| variable(name).filter(|text| !text.is_empty());
        let number = |name: &str, default: usize, most: usize| match text(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if (1..=most).contains(&number) => Ok(number),
                _ => Err(format!(
                    "{name}=\"{text}\": a number from 1 to {most} is accepted"
                )),
            },
        };
        let what = text("WHAT").unwrap_or_else(|| ALL.to_string());
        let parts: Vec<&Part> = PARTS
            .iter()
            .filter(|part| what == ALL || what == part.name)
            .collect();
        if parts.is_empty() {
            let names = PARTS.map(|part| part.name).join(" or ");
            return Err(format!("WHAT=\"{what}\": {ALL}, {names} is accepted"));
        }
        let size = Size {
            runs: number("N", 5, MOST)?,
            cores: number("CORES", 1, MOST_CORES)?,
            seconds: number("WORK", 2, MOST)?,
            only: text("ONLY").unwrap_or_default(),
            clock: clock(text("CLOCK").as_deref(), has_kvm)?,
            has_guests: has_guests(text("KVM").as_deref(), has_kvm)?,
            is_halted: flag("HALT", text("HALT").as_deref())?,
        };
        if size.has_guests && (what != "contention" || size.clock != Clock::Virtual) {
            return Err("KVM=\"1\": with WHAT=contention CLOCK=virtual only".to_string());
        }
        if size.is_halted && what != "work" {
            return Err("HALT=\"1\": with WHAT=work only".to_string());
        }
        for name in COUNTS {
            // What is written of it would be nobody's.
            let Some(count) = text(name).filter(|_| !parts.iter().any(|part| part.goes_by(name)))
            else {
                continue;
            };
            let names = PARTS.iter().filter(|part| part.goes_by(name));
            let names: Vec<&str> = names.map(|part| part.name).collect();
            return Err(format!(
                "{name}=\"{count}\": with WHAT={} only; {what} does not go by it",
                names.join(" or ")
            ));
        }
        if size.clock == Clock::Virtual && !parts.iter().all(|part| part.has_clocks) {
            let names = PARTS.iter().filter(|part| part.has_clocks);
            let names: Vec<&str> = names.map(|part| part.name).collect();
            return Err(format!(
                "CLOCK=\"virtual\": with WHAT={} only, not {what}",
                names.join(" or ")
            ));
        }
        let asked = Self {
            ticks: number("TICKS", 10, MOST)?,
            kernel: kernel(text("KERNEL"), &parts, &what)?,
            what,
            size,
        };
        asked.finds(&parts)?;
        Ok(asked)
    }

    /// Whether `$ONLY` is of something.
    fn finds(&self, parts: &[&Part]) -> Result<(), String> {
        let only = &self.size.only;
        if only.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = parts
            .iter()
            .filter_map(|part| Some((part, (part.names)(&self.size, self.kernel)?)))
            .collect();
        if named.is_empty() {
            return Err(format!(
                "ONLY=\"{only}\": WHAT={} does all that it is",
                self.what
            ));
        }
        let names: Vec<&str> = named
            .iter()
            .flat_map(|(_, names)| names)
            .map(String::as_str)
            .collect();
        let by_whole = matches!(parts, [part] if part.by_whole);
        tool::finds(only, &names, by_whole)
    }

    pub(crate) fn has(&self, part: &str) -> bool {
        self.what == ALL || self.what == part
    }

    /// Whether anything that is asked for goes by that number.
    pub(crate) fn goes_by(&self, count: &str) -> bool {
        let mut parts = PARTS.iter().filter(|part| self.has(part.name));
        parts.any(|part| part.goes_by(count))
    }

    /// The kernel that is asked for, if that part can have it; else those that it has by itself.
    pub(crate) fn kernels(&self, possible: &[Kernel], else_these: [Kernel; 2]) -> Vec<Kernel> {
        match self.kernel.filter(|kernel| possible.contains(kernel)) {
            Some(kernel) => vec![kernel],
            None => else_these.into(),
        }
    }
}

fn clock(text: Option<&str>, has_kvm: bool) -> Result<Clock, String> {
    match text {
        None | Some("host") => Ok(Clock::Host),
        Some("virtual") if has_kvm => Err(
            "CLOCK=\"virtual\": not with KVM, only emulated (accepted with BULKHEAD_KVM=0)".into(),
        ),
        Some("virtual") => Ok(Clock::Virtual),
        Some(other) => Err(format!("CLOCK=\"{other}\": host or virtual is accepted")),
    }
}

/// KVM guests in an emulated machine only, by its exact clock: on a host with KVM they would be guests of guests.
fn has_guests(text: Option<&str>, has_kvm: bool) -> Result<bool, String> {
    match flag("KVM", text)? {
        true if has_kvm => Err(
            "KVM=\"1\": not with KVM on this host, only emulated (accepted with BULKHEAD_KVM=0)"
                .into(),
        ),
        is_set => Ok(is_set),
    }
}

fn flag(name: &str, text: Option<&str>) -> Result<bool, String> {
    match text {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(format!("{name}=\"{other}\": 0 or 1 is accepted")),
    }
}

fn kernel(name: Option<String>, parts: &[&Part], what: &str) -> Result<Option<Kernel>, String> {
    let Some(name) = name else {
        return Ok(None);
    };
    let mut possible: Vec<Kernel> = Vec::new();
    for kernel in parts.iter().flat_map(|part| part.kernels) {
        if !possible.contains(kernel) {
            possible.push(*kernel);
        }
    }
    if possible.is_empty() {
        return Err(format!("KERNEL=\"{name}\": WHAT={what} has its own"));
    }
    match possible.iter().find(|kernel| kernel.name() == name) {
        Some(kernel) => Ok(Some(*kernel)),
        None => {
            let names: Vec<&str> = possible.iter().map(|kernel| kernel.name()).collect();
            Err(format!(
                "KERNEL=\"{name}\": {} is accepted with WHAT={what}",
                names.join(" or ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Asked, String> {
        let variable = |name: &str| {
            let found = given.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| value.to_string())
        };
        Asked::read(variable, false)
    }

    #[test]
    fn what_nobody_can_do_is_refused() {
        for (given, wanted) in [
            (&[("WHAT", "nonsense")][..], "all, boot or scale"),
            (&[("N", "0")], "N=\"0\": a number from 1 to 1000000"),
            (&[("N", "99999999999999999999")], "from 1 to 1000000"),
            (&[("CORES", "255")], "from 1 to 254"),
            (
                &[("WHAT", "contention"), ("CORES", "100")],
                "CORES=\"100\": with WHAT=work or launch or restart only; contention does not go by it",
            ),
            (
                &[("WHAT", "boot"), ("CORES", "1")],
                "boot does not go by it",
            ),
            (
                &[("WHAT", "scale"), ("N", "2")],
                "N=\"2\": with WHAT=boot or inside",
            ),
            (&[("WHAT", "restart"), ("TICKS", "1")], "neighbour only"),
            (
                &[("WHAT", "neighbour"), ("WORK", "1")],
                "work or contention",
            ),
            (&[("CLOCK", "x")], "host or virtual"),
            (&[("CLOCK", "virtual")], "not all"),
            (&[("WHAT", "boot"), ("CLOCK", "virtual")], "not boot"),
            (&[("WHAT", "boot"), ("KERNEL", "debian-6.1")], "has its own"),
            (
                &[("WHAT", "contention"), ("KVM", "1")],
                "CLOCK=virtual only",
            ),
            (&[("KVM", "2")], "0 or 1"),
            (&[("WHAT", "work"), ("HALT", "yes")], "HALT=\"yes\": 0 or 1"),
            (&[("WHAT", "links"), ("HALT", "1")], "WHAT=work only"),
            (
                &[("WHAT", "launch"), ("KERNEL", "debian-6.1")],
                "debian-6.1-cloud or",
            ),
            (
                &[("WHAT", "links"), ("KERNEL", "debian-6.1-cloud")],
                "debian-6.1 or",
            ),
            (&[("WHAT", "boot"), ("ONLY", "x")], "does all that it is"),
            (&[("WHAT", "work"), ("ONLY", "nosuch")], "CPU loop"),
            (&[("WHAT", "work"), ("ONLY", "nosuch|")], "CPU loop"),
            (
                &[("WHAT", "contention"), ("ONLY", "nosuch")],
                "pipe to oneself",
            ),
            (
                &[("WHAT", "neighbour"), ("ONLY", "nosuch")],
                "it floods its disk",
            ),
            (
                &[("WHAT", "scale"), ("CLOCK", "virtual"), ("ONLY", "3")],
                "\"3\": one of these is accepted, and several between |: 1, 2, 4, 8, 16, 32",
            ),
            (
                &[
                    ("WHAT", "work"),
                    ("KERNEL", "debian-6.1-cloud"),
                    ("ONLY", "NVMe"),
                ],
                "memory triad",
            ),
        ] {
            let why = read(given).expect_err(wanted);
            assert!(why.contains(wanted), "{given:?}: {why}");
        }
        assert!(clock(Some("virtual"), true).is_err());
        assert!(has_guests(Some("1"), true).is_err());
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let asked = read(&[
            ("WHAT", "work"),
            ("KERNEL", "debian-sid-cloud"),
            ("ONLY", ""),
        ])
        .unwrap();
        assert!(asked.has("work") && !asked.has("links"));
        let kernels = asked.kernels(&work::KERNELS, work::USUAL);
        assert_eq!(kernels, [Kernel::DebianSidCloud]);
        // One that some can do and others not is those others' own.
        let all = read(&[("KERNEL", "debian-6.1-cloud")]).unwrap();
        assert_eq!(all.kernels(&work::WITH_DRIVERS, work::USUAL), work::USUAL);
        assert_eq!(
            all.kernels(&launch::KERNELS, launch::KERNELS),
            [Kernel::Debian61Cloud]
        );
        assert!(read(&[("CORES", "2")]).is_ok_and(|all| all.size.cores == 2));
        assert!(read(&[("WHAT", "restart"), ("CORES", "2")]).is_ok());
        assert!(read(&[("N", "2"), ("WORK", "1"), ("TICKS", "3")]).is_ok());
        assert!(read(&[("WHAT", "scale"), ("CLOCK", "virtual"), ("ONLY", "1|32")]).is_ok());
    }
}
