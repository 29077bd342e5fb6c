# The last instructions before a Linux.
#   rdi = entry address, rsi = physical address of its boot_params
# State as the 64-bit boot protocol wants it (Linux Documentation/arch/x86/boot.rst, "64-bit Boot
# Protocol"): interrupts off, flat segments 0x10/0x18, identity-mapped paging, rsi = boot_params.
.section .text
.global enter_linux
enter_linux:
    cli
    cld
    movl $0x18, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    xorl %eax, %eax
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %ebp, %ebp
    jmpq *%rdi
