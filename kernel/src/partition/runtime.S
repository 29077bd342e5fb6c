# The runtime services of one partition: the way from its Linux back to Bulkhead.
#
# These bytes are a template. A launch copies them into the partition's own memory, fills in the
# partition's number, and describes the page as EFI runtime code; stock Linux maps it one to one
# and calls the entries by the addresses in its runtime services table. The code is
# position-independent, writes nothing, and assumes nothing: Linux's page tables (four or five
# levels, PCID on or off), its stack, its descriptor tables, indirect-branch tracking.
#
# Source: UEFI 2.10 section 8, "Services - Runtime Services"; calling convention section 2.3.4
# (arguments in rcx, rdx, r8, r9).

.section .rodata
.balign 16
.global runtime_code
runtime_code:
runtime_partition:  .quad 0
runtime_root4:      .quad 0
runtime_root5:      .quad 0
runtime_entry:      .quad 0

.set EFI_UNSUPPORTED_LOW, 3
.set EFI_NOT_FOUND_LOW, 14

# One entry for each service, 16 bytes apart, in the order of the table.
.global runtime_services
runtime_services:
.macro refuse
    .balign 16
    endbr64
    jmp runtime_unsupported
.endm
    refuse                                      # GetTime
    refuse                                      # SetTime
    refuse                                      # GetWakeupTime
    refuse                                      # SetWakeupTime
    .balign 16                                  # SetVirtualAddressMap
    endbr64
    xorl %eax, %eax                             # the 1:1 addresses stay in use
    ret
    refuse                                      # ConvertPointer
    refuse                                      # GetVariable
    .balign 16                                  # GetNextVariableName
    endbr64
    jmp runtime_not_found
    refuse                                      # SetVariable
    refuse                                      # GetNextHighMonotonicCount
    .balign 16                                  # ResetSystem
    endbr64
    jmp runtime_reset
    refuse                                      # UpdateCapsule
    refuse                                      # QueryCapsuleCapabilities
    refuse                                      # QueryVariableInfo
    .balign 16

runtime_unsupported:
    movl $1, %eax
    shlq $63, %rax
    orq $EFI_UNSUPPORTED_LOW, %rax
    ret

runtime_not_found:
    movl $1, %eax
    shlq $63, %rax
    orq $EFI_NOT_FOUND_LOW, %rax
    ret

# ecx = kind of reset, rdx = status. Does not return.
runtime_reset:
    cli
    movl $1, %edi                               # reason: ended
    movl %ecx, %esi
    movq %rdx, %rcx
    movq runtime_partition(%rip), %rdx
    # This page is mapped one to one in Linux's tables and in ours, so the switch needs no bridge.
    movq %cr4, %rax
    movq runtime_root4(%rip), %rbx
    testl $(1 << 12), %eax                      # LA57 can't be changed in long mode
    jz 1f
    movq runtime_root5(%rip), %rbx
1:  movq %rbx, %cr3
    # Keep what must not change here (LA57, VMXE, MCE); the rest goes. Clearing PGE and PCIDE
    # flushes all that the old kernel left in the TLB, its global entries in the top 2 GiB included.
    andl $((1 << 12) | (1 << 13) | (1 << 6)), %eax
    orl $(1 << 5), %eax                         # PAE
    movq %rax, %cr4
    jmpq *runtime_entry(%rip)

.global runtime_end
runtime_end:
