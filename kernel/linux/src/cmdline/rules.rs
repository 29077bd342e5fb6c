//! The parameters that an operator may not give, each with its reason.
//!
//! A rule refuses what would make a stock Linux look beyond what its partition was given, or
//! take from Bulkhead the way back. It guards against mistakes, not against malice: root inside
//! a partition can do more than any parameter. `docs/parameters.md` tells the same to operators,
//! and a test compares the two.

/// One parameter that is refused, always or with some values.
pub(super) struct Rule {
    /// The parameter's name.
    pub(super) name: &'static str,
    /// Whether it is refused with this value.
    pub(super) refuses: fn(Option<&str>) -> bool,
    /// Why, as the end of the sentence "... is refused: ".
    pub(super) reason: &'static str,
}

/// Refused whatever its value.
const ALWAYS: fn(Option<&str>) -> bool = |_| true;

const TABLES: &str = "Linux would not use the partition's ACPI tables and would take the machine's interrupt controllers";
const EFI: &str = "power-off and reboot reach Bulkhead through the EFI services; without them a reboot resets the whole machine";
const TIMER: &str =
    "without its local APIC Linux would take the machine's timer and interrupt controller";
const OURS: &str = "Bulkhead sets it itself";
const FOREIGN_MEMORY: &str = "it names physical memory, which may belong to another partition";
const SLEEPS: &str = "a suspended Linux would sleep for ever: it is a PNP device of its tables that keeps it from that";
/// What Linux has to call so that this device is there.
const PNP_CALLS: [&str; 4] = ["acpi_init", "pnp_init", "pnpacpi_init", "pnp_system_init"];
const MACHINE_CHECK: &str =
    "a machine check reaches all cores, and one that does not listen resets the whole machine";

/// Every rule, in the order of `docs/parameters.md`.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "acpi",
        refuses: |value| {
            !is_one_of(
                value,
                &[
                    "force",
                    "on",
                    "strict",
                    "copy_dsdt",
                    "nocmcff",
                    "nospcr",
                    "spcr",
                ],
            )
        },
        reason: TABLES,
    },
    Rule {
        name: "acpi_rsdp",
        refuses: ALWAYS,
        reason: TABLES,
    },
    Rule {
        name: "acpi_apic_instance",
        refuses: ALWAYS,
        reason: TABLES,
    },
    Rule {
        name: "update_mptable",
        refuses: ALWAYS,
        reason: "Linux would write to the BIOS's table of the machine's processors",
    },
    Rule {
        name: "noefi",
        refuses: ALWAYS,
        reason: EFI,
    },
    Rule {
        name: "efi",
        refuses: |value| has_item(value, |item| matches!(item, "noruntime" | "old_map")),
        reason: EFI,
    },
    Rule {
        name: "efi_fake_mem",
        refuses: ALWAYS,
        reason: "it rewrites the memory map that keeps the partition inside its claim",
    },
    Rule {
        name: "reboot",
        refuses: |value| !is_efi_reboot(value.unwrap_or_default()),
        reason: "any way but EFI resets the whole machine (accepted: reboot=efi, also with warm, cold, hard, soft or force)",
    },
    Rule {
        name: "pci",
        refuses: |value| has_item(value, |item| item == "noacpi"),
        reason: TABLES,
    },
    Rule {
        name: "pci",
        refuses: |value| has_item(value, |item| item == "big_root_window"),
        reason: "Linux would change which addresses the machine's processors send to PCI",
    },
    Rule {
        name: "pci",
        refuses: |value| has_item(value, is_foreign_pci),
        reason: "Linux would look for PCI devices beyond those that the partition was given",
    },
    Rule {
        name: "i8042.nopnp",
        refuses: ALWAYS,
        reason: "Linux would drive the keyboard controller without asking whether the partition has it",
    },
    Rule {
        name: "pnpacpi",
        refuses: |value| value.is_some_and(|value| value.starts_with("off")),
        reason: SLEEPS,
    },
    Rule {
        name: "initcall_blacklist",
        refuses: |value| has_item(value, |item| PNP_CALLS.contains(&item)),
        reason: SLEEPS,
    },
    Rule {
        name: "no_ipi_broadcast",
        refuses: |value| value != Some("1"),
        reason: "Linux would send interrupts to all cores of the machine at once (accepted: no_ipi_broadcast=1)",
    },
    Rule {
        name: "nolapic",
        refuses: ALWAYS,
        reason: TIMER,
    },
    Rule {
        name: "disableapic",
        refuses: ALWAYS,
        reason: TIMER,
    },
    Rule {
        name: "nolapic_timer",
        refuses: ALWAYS,
        reason: TIMER,
    },
    Rule {
        name: "noapictimer",
        refuses: ALWAYS,
        reason: TIMER,
    },
    Rule {
        name: "apic",
        refuses: |value| value.is_some() && !is_one_of(value, &["quiet", "verbose", "debug"]),
        reason: "the APIC driver is chosen by the partition's tables (accepted: apic=verbose, apic=debug)",
    },
    Rule {
        name: "nox2apic",
        refuses: ALWAYS,
        reason: "Bulkhead takes the cores back in the APIC mode in which it gave them",
    },
    Rule {
        name: "hpet",
        refuses: |value| has_item(value, |item| item == "force"),
        reason: "the HPET belongs to no partition",
    },
    Rule {
        name: "mce",
        refuses: |value| is_one_of(value, &["off"]),
        reason: MACHINE_CHECK,
    },
    Rule {
        name: "nomce",
        refuses: ALWAYS,
        reason: MACHINE_CHECK,
    },
    Rule {
        name: "disable_cpu_apicid",
        refuses: ALWAYS,
        reason: OURS,
    },
    Rule {
        name: "tsc_early_khz",
        refuses: ALWAYS,
        reason: OURS,
    },
    Rule {
        name: "reserve",
        refuses: ALWAYS,
        reason: "Linux keeps four ranges, and Bulkhead needs them for the ports of others",
    },
    Rule {
        name: "memmap",
        refuses: |value| has_item(value, |item| !is_harmless_memmap(item)),
        reason: "it may add memory that the partition does not own (accepted: memmap=SIZE$ADDRESS, which takes some away)",
    },
    Rule {
        name: "initrdmem",
        refuses: ALWAYS,
        reason: FOREIGN_MEMORY,
    },
    Rule {
        name: "initrd",
        refuses: |value| value.is_some_and(|value| value.contains(',')),
        reason: FOREIGN_MEMORY,
    },
    Rule {
        name: "elfcorehdr",
        refuses: ALWAYS,
        reason: FOREIGN_MEMORY,
    },
    Rule {
        name: "ramoops.mem_address",
        refuses: ALWAYS,
        reason: FOREIGN_MEMORY,
    },
    Rule {
        name: "phram.phram",
        refuses: ALWAYS,
        reason: FOREIGN_MEMORY,
    },
    Rule {
        name: "bootconfig",
        refuses: ALWAYS,
        reason: "it brings parameters from the initrd that nobody has checked",
    },
];

/// Parameters that the kernel's decompressor or its earliest code finds inside quotes and behind
/// `--` too.
pub(super) const SEEN_THROUGH_QUOTES: [&str; 3] = ["acpi_rsdp", "earlyprintk", "console"];

fn is_one_of(value: Option<&str>, accepted: &[&str]) -> bool {
    value.is_some_and(|value| accepted.contains(&value))
}

/// Whether one of the comma-separated items of `value` is `wanted`.
fn has_item(value: Option<&str>, wanted: impl Fn(&str) -> bool) -> bool {
    value.is_some_and(|value| value.split(',').any(wanted))
}

/// Whether `reboot=` with this value reboots by EFI. Linux (`kernel/reboot.c`) looks at the first
/// letter of each item, and gives up its own choice, EFI, as soon as it sees any `reboot=`: even
/// `reboot=warm` alone would reset the whole machine.
fn is_efi_reboot(value: &str) -> bool {
    let letter = |item: &str| item.strip_prefix("panic_").unwrap_or(item).bytes().next();
    let is_type = |letter: &u8| b"bakpte".contains(letter);
    let mut types = value
        .split(',')
        .filter_map(letter)
        .filter(is_type)
        .peekable();
    types.peek().is_some() && types.all(|letter| letter == b'e')
}

/// Items of `pci=` that choose another way to configuration space than ECAM, or other buses and
/// segments than the tables say (Linux `arch/x86/pci/common.c`).
fn is_foreign_pci(item: &str) -> bool {
    const ITEMS: [&str; 10] = [
        "bios",
        "biosirq",
        "conf1",
        "conf2",
        "nommconf",
        "nodomains",
        "nocrs",
        "earlydump",
        "check_enable_amd_mmconf",
        "assign-busses",
    ];
    ITEMS.contains(&item) || item.starts_with("lastbus=") || item.starts_with("pirqaddr=")
}

/// Whether an item of `memmap=` only takes memory away: `SIZE$ADDRESS` or a mere size. The others
/// (`@ # ! %` and `exactmap`) add ranges or change what they are.
fn is_harmless_memmap(item: &str) -> bool {
    item.starts_with(|c: char| c.is_ascii_digit()) && !item.contains(['@', '#', '!', '%'])
}
