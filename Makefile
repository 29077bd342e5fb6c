# Set-up, building, running, testing: `make help` says what there is. The scripts in tools/ do the
# work; every target sees to what it needs, so that a fresh clone can start with any of them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

BARE_TARGET := x86_64-unknown-none
# For the programs inside the demo's Linuxes: linked statically.
GUEST := x86_64-unknown-linux-musl
GUEST_TOOLS := unlock ticks kexec pattern flood
# In boot.img, beside bulkheadctl.
BOOT_TOOLS := kexec blockof
# Cargo.lock says which versions; LOCKED= lets cargo change it.
LOCKED ?= --locked
STORE := $(HOME)/.cache/bulkhead/kernels

# Where this machine has no rustup, tools/setup keeps a toolchain and has this lead to it.
export PATH := $(HOME)/.cache/bulkhead/rust/bin:$(PATH)

# What is built has no path of this machine in it, so that two folders give the same bytes: options of
# cargo for a target, which are added to those of .cargo/config.toml.
remap = --config 'target.$(1).rustflags=[$(foreach pair,$(REMAPPED),"--remap-path-prefix=$(pair)",)]'
# The last one that fits counts.
REMAPPED = $(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo $(shell rustc --print sysroot)=/rust $(CURDIR)=/bulkhead \
	$(abspath $(or $(CARGO_TARGET_DIR),target))=/bulkhead/target

LOADER ?= limine
FIRMWARE ?= bios
CONF ?=
IMAGES ?=
OUT ?= build/bulkhead.iso
export CMDLINE VIDEO FIRMWARE SMP MEMORY TIMEOUT ENTRY NET SERVER

# What the demo boots, for `make run` and `make demo`.
DEMO_KERNELS := debian-6.1-cloud debian-6.12-cloud
DEMO_IMAGES := $(foreach name,$(DEMO_KERNELS),$(name)=$(STORE)/$(name)/vmlinuz) demo.img=build/demo.img

# What partitions with devices boot: the kernels that have the drivers, each with its own.
DEVICE_KERNELS := debian-6.1 debian-6.12
DEVICE_IMAGES := $(DEVICE_KERNELS:%=build/devices-%.img)
# For the long stories: 7.x too.
LONG_DEVICE_IMAGES := $(DEVICE_IMAGES) build/devices-debian-sid.img

# Crates without hardware: they run their tests here, and must build for the bare machine too.
PURE := bulkhead-memory bulkhead-processor bulkhead-firmware bulkhead-pci bulkhead-iommu bulkhead-terminal bulkhead-usb bulkhead-linux bulkhead-tables bulkhead-model bulkhead-describe bulkhead-boot bulkhead-printk bulkhead-launch bulkhead-ledger bulkhead-lifecycle bulkhead-conductor bulkhead-shell bulkhead-rings bulkhead-blocks

.PHONY: help
help: ## This list
	@echo "Targets:"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo
	@echo "Variables:"
	@echo "  LOADER=limine|grub      who boots the ISO; without Limine on this machine it is GRUB"
	@echo "  LIMINE_DIR=FOLDER       where Limine 8's binaries are, and nowhere else"
	@echo "  FIRMWARE=bios|uefi      run, demo: the machine's firmware"
	@echo "  SMP=4 MEMORY=2G         run, demo: the machine's cores and RAM"
	@echo "  CONF=FILE               iso: the boot script"
	@echo "  IMAGES=\"NAME=PATH ...\"  iso: kernels and initial RAM disks, by the names the script uses"
	@echo "  OUT=FILE                iso: the result ($(OUT)); pxe: a folder; report: the archive"
	@echo "  CMDLINE=TEXT            iso, pxe: Bulkhead's own command line"
	@echo "  VIDEO=MODE              iso, pxe, GRUB only: the screen's mode, such as 1024x768x32 or text"
	@echo "  TIMEOUT=3 ENTRY=1       iso, pxe: seconds of the menu (0: none), the entry booted then"
	@echo "  NET=192.168.1 SERVER=IP pxe: the clients' network, this machine in it"
	@echo "  WHAT=all|boot|scale|inside|dump|links|isolation|work|contention|launch|restart|neighbour  bench: what is measured"
	@echo "  CLOCK=host|virtual      bench, WHAT=work|contention|links|scale|restart: by whose time; virtual is exact, and emulated only"
	@echo "  HALT=1                  bench, WHAT=work: Bulkhead's own core is parked before the work"
	@echo "  KVM=1                   bench, WHAT=contention CLOCK=virtual: in two KVM guests of the big Linux, too"
	@echo "  N=5 CORES=1             bench: runs of each kind; cores of each Linux (WHAT=work|launch|restart)"
	@echo "  WORK=2                  bench: seconds of each work"
	@echo "  KERNEL=NAME ONLY=TEXT   bench: that kernel only; what has that in its name (a|b: or that)"
	@echo "  TICKS=10                bench: seconds of each of the neighbour's controls"
	@echo "  WHAT=ends|moments|control  soak: only that one of the three"
	@echo "  N=25 SEED=NUMBER        soak: rounds, from 2 on; what the ways are chosen by (printed)"
	@echo "  MODE=bare|dma ONLY=TEXT torture: behind which wall; cases with that in their names (a|b: or that)"
	@echo "  KEEP=1                  torture: what was seen goes into docs/evaluation/torture.json; without it nothing does"
	@echo "  ONLY=demo|day           pictures: only those"
	@echo "  MUTANT=NAME             mutants: only those with this in their names"
	@echo "  ONLY=TEXT               kernels-table: rows with that in their names, printed only"
	@echo "  SECONDS_EACH=60         mutants: longest search for each; fuzz: the search of each target"
	@echo "  JOBS=1                  fuzz: so many targets at a time"
	@echo "  RUNS=5 SECONDS_EACH=2   report: runs of each measurement, and their seconds"
	@echo "  TARGET=NAME KEEP=1      fuzz: only that target; what is found is kept as its corpus"
	@echo "  TEST=NAME               test: only the QEMU stories with this in their name, and nothing before them"

# --- running ----------------------------------------------------------------------------------

.PHONY: run
run: ## Two stock Linuxes and Bulkhead's shell, live in this terminal (without one: demo)
	@if [[ -t 0 && -t 1 ]]; then $(MAKE) live; else $(MAKE) demo; fi

.PHONY: live
live: setup-run demo-iso
	@cargo build $(LOCKED) -q -p bulkhead-tests --bin attach
	@tools/run-qemu build/demo.iso "Bulkhead's shell (COM1)" "web: Debian 6.12 (COM2)" "db: Debian 6.1 (COM3)"

.PHONY: demo
demo: setup-run demo-iso ## The same by itself: says what each Linux reported, fails if any of it is wrong
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin demo

.PHONY: run-pxe
run-pxe: setup-run kernel build/demo.img ## As run, booted over QEMU's network
	@tools/kernels $(DEMO_KERNELS)
	@CMDLINE= TIMEOUT=0 ENTRY=1 tools/mkpxe '$(LOADER)' conf/demo.conf build/pxe $(DEMO_IMAGES)
	@cargo build $(LOCKED) -q -p bulkhead-tests --bin attach
	@tools/run-qemu build/pxe "Bulkhead's shell (COM1)" "web: Debian 6.12 (COM2)" "db: Debian 6.1 (COM3)"

.PHONY: bench
bench: setup-test ## Measures work, launches, restarts, a neighbour's timer; build/bench.json
	@cargo run $(LOCKED) -q --release -p bulkhead-tests --bin bench -- --check
	@$(MAKE) demo-iso bulkheadctl $(DEVICE_IMAGES)
	@cargo run $(LOCKED) -q --release -p bulkhead-tests --bin bench

.PHONY: report
report: bulkheadctl guest-tools ## On a real machine: what it can say of itself and how fast it is, packed to send; OUT=
	@WORK=$(lastword $(subst =, ,$(call guest_file,work))) tools/report $(if $(filter file,$(origin OUT)),build/report.tar.gz,'$(OUT)')

.PHONY: evaluation
evaluation: setup-build ## docs/evaluation/: tables and plots from the results of make bench that are there
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin evaluation

.PHONY: pictures
pictures: setup-test kernel build/demo.img bulkheadctl $(DEVICE_IMAGES) ## docs/pictures/: a run of the demo, and a day of an operator
	@tools/kernels $(DEMO_KERNELS) $(DEVICE_KERNELS)
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin pictures

.PHONY: soak
soak: setup-run ## Ends two partitions by every way, at random, N times, and at random moments; fails if anything is not right
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin soak -- --check
	@$(MAKE) kernel build/demo.img
	@tools/kernels $(DEMO_KERNELS)
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin soak

.PHONY: torture
torture: setup-run ## What root of a partition can do to the machine; fails if it is more than it was
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin torture -- --check
	@$(MAKE) kernel build/demo.img
	@tools/kernels $(DEMO_KERNELS) debian-6.1
	@status=0; cargo run $(LOCKED) -q -p bulkhead-tests --bin torture || status=$$?; $(MAKE) evaluation && exit $$status

# --- checking ---------------------------------------------------------------------------------

# What fails soonest comes first. Host tests come before anything is downloaded or built for QEMU.
.PHONY: test
test: setup-test $(if $(TEST),test-named,check) ## All tests: check, then in QEMU; parsers are searched beside these (make fuzz)
	@tools/kernels
	@$(MAKE) kernel build/demo.img bulkheadctl $(DEVICE_IMAGES)
	$(if $(TEST),,cargo test $(LOCKED) -p bulkhead-tests --lib --bins)
	cargo test $(LOCKED) -p bulkhead-tests --test qemu --no-run
	$(if $(TEST),,tools/search-beside) cargo test $(LOCKED) -p bulkhead-tests --test qemu -- $(TEST)

# Whether there is such a story, before anything is fetched for it.
.PHONY: test-named
test-named: STORIES = cargo test $(LOCKED) -q -p bulkhead-tests --test qemu -- --list
test-named: setup-build
	@$(STORIES) $(TEST) | grep ': test$$' >/dev/null || { echo 'TEST=$(TEST): part of one of these is accepted:' >&2; \
		$(STORIES) | sed -n 's/: test$$/ /p' | tr -d '\n' >&2; echo >&2; exit 1; }

# Parts of which `make test` plays some with one kernel only, or fewer rounds; all of these are played.
LONG_PARTS := lifecycle virtualization::svm contention last:: faults::nmis faults::forced numa::nodes large_ids soak::two links agent_inits
.PHONY: test-long
test-long: setup-long ## The long stories: two Debians on disks, 256 MiB streams, all reboots, controls, Bochs, fwts, whole Debians
	@tools/kernels --table
	@$(MAKE) kernel build/demo.img $(LONG_DEVICE_IMAGES) boot-images deb
	@echo "A Debian to boot from: $$(tools/mkrootfs)"
	@for suite in bookworm trixie; do echo "A whole one: $$(tools/userland $$suite)"; done
	@echo "Beside the stories of make test: each kernel with each disk, each partition's reboot under a"
	@echo "256 MiB stream, a whole Debian in each of two partitions, and the same work without Bulkhead."
	@$(MAKE) reproducible
	MODEL_SECONDS=600 MODEL_COUNT=1000000 MODEL_SEED=1000000 cargo test $(LOCKED) -p bulkhead-lifecycle-model -- --nocapture
	BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture --test-threads 1 $(or $(TEST),devices)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture in_bochs)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture firmware_tests)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture suspend)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture --test-threads 1 scale)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture large_initrds)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture --test-threads 1 brought_to)
	$(if $(TEST),,BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture --test-threads 1 userland)
	$(if $(TEST),,for part in $(LONG_PARTS); do BULKHEAD_LONG=1 cargo test $(LOCKED) -p bulkhead-tests --test qemu -- --nocapture $$part; done)

.PHONY: mutants
mutants: setup-build ## Takes one cure after the other out of the lifecycle: its model check must fail
	@tools/mutants

.PHONY: fuzz
fuzz: ## Searches for bytes that a parser does not stand, following its branches: a minute each
	@tools/setup --for fuzz
	@tools/fuzz

# What a nightly compiler interprets finds what no test run sees: an access beyond its object, a value that is
# none of its type, a data race. The crates themselves have no unsafe code; those that they use have.
# Not bulkhead-rings: its property writes records of 66,000 bytes, one case of which takes minutes here.
MIRI := bulkhead-memory bulkhead-services bulkhead-processor
MIRI_TOOLCHAIN ?= nightly
.PHONY: miri
miri: setup-build ## The tests of some pure crates in Miri, a few cases of each property; needs rustup's nightly
	@rustup toolchain list | grep -q '^$(MIRI_TOOLCHAIN)' || rustup toolchain install --profile minimal $(MIRI_TOOLCHAIN)
	@rustup component add --toolchain $(MIRI_TOOLCHAIN) miri rust-src
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=4 CARGO_TARGET_DIR=$(or $(CARGO_TARGET_DIR),target)/miri \
		cargo +$(MIRI_TOOLCHAIN) miri test $(LOCKED) $(addprefix -p ,$(MIRI))

.PHONY: check
check: setup-build gates ## The gates, and the tests that need no QEMU
	cargo test $(LOCKED) --workspace --exclude bulkhead --exclude bulkhead-tests
	@$(MAKE) depth

.PHONY: reproducible
reproducible: setup-run ## Builds everything twice, in two folders with other times: the same bytes, or it fails
	@tools/reproducible

.PHONY: depth
depth: kernel ## The deepest path on each of the kernel's stacks; fails if one does not fit
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin depth

# For the bare machine the pure crates are looked at with the kernel, all with the same flags, so
# that nothing is compiled once more for each question: `std` in one of them is an error there.
BARE := --release --target $(BARE_TARGET) -p bulkhead $(addprefix -p ,$(PURE))

.PHONY: gates
gates: setup-build ## Formatting, licences, versions, the documents' links, clippy, rustdoc
	cargo fmt --all --check
	cargo run $(LOCKED) -q -p bulkhead-gates
	cargo clippy $(LOCKED) --workspace --exclude bulkhead --all-targets -- -D warnings
	cargo clippy $(LOCKED) $(BARE) -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --no-deps $(BARE)

# --- building ---------------------------------------------------------------------------------

# The one image that is made here, if it is asked for; what is there of all before that.
DEMO_IMAGE = $(if $(filter %=build/demo.img,$(IMAGES)),build/demo.img)
THERE = $(if $(wildcard build/demo.img),$(IMAGES),$(filter-out %=build/demo.img,$(IMAGES)))

.PHONY: iso
iso: setup-build iso-check $(DEMO_IMAGE) kernel ## An ISO from any boot script and images: CONF=, IMAGES=, OUT=, LOADER=
	@tools/mkiso '$(LOADER)' '$(CONF)' '$(OUT)' $(IMAGES)

.PHONY: pxe
pxe: setup-build ## A TFTP folder to boot from by the network, and dnsmasq's configuration: OUT=DIR
	@[[ '$(OUT)' != build/bulkhead.iso ]] || { echo 'pxe: name a folder: OUT=DIR' >&2; exit 1; }
	@tools/mkpxe --check '$(LOADER)' '$(CONF)' '$(OUT)' $(THERE)
	@$(MAKE) $(DEMO_IMAGE) kernel
	@tools/mkpxe '$(LOADER)' '$(CONF)' '$(OUT)' $(IMAGES)

# Before anything is built or fetched, which takes a while.
.PHONY: iso-check
iso-check:
	@tools/mkiso --check '$(LOADER)' '$(CONF)' '$(OUT)' $(THERE)

.PHONY: demo-iso
demo-iso: kernel build/demo.img
	@tools/kernels $(DEMO_KERNELS)
	@CMDLINE= TIMEOUT=0 ENTRY=1 tools/mkiso '$(LOADER)' conf/demo.conf build/demo.iso $(DEMO_IMAGES)

.PHONY: kernel
kernel: setup-build ## Bulkhead itself, the file that a boot loader takes
	cargo build $(LOCKED) --release -p bulkhead --target $(BARE_TARGET) $(call remap,$(BARE_TARGET))

guest_file = /bin/$(1)=$(or $(CARGO_TARGET_DIR),target)/$(GUEST)/release/$(1)
GUEST_FILES := $(foreach tool,$(GUEST_TOOLS),$(call guest_file,$(tool)))

.PHONY: guest-tools
guest-tools:
	@cargo build $(LOCKED) -q --release -p bulkhead-guest-tools --target $(GUEST) $(call remap,$(GUEST)) \
		--config profile.release.strip=true

.PHONY: bulkheadctl
bulkheadctl: setup-build ## build/bulkheadctl: what Bulkhead would make of a machine, for any Linux
	@cargo build $(LOCKED) -q --release -p bulkheadctl --target $(GUEST) $(call remap,$(GUEST)) \
		--config profile.release.strip=true --config profile.release.opt-level=3
	@mkdir -p build
	@cp $(or $(CARGO_TARGET_DIR),target)/$(GUEST)/release/bulkheadctl build/bulkheadctl

.PHONY: deb
deb: kernel bulkheadctl ## build/bulkhead_VERSION_amd64.deb: for Debian 12 and 13, with entries of GRUB, bulkheadctl, hooks
	@tools/mkdeb $(or $(CARGO_TARGET_DIR),target)/$(BARE_TARGET)/release/bulkhead build/bulkheadctl build

# The demo with the drivers of one kernel, for partitions with devices. `work` (make bench) is only
# here: the demo's image is what launches are measured with.
.PHONY: $(LONG_DEVICE_IMAGES)
$(LONG_DEVICE_IMAGES): build/devices-%.img: guest-tools
	@tools/kernels $*
	@tools/mkdevices $* $@ $(GUEST_FILES) $(call guest_file,work)

# For a partition that boots from its own disk: the drivers of one kernel, which is started with it.
BOOT_IMAGES := $(DEVICE_KERNELS:%=build/boot-%.img)
.PHONY: boot-images
boot-images: $(BOOT_IMAGES) ## build/boot-*.img: with their kernels, for partitions that boot from their own disks
.PHONY: $(BOOT_IMAGES)
$(BOOT_IMAGES): build/boot-%.img: guest-tools bulkheadctl
	@tools/kernels $*
	@tools/mkboot $* $@ /bin/bulkheadctl=build/bulkheadctl $(foreach tool,$(BOOT_TOOLS),$(call guest_file,$(tool)))

# Cargo knows best what is stale.
.PHONY: build/demo.img
build/demo.img: guest-tools
	@tools/kernels $(DEMO_KERNELS)
	@cargo run $(LOCKED) -q -p bulkhead-initramfs-tools -- $@ $(addprefix --file ,$(GUEST_FILES)) \
		$$(for name in $(DEMO_KERNELS); do folder=$(STORE)/$$name; \
			echo --file /lib/modules/$$(<$$folder/release)/efivarfs.ko=$$folder/efivarfs.ko; done)

.PHONY: kernels
kernels: setup-build ## Fetches the stock Debian kernels to ~/.cache/bulkhead/kernels
	@tools/kernels

.PHONY: kernels-table
kernels-table: setup-test kernel build/demo.img ## Writes docs/kernels.md: 12 Debian kernels, BIOS and UEFI, and processors, through every end
	@tools/kernels --table || echo "kernels that are not there are named in the table"
	@cargo run $(LOCKED) -q -p bulkhead-tests --bin kernels

.PHONY: setup-build setup-run setup-test setup-long
setup-build setup-run setup-test setup-long: setup-%:
	@tools/setup --for $*

.PHONY: clean
clean: ## Removes what was built; downloads in ~/.cache/bulkhead stay
	cargo clean
	rm -rf build
