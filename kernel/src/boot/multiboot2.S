# Multiboot2: the header, and the climb from 32-bit protected mode without paging to the image's
# virtual address. Source: Multiboot2 Specification 2.0, "OS image format" and "I386 machine state".

.set MB2_HEADER_MAGIC, 0xe85250d6
.set MB2_LOADER_MAGIC, 0x36d76289
.set KERNEL_BASE, {kernel_base}
.set LOAD_BASE, 0x200000

.section .multiboot2.header, "a"
.balign 8
mb2_header:
    .long MB2_HEADER_MAGIC
    .long 0                                     # protected mode i386
    .long mb2_header_end - mb2_header
    .long -(MB2_HEADER_MAGIC + 0 + (mb2_header_end - mb2_header))
    # Entry address: e_entry is Limine's.
    .balign 8
    .short 3, 0
    .long 12
    .long mb2_entry - KERNEL_BASE + LOAD_BASE
    # Modules start on page boundaries.
    .balign 8
    .short 6, 0
    .long 8
    # The image may go anywhere below 2 GiB, in steps of 2 MiB, as low as possible.
    .balign 8
    .short 10, 0
    .long 24
    .long LOAD_BASE, 0x7fffffff, 0x200000, 1
    # A linear frame buffer if there can be one (optional tag), of any size and depth.
    .balign 8
    .short 5, 1
    .long 20
    .long 0, 0, 32
    .balign 8
    .short 0, 0
    .long 8
mb2_header_end:

.section .multiboot2.text, "ax"
.code32
# eax = magic, ebx = information; no stack, interrupts off. Offsets are from the image's start.
mb2_entry:
    cli
    cld
    movl %eax, %edi
    movl %ebx, %esi
    # Where are we? The only memory known to be ours to write is the information structure: its
    # first word serves as a one-word stack for the call, and is put back.
    movl (%ebx), %ecx
    leal 4(%ebx), %esp
    call 1f
1:  popl %ebp
    movl %ecx, (%ebx)
    subl $(1b - KERNEL_BASE), %ebp              # ebp = physical address of the image
    cmpl $MB2_LOADER_MAGIC, %edi
    jne mb2_stuck

    # Tables, in the boot processor's area below its stack (stacks.rs): identity for 4 GiB, and the image's 2 MiB (and three more) at its virtual address.
    leal ({area} - KERNEL_BASE)(%ebp), %edx
    leal 0x1003(%edx), %eax                     # low directory pointers
    movl %eax, (%edx)
    leal 0x2003(%edx), %eax                     # high directory pointers
    movl %eax, 511 * 8(%edx)
    leal 0x3003(%edx), %eax                     # four low directories
    leal 0x1000(%edx), %ebx
    movl $4, %ecx
2:  movl %eax, (%ebx)
    addl $0x1000, %eax
    addl $8, %ebx
    loop 2b
    movl $0x83, %eax                            # present, writable, 2 MiB
    leal 0x3000(%edx), %ebx
    movl $2048, %ecx
3:  movl %eax, (%ebx)
    addl $0x200000, %eax
    addl $8, %ebx
    loop 3b
    leal 0x7003(%edx), %eax                     # high directory
    movl %eax, 0x2000 + 510 * 8(%edx)
    leal 0x83(%ebp), %eax
    leal 0x7008(%edx), %ebx                     # entry 1: KERNEL_BASE is 2 MiB into its GiB
    movl $4, %ecx
4:  movl %eax, (%ebx)
    addl $0x200000, %eax
    addl $8, %ebx
    loop 4b

    movl %edx, %cr3
    movl %cr4, %eax
    orl $(1 << 5), %eax                         # PAE
    movl %eax, %cr4
    movl $0xc0000080, %ecx                      # EFER
    rdmsr
    orl $((1 << 8) | (1 << 11)), %eax           # LME, NXE
    wrmsr
    movl %cr0, %eax
    orl $((1 << 31) | (1 << 16) | 1), %eax      # PG, WP, PE
    movl %eax, %cr0

    leal (mb2_gdt - KERNEL_BASE)(%ebp), %eax
    movl %eax, (mb2_gdt_pointer - KERNEL_BASE + 2)(%ebp)
    lgdtl (mb2_gdt_pointer - KERNEL_BASE)(%ebp)
    leal ({area} - KERNEL_BASE + 0x8000)(%ebp), %esp
    pushl $8
    leal (mb2_long - KERNEL_BASE)(%ebp), %eax
    pushl %eax
    lretl
mb2_stuck:
    hlt
    jmp mb2_stuck

.code64
mb2_long:
    movabsq $mb2_high, %rax
    jmpq *%rax
mb2_high:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    leaq {area} + {area_bytes}(%rip), %rsp
    movl %esi, %edi                             # information
    movl %ebp, %esi                             # physical address of the image
    xorl %ebp, %ebp
    call {main}
    ud2

.balign 8
mb2_gdt:
    .quad 0
    .quad 0x00af9b000000ffff                    # 64-bit code
    .quad 0x00cf93000000ffff                    # data

.section .data
.balign 8
    .skip 6
mb2_gdt_pointer:
    .short 23
    .long 0
.text
