//! How a core of a Linux that ends is led out of it: by an interrupt.
//!
//! A non-maskable one reaches a core whatever it does, with interrupts off as well, and leads to
//! where the interrupt table of its Linux says. The table's gate is made to lead to a [`detour`]: a
//! few instructions that call a runtime service, in the page tables in which that Linux itself calls
//! them. They take the place of a handler that no processor has used since the 80386: other cores may
//! be anywhere in that Linux's code meanwhile, also in the handlers of the interrupts that are sent.
//! So none of these is written to, and a gate changes in one piece.
//!
//! Source: Intel SDM Vol. 3A, "64-Bit Mode IDT", "Interrupt 9"; UEFI 2.10 §8.5.1, "ResetSystem".

/// Bytes of a gate.
pub const GATE_BYTES: usize = 16;
/// Bytes of a detour. The handler whose place it takes has 23 (5.10) to 31, at a multiple of 16, and
/// behind it is that of vector 15, which never comes either.
pub const DETOUR_BYTES: usize = 31;
/// The vector whose handler is replaced: the coprocessor's segment overrun. Stock Linux has a gate
/// for it, in the text that is mapped whatever the core runs (`def_idts` in `arch/x86/kernel/idt.c`).
pub const UNUSED: u8 = 9;
/// The vector of the non-maskable interrupt.
pub const NMI: u8 = 2;

/// Offset of a vector's gate in an interrupt table, in bytes.
#[must_use]
pub const fn gate_offset(vector: u8) -> u64 {
    vector as u64 * GATE_BYTES as u64
}

/// Where a gate of a 64-bit interrupt table leads; `None` if it is not one of a kernel's: absent,
/// not an interrupt gate, or with an address of the lower half.
#[must_use]
pub fn handler(gate: [u8; GATE_BYTES]) -> Option<u64> {
    /// Present, for privilege level 0, an interrupt gate.
    const INTERRUPT_GATE: u8 = 0x8e;
    let [a, b, _, _, _, kind, c, d, e, f, g, h, _, _, _, _] = gate;
    let address = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let is_kernels = address.cast_signed() < 0;
    (kind == INTERRUPT_GATE && is_kernels).then_some(address)
}

/// The first eight bytes of that gate, changed to lead to `target`; the rest stays as it is. `None`
/// if it is not a kernel's gate, or leads too far away for that.
#[must_use]
pub fn redirected(gate: [u8; GATE_BYTES], target: u64) -> Option<u64> {
    let is_near = handler(gate)? >> 32 == target >> 32;
    let [t0, t1, t2, t3, ..] = target.to_le_bytes();
    let [_, _, segment0, segment1, stack, kind, ..] = gate;
    let low = [t0, t1, segment0, segment1, stack, kind, t2, t3];
    is_near.then_some(u64::from_le_bytes(low))
}

/// What takes a handler's place: with `cr3` in force, jumps to the ResetSystem at `reset_system`,
/// for a cold reset (of whatever status). It uses no stack, and its target may demand `endbr64` of a
/// jump, as it may be demanded of a handler. Interrupts are off: the gate's doing.
#[must_use]
pub fn detour(cr3: u64, reset_system: u64) -> [u8; DETOUR_BYTES] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = cr3.to_le_bytes();
    let [r0, r1, r2, r3, r4, r5, r6, r7] = reset_system.to_le_bytes();
    [
        0xf3, 0x0f, 0x1e, 0xfa, // endbr64
        0x48, 0xb8, c0, c1, c2, c3, c4, c5, c6, c7, // mov rax, cr3's value
        0x0f, 0x22, 0xd8, // mov cr3, rax
        0x31, 0xc9, // xor ecx, ecx: EfiResetCold
        0x48, 0xb8, r0, r1, r2, r3, r4, r5, r6, r7, // mov rax, ResetSystem
        0xff, 0xe0, // jmp rax
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 6.12 has it, its table in the entry area: handler 0xffffffff8220_1620, stack 2.
    const LINUXS: [u8; GATE_BYTES] = [
        0x20, 0x16, 0x10, 0x00, 0x02, 0x8e, 0x20, 0x82, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
    ];

    #[test]
    fn a_gate_of_linux_leads_to_its_handler() {
        assert_eq!(handler(LINUXS), Some(0xffff_ffff_8220_1620));
    }

    #[test]
    fn other_gates_lead_nowhere() {
        let with = |index: usize, value: u8| {
            let mut gate = LINUXS;
            gate[index] = value;
            gate
        };
        assert_eq!(handler([0; GATE_BYTES]), None);
        assert_eq!(handler([0xff; GATE_BYTES]), None);
        assert_eq!(handler(with(5, 0x0e)), None, "absent");
        assert_eq!(handler(with(5, 0x8f)), None, "a trap gate");
        assert_eq!(handler(with(5, 0xee)), None, "for user space");
        assert_eq!(handler(with(11, 0x7f)), None, "the lower half");
    }

    #[test]
    fn a_redirected_gate_leads_elsewhere_and_is_else_as_before() {
        let target = 0xffff_ffff_8255_1340;
        let low = redirected(LINUXS, target).expect("it is near");
        let mut gate = LINUXS;
        gate[..8].copy_from_slice(&low.to_le_bytes());
        assert_eq!(handler(gate), Some(target));
        assert_eq!(gate[2..6], LINUXS[2..6], "segment, stack and kind");
        assert_eq!(gate[8..], LINUXS[8..]);
        assert_eq!(redirected(gate, target), Some(low), "once more");
        assert_eq!(redirected(LINUXS, 0xffff_fffe_8255_1340), None, "too far");
        assert_eq!(redirected([0; GATE_BYTES], target), None);
    }

    #[test]
    fn a_detour_has_its_two_addresses() {
        let code = detour(0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00);
        assert_eq!(code[6..14], 0x1122_3344_5566_7788_u64.to_le_bytes());
        assert_eq!(code[21..29], 0x99aa_bbcc_ddee_ff00_u64.to_le_bytes());
        assert_eq!(
            code[..4],
            [0xf3, 0x0f, 0x1e, 0xfa],
            "branch tracking wants it"
        );
        assert_eq!(code[29..], [0xff, 0xe0]);
    }
}
