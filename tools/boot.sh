# What tools/mkiso and tools/mkpxe have in common: sourced, never run, after lib.sh. The files that
# a loader brings, and both loaders' configurations.
# shellcheck shell=bash disable=SC2154  # lib.sh has the rest

kernel=${BULKHEAD:-${CARGO_TARGET_DIR:-$root/target}/x86_64-unknown-none/release/bulkhead}
cmdline=${CMDLINE:-} video=${VIDEO:-} timeout=${TIMEOUT:-3} entry=${ENTRY:-1}

# Prints the folder of Limine's binaries, or fails.
limine_folder() {
    local folder file folders=("$cache/limine" /usr/share/limine)
    [[ -z ${LIMINE_DIR:-} ]] || folders=("$LIMINE_DIR")
    for folder in "${folders[@]}"; do
        for file in limine-bios.sys limine-bios-cd.bin limine-uefi-cd.bin BOOTX64.EFI; do
            [[ -f $folder/$file ]] || continue 2
        done
        echo "$folder"
        return 0
    done
    return 1
}

readable() { # WHAT PATH
    [[ -e $2 ]] || die "$1 \"$2\" does not exist"
    [[ -f $2 && -r $2 ]] || die "$1 \"$2\" is not a readable file"
}

# Checks what was asked for, before anything is made: sets loader, conf, names, paths, entries.
read_arguments() { # LOADER CONF [NAME=PATH...]
    loader=$1 conf=$2
    shift 2
    [[ $loader == limine || $loader == grub ]] || die "unknown loader \"$loader\": limine or grub is accepted"
    [[ -n $conf ]] || die "no boot script: give one as CONF=FILE (it may be empty)"
    readable "boot script" "$conf"
    # Both loaders' configuration languages give a meaning to characters beyond these.
    [[ $cmdline =~ ^[]A-Za-z0-9\ =,.:_/+@%[-]*$ ]] ||
        die "CMDLINE \"$cmdline\": letters, digits, spaces and = , . : _ / + @ % [ ] - are accepted"
    [[ $video =~ ^[a-z0-9x,]*$ ]] || die "VIDEO \"$video\": text, auto or a mode such as 1024x768x32 is accepted"
    names=() paths=()
    local image name path other
    for image; do
        [[ $image == *=* ]] || die "image \"$image\" is not NAME=PATH"
        name=${image%%=*} path=${image#*=}
        [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$ ]] ||
            die "image name \"$name\": 1 to 63 letters, digits and . _ + - are accepted, the first a letter or digit"
        [[ $name != bulkhead.conf ]] || die "image name \"bulkhead.conf\" is the boot script's"
        for other in ${names[@]+"${names[@]}"}; do
            [[ ${name,,} != "${other,,}" ]] || die "image name \"$name\" is given twice"
        done
        readable "image $name:" "$path"
        [[ -s $path ]] || say "warning: image \"$name\" is empty: \"$path\" has no bytes"
        names+=("$name") paths+=("$path")
    done
    read_entries
    [[ $timeout =~ ^[0-9]{1,4}$ ]] || die "TIMEOUT \"$timeout\": seconds are accepted, 0 for no menu"
    [[ $entry =~ ^[1-9][0-9]{0,3}$ && $entry -le ${#entries[@]} ]] ||
        die "ENTRY \"$entry\": 1 to ${#entries[@]} are accepted"
}

# Says which images the boot script names that were not given. It is no error: who boots may add them by hand, and
# the script may define what is never started. Without this it is seen on the board only.
note_missing_images() {
    local image missing=()
    while IFS= read -r image; do
        [[ " ${names[*]-} " == *" $image "* ]] || missing+=("$image")
    done < <(sed -E 's/^[[:space:]]*#.*//; s/cmdline="[^"]*"//g' "$conf" |
        grep -oE '(^|[[:space:]])(kernel|initrd)=[^[:space:]]+' | sed -E 's/.*=//; s/"//g' | tr ',' '\n' | sort -u)
    [[ ${#missing[@]} == 0 ]] || say "warning: the boot script names images that are not given: ${missing[*]} (given: ${names[*]-none})"
}

# The menu: those of limine.conf, "TITLE=COMMAND LINE" each, and one for every further script.
read_entries() {
    local line title='' name
    entries=()
    while IFS= read -r line; do
        case $line in
            /*) [[ -z $title ]] || entries+=("$title="); title=${line#/} ;;
            "    cmdline: "*) entries+=("$title=${line#    cmdline: }"); title='' ;;
        esac
    done <"$root/limine.conf"
    [[ -z $title ]] || entries+=("$title=")
    for name in ${names[@]+"${names[@]}"}; do
        [[ $name != *.conf ]] || entries+=("Bulkhead, with $name=bulkhead.conf=$name")
    done
}

# Sets limine to the folder of Limine's binaries, or changes the loader to GRUB.
choose_loader() { # WHAT
    limine=
    if [[ $loader == limine ]] && ! limine=$(limine_folder); then
        say "no Limine in ${LIMINE_DIR:-$cache/limine or /usr/share/limine}: making the $1 with GRUB"
        loader=grub
    fi
}

# Puts the kernel, the script and the images into a folder.
copy_content() { # FOLDER
    local i
    mkdir -p "$1/boot/img"
    # Symbols would only make the loader read more.
    objcopy --strip-debug "$kernel" "$1/boot/bulkhead" 2>"$work/log" ||
        die "kernel \"$kernel\" is not an ELF file: $(tail -n 1 "$work/log")"
    cp "$conf" "$1/boot/bulkhead.conf"
    for i in ${names[@]+"${!names[@]}"}; do
        cp --reflink=auto "${paths[i]}" "$1/boot/img/${names[i]}"
    done
}

# What stands behind a module: its name, and what its bytes should be, by which Bulkhead sees whether
# the loader changed them. cksum(1) is in POSIX, and quick.
module_line() { # NAME PATH
    local sum size
    read -r sum size _ < <(cksum <"$2")
    echo "$1 size=$size cksum=$sum"
}

# Limine's configuration for the files in a folder: the top-level limine.conf with its menu filled
# in. Each path bears its file's BLAKE2B, without which Limine refuses to go on.
limine_conf() { # FOLDER
    local item name title arguments sum path
    declare -A sums lines
    hashed() { # PATH
        [[ -n ${sums[$1]:-} ]] || { sum=$(b2sum "$folder$1") && sums[$1]=${sum%% *}; }
        hashed="boot():$1#${sums[$1]}"
    }
    local folder=$1 hashed
    sed -n '/^\//q; s/^timeout: .*/timeout: '"$timeout"'/; p' "$root/limine.conf"
    echo "default_entry: $entry"
    for item in "${entries[@]}"; do
        title=${item%%=*} arguments="${item#*=} $cmdline"
        hashed /boot/bulkhead
        printf '\n/%s\n    protocol: limine\n    kernel_path: %s\n    kaslr: no\n' "$title" "$hashed"
        [[ $arguments == " " ]] || echo "    cmdline: $(xargs <<<"$arguments")"
        for name in bulkhead.conf ${names[@]+"${names[@]}"}; do
            path=/boot/img/$name
            if [[ $name == bulkhead.conf ]]; then path=/boot/bulkhead.conf; fi
            hashed "$path"
            [[ -n ${lines[$name]:-} ]] || lines[$name]=$(module_line "$name" "$folder$path")
            printf '    module_path: %s\n    module_cmdline: %s\n' "$hashed" "${lines[$name]}"
        done
    done
}

# GRUB's configuration for the files in a folder: the same menu. GRUB would unpack what is compressed,
# and cut off what stands behind it.
grub_cfg() { # FOLDER
    local item title arguments name modules
    modules="    module2 --nounzip /boot/bulkhead.conf $(module_line bulkhead.conf "$1/boot/bulkhead.conf")"
    for name in ${names[@]+"${names[@]}"}; do
        modules+=$'\n'"    module2 --nounzip /boot/img/$name $(module_line "$name" "$1/boot/img/$name")"
    done
    cat <<END
# The menu, and what goes wrong, are seen on COM1 too, where Bulkhead's shell will be. UEFI has a
# console of its own on it where it is set up so.
if [ "\$grub_platform" = pc ]; then
    if serial --unit=0 --speed=115200; then
        terminal_input console serial
        terminal_output console serial
    fi
fi
insmod all_video
set timeout=$timeout
set default=$((entry - 1))
END
    for item in "${entries[@]}"; do
        title=${item%%=*} arguments="${item#*=} $cmdline"
        echo "menuentry \"$title\" {"
        [[ -z ${BEFORE:-} ]] || echo "    $BEFORE"
        echo "    multiboot2 /boot/bulkhead $(xargs <<<"$arguments")"
        echo "$modules"
        # After the kernel, whose header has set it to what the kernel would like.
        [[ -z $video ]] || echo "    set gfxpayload=$video"
        echo "}"
    done
}

check_multiboot2() { # FOLDER
    grub-file --is-x86-multiboot2 "$1/boot/bulkhead" ||
        die "kernel \"$kernel\" has no Multiboot2 header: GRUB could not boot it"
}
