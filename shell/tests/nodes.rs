//! NUMA nodes, as the shell shows them.

mod support;

use bulkhead_fake::Fake;
use support::Session;

/// A session on a machine of two nodes.
fn session() -> Session {
    let mut session = Session::new();
    let machine = Fake::with_nodes().machine;
    let own = &mut session.kernel.machine;
    (own.nodes, own.distances) = (machine.nodes, machine.distances);
    session
}

#[test]
fn cores_and_memory_have_a_column() {
    let mut session = session();
    let cores = session.line("cores");
    assert!(
        cores.starts_with("CORE  NODE  PACKAGE  PHYSICAL"),
        "{cores}"
    );
    assert!(cores.contains("\n4     0     0        2 "), "{cores}");
    assert!(cores.contains("\n5     1     0        2 "), "{cores}");
    let memory = session.line("memory");
    let heading = memory.lines().next().unwrap();
    let words: Vec<&str> = heading.split_whitespace().collect();
    assert_eq!(words, ["REGION", "SIZE", "NODE", "KIND", "OWNER"]);
    let high = memory.lines().find(|line| line.starts_with("0x100000000-"));
    let words: Vec<&str> = high.unwrap().split_whitespace().collect();
    assert_eq!(words[1..], ["2G", "1", "RAM", "free"]);
    let end = "\nnode 0: cores 0-4, free 1.9G; distances 10 21\nnode 1: cores 5-9, free 2G; distances 22 10\n";
    assert!(memory.ends_with(end), "{memory}");

    // One node, or none, is not worth a column.
    session.kernel.machine.nodes.truncate(1);
    assert!(session.line("cores").starts_with("CORE  PACKAGE"));
    assert!(!session.line("memory").contains("node"));
}

#[test]
fn a_node_can_be_asked_for() {
    let mut session = session();
    let said = session.line("define web cores=5-6 memory=1G kernel=linux61 initrd=demo node=1");
    assert!(said.starts_with("web: cores 5-6, memory "), "{said}");
    let show = session.line("show web");
    assert!(
        show.contains(" kernel=linux61 initrd=demo node=1\n"),
        "{show}"
    );
    for line in [
        "  node     1, inside 0: cores 5-6, 768M\n",
        "  node     0, inside 1: cores none, 256M\n",
        "  SRAT   ",
        "  SLIT   ",
    ] {
        assert!(show.contains(line), "{line}: {show}");
    }
    for (line, sentence) in [
        (
            "set web node=2",
            "there is no node 2 (accepted: 0 to 1, none)",
        ),
        ("set web node=0", "core 5 is not on node 0"),
        (
            "set web node=x",
            "\"x\" is not a node (accepted: 0, 1, ..., none)",
        ),
        (
            "set web node=+1",
            "\"+1\" is not a node (accepted: 0, 1, ..., none)",
        ),
    ] {
        let said = session.line(line);
        assert!(said.contains(&format!("error: {sentence}\n")), "{said}");
    }
    session.line("set web node=none");
    assert!(!session.line("show web").contains("node=1"));
}
