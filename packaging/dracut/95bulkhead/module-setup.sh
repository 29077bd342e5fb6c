#!/bin/bash
# dracut's module: bulkheadctl in the initial RAM disk, and what it asks Bulkhead by.

check() {
    require_binaries bulkheadctl || return 1
    return 0
}

depends() {
    return 0
}

installkernel() {
    hostonly='' instmods efivarfs
}

install() {
    inst_binary bulkheadctl
    # The agent's unit, where this version of bulkheadctl has one.
    if [[ -e $systemdsystemunitdir/bulkhead-agent.service ]]; then
        inst_simple "$systemdsystemunitdir/bulkhead-agent.service"
    fi
}
