# The runtime services of one partition: the way from its Linux back to Bulkhead.
#
# These bytes are a template. A launch copies them into the partition's own memory, fills in the
# partition's number, and describes the page as EFI runtime code; stock Linux maps it one to one
# and calls the entries by the addresses in its runtime services table. The code is
# position-independent, writes only to the caller's stack, and assumes nothing: Linux's page tables
# (four or five levels, PCID on or off), its stack, its descriptor tables, branch tracking.
#
# A call that returns goes: Linux -> here -> Bulkhead's page tables and the core's own stack
# (core_call in ap.S) -> back here -> Linux, with interrupts off in between.
#
# Source: UEFI 2.10 section 8, "Services - Runtime Services"; calling convention section 2.3.4
# (arguments in rcx, rdx, r8, r9, then on the stack above 32 bytes of shadow; rbx, rbp, rdi, rsi
# and r12-r15 belong to the caller).

.section .rodata
.balign 16
.global runtime_code
runtime_code:
runtime_partition:  .quad 0
runtime_root4:      .quad 0
runtime_root5:      .quad 0
runtime_entry:      .quad 0
runtime_call_entry: .quad 0

# What of CR4 must not change here: LA57 (can't in long mode), VMXE (can't in VMX operation), MCE.
.set CR4_KEPT, (1 << 12) | (1 << 13) | (1 << 6)
.set CR4_PAE, 1 << 5

# Switches to Bulkhead's page tables; rax holds CR4, rbx is used. This page is mapped one to one in
# Linux's tables and in ours, so the switch needs no bridge. Clearing PGE and PCIDE flushes all that
# Linux left in the TLB, its global entries in the top 2 GiB included.
.macro to_bulkhead
    movq runtime_root4(%rip), %rbx
    testl $(1 << 12), %eax
    jz 1f
    movq runtime_root5(%rip), %rbx
1:  movq %rbx, %cr3
    andl $CR4_KEPT, %eax
    orl $CR4_PAE, %eax
    movq %rax, %cr4
.endm

# One entry for each service, 16 bytes apart, in the order of the table.
.global runtime_services
.balign 16
runtime_services:
.set service, 0
.rept 14
    .balign 16
    endbr64
    .if service == 10
    jmp runtime_reset
    .else
    movl $service, %eax
    jmp runtime_call
    .endif
    .set service, service + 1
.endr
    .balign 16

# ecx = kind of reset, rdx = status. Does not return.
runtime_reset:
    cli
    movl $1, %edi                               # reason: ended
    movl %ecx, %esi
    movq %rdx, %rcx
    movq runtime_partition(%rip), %rdx
    movq %cr4, %rax
    to_bulkhead
    jmpq *runtime_entry(%rip)

# eax = number of the service.
runtime_call:
    pushfq
    cli
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq 9 * 8 + 8 + 32(%rsp), %r10             # fifth argument
    subq $32, %rsp
    sgdt (%rsp)
    sidt 16(%rsp)
    movl %eax, %r11d
    movq %rcx, %rsi
    movq %rdx, %rdi
    movq %rsp, %r12
    movq %cr3, %r13
    movq %cr4, %r14
    leaq 2f(%rip), %r15
    movq runtime_partition(%rip), %rbp
    movq %r14, %rax
    to_bulkhead
    jmpq *runtime_call_entry(%rip)
2:  endbr64
    # CR4 is Linux's again; rax holds the result.
    movq %r13, %cr3
    movq %r12, %rsp
    lgdt (%rsp)
    lidt 16(%rsp)
    addq $32, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popfq
    ret

.global runtime_end
runtime_end:
