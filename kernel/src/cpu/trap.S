# 256 entry stubs, 16 bytes apart. Each pushes an error code where the processor pushes none
# (Intel SDM Vol. 3A, table "Protected-Mode Exceptions and Interrupts"), then its vector.
#
# An exception's vector may also come as an interrupt, from 16 on, and then without the code. The
# processor aligns the stack before it pushes five words or six, which tells the two apart.
.section .text
.balign 16
.global trap_stubs
trap_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
    testb $8, %spl
    jz 1f
    .endif
    pushq $0
1:  pushq $vector
    jmp .Ltrap_common
    .set vector, vector + 1
.endr

.Ltrap_common:                               # no symbol: part of the stubs
    cld
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbp
    movq %rsp, %rbp
    leaq 80(%rsp), %rdi         # vector, error code, and what the processor pushed
    andq $-16, %rsp
    call {handler}
    movq %rbp, %rsp
    popq %rbp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq
