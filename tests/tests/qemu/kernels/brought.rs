//! Parameters that people bring from their machines: those of real-time systems, of faults that they have
//! met, of other firmware. Each boots, or is refused by name.

use bulkhead_tests::Kernel;
use bulkhead_tests::neighbour::{Neighbour, beside_a_witness};
use bulkhead_tests::qemu::Machine;

/// Parameters, and how many of the two cores are online with them.
const BROUGHT: [(&str, usize); 24] = [
    // Real time.
    (
        "isolcpus=nohz,domain,managed_irq,1 nohz_full=1 rcu_nocbs=1 rcu_nocb_poll irqaffinity=0 \
         skew_tick=1 nosoftlockup nowatchdog threadirqs",
        2,
    ),
    (
        "isolcpus=1 nohz=on rcu_nocbs=all nmi_watchdog=0 idle=poll processor.max_cstate=0 \
         intel_idle.max_cstate=0 intel_pstate=disable mce=ignore_ce tsc=nowatchdog audit=0 \
         mitigations=off",
        2,
    ),
    ("highres=off nohz=off", 2),
    ("nmi_watchdog=panic softlockup_panic=1 hung_task_panic=1", 2),
    // Cores.
    ("nosmp", 1),
    ("maxcpus=1", 1),
    ("nr_cpus=1", 1),
    ("nr_cpus=8 possible_cpus=8", 2),
    ("nosmt=force", 2),
    ("x2apic_phys no_timer_check", 2),
    // Clocks.
    ("clocksource=hpet", 2),
    ("clocksource=acpi_pm hpet=disable", 2),
    ("notsc", 2),
    ("lapic=notscdeadline", 2),
    // Memory.
    (
        "default_hugepagesz=2M hugepagesz=2M hugepages=16 transparent_hugepage=never numa=off",
        2,
    ),
    ("crashkernel=64M,high swiotlb=force", 2),
    (
        "init_on_alloc=1 init_on_free=1 page_poison=1 slub_debug=FZP no5lvl nopcid nopti",
        2,
    ),
    ("memtest=1 numa=fake=2 iommu=pt intel_iommu=on", 2),
    // Firmware.
    (
        "efi=debug efi=nosoftreserve efi=disable_early_pci_dma add_efi_memmap random.trust_cpu=off \
         random.trust_bootloader=off",
        2,
    ),
    (
        "acpi=strict acpi_osi=! acpi_osi=Linux acpi_backlight=native",
        2,
    ),
    ("pci=off pcie_aspm=off", 2),
    // Security.
    (
        "lockdown=confidentiality module.sig_enforce=1 lsm=lockdown",
        2,
    ),
    (
        "dis_ucode_ldr cgroup_disable=memory clearcpuid=smap noxsave",
        2,
    ),
    // Talkative.
    (
        "debug ignore_loglevel initcall_debug earlyprintk=ttyS1,115200,keep vga=791 nomodeset \
         BOOT_IMAGE=/vmlinuz",
        2,
    ),
];

/// Each is launched, has its cores, complains of nothing, and tells how it ends: by a power-off or a panic,
/// in turn.
pub(super) fn parameters(kernel: Kernel) {
    let name = format!("brought_{}", kernel.name());
    let iso = beside_a_witness(&name, kernel, Vec::new(), "512M").make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    let mut witness = Neighbour::watch(&mut machine, 3);
    machine.expect("kill it", &[]);
    for (round, (parameters, cores)) in BROUGHT.into_iter().enumerate() {
        println!("{parameters}");
        machine.com(2).skip();
        machine.expect(
            &format!("set it restart=never cmdline=\"bulkhead.name=it {parameters}\""),
            &[],
        );
        machine.expect("start it", &[]);
        let report = machine.wait_for_demo(2);
        assert_eq!(report.cpus, cores, "{parameters}");
        let complaints = machine.linux(
            2,
            "dmesg | grep -E 'page allocation failure|Call Trace|BUG:|WARNING:'; true",
        );
        assert_eq!(complaints, "", "{parameters}");
        machine.com(2).skip();
        if round % 2 == 0 {
            machine.com(2).send("poweroff -f\r");
            machine.wait_for(1, "* it: powered-off");
        } else {
            machine.com(2).send("echo c > /proc/sysrq-trigger\r");
            machine.wait_for(1, "* it: failed reason=\"panic");
        }
        machine.wait_for(1, "* it: parked");
        witness.runs_on(&mut machine, parameters);
    }
    witness.noticed_nothing(&mut machine);
}
