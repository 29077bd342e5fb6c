# The trampoline below 1 MiB: from real mode to the kernel. It is copied to its page with the
# words at its end filled in, and only read after that, so any number of cores may run it at once;
# where a Linux has written there it is put right before the next core starts (smp.rs).
# Source: Intel SDM Vol. 3A, "MP Initialization" and "Initializing IA-32e Mode".
.section .rodata
.balign 16
.global ap_trampoline
ap_trampoline:
.code16
    movl ${reason_started}, %edi
    jmp 1f
# Where a Linux arrives that believes it jumps to the BIOS to reset the machine: in real mode, its
# caches off (reset_vector.rs).
.global ap_reset
ap_reset:
    movl ${reason_bios_reset}, %edi
1:  cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl (ap_gdt_pointer - ap_trampoline)
    movl $0x20, %eax                            # CR4.PAE
    movl %eax, %cr4
    movl (ap_root - ap_trampoline), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx                      # EFER
    rdmsr
    orl $0x900, %eax                            # LME, NXE
    wrmsr
    movl $0x80010033, %eax                      # PG, WP, NE, ET, MP, PE: straight to long mode
    movl %eax, %cr0
    ljmpl *(ap_far - ap_trampoline)
.code64
ap_long:
    movl ${data}, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %edi, %edi                             # the upper half is undefined so far
    jmpq *ap_entry(%rip)

.balign 8
ap_gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff                    # 0x10: 64-bit code
    .quad 0x00cf93000000ffff                    # 0x18: data
ap_gdt_pointer:
    .short 31
.global ap_gdt_base
ap_gdt_base:
    .long 0
.balign 8
.global ap_far
ap_far:
    .long 0
    .short {code}
.balign 8
.global ap_root
ap_root:
    .long 0
.balign 8
.global ap_entry
ap_entry:
    .quad 0
.global ap_end
ap_end:
.global ap_long
.global ap_gdt

# Finds this core's entry in the table of cores by its local APIC ID and leaves its address in rcx:
# the ID is what the APIC says, its upper bits in xAPIC mode what CPUID says (leaf 0xb, else leaf 1), as
# in `bulkhead_processor::apic::own_id`. Uses rax, rbx, rcx, rdx.
.macro core_lookup
    xorl %eax, %eax
    cpuid
    cmpl $0xb, %eax
    jb 1f
    movl $0xb, %eax
    xorl %ecx, %ecx
    cpuid
    testl %ebx, %ebx
    jz 1f
    movl %edx, %eax
    jmp 2f
1:  movl $1, %eax
    cpuid
    shrl $24, %ebx
    movl %ebx, %eax
2:  movl %eax, %ebx
    movl $0x1b, %ecx                            # IA32_APIC_BASE
    rdmsr
    testl $0x800, %eax                          # enabled?
    jz 7f
    testl $0x400, %eax                          # x2APIC?
    jnz 6f
    shlq $32, %rdx
    andl $0xfffff000, %eax
    orq %rdx, %rax
    movl 0x20(%rax), %eax
    shrl $24, %eax
    cmpb %bl, %al
    je 7f
    jmp 8f
6:  movl $0x802, %ecx
    rdmsr
8:  movl %eax, %ebx
7:  movl %ebx, %eax
    movq {cores}(%rip), %rcx
    movl {count}(%rip), %edx
3:  decl %edx
    js 5f
    cmpq %rax, (%rcx)
    je 4f
    addq ${stride}, %rcx
    jmp 3b
5:  hlt                                         # not a core of ours: nothing can be done
    jmp 5b
4:
.endm

# Where every core enters Bulkhead from outside to stay: from the trampoline, or from ResetSystem.
# The shared page tables are loaded, interrupts are off, nothing else is known.
#   rdi = reason, rsi, rdx, rcx = arguments
.section .text
.global core_entry
core_entry:
    movq %rdi, %r12
    movq %rsi, %r13
    movq %rdx, %r14
    movq %rcx, %r15
    core_lookup
    movq {top}(%rcx), %rsp
    xorl %ebp, %ebp
    movq %r12, %rdi
    movq %r13, %rsi
    movq %r14, %rdx
    movq %r15, %rcx
    call {main}
    ud2

# Where a core enters Bulkhead for one call of a runtime service, to return to its Linux.
#   r11 = service, rbp = partition, rsi, rdi, r8, r9, r10 = arguments 1 to 5
#   r12 = Linux's stack, r13 = its CR3, r14 = its CR4, r15 = where to return to
# Returns with rax = result, rbx = address of the word that says whether an NMI came meanwhile.
# Code and data segments have the same selectors in both tables. The task register stays Linux's,
# whose task state is not mapped here; so this path has an interrupt table of its own, whose gates
# stay on the current stack.
.global core_call
core_call:
    core_lookup
    movq {top}(%rcx), %rsp
    movq {table}(%rcx), %rax                    # this core's descriptor table
    leaq {nmi}(%rcx), %rbx
    pushq $0
    pushq $0
    movw $({gdt_bytes} - 1), (%rsp)
    movq %rax, 2(%rsp)
    lgdt (%rsp)
    movq $0, (%rbx)                             # what came before was not this Linux's
    lidt {call_table}(%rip)
    pushq %r12                                  # the record `Call`, last field first
    pushq %r14
    pushq %r13
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rdi
    pushq %rsi
    pushq %rbp
    pushq %r11
    movq %rsp, %rdi
    andq $-16, %rsp
    cld
    call {call_main}
    jmpq *%r15
