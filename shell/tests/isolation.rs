//! `isolation`, `isolation=`: what devices reach, what is meant where nothing is said, and why not.

mod support;

use bulkhead_iommu::Shape;
use bulkhead_memory::Region;
use bulkhead_model::{Iommu, Isolation};
use support::Session;

const DEFINE: &str = "define web cores=2-3 memory=512M kernel=linux61 devices=02:00.0";

/// A machine with an IOMMU, but for a function's requests.
fn with_iommu() -> Session {
    let mut session = Session::new();
    let machine = &mut session.kernel.machine;
    machine.tables[0].signature = *b"DMAR";
    machine.set_iommu(Ok(Some(Iommu {
        shape: Shape {
            kind: bulkhead_iommu::Kind::VtD,
            levels: 4,
            has_2m: true,
            has_1g: true,
        },
        unserved: Vec::new(),
        pinned: Vec::new(),
        elsewhere: Vec::new(),
    })));
    session
}

fn unserved(session: &mut Session) {
    let functions = &session.kernel.machine.functions;
    let function = functions.iter().find(|f| f.address.bus == 2).unwrap();
    let address = function.address;
    let iommu = session.kernel.machine.iommu.as_mut().unwrap();
    iommu.unserved.push(address);
}

#[test]
fn it_is_dma_where_that_can_be() {
    let mut session = with_iommu();
    assert!(!session.line(DEFINE).contains("reach"));
    let show = session.line("show web");
    assert!(
        show.contains("\n  dma      its RAM alone (isolation=dma)\n"),
        "{show}"
    );
    assert!(!show.contains(" devices=0000:02:00.0 isolation"), "{show}");
    let plan = |session: &Session| {
        let kernel = &session.kernel;
        let code = bulkhead_shell::Control::resident_code(kernel);
        kernel.ledger.plan(&kernel.machine, &code, "web").unwrap()
    };
    let domain = plan(&session).domain.unwrap();
    assert!(domain.memory.is_some_and(|memory| !memory.is_empty()));
    // For all, or for one.
    assert_eq!(session.line("isolation bare"), "");
    assert_eq!(plan(&session).domain.unwrap().memory, None);
    assert!(session.line("isolation").starts_with("bare\nIOMMU: in use"));
    assert!(!session.line("set web isolation=dma").contains("error"));
    assert!(plan(&session).domain.unwrap().memory.is_some());
    session.line("set web isolation=bare");
    session.line("isolation default");
    assert_eq!(plan(&session).domain.unwrap().memory, None);
    session.line("set web isolation=default");
    assert!(plan(&session).domain.unwrap().memory.is_some());
}

#[test]
fn where_it_cannot_be_it_is_bare_and_says_why() {
    let mut session = with_iommu();
    unserved(&mut session);
    let why = "the requests of 0000:02:00.0 go by no IOMMU";
    let said = session.line(DEFINE);
    let warning = format!("warning: web: its devices reach all RAM: {why}\n");
    assert!(said.contains(&warning), "{said}");
    let show = session.line("show web");
    let row = format!("\n  dma      all RAM (isolation=bare): {why}\n");
    assert!(show.contains(&row), "{show}");
    // Who wants it so is not warned.
    assert!(!session.line("set web isolation=bare").contains(why));
    // Who wants more is refused, and nothing has changed.
    let refused = session.line("set web isolation=dma");
    let error = format!("error: {why} (accepted: isolation=bare, isolation=default)");
    assert!(refused.contains(&error), "{refused}");
    assert!(session.line("show web").contains(" isolation=bare\n"));
    session.line("set web isolation=default");
    session.line("isolation dma");
    assert!(session.line("check web").contains(why));
    assert!(
        session
            .line("isolation maybe")
            .contains("accepted: bare, dma, default")
    );
    assert!(session.line("isolation").starts_with("dma\n"));
}

#[test]
fn list_has_it_where_there_is_a_choice() {
    let mut session = with_iommu();
    session.line("define db cores=1 memory=64M kernel=linux61");
    assert!(!session.line("list").contains("ISOLATION"), "no devices");
    session.line(DEFINE);
    let cells = |session: &mut Session| {
        let list = session.line("list");
        let column = |row: &str| row.split_whitespace().nth(7).unwrap().to_string();
        list.lines().take(3).map(column).collect::<Vec<_>>()
    };
    assert_eq!(cells(&mut session), ["ISOLATION", "-", "dma"]);
    session.line("isolation bare");
    assert_eq!(cells(&mut session), ["ISOLATION", "-", "bare"]);
    // What can't be launched as it is wanted holds nothing.
    session.line("set web isolation=dma");
    unserved(&mut session);
    assert_eq!(cells(&mut session), ["ISOLATION", "-", "-"]);
    let mut session = Session::after(DEFINE);
    assert!(!session.line("list").contains("ISOLATION"), "no IOMMU");
}

#[test]
fn of_a_live_one_what_it_was_launched_with_is_told() {
    let mut session = with_iommu();
    session.line(DEFINE);
    session.line("start web");
    session.kernel.isolation = Some(Isolation::Dma);
    assert!(!session.line("show web").contains("in this run"));
    session.line("isolation bare");
    assert!(session.line("list").contains("  dma  "));
    let show = session.line("show web");
    let rows = "\n  dma      its RAM alone (isolation=dma) in this run; from its next launch on:\n  \
                dma      all RAM (isolation=bare)";
    assert!(show.contains(rows), "{show}");
}

#[test]
fn devices_says_what_is_in_the_way_of_each() {
    let mut session = with_iommu();
    unserved(&mut session);
    let iommu = session.kernel.machine.iommu.as_mut().unwrap();
    let function = iommu.unserved[0];
    let ranges = [0x7b80_0000..0x7f80_0000, 0x7f90_0000..0x7f91_0000];
    let ranges = ranges.map(|range| Region::from_bounds(range.start, range.end).unwrap());
    iommu.pinned.extend(ranges.map(|range| (function, range)));
    let words = |session: &mut Session| {
        let said = session.line("devices");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = words(&mut session);
    let way = "its requests go by no IOMMU: only with isolation=bare firmware has it reach \
               0x7b800000-0x7f7fffff and 0x7f900000-0x7f90ffff (RMRR): only with isolation=bare";
    assert_eq!(said.matches(way).count(), 1, "{said}");
    // Who claims it is warned, and can't have more.
    session
        .kernel
        .machine
        .iommu
        .as_mut()
        .unwrap()
        .unserved
        .clear();
    let why = "firmware has 0000:02:00.0 reach 0x7b800000-0x7f7fffff, which no partition has";
    let said = session.line(DEFINE);
    let warning = format!("warning: web: its devices reach all RAM: {why}\n");
    assert!(said.contains(&warning), "{said}");
    let refused = session.line("set web isolation=dma");
    assert!(
        refused.contains(&format!("error: {why} (accepted: isolation=bare")),
        "{refused}"
    );
    let iommu = session.kernel.machine.iommu.as_mut().unwrap();
    iommu.shape.kind = bulkhead_iommu::Kind::AmdVi;
    assert!(words(&mut session).contains("0x7f90ffff (unity-mapped memory of the IVRS)"));
}

#[test]
fn without_an_iommu_it_is_bare() {
    let mut session = Session::after(DEFINE);
    let said = session.line("set web isolation=dma");
    assert!(said.contains("no IOMMU is in use"), "{said}");
    let said = session.line("isolation");
    assert_eq!(
        said,
        "default: dma where it can be, else bare\nIOMMU: none reported; a device reaches all RAM\n"
    );
}

#[test]
fn what_sends_anothers_name_is_bare() {
    let mut session = with_iommu();
    unserved(&mut session);
    let iommu = session.kernel.machine.iommu.as_mut().unwrap();
    let function = iommu.unserved.remove(0);
    let name = bulkhead_iommu::Requester {
        segment: 0,
        bus: 0,
        devfn: 0xf0,
    };
    iommu.elsewhere.push((function, name));
    let why = "the requests of 0000:02:00.0 come under the name of 0000:00:1e.0";
    assert!(session.line(DEFINE).contains(why));
    let refused = session.line("set web isolation=dma");
    assert!(
        refused.contains(&format!("error: {why} (accepted: isolation=bare")),
        "{refused}"
    );
    let show = session.line("show web");
    assert!(
        show.contains(&format!("all RAM (isolation=bare): {why}")),
        "{show}"
    );
    let devices = session.line("devices");
    let way =
        "its requests come under the name of 0000:00:1e.0: isolated only with the bus of that";
    let words: Vec<&str> = devices.split_whitespace().collect();
    assert!(words.join(" ").contains(way), "{devices}");
    // With the bus of that name it is isolated: here one below its own.
    let iommu = session.kernel.machine.iommu.as_mut().unwrap();
    iommu.elsewhere[0].1.bus = 2;
    let said = session.line("set web isolation=dma");
    assert!(!said.contains("error"), "{said}");
}
