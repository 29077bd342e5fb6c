//! Each target with what it begins with, and with all that a search has found.

use bulkhead_fuzz::{corpus, target, targets};

/// Threads have 2 MiB of stack; a finding names its target and its input.
fn replay(name: &str) {
    let target = target(name).expect("it is a target");
    let found = std::fs::read(corpus::path(name));
    let found = found.unwrap_or_else(|error| panic!("{name} has no corpus: {error}"));
    assert!(found.len() <= corpus::MOST_BYTES, "{} bytes", found.len());
    let found = corpus::unpack(&found);
    assert!(
        !found.is_empty(),
        "{name}'s corpus is empty: make fuzz TARGET={name} KEEP=1"
    );
    let none = [Vec::new(), vec![0], vec![0xff; target.most]];
    for input in (target.seeds)().into_iter().chain(none).chain(found) {
        let shown: String = input
            .iter()
            .take(200)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        println!("{name}: {shown}");
        (target.run)(&input);
    }
}

macro_rules! replayed {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_is_replayed_and_every_corpus_is_a_targets() {
            let names: Vec<&str> = targets().iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let folder = corpus::path("");
            for file in std::fs::read_dir(folder).expect("there are corpora") {
                let name = file.expect("it can be listed").file_name();
                assert!(names.iter().any(|known| name == *known), "{}", name.display());
            }
        }
    };
}

replayed! {
    acpi aml spcr root smbios dmar ivrs
    multiboot2 limine bzimage uki module_line memory_map kernel_line
    pci xhci usb link_function
    ps2 faults
    prompt script options
    request variables page_tables
    store
    console_wire passage efi_time idt_gate
    rtc
    cpuid mtrr
    printk kept vmcoreinfo
    rings blocks
    grub bls grubenv superblock
    told apply
    survey_file survey
}

#[test]
fn what_is_packed_is_unpacked_as_far_as_there_is_room() {
    let inputs = vec![
        vec![3; 300],
        Vec::new(),
        vec![1],
        vec![1],
        vec![9; corpus::MOST_BYTES],
    ];
    let packed = corpus::pack(inputs);
    assert_eq!(corpus::unpack(&packed), [Vec::new(), vec![1], vec![3; 300]]);
}
