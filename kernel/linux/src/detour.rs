//! How a core of a Linux that ends is led out of it: by its own handler of non-maskable interrupts.
//!
//! Such an interrupt reaches a core whatever it does, with interrupts off as well, and leads to
//! where the interrupt table of its Linux says. There [`detour`] goes: a few instructions that call
//! a runtime service, in the page tables in which that Linux itself calls them.
//!
//! Source: Intel SDM Vol. 3A, "64-Bit Mode IDT"; UEFI 2.10 §8.5.1, "ResetSystem".

/// Offset of the gate of non-maskable interrupts in an interrupt table, in bytes.
pub const NMI_GATE: u64 = 2 * GATE_BYTES as u64;
/// Bytes of a gate.
pub const GATE_BYTES: usize = 16;
/// Bytes of a detour.
pub const DETOUR_BYTES: usize = 34;

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

/// What takes a handler's place: with `cr3` in force, jumps to the ResetSystem at `reset_system`,
/// for a cold reset. It uses no stack, and its target may demand `endbr64` of a jump, as it may be
/// demanded of a handler.
#[must_use]
pub fn detour(cr3: u64, reset_system: u64) -> [u8; DETOUR_BYTES] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = cr3.to_le_bytes();
    let [r0, r1, r2, r3, r4, r5, r6, r7] = reset_system.to_le_bytes();
    [
        0xf3, 0x0f, 0x1e, 0xfa, // endbr64
        0xfa, // cli
        0x48, 0xb8, c0, c1, c2, c3, c4, c5, c6, c7, // mov rax, cr3's value
        0x0f, 0x22, 0xd8, // mov cr3, rax
        0x31, 0xc9, // xor ecx, ecx: EfiResetCold
        0x31, 0xd2, // xor edx, edx: its status
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
    fn a_detour_has_its_two_addresses() {
        let code = detour(0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00);
        assert_eq!(code[7..15], 0x1122_3344_5566_7788_u64.to_le_bytes());
        assert_eq!(code[24..32], 0x99aa_bbcc_ddee_ff00_u64.to_le_bytes());
        assert_eq!(
            code[..4],
            [0xf3, 0x0f, 0x1e, 0xfa],
            "branch tracking wants it"
        );
        assert_eq!(code[32..], [0xff, 0xe0]);
    }
}
