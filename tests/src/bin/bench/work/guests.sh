#!/bin/sh
# In the big Linux: two virtual machines by KVM, each on a core of its own, with a FIFO for what is
# typed at its console and a file for what it says.
#
#   guests modules                loads those of KVM
#   guests start NAME MASK WORDS   boots one, and waits for its shell; WORDS are its kernel's command line
#   guests tell NAME LINE         types a line; what it has said before is forgotten
#   guests said NAME WORD         waits until a line of it begins with that word
#   guests both WORDS             `work WORDS` in both at once
#
# Without kvm-pv-eoi: the QEMU that emulates all this may deliver an interrupt that KVM has injected
# once more at any time until the guest's next exit. Without it that exit is soon, the end of the
# interrupt, and before any lock is taken.
set -eu

said() {
    until grep -q "^$2" "/tmp/$1.out"; do sleep 1; done
}

tell() {
    : >"/tmp/$1.out"
    echo "$2" >"/tmp/$1.in"
}

# A machine's time-stamp counter is this one's, and so much more.
offset() {
    cat "/sys/kernel/debug/kvm/$(cat "/tmp/$1.pid")"-*/vcpu0/tsc-offset
}

case $1 in
    modules)
        for module in /kvm/*.ko; do insmod "$module"; done
        mount -t debugfs debug /sys/kernel/debug
        grep -c ^kvm_amd /proc/modules
        ;;
    start)
        mkfifo "/tmp/$2.in"
        # Opened for both, or it would wait for who types.
        taskset "$3" /qemu/loader --library-path /qemu/lib /qemu/qemu -L /qemu/firmware \
            -machine microvm -accel kvm -cpu host,-kvm-pv-eoi -m 384M -nodefaults -no-user-config \
            -display none -no-reboot -kernel /qemu/linux -initrd /qemu/initrd -append "$4" \
            -chardev stdio,id=console,signal=off -serial chardev:console \
            <>"/tmp/$2.in" >>"/tmp/$2.out" 2>"/tmp/$2.errors" &
        echo $! >"/tmp/$2.pid"
        said "$2" 'BULKHEAD-DEMO end'
        said "$2" "$2# "
        ;;
    tell) tell "$2" "$3" ;;
    said)
        said "$2" "$3"
        grep "^$3" "/tmp/$2.out"
        ;;
    both)
        shift
        ticks=$(work soon 2 | sed -n 's/^WORK value=\([0-9]*\).*/\1/p')
        for name in a b; do tell $name "work at $((ticks + $(offset $name))) $*"; done
        # Nothing else is done here while they are at it.
        sleep 4
        for name in a b; do
            said $name WORK
            grep ^WORK /tmp/$name.out
        done
        ;;
esac
