# Shared by the scripts beside it: sourced, never run.
# shellcheck shell=bash disable=SC2034  # its variables are for others

# The repository, and what is kept outside of it: downloads that a clean must not throw away.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$HOME/.cache/bulkhead
me=$(basename "$0")

say() { echo "$me: $*" >&2; }
die() { echo "$me: error: $*" >&2; exit 1; }

# Debian's name for the release this machine runs; empty where it is not a Debian.
host_suite() {
    [[ -r /etc/os-release ]] || return 0
    (. /etc/os-release && [[ ${ID:-} == debian ]] && echo "${VERSION_CODENAME:-sid}") || true
}

# Where this machine gets its Debian from, one URI a line: read from its own apt configuration, so
# that a company's mirror is used and no server's name stands in this repository. It works before
# the first `apt-get update`. Another vendor's archive may use the same suite names and be among
# the answers; private_update tells them apart by Debian's signature.
mirrors() { # [-security]
    apt-get --print-uris update 2>/dev/null | sed -nE \
        "s;^'([^']*)/dists/($(host_suite)|stable|oldstable|testing|unstable|sid)$1/InRelease'.*;\1;p"
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# An apt tool on the lists of one folder under the cache; the machine's own lists and its apt
# caches are neither read nor written.
private_apt() { # FOLDER STATUS-FILE TOOL ARGUMENTS...
    local folder=$cache/apt/$1 status=$2 tool=$3
    shift 3
    "$tool" -qq \
        -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$folder/lists" -o Dir::State::Status="$status" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

# Fetches the lists of the given suites into a private folder. Fails unless the first suite could
# be had and carries Debian's signature.
private_update() { # FOLDER SUITE...
    local folder=$cache/apt/$1 base suite security
    shift
    command -v apt-get >/dev/null && [[ -r $keyring ]] || return 1
    security=$(mirrors -security | head -n 1)
    for base in $(mirrors ''); do
        rm -rf "$folder"
        mkdir -p "$folder/lists/partial"
        : >"$folder/status"
        for suite in "$@"; do
            local from=$base
            [[ $suite == *-security ]] && from=$security
            [[ -z $from ]] || echo "deb [arch=amd64 signed-by=$keyring] $from $suite main"
        done >"$folder/sources.list"
        private_apt "${folder##*/}" "$folder/status" apt-get update >"$folder/log" 2>&1 || true
        compgen -G "$folder/lists/*_dists_$1_*Packages*" >/dev/null && return 0
    done
    return 1
}

# Fetches a program of another release of Debian, and unpacks it with all that it needs, libc and
# dynamic loader included, to DIRECTORY/root: nothing is installed, and no root is needed. The first
# SUITE is the one that the PACKAGES, separated by commas, are taken from. apt's own words are in the
# folder's log.
private_unpack() { # FOLDER DIRECTORY PACKAGES SUITE...
    local folder=$1 directory=$2 file
    local -a packages
    IFS=, read -ra packages <<<"$3"
    shift 3
    rm -rf "$directory"
    mkdir -p "$directory/archives/partial" "$directory/root"
    private_update "$folder" "$@" || return 1
    # With no status file's packages, all that it depends on is taken.
    private_apt "$folder" "$cache/apt/$folder/status" apt-get -o Dir::Cache::archives="$directory/archives" \
        install -y --download-only --no-install-recommends -t "$1" "${packages[@]}" \
        >"$cache/apt/$folder/log" 2>&1 || return 1
    for file in "$directory"/archives/*.deb; do
        dpkg-deb -x "$file" "$directory/root" || return 1
    done
    rm -r "$directory/archives"
}

# The time that what is built here is of: the last commit's where nobody says another.
source_date() { echo "${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 1)}"; }

# Whether guests can run on the processor itself here; the device file alone may be there and not work.
has_kvm() { [[ ${BULKHEAD_KVM:-} != 0 ]] && grep -qwE 'vmx|svm' /proc/cpuinfo && [[ -r /dev/kvm && -w /dev/kvm ]]; }

# What tools/qemu keeps; where it is, it is the one to use, as tests/src/qemu/host.rs does.
own_qemu=$cache/qemu/qemu-system-x86_64
qemu() {
    if [[ -x $own_qemu ]]; then echo "$own_qemu"; else echo qemu-system-x86_64; fi
}

# Rust where this machine has no rustup: tools/setup keeps one here, and `bin` leads to its programs
# while they are the ones to use. The Makefile has it first in the PATH.
own_rust=$cache/rust

# Whether several emulated cores work in this QEMU. 7.2 has a race by which guests oops; 10.0 (from
# 10.0.4 on, and as Debian patched it) can bring a write to another device
# (tests/src/emulator.rs). tests/src/replay.rs has the same version, and a test that says so.
emulates_well() { # PROGRAM
    local version
    version=$("$1" --version 2>/dev/null | sed -nE '1s/.*version ([0-9.]+).*/\1/p')
    [[ -n $version && $(printf '%s\n' 11.1 "$version" | sort -V | head -n 1) == 11.1 ]]
}

# Some of a kernel's modules and all that they need, unpacked, since busybox's modprobe knows no compressed
# ones, with an index of their own. In modules.dep each line names a module and everything it depends on,
# however indirectly.
pick_modules() { # FOLDER RELEASE ROOT NAMES
    local modules=$1 release=$2 tree=$3/lib/modules/$2 pattern path index
    pattern=$(tr -s ' \n' '||' <<<"$4" | sed 's/^|//; s/|$//; s/_/[-_]/g')
    while read -r path; do
        mkdir -p "$tree/$(dirname "$path")"
        case $path in
            *.xz) xz -dc "$modules/$path" >"$tree/${path%.xz}" ;;
            *.zst) zstd -qdc "$modules/$path" >"$tree/${path%.zst}" ;;
            *.gz) gzip -dc "$modules/$path" >"$tree/${path%.gz}" ;;
            *) cp "$modules/$path" "$tree/$path" ;;
        esac
    done < <(grep -E "(^|/)($pattern)\.ko(\.[xgz][a-z]*)?:" "$modules/modules.dep" | tr -d ':' | tr ' ' '\n' | sort -u)
    # From 7.x on Debian's package of modules has none of them; then depmod does without.
    for index in modules.{builtin,builtin.modinfo,order}; do
        [[ ! -e $modules/$index ]] || cp "$modules/$index" "$tree"
    done
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$3" "$release"
    rm -f "$tree"/*.bin "$tree"/modules.{builtin.modinfo,order,devname,symbols}
}
