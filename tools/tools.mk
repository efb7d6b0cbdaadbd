# Running, disk images, measuring. Included by the root Makefile.
#
# Variables given on make's command line reach the tools as environment (tools/run --help). A command in
# CMD may hold `$`: its text is taken as it is, not expanded by make.

ifneq ($(origin CMD),undefined)
override export CMD := $(value CMD)
endif
export FILES ROUNDS DISK ROOT SMP MEM KERNEL DEBUG APPEND ICOUNT CPU QEMU_ARGS TIMEOUT SNAPSHOT

DISK_IMAGE := $(BUILD)/disk.img

# The packages first: what they bring decides how the rest of this Makefile reads, hence a second make.
run:
	$(Q)tools/deps build run
	$(Q)$(MAKE) --no-print-directory kernel $(if $(DISK)$(ROOT),,disk)
	$(Q)tools/run

# Made when absent or when its generator changed; FILES= for another number of files.
disk:
	$(Q)tools/mkdisk -o $(DISK_IMAGE)

.PHONY: run disk

# ---- measuring: tools/bench says what it measures and where the rows go ------------------------------

bench:
	$(Q)tools/deps build run bench
	$(Q)$(MAKE) --no-print-directory kernel
	$(Q)tools/bench table

bench-linux:
	$(Q)tools/deps build run bench
	$(Q)$(MAKE) --no-print-directory kernel
	$(Q)tools/bench table --systems unlazy,linux

bench-insns:
	$(Q)tools/deps build run bench
	$(Q)$(MAKE) --no-print-directory kernel
	$(Q)tools/bench insns --systems unlazy,linux

.PHONY: bench bench-linux bench-insns

include tools/hostbench/bench.mk

# QEMU stops before the first instruction and gdb starts with our helpers; control-c stops the machine.
# CMD=, DISK=, SMP= as for run, and DEBUG=0 for the release build; GDBARGS='-ex "break walk_end"'.
debug: DEBUG := $(if $(filter command environment,$(origin DEBUG)),$(DEBUG),1)
debug:
	$(Q)tools/deps build run debug
	$(Q)$(MAKE) --no-print-directory kernel DEBUG=$(DEBUG) $(if $(DISK)$(ROOT),,disk)
	$(Q)DEBUG=$(DEBUG) tools/debug $(GDBARGS)

.PHONY: debug
