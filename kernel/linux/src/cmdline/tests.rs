//! What is composed, what is refused and with which sentence.

use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;
const COM2: ComPort = ComPort {
    io_base: 0x2f8,
    tty_index: 1,
};
const WALLS: Walls<'static> = Walls {
    claim_bytes: 512 * MIB,
    tsc_khz: 2_400_000,
    absent_apic_id: Some(254),
    cores: 2,
    console: Some(COM2),
    owned_io: &[0x2f8],
    owns_screen: false,
    owns_io_apic: true,
    kernel: Some((6, 1)),
    has_kexec: true,
};
const DEFAULTS: &str = "console=ttyS1,115200 tsc=reliable possible_cpus=2 coherent_pool=4K panic=1 \
                        reboot=warm,panic_cold,efi kvm.enable_virt_at_load=0";
const OURS: &str = "no_ipi_broadcast=1 disable_cpu_apicid=254 tsc_early_khz=2400000 \
                    pci=noearly efi=runtime reserve=0x2e8,8,0x3e8,8,0x3f8,8,0xcf8,8";

fn line(user: &str) -> String {
    compose(user, &WALLS, 2047).expect("accepted")
}

fn refusal(user: &str) -> String {
    compose(user, &WALLS, 2047).expect_err(user).to_string()
}

#[test]
fn ours_come_last_and_before_init() {
    assert_eq!(line(""), format!("{DEFAULTS} {OURS}"));
    assert_eq!(
        line(" quiet  a=1 "),
        format!("{DEFAULTS} quiet  a=1 {OURS}")
    );
    assert_eq!(
        line("quiet -- single"),
        format!("{DEFAULTS} quiet {OURS} -- single")
    );
    assert_eq!(
        line(r#"dyndbg=" -- " x -- y"#),
        format!(r#"{DEFAULTS} dyndbg=" -- " x {OURS} -- y"#)
    );
}

#[test]
fn the_operator_s_word_replaces_a_default() {
    for (user, dropped) in [
        ("console=ttyS1,9600", "console=ttyS1,115200 "),
        ("console=tty0", "console=ttyS1,115200 "),
        ("tsc=unstable", "tsc=reliable "),
        ("panic=0", "panic=1 "),
        ("reboot=cold,efi", "reboot=warm,panic_cold,efi "),
        ("kvm.enable_virt_at_load=1", " kvm.enable_virt_at_load=0"),
        ("possible_cpus=8", "possible_cpus=2 "),
    ] {
        let rest = DEFAULTS.replace(dropped, "");
        let wanted = [rest.trim(), user, OURS].join(" ");
        assert_eq!(line(user), wanted);
    }
    // The kernel refuses it and keeps the 1; initramfs-tools takes it, and gives a shell.
    assert_eq!(
        line("break=top panic="),
        format!("{DEFAULTS} break=top panic= {OURS}")
    );
    assert_eq!(
        line("a -- console=x"),
        format!("{DEFAULTS} a {OURS} -- console=x")
    );
}

#[test]
fn little_is_added_to_a_partition_without_anything() {
    let walls = Walls {
        tsc_khz: 0,
        absent_apic_id: None,
        console: None,
        owned_io: &[],
        ..WALLS
    };
    assert_eq!(
        compose("quiet", &walls, 2047).expect("accepted"),
        "coherent_pool=4K panic=1 reboot=warm,panic_cold,efi kvm.enable_virt_at_load=0 quiet \
         no_ipi_broadcast=1 unknown_nmi_panic pci=noearly efi=runtime \
         reserve=0x2e8,24,0x3e8,8,0x3f8,8,0xcf8,8"
    );
}

/// Who says nothing of `efi=` has it, and who does too: Linux reads each `efi=` by itself.
#[test]
fn efi_runtime_is_last() {
    let line = line("efi=debug quiet");
    assert!(line.find("efi=debug") < line.find("efi=runtime"), "{line}");
    for user in [
        "efi=noruntime",
        "efi=debug,noruntime",
        "efi=runtime,noruntime",
    ] {
        assert!(refusal(user).contains("EFI services"), "{user}");
    }
}

/// A kernel that knows no `disable_cpu_apicid=` would spend a place of init's environment on it.
#[test]
fn what_a_kernel_does_not_know_is_not_said() {
    for (kernel, is_said) in [
        (None, true),
        (Some((5, 10)), true),
        (Some((6, 8)), true),
        (Some((6, 9)), false),
        (Some((6, 12)), false),
        (Some((7, 2)), false),
    ] {
        let walls = Walls { kernel, ..WALLS };
        let line = compose("quiet", &walls, 2047).expect("accepted");
        assert_eq!(line.contains("disable_cpu_apicid"), is_said, "{kernel:?}");
    }
}

/// `init=` makes Linux forget the arguments before it.
#[test]
fn arguments_before_init_take_no_room() {
    let words = |name: &str, count: usize| {
        let words: Vec<String> = (0..count).map(|n| format!("{name}{n}")).collect();
        words.join(" ")
    };
    let (before, after) = (words("a", 20), words("b", 13));
    let accepted = |line: &str| compose(line, &WALLS, 2047).is_ok();
    assert!(accepted(&format!("{before} init=/x {after}")));
    assert!(accepted(&format!("{before} rdinit=/x -- {after}")));
    assert!(!accepted(&format!("{before} {after} init=/x")));
    assert!(!accepted(&format!("init=/x {before} {after}")));
}

#[test]
fn as_many_unknown_ones_as_there_is_room_for() {
    let user = |count: usize| {
        let words: Vec<String> = (0..count).map(|n| format!("my{n}=1")).collect();
        words.join(" ")
    };
    let new = Walls {
        kernel: Some((6, 12)),
        ..WALLS
    };
    assert!(compose(&user(31), &new, 2047).is_ok());
    let error = compose(&user(32), &new, 2047).expect_err("too many");
    assert!(error.to_string().contains("my31"), "{error}");
    let error = compose(&user(31), &WALLS, 2047).expect_err("too many with Bulkhead's");
    assert!(
        error.to_string().contains("my30, disable_cpu_apicid"),
        "{error}"
    );
}

#[test]
fn accepted() {
    for user in [
        "root=/dev/vda1 ro quiet splash loglevel=7",
        "acpi=force acpi_osi=Linux acpi_sleep=s3_bios",
        "initcall_blacklist=serial8250_init,sysfb_init pnpacpi=on",
        "efi=debug,runtime add_efi_memmap",
        "no_ipi_broadcast=1 nosmp maxcpus=1 nr_cpus=2 noapic",
        "pci=noearly,nomsi pci=off pcie_aspm=off",
        "mem=512M memmap=1M$0x41000000 memmap=64K mem=nopentium crashkernel=128M",
        "reboot=efi reboot=warm,efi reboot=e,panic_warm",
        "apic=debug apic x2apic_phys idle=poll processor.max_cstate=1 intel_iommu=on",
        "iommu=pt amd_iommu=on intel_iommu=off iommu.strict=1 swiotlb=force",
        "mce=bootlog hpet=disable nokaslr memtest=1 panic=1 BOOT_IMAGE=/vmlinuz initrd=/initrd.img",
        "earlyprintk=ttyS1,115200 earlycon=uart8250,io,0x2f8 earlycon kgdboc=ttyS1",
        r#"dyndbg="acpi=off mem=64G" init=/bin/sh -- acpi=off mem=64G"#,
    ] {
        assert_eq!(compose(user, &WALLS, 2047).err(), None, "{user}");
    }
}

#[test]
fn a_screen_is_a_console_before_the_serial_port() {
    let walls = Walls {
        owns_screen: true,
        ..WALLS
    };
    let line = |user, walls| compose(user, walls, 2047).expect("accepted");
    assert_eq!(line("", &walls), format!("console=tty0 {DEFAULTS} {OURS}"));
    let alone = Walls {
        console: None,
        ..walls
    };
    let rest = DEFAULTS.replace("console=ttyS1,115200 ", "");
    assert_eq!(line("", &alone), format!("console=tty0 {rest} {OURS}"));
    assert_eq!(
        line("console=tty2", &walls),
        format!("{rest} console=tty2 {OURS}")
    );
}

#[test]
fn a_screen_of_its_own_may_be_used_early() {
    let walls = Walls {
        owns_screen: true,
        ..WALLS
    };
    for user in ["earlycon=efifb", "earlycon=efifb,ram"] {
        assert!(compose(user, &walls, 2047).is_ok(), "{user}");
        let refused = refusal(user);
        assert!(refused.contains("no such device"), "{refused}");
    }
    for user in ["earlyprintk=vga", "earlyprintk=efi", "earlyprintk=xdbc"] {
        assert!(compose(user, &walls, 2047).is_err(), "{user}");
    }
}

#[test]
fn any_port_of_several_may_be_used() {
    let walls = Walls {
        owned_io: &[0x3f8, 0x2f8, 0x3e8, 0x2e8],
        ..WALLS
    };
    let line = compose("console=ttyS0 kgdboc=ttyS2 console=ttyS3", &walls, 2047);
    assert!(line.is_ok_and(|line| line.ends_with("pci=noearly efi=runtime reserve=0xcf8,8")));
    let error = compose(
        "console=ttyS1",
        &Walls {
            owned_io: &[0x3f8, 0x3e8],
            ..WALLS
        },
        2047,
    );
    assert_eq!(
        error.expect_err("another's").to_string(),
        "parameter console=ttyS1 is refused: com2 is not the partition's (its serial ports: com1, com3)"
    );
}

#[test]
fn refused_by_name() {
    for user in [
        "acpi=off",
        "acpi=ht",
        "acpi=noirq",
        "acpi=rsdt",
        "acpi",
        "\"acpi=off\"",
        "acpi=\"off\"",
        "acpi_rsdp=0xe0000",
        "acpi-rsdp=0xe0000",
        "acpi_apic_instance=2",
        "update_mptable",
        "noefi",
        "efi=debug,noruntime",
        "efi=old_map",
        "efi_fake_mem=1G@4G:0x10000",
        "reboot=bios",
        "reboot=k",
        "reboot=triple",
        "reboot=pci",
        "reboot=acpi",
        "reboot=warm",
        "reboot=efi,t",
        "reboot=",
        "pci=conf1",
        "pci=nomsi,nommconf",
        "pci=lastbus=255",
        "pci=nomsi,noacpi",
        "pci=big_root_window",
        "pci=assign-busses",
        "pci=nocrs",
        "i8042.nopnp",
        "i8042.nopnp=1",
        "pnpacpi=off",
        "pnpacpi=offline",
        "initcall_blacklist=serial8250_init,pnp_system_init",
        "initcall_blacklist=acpi_init",
        "no_ipi_broadcast=0",
        "no-ipi-broadcast=0",
        "nolapic",
        "disableapic",
        "nolapic_timer",
        "noapictimer",
        "apic=bigsmp",
        "nox2apic",
        "hpet=verbose,force",
        "mce=off",
        "nomce",
        "disable_cpu_apicid=0",
        "tsc_early_khz=1",
        "reserve=0x300,8",
        "mem=513M",
        "mem=512M@0x40000000",
        "memmap=1G@0x80000000",
        "memmap=exactmap",
        "memmap=1M$0x41000000,1G!0x80000000",
        "memmap=64K#0x80000000",
        "memmap=64K%0x80000000-2+1",
        "initrdmem=0x80000000,1M",
        "initrd=0x80000000,1M",
        "elfcorehdr=0x80000000",
        "ramoops.mem_address=0x80000000",
        "phram.phram=x,0x80000000,1M",
        "bootconfig",
        "console=ttyS0",
        "console=0",
        "console=uart8250,io,0x3f8",
        "earlycon=uart8250,io,0x3f8",
        "earlycon=efifb",
        "earlyprintk=serial",
        "earlyprintk=vga",
        "kgdboc=ttyS0",
    ] {
        let text = format!("quiet {user} ro");
        let error = compose(&text, &WALLS, 2047).expect_err(user);
        assert_eq!(error.parameter(), Some(user));
        assert!(error.to_string().contains(user));
        assert!(!error.to_string().ends_with('.'));
    }
}

#[test]
fn the_decompressor_s_parameters_are_found_everywhere() {
    for user in [
        r#"a="x acpi_rsdp=0x10 y""#,
        "-- acpi_rsdp=0x10",
        "-- earlyprintk=serial,ttyS0",
    ] {
        assert!(compose(user, &WALLS, 2047).is_err(), "{user}");
    }
}

/// Only the owner of the I/O APIC has one to look for.
#[test]
fn a_partition_without_an_io_apic_does_not_look_for_one() {
    let has_noapic = |owns_io_apic| {
        let walls = Walls {
            owns_io_apic,
            ..WALLS
        };
        let line = compose("quiet", &walls, 2047).expect("accepted");
        line.split(' ').any(|word| word == "noapic")
    };
    assert!(has_noapic(false) && !has_noapic(true));
    let page = include_str!("../../../../docs/parameters.md");
    assert!(page.contains("### `noapic`"));
}

#[test]
fn sentences() {
    assert_eq!(
        refusal("noefi"),
        "parameter noefi is refused: power-off and reboot reach Bulkhead through the EFI services; \
         without them a reboot resets the whole machine"
    );
    assert_eq!(
        refusal("pnpacpi=off"),
        "parameter pnpacpi=off is refused: a suspended Linux would sleep for ever: it is a PNP device of \
         its tables that keeps it from that"
    );
    assert_eq!(
        refusal("mem=8G"),
        "parameter mem=8G is refused: it is no size up to the 512M that the partition claims"
    );
    assert_eq!(
        refusal("console=ttyS0,115200"),
        "parameter console=ttyS0,115200 is refused: com1 is not the partition's (its serial ports: com2)"
    );
    assert_eq!(
        refusal("a=\"b"),
        "the command line has a quote that is not closed"
    );
    assert_eq!(
        refusal("caf\u{e9}"),
        "the command line has the character \\u{e9} (accepted: printable ASCII)"
    );
    assert_eq!(
        refusal("a\nb"),
        "the command line has the character \\u{a} (accepted: printable ASCII)"
    );
    let error = compose("quiet", &WALLS, 100).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "the command line has 261 bytes with what Bulkhead adds, and the kernel accepts 100"
    );
}

#[test]
fn the_limit_itself_is_accepted() {
    let bytes = line("quiet").len();
    assert!(compose("quiet", &WALLS, u32::try_from(bytes).expect("short")).is_ok());
    assert!(compose("quiet", &WALLS, u32::try_from(bytes).expect("short") - 1).is_err());
}

/// Operators read `docs/parameters.md`; it must name what the code does.
#[test]
fn the_documentation_names_every_parameter() {
    let page = include_str!("../../../../docs/parameters.md");
    let added = line("")
        .split(' ')
        .map(|word| word.split('=').next().expect("a name").to_string())
        .collect::<Vec<_>>();
    assert_eq!(added.len(), 13);
    let (added_part, refused_part) = page.split_once("## Refused").expect("two parts");
    for name in added {
        assert!(
            added_part.contains(&format!("### `{name}=")),
            "added: {name}"
        );
    }
    let ports = ["console", "earlycon", "earlyprintk", "kgdboc", "mem"];
    for name in RULES.iter().map(|rule| rule.name).chain(ports) {
        let is_told = [format!("`{name}`"), format!("`{name}=")]
            .iter()
            .any(|text| refused_part.contains(text));
        assert!(is_told, "refused: {name}");
    }
}

proptest! {
    #[test]
    fn never_panics(user in ".{0,64}", claim in any::<u64>(), limit in any::<u32>()) {
        let _ = compose(&user, &Walls { claim_bytes: claim, ..WALLS }, limit);
    }

    /// However the operator's text is made up of tricky parts, ours are parameters of their own
    /// in the end, and the last of their name.
    #[test]
    fn ours_always_win(parts in prop::collection::vec(0usize..9, 0..8)) {
        let tricks = vec!["a", "\"", " ", "--", "=", "no_ipi_broadcast=1", "console=ttyS1", "x=\"y z\"", "\t"];
        let user: String = parts.into_iter().map(|part| tricks[part]).collect();
        if let Ok(line) = compose(&user, &WALLS, 2047) {
            for ours in OURS.split(' ') {
                let name = ours.split('=').next().expect("a name");
                let last = kernel_words(&line).filter(|word| word.is_called(name)).last();
                prop_assert_eq!(last.map(|word| word.text), Some(ours));
            }
        }
    }
}
