//! The cases.

use super::case::{Act, Case, Control};

/// `mov $REGISTER,%ecx; mov $LOW,%eax; mov $HIGH,%edx; wrmsr; xor %eax,%eax; ret`
const fn wrmsr(register: u32, value: u64) -> [u8; 20] {
    let [a, b, c, d] = register.to_le_bytes();
    let [l0, l1, l2, l3, h0, h1, h2, h3] = value.to_le_bytes();
    [
        0xb9, a, b, c, d, 0xb8, l0, l1, l2, l3, 0xba, h0, h1, h2, h3, 0x0f, 0x30, 0x31, 0xc0, 0xc3,
    ]
}

const NO_MTRRS: [u8; 20] = wrmsr(0x2ff, 0);
const NO_PAT: [u8; 20] = wrmsr(0x277, 0);
const NO_APIC: [u8; 20] = wrmsr(0x1b, 0xfee0_0000);
const TSC_ZERO: [u8; 20] = wrmsr(0x10, 0);
const MICROCODE: [u8; 20] = wrmsr(0x79, 0);

/// `cli; 1: hlt; jmp 1b`
const STOP: [u8; 4] = [0xfa, 0xf4, 0xeb, 0xfd];
/// `push $0; push $0; lidt (%rsp); int3`
const TRIPLE_FAULT: [u8; 9] = [0x6a, 0, 0x6a, 0, 0x0f, 0x01, 0x1c, 0x24, 0xcc];
/// `mov $0x40000,%ecx; 1: wbinvd; loop 1b; xor %eax,%eax; ret`
const WBINVD: [u8; 12] = [0xb9, 0, 0, 4, 0, 0x0f, 0x09, 0xe2, 0xfc, 0x31, 0xc0, 0xc3];
/// `xor %eax,%eax; mov %eax,(%rax)`
const OOPS: [u8; 4] = [0x31, 0xc0, 0x89, 0x00];
/// Of a process that an oops ends: 128 and SIGKILL.
const KILLED: u8 = 137;

/// The cases, controls first.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut cases = vec![
        Case::line("control-nothing", "control: nothing is done", "true").control(Control::Nobody),
        Case::new(
            "control-hurt",
            "control: the witness is ended from Bulkhead's shell",
            Act::Shell("kill witness"),
        )
        .control(Control::Hurt("the witness does not answer")),
        Case::beside(
            "control-enumerate",
            "control: the witness enumerates PCI by ports 0xcf8 and 0xcfc, and nothing is done",
            "true",
            "hostile enumerate 8",
        )
        .control(Control::Nobody),
        Case::beside(
            "control-card",
            "control: the witness looks at its card, and nothing is done",
            "true",
            CARD_IS_SAME,
        )
        .control(Control::Nobody),
        Case::new(
            "control-check",
            "control: nothing is done beside a kernel that knows machine checks",
            Act::Check(""),
        )
        .control(Control::Nobody),
        Case::new(
            "control-check-witness",
            "control: an error in the witness's memory, told to its core by QEMU's monitor, of which its kernel's log alone knows",
            Act::Check("3 9 0xbd000000000000c0 0x5 0x{WITNESS} 0x8c"),
        )
        .control(Control::Hurt("the witness's kernel complains")),
    ];
    cases.extend(own_kernel());
    cases.extend(interrupts());
    cases.extend(registers());
    cases.extend(ports());
    cases.extend(memory());
    cases.extend(cards());
    cases.extend(services());
    cases
}

/// Of each of the I/O APIC's pins first where it is sent, by the local APIC's ID in the highest byte, then its vector,
/// 32, edges, not masked.
macro_rules! all_pins_to {
    ($destination:literal) => {
        concat!(
            "for i in $(seq 16 2 62); do hostile dword fec00000 $(printf %x $((i+1))); hostile dword fec00010 ",
            $destination,
            "; hostile dword fec00000 $(printf %x $i); hostile dword fec00010 20; done | sort -u"
        )
    };
}

/// Ends and faults of its own.
fn own_kernel() -> Vec<Case> {
    vec![
        Case::new("oops", "a null pointer in a module", Act::Code(&OOPS, KILLED)),
        Case::line(
            "panic",
            "`echo c > /proc/sysrq-trigger`",
            "echo c >/proc/sysrq-trigger",
        ),
        Case::code("stop", "a core with interrupts off, for ever", &STOP),
        Case::code("triple-fault", "a triple fault", &TRIPLE_FAULT)
            .noted("what a core does then is up to the board: most reset the machine, as here"),
        Case::line(
            "fork-bomb",
            "a fork bomb, 10 s",
            // What the shell does itself needs no process.
            "(f() { f & f; }; f) >/dev/null 2>&1 & read -t 10 x || true; read x </proc/loadavg; echo load $x; [ ${x%%.*} -gt 2 ]",
        )
        // Whom the kernel ends for want of memory, and whether init is among them.
        .by_chance(),
        Case::line(
            "out-of-memory",
            "twice its memory, wanted in a tmpfs",
            "mkdir /more; mount -t tmpfs -o size=2G x /more; dd if=/dev/zero of=/more/x bs=1M count=512 || true; dmesg | grep -ci 'out of memory'",
        )
        .by_chance(),
        Case::line(
            "clock",
            "the clock set to 2038 and back, 100 times",
            // `date -s` prints it, and succeeds, also where it can't set it.
            "for i in $(seq 50); do date -s 2038.01.19-03:14:07; [ $(date +%Y) = 2038 ]; date -s 2026.01.01-00:00:00; [ $(date +%Y) = 2026 ]; done | tail -n 1",
        ),
        Case::line(
            "reboots",
            "`reboot -f`, with a policy that starts it again",
            "reboot -f",
        ),
        Case::new("machine-check-own", "an error of its core's that is not corrected, and of which nothing more is known", Act::Check("1 1 0xb000000000000000 0x5 0 0")),
        Case::new("machine-check-fatal", "a machine check on its core with the processor's context corrupt", Act::Check("1 1 0xb200000000000000 0x5 0 0")).noted("some boards send a fatal one to all cores: the next row"),
        Case::new("machine-check-all", "the same, told to all cores, as some boards do", Act::Check("-b 1 1 0xb200000000000000 0x5 0 0")).noted("QEMU tells it to Bulkhead's core and the witness's, too"),
        Case::new("machine-check-wanted", "an error in its memory that a core has run into: recovery is wanted (SRAR)", Act::Check("1 9 0xbd80000000000134 0x6 0x{RAM} 0x8c")),
        Case::new("machine-check-optional", "one that was found in its memory meanwhile: recovery is optional (SRAO)", Act::Check("1 9 0xbd000000000000c0 0x5 0x{RAM} 0x8c")),
        Case::new("machine-check-corrected", "an error of its core's that hardware has corrected", Act::Check("1 1 0x9000000000000000 0 0 0")).noted("QEMU puts it into the bank and interrupts nobody; a kernel looks there every five minutes"),
    ]
}

/// By the local APIC's command register, in memory: `HIGH` has the target, `LOW` sends.
fn interrupts() -> Vec<Case> {
    vec![
        Case::line(
            "nmi-witness",
            "an NMI to the witness's core",
            "hostile ipi 3000000 4400",
        ),
        Case::line(
            "nmi-shell",
            "an NMI to Bulkhead's core",
            "hostile ipi 0 4400",
        ),
        Case::line(
            "nmi-all",
            "an NMI to all cores but its own (shorthand)",
            "hostile dword fee00300 c4400",
        ),
        Case::line(
            "vector-all",
            "a vector nobody uses, to all (shorthand), 1000 times",
            "for i in $(seq 1000); do hostile dword fee00300 c4055; done | sort -u",
        ),
        Case::line(
            "timer-all",
            "the vector of the witness's timer, to all, 1000 times",
            "for i in $(seq 1000); do hostile dword fee00300 c40ec; done | sort -u",
        ),
        Case::line(
            "init-witness",
            "INIT to the witness's core",
            "hostile ipi 3000000 4500",
        ),
        Case::line(
            "init-shell",
            "INIT to Bulkhead's core",
            "hostile ipi 0 4500",
        ),
        Case::line(
            "init-all",
            "INIT to all cores but its own (shorthand)",
            "hostile dword fee00300 c4500",
        ),
        Case::line(
            "start-witness",
            "SIPI to the witness's core, which runs",
            "hostile ipi 3000000 4608",
        ),
        Case::line(
            "start-all",
            "SIPI to all cores but its own (shorthand)",
            "hostile dword fee00300 c4608",
        ),
        Case::line(
            "smi-all",
            "an SMI to all cores but its own, by the local APIC (shorthand)",
            "hostile dword fee00300 c4200",
        )
        .noted("firmware's handler is there on a board; QEMU's BIOS has moved that of the boot processor alone"),
    ]
}

fn registers() -> Vec<Case> {
    vec![
        Case::code(
            "mtrr",
            "its core's memory types off (MTRR default type)",
            &NO_MTRRS,
        )
        .noted("cores that share caches must agree; the emulator has none"),
        Case::code(
            "pat",
            "its core's page attribute table all uncached",
            &NO_PAT,
        )
        .noted("the emulator has no caches"),
        Case::code("apic-off", "its core's local APIC off", &NO_APIC),
        Case::code("tsc", "its core's time-stamp counter set to 0", &TSC_ZERO),
        Case::code("microcode", "a microcode update at address 0", &MICROCODE)
            .noted("hardware refuses one that is not signed; the emulator has no such register"),
        Case::code("wbinvd", "`wbinvd`, 262,144 times", &WBINVD)
            .noted("empties caches that cores share; the emulator has none"),
        Case::line(
            "split-locks",
            "locks across cache lines, 10 s",
            "hostile split 10",
        )
        .noted("each stops all cores' memory for a microsecond; the emulator has no bus"),
    ]
}

fn ports() -> Vec<Case> {
    vec![
        Case::line("cf9", "a reset by port 0xcf9", "hostile out 8 cf9 6"),
        Case::line(
            "keyboard-reset",
            "a reset by the keyboard controller (port 0x64)",
            "hostile out 8 64 fe",
        ),
        Case::line("fast-reset", "a reset by port 0x92", "hostile out 8 92 1"),
        Case::line(
            "power-off",
            "power-off by the chipset's PM1 control",
            // The type of sleep that is S5 on this chipset: 0.
            "hostile out 16 604 2000",
        ),
        Case::line(
            "smi",
            "an SMI command (port 0xb2), 256 of them",
            "hostile out 8 b2 $(for i in $(seq 0 255); do printf '%x ' $i; done)",
        )
        .noted("what firmware does at each is the board's; here ACPI mode is left and entered, and a core that is not the boot processor stays in SMM: QEMU's BIOS has moved the boot processor's handler alone (SMBASE), so it executes what lies at 0x38000 until it is reset"),
        Case::line(
            "pic",
            "the 8259 set up anew, all lines open, ten times",
            // Ten times: whom it hits is who takes the next tick of the 8254.
            "for i in $(seq 10); do for x in '20 11' '21 20' '21 4' '21 1' '21 0'; do hostile out 8 $x; usleep 50000; done; done | sort -u",
        )
        .noted("every Linux's boot core takes what the 8259 says (LINT0 is ExtINT, as Linux sets it with `noapic`): the timer's tick may come as a divide error before the new vectors are set. Bulkhead has all lines masked")
        .by_chance(),
        Case::line(
            "pit",
            "the 8254's channel 0 at its fastest",
            "hostile out 8 43 34; hostile out 8 40 1; hostile out 8 40 0",
        )
        .noted("it is QEMU that stands still: its main thread alone runs then, with more than a million ends of that timer a second; on a board nobody listens to that line"),
        Case::line(
            "rtc",
            "the real-time clock's ports, 10 s",
            "hostile ports 10 70 0",
        ),
        Case::line(
            "rtc-time",
            "the real-time clock set to 2099",
            "hostile out 8 70 9; hostile out 8 71 99",
        ),
        Case::line(
            "rtc-set",
            "the real-time clock left standing, as while it is set (SET), in the year 99",
            "hostile out 8 70 b; hostile out 8 71 82; hostile out 8 70 9; hostile out 8 71 99",
        ),
        Case::line(
            "rtc-hours",
            "the real-time clock's hours set to 23, or 11 if it is that",
            "h=23; [ $(date -u +%H) != 23 ] || h=11; hostile out 8 70 4; hostile out 8 71 $h",
        ),
        Case::beside(
            "config",
            "all of PCI by ports 0xcf8 and 0xcfc from both cores, 10 s, while the witness enumerates by them",
            "hostile config 10",
            "hostile enumerate 8",
        )
        .noted("one pair of ports for the whole machine; a partition's Linux never uses it, since its devices are in a segment that it reaches by memory"),
        Case::line(
            "serial",
            "Bulkhead's serial port (0x3f8) set to 50 baud and silent",
            "hostile out 8 3fb 80; hostile out 8 3f8 0; hostile out 8 3f9 9; hostile out 8 3fb 3; hostile out 8 3f9 0",
        )
        .noted("the emulator has no rate; on a real line nothing can be read or typed until it is set again"),
        Case::line(
            "a20",
            "the A20 gate closed (port 0x92)",
            "hostile out 8 92 0",
        ),
    ]
}

fn memory() -> Vec<Case> {
    vec![
        Case::line(
            "ram-witness",
            "192 MiB of the witness's RAM overwritten",
            "hostile fill {WITNESS} c000000 ff",
        ),
        Case::line(
            "ram-bulkhead",
            "Bulkhead's own RAM overwritten",
            "hostile fill {BULKHEAD} 40000 ff",
        ),
        Case::line(
            "firmware-own",
            "the firmware's block that Bulkhead keeps for it, overwritten",
            "hostile fill {OWN} 2000 ff",
        ),
        Case::line(
            "firmware-code",
            "the firmware's code in its RAM overwritten, and called",
            "hostile fill {CODE} 1000 ff; hostile variables 1 | sed 's/HOSTILE/calls/' || true",
        ),
        Case::line(
            "low",
            "the first 640 KiB overwritten",
            "hostile fill 0 9f000 ff",
        )
        .noted("the page in which a core starts after INIT lies there, and is put right before each start"),
        Case::line(
            "ecam",
            "configuration space of the host bridge overwritten",
            "hostile fill b0000000 1000 ff",
        ),
        Case::line(
            "io-apic",
            "the I/O APIC's 24 pins sent to its core",
            all_pins_to!("1000000"),
        ),
        Case::line(
            "io-apic-witness",
            "the I/O APIC's 24 pins sent to the witness's core",
            all_pins_to!("3000000"),
        ),
        Case::line(
            "hpet",
            "the HPET stopped and set to 0",
            "hostile dword fed00010 0; hostile dword fed000f0 0 0",
        ),
        Case::line(
            "lapic-own",
            "its own local APIC's registers filled with ones",
            "hostile fill fee00080 300 ff",
        ),
    ]
}

/// Its card copies the firmware's data over and over; after each reset it is set up anew.
const HOT_RESET: &str = "d=/sys/bus/pci/devices/0001:01:00.0; b=$(awk 'NR==1{print $1}' $d/resource); \
    printf '\\006' | dd of=$d/config bs=1 seek=4 conv=notrunc 2>/dev/null; head -c 64 $d/config >/tmp/c; \
    w() { devmem $((b+$1)) 64 $2; }; \
    (set +e; n=0; while :; do dd if=/tmp/c of=$d/config conv=notrunc; w 0x80 0x{OWN}; w 0x88 0x40000; w 0x90 4096; \
    w 0x98 1 && n=$((n+1)) && echo $n >/tmp/copies; done) >/dev/null 2>&1 & \
    hostile hot-reset 1 10 && kill $! && [ -s /tmp/copies ] && echo HOSTILE did $(cat /tmp/copies) copies";
/// Its command register, and where its memory is.
const CARD_IS_SAME: &str = "f=/sys/bus/pci/devices/0001:02:00.0/config; c() { head -c 64 $f | md5sum; }; a=$(c); sleep 8; \
    if [ ! -s $f ]; then echo HOSTILE failed: no card; elif [ \"$a\" = \"$(c)\" ]; then echo HOSTILE did 1; \
    else echo HOSTILE found: its card is not as it was; fi";

fn cards() -> Vec<Case> {
    vec![
        Case::new(
            "card",
            "its card told to write into the witness's RAM",
            Act::Card(""),
        ),
        Case::new(
            "card-iommu-off",
            "the same, after the IOMMU's command register was set to 0",
            Act::Card("hostile dword fed90018 0; "),
        ),
        Case::line(
            "hot-reset",
            "its card reset by the bridge before it, while it copies, 10 s",
            HOT_RESET,
        ),
        Case::beside(
            "ecam-witness",
            "the command register of the witness's card cleared, by ECAM",
            "hostile dword b0200004 0",
            CARD_IS_SAME,
        ),
        Case::beside(
            "config-witness",
            "the same by ports 0xcf8 and 0xcfc",
            "hostile out 32 cf8 80020004; hostile out 32 cfc 0",
            CARD_IS_SAME,
        ),
        Case::beside(
            "hot-reset-witness",
            "the witness's card reset by the bridge before it, 5 s",
            "hostile hot-reset 2 5",
            CARD_IS_SAME,
        ),
    ]
}

fn services() -> Vec<Case> {
    vec![
        Case::line(
            "calls",
            "EFI runtime services called by its kernel with every kind of pointer and length",
            // Else each module that goes waits for its readers.
            "echo 1 >/sys/kernel/rcu_expedited; hostile calls /lib/room.ko | tr '\\n' ' '",
        ),
        Case::beside(
            "variables-both",
            "EFI variables read without a pause by both partitions, 10 s",
            "hostile variables 10",
            "hostile variables 8",
        ),
        Case::line(
            "variables",
            "EFI variables read without a pause, 10 s",
            "hostile variables 10",
        ),
        Case::line(
            "variables-all",
            "4,096 EFI variables written, until there is no more room",
            "n=0; for i in $(seq 4096); do printf '\\007\\000\\000\\000x' >/sys/firmware/efi/efivars/X$i-12345678-1234-1234-1234-123456789abc || break; n=$i; done 2>/dev/null; echo wrote $n; [ $n -gt 0 ]",
        ),
        Case::line(
            "requests",
            "1,000 requests for what it may not do",
            "f=/sys/firmware/efi/efivars/Control-8b3a1f6e-2d47-4c59-9e07-b41c6ad05f23; unlock $f; for i in $(seq 1000); do printf '\\006\\000\\000\\000kill witness' >$f || true; done 2>/dev/null; tail -c +5 $f | grep error",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let mut names: Vec<_> = all().iter().map(|case| case.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn controls_are_known_by_their_names() {
        for case in all() {
            let is_named = case.name.starts_with("control-");
            assert_eq!(case.control.is_some(), is_named, "{}", case.name);
        }
    }

    #[test]
    fn code_is_what_it_says() {
        let wanted = [
            0xb9, 0xff, 2, 0, 0, 0xb8, 4, 3, 2, 1, 0xba, 8, 7, 6, 5, 0x0f, 0x30, 0x31, 0xc0, 0xc3,
        ];
        assert_eq!(wrmsr(0x2ff, 0x0506_0708_0102_0304), wanted);
    }
}
