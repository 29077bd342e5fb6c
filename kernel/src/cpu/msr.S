# Instructions that may fault, as functions. Of a model-specific register: edi = register, rsi = value;
# rax = value, rdx = whether it was done. A fault at one of the labels goes on at `guarded_fault`
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

# Leaves VMX operation. rdx = whether the core was in it, rax = whether it is out of it.
.global guarded_leave_vmx
.type guarded_leave_vmx, @function
guarded_leave_vmx:
    xorl %eax, %eax
.global guarded_vmxoff
guarded_vmxoff:
    vmxoff
    seta %al                                    # it fails while SMIs are handled by a monitor
    movl $1, %edx
    ret
.size guarded_leave_vmx, . - guarded_leave_vmx

.global guarded_fault
guarded_fault:
    xorl %eax, %eax
    xorl %edx, %edx
    ret
