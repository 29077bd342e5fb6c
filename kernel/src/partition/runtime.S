# The runtime services of one partition: the way from its Linux back to Bulkhead.
#
# These bytes are a template. A launch copies them into the partition's own memory, fills in the
# partition's number, and describes the page as EFI runtime code; stock Linux maps it one to one
# and calls the entries by the addresses in its runtime services table. The code is
# position-independent and assumes nothing: Linux's page tables (four or five levels, PCID on or
# off), its stack, its descriptor tables, branch tracking.
#
# A call that returns goes: Linux -> here -> Bulkhead's page tables and the core's own stack
# (core_call in ap.S) -> back here -> Linux, with interrupts off in between.
#
# Linux's interrupt table, descriptor table and stack are not mapped in Bulkhead's page tables, nor
# Bulkhead's in Linux's. A non-maskable interrupt or a machine check may come at any instruction, so
# the way leads over a bridge: a table, descriptors and a stack in this page, which both map. A Linux
# makes one call at a time (`efi_runtime_lock`), so one bridge is enough. An interrupt that comes on
# it, or during the service, was meant for Linux, and is passed on when Linux's tables are back.
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

# The bridge. Its gates and pointers hold addresses: a launch fills them in (`runtime.rs`).
.balign 16
.global bridge_gates
bridge_gates:   .fill ({machine_check} + 1) * 2, 8, 0   # all but two are absent
bridge_gates_end:
.global bridge_descriptors
bridge_descriptors:
    .quad 0, 0
    .quad 0x00af9b000000ffff                    # 0x10: 64-bit code, as Linux and Bulkhead have it
    .quad 0x00cf93000000ffff                    # 0x18: data
bridge_descriptors_end:
bridge_nmis:    .quad 0                         # whether any came on the bridge
    .balign 16
    .fill 32, 8, 0
bridge_stack_end:
.global bridge_gates_pointer
bridge_gates_pointer:
    .short bridge_gates_end - bridge_gates - 1
    .quad 0
.global bridge_descriptors_pointer
bridge_descriptors_pointer:
    .short bridge_descriptors_end - bridge_descriptors - 1
    .quad 0

.balign 16
.global bridge_nmi
bridge_nmi:
    endbr64
    movb $1, bridge_nmis(%rip)
    iretq

# The same decision as `survive_machine_check` in trap.rs.
.balign 16
.global bridge_machine_check
bridge_machine_check:
    endbr64
    pushq %rax
    pushq %rcx
    pushq %rdx
    movl $0x17a, %ecx                           # IA32_MCG_STATUS
    rdmsr
    testb $1, %al                               # RIPV: what was interrupted can go on
    jz 1f
    xorl %eax, %eax
    xorl %edx, %edx
    wrmsr
    popq %rdx
    popq %rcx
    popq %rax
    iretq
1:  cli
    hlt
    jmp 1b

# What of CR4 must not change here: LA57 (can't in long mode), VMXE (can't in VMX operation), MCE.
.set CR4_KEPT, (1 << 12) | (1 << 13) | (1 << 6)
.set CR4_PAE, 1 << 5
.set CR4_FRED, 32                               # its number

# Goes over the bridge to Bulkhead's page tables; rax holds CR4, rbx is used. The gates come first:
# Linux's handlers want the rest of Linux. This page is mapped one to one in both tables, so the
# switch goes on behind itself. Clearing PGE and PCIDE flushes all that Linux left in the TLB, its
# global entries in the top 2 GiB included.
.macro to_bulkhead
    lidt bridge_gates_pointer(%rip)
    lgdt bridge_descriptors_pointer(%rip)
    leaq bridge_stack_end(%rip), %rsp
    movq %rax, %rbx                             # FRED first: with it events go by no gate, but to
    btrq $CR4_FRED, %rbx                        # code that Bulkhead's page tables do not have
    jnc 1f
    movq %rbx, %cr4
1:  movq runtime_root4(%rip), %rbx
    testl $(1 << 12), %eax
    jz 1f
    movq runtime_root5(%rip), %rbx
1:  movq %rbx, %cr3
    andl $CR4_KEPT, %eax
    orl $CR4_PAE, %eax
    movq %rax, %cr4
.endm

# One entry for each service, in the order of the table.
.global runtime_services
.balign {service_stride}
runtime_services:
.set service, 0
.rept {services}
    .balign {service_stride}
    endbr64
    .if service == {reset_system}
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
    movl ${reason_ended}, %edi
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
    sidt 16(%rsp)                               # `Call::interrupt_table_base` knows where
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
2:  lidt bridge_gates_pointer(%rip)             # rax holds the result
    lgdt bridge_descriptors_pointer(%rip)
    leaq bridge_stack_end(%rip), %rsp
    movq (%rbx), %rdx                           # whether an NMI came during the service
    movq %r14, %rbx
    btrq $CR4_FRED, %rbx                        # last, as it was the first to go: its code is
    movq %rbx, %cr4                             # Linux's, and by its gates nothing comes then
    movq %r13, %cr3
    btq $CR4_FRED, %r14
    jnc 4f
    movq %r14, %cr4
4:  movq %r12, %rsp
    lgdt (%rsp)
    lidt 16(%rsp)
    orq bridge_nmis(%rip), %rdx
    jz 3f
    movq $0, bridge_nmis(%rip)
    btq $CR4_FRED, %r14
    jc 5f
    int $2
    jmp 3f
5:  pushq %rax                                  # `int` raises none with FRED, but the local APIC does,
    movl $0x1b, %ecx                            # IA32_APIC_BASE, if it can be told so from here:
    rdmsr
    testl $(1 << 10), %eax                      # in x2APIC mode
    jz 6f
    movl $0x802, %ecx                           # its own ID
    rdmsr
    movl %eax, %edx
    movl $0x4400, %eax                          # a non-maskable interrupt
    movl $0x830, %ecx                           # interrupt command
    wrmsr
6:  popq %rax
3:  addq $32, %rsp
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
