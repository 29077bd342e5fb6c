# The trampoline below 1 MiB: from real mode to the kernel. It is copied to its page once, with the
# three words at its end filled in, and only read after that, so any number of cores may run it at
# once. Source: Intel SDM Vol. 3A, "MP Initialization" and "Initializing IA-32e Mode".
.section .rodata
.balign 16
.global ap_trampoline
ap_trampoline:
.code16
    cli
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
    movl $24, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %edi, %edi                             # reason: started
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
    .short 0x10
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

# Where every core enters Bulkhead from outside: from the trampoline, or from a runtime service
# that Linux called. The shared page tables are loaded, interrupts are off, nothing else is known.
#   rdi = reason, rsi, rdx, rcx = arguments
# Finds the core's own stack by its local APIC ID (CPUID leaf 0xb, else leaf 1).
.section .text
.global core_entry
core_entry:
    movq %rdi, %r12
    movq %rsi, %r13
    movq %rdx, %r14
    movq %rcx, %r15
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
2:  leaq {stacks}(%rip), %rcx
    movl ${count}, %edx
3:  cmpq %rax, (%rcx)
    je 4f
    addq $16, %rcx
    decl %edx
    jnz 3b
5:  hlt                                         # not a core of ours: nothing can be done
    jmp 5b
4:  movq 8(%rcx), %rsp
    xorl %ebp, %ebp
    movq %r12, %rdi
    movq %r13, %rsi
    movq %r14, %rdx
    movq %r15, %rcx
    call {main}
    ud2
