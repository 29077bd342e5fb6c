#!/bin/bash
# dracut's module: bulkheadctl in the initial RAM disk, and what it asks Bulkhead by.

check() {
    require_binaries bulkheadctl || return 1
    return 0
}

depends() {
    return 0
}

# What Bulkhead is asked by, and the driver of a disk that a neighbour serves over a link, whether or not the
# machine that makes the image has one now.
installkernel() {
    hostonly='' instmods efivarfs nbd
}

# The agent is a command of the program.
install() {
    inst_binary bulkheadctl
}
