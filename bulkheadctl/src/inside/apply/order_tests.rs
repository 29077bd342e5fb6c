use super::*;

fn present(line: &str, is_live: bool) -> Present {
    let text = format!("definition:\n  define {line}\n");
    Present {
        definition: shown(&text).unwrap(),
        links: Vec::new(),
        memory: Vec::new(),
        is_live,
    }
}

/// From all of these, which run or don't, to what the file says.
fn steps(old: &[&str], file: &str, is_live: bool) -> Vec<String> {
    let present: Vec<Present> = old.iter().map(|line| present(line, is_live)).collect();
    let wanted = read(file).unwrap();
    let steps = plan(&wanted, &present, is_live);
    let requests = steps.iter().filter_map(Step::request);
    requests.map(|line| line.replace(" kernel=k", "")).collect()
}

const FILE: &str = "\
define web cores=2-3 memory=1G kernel=k\n\
define db cores=4 memory=1G kernel=k\n";

#[test]
fn what_another_is_to_have_is_given_up_first() {
    let old = [
        "web cores=2 memory=1G kernel=k",
        "db cores=3-4 memory=1G kernel=k",
    ];
    assert_eq!(
        steps(&old, FILE, false),
        ["set db cores=4", "set web cores=2-3"]
    );
    assert_eq!(
        steps(&old, FILE, true),
        [
            "kill db",
            "set db cores=4",
            "start db",
            "kill web",
            "set web cores=2-3",
            "start web"
        ]
    );
    // Nobody waits for one that is left, or that keeps what it has.
    let live = [present(old[0], false), present(old[1], true)];
    let said = plan(&read(FILE).unwrap(), &live, false);
    assert!(
        matches!(&said[..], [Step::Set(..), Step::Left(..)]),
        "{said:?}"
    );
}

/// One of each kind: what the first one is to have, and what of it the other one has.
#[test]
fn whatever_it_is() {
    for (web, db, db_now) in [
        ("console=com2", "", "console=COM2"),
        ("devices=com2", "console=mem", "console=com2"),
        ("console=com3", "devices=none", "devices=com3"),
        ("devices=ps2,ioapic", "devices=rtc", "devices=PS2,ioapic0"),
        ("devices=1:0.0", "devices=none", "devices=0000:01:00.0"),
        ("devices=pci:01", "devices=none", "devices=0000:01:00.1"),
        ("devices=pci:02", "", "devices=framebuffer"),
        ("memory=2G", "memory=1G", "memory=2G"),
        ("memory=1G@4G", "memory=1G@8G", "memory=1G@0x100000000"),
        ("memory=512M@4608M", "memory=512M@4G", "memory=1G@4G"),
    ] {
        let line = |name: &str, keys: &str| {
            let core = if name == "web" { 2 } else { 3 };
            let memory = if keys.contains("memory=") {
                ""
            } else {
                "memory=1G "
            };
            format!("{name} cores={core} {memory}{keys} kernel=k")
        };
        let file = format!("define {}\ndefine {}\n", line("web", web), line("db", db));
        let now = line("db", db_now);
        for old in [&[line("web", "").as_str(), &now][..], &[&now]] {
            let said = steps(old, &file, false);
            let first = said.first().unwrap();
            assert!(
                first.starts_with("set db "),
                "{web} {db} {db_now}: {said:?}"
            );
            assert_eq!(said.len(), 2, "{said:?}");
        }
    }
}

/// Where memory is that nobody asked for by its address, `show` tells.
#[test]
fn a_place_is_whose_it_is() {
    let mut old = [
        present("web cores=2 memory=1G kernel=k", false),
        present("db cores=3 memory=1G kernel=k", false),
    ];
    let file =
        "define web cores=2 memory=1G@4G kernel=k\ndefine db cores=3 memory=1G@8G kernel=k\n";
    let of = |old: &[Present]| {
        let steps = plan(&read(file).unwrap(), old, false);
        let steps: Vec<_> = steps.iter().filter_map(Step::request).collect();
        steps.join("; ").replace(" kernel=k", "")
    };
    old[1].memory = shown_memory(
        "claim:\n  memory   0x1000000-0x20ffffff    512M\n  memory   0x120000000-0x13fffffff    512M\n",
    );
    assert_eq!(of(&old), "set db memory=1G@8G; set web memory=1G@4G");
    old[0].memory = shown_memory("  memory   0x200000000-0x23fffffff    1G\n");
    assert_eq!(
        of(&old),
        "undefine web; set db memory=1G@8G; define web cores=2 memory=1G@4G"
    );
    old[1].memory = shown_memory("  memory   0x1000000-0x40ffffff    1G\n  memory   x\n");
    assert_eq!(of(&old), "set web memory=1G@4G; set db memory=1G@8G");
}

#[test]
fn what_has_nothing_to_do_with_each_other_stays_in_its_order() {
    let old = [
        "web cores=2 memory=1G kernel=k",
        "db cores=5 memory=1G kernel=k",
    ];
    assert_eq!(
        steps(&old, FILE, false),
        ["set web cores=2-3", "set db cores=4"]
    );
    let more = FILE.replace("memory=1G", "memory=2G");
    let more = steps(&old, &more, false);
    assert!(
        more[0].starts_with("set web ") && more.len() == 2,
        "{more:?}"
    );
}

#[test]
fn one_of_those_that_exchange_something_is_undefined() {
    let old = [
        "web cores=4 memory=1G kernel=k restart=always",
        "db cores=2-3 memory=1G kernel=k",
    ];
    assert_eq!(
        steps(&old, FILE, true),
        [
            "kill web",
            "undefine web",
            "kill db",
            "set db cores=4",
            "start db",
            "define web cores=2-3 memory=1G",
            "start web"
        ]
    );
    let nodes = FILE
        .replace("kernel=k", "kernel=k node=1")
        .replacen("node=1", "node=0", 1);
    let old = [
        "web cores=2-3 memory=1G kernel=k node=1",
        "db cores=4 memory=1G kernel=k node=0",
    ];
    assert_eq!(
        steps(&old, &nodes, false),
        [
            "undefine web",
            "set db node=1",
            "define web cores=2-3 memory=1G node=0"
        ]
    );
    // In a ring of three, one is enough.
    let ring = "define a cores=1 memory=1G kernel=k\n\
        define b cores=2 memory=1G kernel=k\n\
        define c cores=3 memory=1G kernel=k\n";
    let old =
        ["a cores=2", "b cores=3", "c cores=1"].map(|one| format!("{one} memory=1G kernel=k"));
    let old = old.each_ref().map(String::as_str);
    let said = steps(&old, ring, false);
    assert_eq!(
        said,
        [
            "undefine a",
            "set b cores=2",
            "set c cores=3",
            "define a cores=1 memory=1G"
        ]
    );
}

/// A link keeps a partition from being undefined.
#[test]
fn who_is_linked_is_linked_anew() {
    let old = [
        "web cores=4 memory=1G kernel=k",
        "db cores=2-3 memory=1G kernel=k",
    ];
    let of = |peers: [&str; 2], file: &str, is_live: bool| {
        let present: Vec<Present> = old
            .iter()
            .zip(peers)
            .map(|(line, peer)| {
                let mut one = present(line, is_live);
                let row = format!("  link     {peer}, 8M at 0x100200000, inside ff00:00:00.0\n");
                let row = if peer.is_empty() { "" } else { &row };
                one.links = shown_links(&one.definition.name, row);
                one
            })
            .collect();
        let steps = plan(&read(file).unwrap(), &present, is_live);
        let requests = steps.iter().filter_map(Step::request);
        requests
            .map(|line| line.replace(" kernel=k", ""))
            .collect::<Vec<_>>()
    };
    let file = format!("{FILE}link web db 8M\n");
    let said = of(["db", "web"], &file, true);
    assert_eq!(
        said,
        [
            "kill web",
            "kill db",
            "unlink db web",
            "undefine web",
            "set db cores=4",
            "define web cores=2-3 memory=1G",
            "link db web 8M",
            "start web",
            "start db"
        ]
    );
    // Links with others are left alone: one without is undefined, if there is one.
    let said = of(["", "other"], FILE, false);
    assert_eq!(
        said,
        [
            "undefine web",
            "set db cores=4",
            "define web cores=2-3 memory=1G"
        ]
    );
    let said = of(["other", "other"], FILE, false);
    assert_eq!(said, ["set web cores=2-3", "set db cores=4"]);
}

/// The steps back after so many.
fn back_after(done: usize, old: &[&str], file: &str) -> Vec<String> {
    let present: Vec<Present> = old.iter().map(|line| present(line, true)).collect();
    let steps = plan(&read(file).unwrap(), &present, true);
    let back = back(&steps, done, &present);
    let requests = back.iter().filter_map(Step::request);
    requests.map(|line| line.replace(" kernel=k", "")).collect()
}

#[test]
fn what_was_killed_is_started_again() {
    let old = [
        "web cores=2 memory=1G kernel=k",
        "db cores=3-4 memory=1G kernel=k",
    ];
    // kill db, set db, start db, kill web, set web, start web
    let back: Vec<_> = (0..=6)
        .map(|done| back_after(done, &old, FILE).join("; "))
        .collect();
    assert_eq!(
        back,
        [
            "",
            "start db",
            "set db cores=3-4; start db",
            "",
            "start web",
            "set web cores=2; start web",
            ""
        ]
    );
}

#[test]
fn what_was_undefined_is_defined_again() {
    let old = [
        "web cores=4 memory=1G kernel=k",
        "db cores=2-3 memory=1G kernel=k",
    ];
    // kill web, undefine web, kill db, set db, start db, define web, start web
    let back: Vec<_> = (0..=7)
        .map(|done| back_after(done, &old, FILE).join("; "))
        .collect();
    assert_eq!(
        back,
        [
            "",
            "start web",
            "define web cores=4 memory=1G; start web",
            "define web cores=4 memory=1G; start web; start db",
            "set db cores=2-3; define web cores=4 memory=1G; start web; start db",
            "kill db; set db cores=2-3; define web cores=4 memory=1G; start web; start db",
            "set web cores=4; start web",
            ""
        ]
    );
}

/// One that was defined again is undefined for the sake of another that was undefined after it.
#[test]
fn two_that_were_undefined_are_defined_again() {
    let kill = |name: &str| Step::Kill(name.to_string());
    let undefine = |name: &str| Step::Undefine(name.to_string());
    let old = [
        "a cores=1 memory=1G kernel=k",
        "b cores=2 memory=1G kernel=k",
    ];
    let made = |line: &str| Step::Define(present(line, false).definition);
    let steps = [
        kill("a"),
        undefine("a"),
        kill("b"),
        undefine("b"),
        made("a cores=2 memory=1G kernel=k"),
        made("b cores=1 memory=1G kernel=k"),
    ];
    let present = old.map(|line| present(line, true));
    let back = back(&steps, 5, &present);
    let back: Vec<_> = back.iter().filter_map(Step::request).collect();
    assert_eq!(
        back.join("; ").replace(" kernel=k", ""),
        "undefine a; define b cores=2 memory=1G; define a cores=1 memory=1G; start a; start b"
    );
}
