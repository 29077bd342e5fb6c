//! Devices: what `devices` and `show` say of them, and what is completed.

mod support;

use support::Session;

/// The part of what `devices` says that is about one function.
fn paragraph(session: &mut Session, function: &str) -> String {
    let all = session.line("devices");
    let head = format!("  {function}  ");
    let is_more = |row: &&str| row.starts_with("    ");
    let mut rows = all.lines().skip_while(|row| !row.starts_with(&head));
    let first = rows.next().unwrap().to_string();
    rows.take_while(is_more)
        .fold(first, |text, row| text + "\n" + row)
}

#[test]
fn every_row_fits() {
    let mut session = Session::after(
        "define web cores=2-3 memory=512M kernel=linux61 devices=05:00.0,02:00.0\n\
         define a-very-long-name cores=4 memory=512M kernel=linux61 devices=06:00.0,ioapic0",
    );
    let said = session.line("devices");
    assert!(said.lines().all(|row| row.len() < 80), "{said}");
    assert!(said.lines().all(|row| row == row.trim_end()), "{said}");
    // More than fits.
    assert_eq!(
        paragraph(&mut session, "0000:04:01.0"),
        "  0000:04:01.0  PCI bridge, 104c:8232, to bus 06\n\
         \x20               owner bulkhead; stays Bulkhead's\n\
         \x20               below 0000:03:00.0, group 11, MSI"
    );
    session.line("undefine a-very-long-name");
    session.line("set web devices=05:00.0");
    let bridge = paragraph(&mut session, "0000:04:01.0");
    assert!(
        bridge.contains(
            "\n                owner free; shares bus 04 with 0000:05:00.0 of \"web\",\n\
             \x20               0000:06:00.0\n"
        ),
        "{bridge}"
    );
}

#[test]
fn long_notes_take_more_rows() {
    let mut session = Session::new();
    session.kernel.machine.functions[7].bars[1].address = None;
    assert_eq!(
        paragraph(&mut session, "0000:00:1f.2"),
        "  0000:00:1f.2  SATA controller (AHCI), 8086:2922\n\
         \x20               owner free; only with all of bus0; unused: BAR 5 (4K of memory)\n\
         \x20               of 0000:00:1f.2 has no address and does not fit into what is in\n\
         \x20               use on bus 0000:00\n\
         \x20               group 6, MSI\n\
         \x20               BAR 4: 32 I/O ports at 0x6040\n\
         \x20               BAR 5: 4K memory without an address"
    );
}

#[test]
fn owners_are_named() {
    let mut session = Session::after(
        "define web cores=2-3 memory=512M kernel=linux61 \
         devices=02:00.1,ioapic0,ps2,framebuffer,com3\n\
         define db cores=4 memory=512M kernel=linux61 console=com2 devices=rtc",
    );
    assert_eq!(
        paragraph(&mut session, "0000:02:00.0"),
        "  0000:02:00.0  Ethernet controller, 8086:10c9\n\
         \x20               owner web; shares bus 02 with 0000:02:00.1\n\
         \x20               below 0000:00:03.0, group 8, MSI, MSI-X 10, FLR\n\
         \x20               BAR 0: 128K memory at 0xfe600000\n\
         \x20               BAR 2: 32 I/O ports at 0xc000\n\
         \x20               BAR 3: 16K memory at 0xfe640000"
    );
    let said = session.line("devices");
    let (_, rest) = said.split_once("serial ports:\n").unwrap();
    assert_eq!(
        rest,
        "  PORT  I/O    IRQ  LINUX  OWNER\n\
         \x20 com1  0x3f8  4    ttyS0  bulkhead\n\
         \x20 com2  0x2f8  3    ttyS1  db\n\
         \x20 com3  0x3e8  4    ttyS2  web\n\
         other devices:\n\
         \x20 NAME         WHAT                                        OWNER\n\
         \x20 ps2          ports 0x60, 0x64; IRQ 1, 12; needs ioapic0  web\n\
         \x20 rtc          ports 0x70-0x71; IRQ 8                      db\n\
         \x20 framebuffer  800x600, 32 bits, at 0xfd000000             web\n\
         I/O APICs:\n\
         \x20 NAME     ID  ADDRESS     FIRST  OWNER\n\
         \x20 ioapic0  0   0xfec00000  GSI 0  web\n"
    );
}

#[test]
fn several_io_apics() {
    let mut session = Session::new();
    bulkhead_fake::sockets::add_io_apics(&mut session.kernel.machine, 4);
    let line = "define web cores=2 memory=512M kernel=linux61 devices=ioapic3,27:00.0";
    assert!(session.line(line).starts_with("web: cores 2"));
    session.line("define db cores=4 memory=512M kernel=linux61 devices=ioapic0,ps2");
    let said = session.line("devices");
    let (rest, io_apics) = said.split_once("I/O APICs:\n").unwrap();
    assert_eq!(
        io_apics,
        "  NAME     ID   ADDRESS     FIRST   OWNER\n\
         \x20 ioapic0  200  0xfec00000  GSI 0   db\n\
         \x20 ioapic1  199  0xfec01000  GSI 24  free\n\
         \x20 ioapic2  198  0xfec02000  GSI 32  free\n\
         \x20 ioapic3  197  0xfec03000  GSI 40  web\n"
    );
    assert!(rest.contains("INTx only: needs ioapic2\n"), "{rest}");
    assert!(session.line("show web").contains("  device   ioapic3\n"));
    let refused = session.line("set db devices=ioapic");
    assert!(
        refused.contains("error: there are 4 I/O APICs (accepted: ioapic0 to ioapic3)"),
        "{refused}"
    );
    session.kernel.machine.routes.clear();
    let said = session.line("devices");
    assert!(
        said.contains("INTx only: where it leads is not known\n"),
        "{said}"
    );
}

#[test]
fn what_bus_0_brings() {
    let mut session = Session::new();
    assert_eq!(
        paragraph(&mut session, "0000:00:1f.0"),
        "  0000:00:1f.0  ISA bridge, 8086:2918\n\
         \x20               owner free; only with all of bus0\n\
         \x20               group 6, watchdog (iTCO_wdt)"
    );
    let known = "\nbus0: brings the chipset: what its drivers do concerns the whole machine\n      \
                 watchdog, by 0000:00:1f.0: stopped at each end of its owner's runs\n";
    assert!(session.line("devices").contains(known));
    // A chipset of which nothing is known, and a bus 0 of which nothing is seen.
    let functions = &mut session.kernel.machine.functions;
    let bridge = functions.iter_mut().find(|f| f.device_id == 0x2918);
    bridge.unwrap().device_id = 0x7a84;
    let said = session.line("devices");
    assert!(
        said.contains("\n      no watchdog is known of it; one that is armed outlives its owner\n"),
        "{said}"
    );
    let functions = &mut session.kernel.machine.functions;
    functions.retain(|f| f.address.bus != 0);
    assert!(!session.line("devices").contains("bus0: "));
}

#[test]
fn a_machine_without_functions() {
    let mut session = Session::new();
    session.kernel.machine.functions.clear();
    let said = session.line("devices");
    assert!(said.starts_with("PCI functions: none found\n"), "{said}");
}

#[test]
fn an_iommu_is_named() {
    let mut session = Session::new();
    let none = "\nIOMMU: none reported; a device reaches all RAM\n";
    assert!(session.line("devices").contains(none));
    session.kernel.machine.tables[0].signature = *b"DMAR";
    let one = "\nIOMMU: there is one (DMAR), which is not used; a device reaches all RAM\n";
    assert!(session.line("devices").contains(one));
    session.kernel.machine.iommu_unused = Some(String::from("it is broken"));
    let one = "(DMAR), which is not used: it is broken; a device";
    assert!(session.line("devices").contains(one));
}

#[test]
fn show_tells_the_address_inside() {
    let mut session = Session::after(
        "define web cores=2-3 memory=512M kernel=linux61 \
         devices=ps2,03:00.0,com3,IOAPIC0,1:0.0,com2",
    );
    let show = session.line("show web");
    assert!(
        show.contains(" kernel=linux61 devices=ps2,0000:03:00.0,com3,ioapic0,0000:01:00.0,com2\n"),
        "{show}"
    );
    assert!(
        show.contains(
            "\n  console  mem (no port)\n\
             \x20 device   com2\n\
             \x20 device   com3\n\
             \x20 device   ps2\n\
             \x20 device   ioapic0\n\
             \x20 device   0000:01:00.0, inside 0001:01:00.0: NVMe controller\n\
             \x20 device   0000:03:00.0, inside 0001:03:00.0: PCI bridge\n\
             \x20 device   0000:04:00.0, inside 0001:04:00.0: PCI bridge\n\
             \x20 device   0000:04:01.0, inside 0001:04:01.0: PCI bridge\n\
             \x20 device   0000:05:00.0, inside 0001:05:00.0: Ethernet controller\n\
             \x20 device   0000:06:00.0, inside 0001:06:00.0: USB controller (xHCI)\n\
             \x20 dma      all RAM (isolation=bare): no IOMMU is in use (\"devices\" tells why)\n\
             placement:\n"
        ),
        "{show}"
    );
    for table in ["MCFG", "DSDT"] {
        assert!(show.contains(&format!("\n  {table}   0x")), "{show}");
    }
    // Warnings come last.
    assert!(
        show.ends_with(
            "\nwarning: web: 0000:05:00.0 comes along: bus 03 is given with all below it\n\
             warning: web: 0000:06:00.0 comes along: bus 03 is given with all below it\n"
        ),
        "{show}"
    );
}

#[test]
fn a_device_is_completed_at_its_place_in_the_list() {
    for (typed, completed) in [
        ("dev", "devices="),
        ("devices=f", "devices=framebuffer "),
        ("devices=0000:01", "devices=0000:01:00.0 "),
        ("devices=0000:02", "devices=0000:02:00."),
        (
            "devices=0000:02:00.0,0000:02",
            "devices=0000:02:00.0,0000:02:00.1 ",
        ),
        ("devices=2:0.0,0000:02", "devices=2:0.0,0000:02:00.1 "),
        ("devices=com3,p", "devices=com3,ps2 "),
        ("devices=com3,com", "devices=com3,com2 "),
        ("devices=com", "devices=com"),
        ("devices=n", "devices=none "),
        ("devices=rtc,n", "devices=rtc,n"),
        // What can't be given by that name is not offered: the shell's port, bridges, functions
        // of the root bus.
        ("devices=com1", "devices=com1"),
        ("devices=0000:00", "devices=0000:00"),
        ("devices=0000:03", "devices=0000:03"),
        ("devices=b", "devices=bus0 "),
        ("devices=nonsense,", "devices=nonsense,"),
    ] {
        let mut session = Session::after("define db cores=4 memory=512M kernel=linux61");
        session.keys(&format!("set db {typed}\t|"));
        assert_eq!(
            session.terminal.line(),
            format!("bulkhead> set db {completed}|"),
            "{typed:?}"
        );
    }
}

#[test]
fn two_tabs_list_what_there_is() {
    let mut session = Session::after("define db cores=4 memory=512M kernel=linux61");
    session.kernel.machine.has_rtc = false;
    session.keys("set db devices=0000:01:00.0,\t\t");
    assert_eq!(
        session.terminal.screen(),
        "bulkhead> set db devices=0000:01:00.0,\n\
         0000:02:00.0  0000:02:00.1  0000:05:00.0  0000:06:00.0  0000:07:00.0\n\
         bus0          com2          com3          framebuffer   ioapic0\n\
         ps2\n\
         bulkhead> set db devices=0000:01:00.0,"
    );
}

#[test]
fn what_is_not_there_any_more_is_said_by_devices_check_and_start() {
    use bulkhead_pci::Answer;
    let mut session =
        Session::after("define web cores=2-3 memory=512M kernel=linux61 devices=01:00.0,pci:02");
    assert_eq!(session.line("check web"), "web: ok\n");
    let at = |text: &str| text.parse().unwrap();
    session.kernel.answers = vec![
        (at("01:00.0"), Answer::Nothing),
        (at("02:00.1"), Answer::NotReady),
        (
            at("02:00.0"),
            Answer::Other {
                vendor: 0x8086,
                device: 0x1533,
            },
        ),
    ];
    session.kernel.wanted_out = vec![at("00:02.0")];
    let disk = paragraph(&mut session, "0000:01:00.0");
    assert!(
        disk.contains(
            "\n                does not answer: taken out, without power, or in a reset\n"
        ),
        "{disk}"
    );
    let port = paragraph(&mut session, "0000:00:02.0");
    assert!(port.contains("wanted out (attention button)"), "{port}");
    let said = session.line("devices");
    assert!(said.lines().all(|row| row.len() < 80), "{said}");
    let gone = "warning: web: 0000:01:00.0 does not answer: taken out, without power, or in a reset\n\
         warning: web: 0000:02:00.0 is gone: 8086:1533 answers in its place, which is given to \
         nobody before a reset of the machine\n\
         warning: web: 0000:02:00.1 does not answer yet: it asks to be tried again\n";
    assert_eq!(session.line("check web"), format!("{gone}web: ok\n"));
    assert_eq!(session.line("check"), format!("{gone}web: ok\n"));
    // The others still want to run: it is launched all the same.
    assert_eq!(session.line("start web"), gone);
    assert_eq!(session.kernel.started, ["web"]);
}

#[test]
fn models_that_a_reset_does_not_bring_back() {
    let mut session = Session::new();
    for function in &mut session.kernel.machine.functions {
        if function.address == "01:00.0".parse().unwrap() {
            (function.vendor, function.device_id, function.flr) = (0x8086, 0x1502, true);
        }
        if function.address == "02:00.0".parse().unwrap() {
            (function.vendor, function.device_id, function.flr) = (0x168c, 0x003c, false);
        }
    }
    let intel = paragraph(&mut session, "0000:01:00.0");
    assert!(
        intel
            .replace("\n                ", " ")
            .contains(", FLR (hangs by it: not used)"),
        "{intel}"
    );
    let radio = paragraph(&mut session, "0000:02:00.0");
    assert!(
        radio
            .replace("\n                ", " ")
            .contains("lost by its bus's reset: not used"),
        "{radio}"
    );
    // Without a reset of its own it keeps what it was doing, and that is said.
    session.line("define web cores=2-3 memory=512M kernel=linux61 devices=pci:02");
    assert_eq!(
        session.line("check web"),
        "warning: web: 0000:02:00.0 can't be reset (it is lost by its bus's reset): its driver finds it as \
         the last one left it\nweb: ok\n"
    );
}
