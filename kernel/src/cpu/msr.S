# Accesses to model-specific registers that may fault, as functions: edi = register, rsi = value;
# rax = value, rdx = whether it was done. A fault at one of the two labels goes on at `guarded_fault`
# (msr.rs), with the stack as it was.
.section .text
.global guarded_read_msr
.type guarded_read_msr, @function
guarded_read_msr:
    movl %edi, %ecx
.global guarded_rdmsr
guarded_rdmsr:
    rdmsr
    shlq $32, %rdx
    orq %rdx, %rax
    movl $1, %edx
    ret
.size guarded_read_msr, . - guarded_read_msr

.global guarded_write_msr
.type guarded_write_msr, @function
guarded_write_msr:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
.global guarded_wrmsr
guarded_wrmsr:
    wrmsr
    movl $1, %edx
    ret
.size guarded_write_msr, . - guarded_write_msr

.global guarded_fault
guarded_fault:
    xorl %eax, %eax
    xorl %edx, %edx
    ret
