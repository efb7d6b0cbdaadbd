# Unlazy: one Makefile. Sources are found by folder; each helper .mk beside its subject adds rules.
#
#   make kernel        build/debug/unlazy.elf (DEBUG=1) or build/release/unlazy.elf
#   make run           boot to the shell (CMD='...' runs that and powers off)
#   make test          everything that exists; make host-check: only the host unit tests
#   make host          build/host/unlazy: the kernel as a Linux program (arch/host/unlazy.c)
#   make check         format, include layering, size of what people come to read
#   make V=1 ...       show the commands

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-8s %s\n' '$(1)' '$(2)';
else
Q :=
say =
endif

ARCH   := x86_64
BUILD  := build
DEBUG  ?= 0
FLAVOR := $(if $(filter 1,$(DEBUG)),debug,release)
OUT    := $(BUILD)/$(FLAVOR)

CROSS_COMPILE ?= x86_64-linux-gnu-
ifeq ($(shell command -v $(CROSS_COMPILE)gcc 2>/dev/null),)
override CROSS_COMPILE :=
endif
CC      := $(CROSS_COMPILE)gcc
NM      := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
HOSTCC  ?= gcc

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
COMMON_CFLAGS := -std=gnu11 $(WARNINGS) -ffreestanding -g -fno-omit-frame-pointer \
	-fno-common -fno-strict-aliasing -MMD -MP

# Other flags make other objects: what was compiled with is kept in a file that they depend on.
# $(1) the file, $(2) its words.
define flags_file
$(1): FORCE
	$$(Q)mkdir -p $$(@D); echo '$(2)' | cmp -s - $$@ || echo '$(2)' > $$@
endef

# ---- the kernel -------------------------------------------------------------------------------

KERNEL_CFLAGS := $(COMMON_CFLAGS) -O2 -m64 -mno-red-zone -mgeneral-regs-only -mcmodel=kernel \
	-fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-I. -Iarch/$(ARCH)/include
ifeq ($(DEBUG),1)
KERNEL_CFLAGS += -DCONFIG_DEBUG -include kernel/dawdle_hooks.h
endif

# Everything above arch/, portable; and the tests that run inside the guest's kernel.
PORTABLE_DIRS := kernel drivers drivers/virtio vfs $(patsubst %/,%,$(wildcard fs/*/)) ring
KERNEL_SOURCES := $(wildcard arch/$(ARCH)/*.c) $(foreach d,$(PORTABLE_DIRS),$(wildcard $(d)/*.c)) \
	$(wildcard tests/guest/*.c tests/torture/*.c)
KERNEL_ASM := $(wildcard arch/$(ARCH)/*.S)
KERNEL_OBJECTS := $(KERNEL_SOURCES:%.c=$(OUT)/%.o) $(KERNEL_ASM:%.S=$(OUT)/%.S.o) $(OUT)/programs.o
KERNEL_ELF := $(OUT)/unlazy.elf

$(eval $(call flags_file,$(OUT)/flags,$(CC) $(KERNEL_CFLAGS)))

$(OUT)/%.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -c $< -o $@

$(OUT)/%.S.o: %.S $(OUT)/flags
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -std=gnu11,$(KERNEL_CFLAGS)) -D__ASSEMBLY__ -c $< -o $@

# ---- programs: user/bin/NAME.c or user/bin/NAME/*.c becomes the program NAME --------------------

PROGRAM_NAMES :=
ifneq ($(wildcard user/user.mk),)
PROGRAM_NAMES := $(sort $(basename $(notdir $(wildcard user/bin/*.c))) \
	$(notdir $(patsubst %/,%,$(dir $(wildcard user/bin/*/*.c)))))
# A user's own program: APP=path/prog.c or APP=path/folder.
ifneq ($(APP),)
APP_NAME := $(basename $(notdir $(patsubst %/,%,$(APP))))
PROGRAM_NAMES := $(sort $(PROGRAM_NAMES) $(APP_NAME))
endif
endif
PROGRAMS := $(PROGRAM_NAMES:%=$(BUILD)/user/bin/%)
-include user/user.mk

# The images inside the kernel ELF (kernel/process.h). Rewritten only when the list changes.
$(OUT)/programs.S: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)kernel/embed-programs $(PROGRAMS) > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(OUT)/programs.o: $(OUT)/programs.S $(PROGRAMS)
	$(call say,EMBED,$(words $(PROGRAMS)) programs)
	$(Q)$(CC) -c $< -o $@

# ---- link: twice, the second time with the symbol table of the first ----------------------------

LINK = $(CC) -nostdlib -static -no-pie -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 \
	-Wl,--build-id=none -Wl,--no-warn-rwx-segments -T linker.ld

$(KERNEL_ELF): $(KERNEL_OBJECTS) linker.ld kernel/symbols.awk
	$(call say,LINK,$@)
	$(Q)awk -f kernel/symbols.awk < /dev/null > $(OUT)/symbols0.S
	$(Q)$(CC) -c $(OUT)/symbols0.S -o $(OUT)/symbols0.o
	$(Q)$(LINK) -o $(OUT)/pass1.elf $(KERNEL_OBJECTS) $(OUT)/symbols0.o
	$(Q)$(NM) -n $(OUT)/pass1.elf | awk -f kernel/symbols.awk > $(OUT)/symbols1.S
	$(Q)$(CC) -c $(OUT)/symbols1.S -o $(OUT)/symbols1.o
	$(Q)$(LINK) -o $@ $(KERNEL_OBJECTS) $(OUT)/symbols1.o

kernel: $(KERNEL_ELF)

# ---- host: the same sources in a Linux process, under sanitizers --------------------------------

HOST_OUT := $(BUILD)/host
# Our names must not replace libc's, which the sanitizers intercept.
HOST_RENAMED := memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr strrchr \
	strlcpy snprintf vsnprintf
HOST_CFLAGS := $(COMMON_CFLAGS) -O1 -DCONFIG_DEBUG -I. -Iarch/host/include \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	$(foreach f,$(HOST_RENAMED),-D$(f)=unlazy_$(f))
HOST_PORT_CFLAGS := -std=gnu11 $(WARNINGS) -g -O1 -DCONFIG_DEBUG -D_GNU_SOURCE -I. \
	-Iarch/host/include -fsanitize=address,undefined -MMD -MP
HOST_SOURCES := $(foreach d,kernel vfs $(patsubst %/,%,$(wildcard fs/*/)) ring,$(wildcard $(d)/*.c))
HOST_OBJECTS := $(HOST_SOURCES:%.c=$(HOST_OUT)/%.o)
HOST_PORT_SOURCES := $(filter-out arch/host/unlazy.c,$(wildcard arch/host/*.c))
HOST_PORT := $(HOST_PORT_SOURCES:%.c=$(HOST_OUT)/%.o) $(HOST_OUT)/arch/host/switch.o
HOST_PORT_CFLAGS += -fno-omit-frame-pointer
HOST_TESTS := $(patsubst tests/host/%.c,$(HOST_OUT)/bin/%,$(wildcard tests/host/*.c))
# Guest tests that need no second CPU, no preemption and no program run on the host, too.
HOST_GUEST_TESTS := kernel_memory kernel_time
HOST_TESTS += $(HOST_GUEST_TESTS:%=$(HOST_OUT)/bin/guest/%)
# A folder tests/host/NAME/ whose test.mk adds a test that links less than everything.
include $(wildcard tests/host/*/test.mk)

$(eval $(call flags_file,$(HOST_OUT)/flags,$(HOSTCC) $(HOST_CFLAGS) $(HOST_PORT_CFLAGS)))

$(HOST_OUT)/arch/host/%.o: arch/host/%.c $(HOST_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_PORT_CFLAGS) -c $< -o $@

$(HOST_OUT)/arch/host/%.o: arch/host/%.S
	$(call say,HOSTAS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -c $< -o $@

$(HOST_OUT)/%.o: %.c $(HOST_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -c $< -o $@

# The host carries no programs.
$(HOST_OUT)/programs.o: kernel/embed-programs
	$(Q)mkdir -p $(@D)
	$(Q)kernel/embed-programs > $(@:.o=.S)
	$(Q)$(HOSTCC) -c $(@:.o=.S) -o $@

# An archive, so that a test gets only what it uses, and may bring its own of anything.
$(HOST_OUT)/libunlazy.a: $(HOST_OBJECTS) $(HOST_PORT) $(HOST_OUT)/programs.o
	$(Q)rm -f $@ && ar rcs $@ $^

$(HOST_OUT)/bin/%: $(HOST_OUT)/tests/host/%.o $(HOST_OUT)/libunlazy.a
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -g -o $@ $< $(HOST_OUT)/libunlazy.a

$(HOST_OUT)/bin/guest/%: $(HOST_OUT)/tests/guest/%.o $(HOST_OUT)/libunlazy.a
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -g -o $@ $< $(HOST_OUT)/libunlazy.a

host-objects: $(HOST_OBJECTS)

include arch/host/host.mk

host-check: $(HOST_TESTS)
	$(Q)tests/host/run $(HOST_TESTS)

check:
	$(Q)tools/check

# ---- the rest lives beside its subject -------------------------------------------------------------

-include tests/tests.mk
-include tools/tools.mk

all: kernel

# Rules that may only change what is generated from lists run every time, cheaply.
FORCE:

clean:
	$(Q)rm -rf $(BUILD)/debug $(BUILD)/release $(BUILD)/host

distclean:
	$(Q)rm -rf $(BUILD)

-include $(KERNEL_OBJECTS:.o=.d)
-include $(HOST_OBJECTS:.o=.d) $(HOST_PORT:.o=.d) $(HOST_TESTS:$(HOST_OUT)/bin/%=$(HOST_OUT)/tests/host/%.d)

.PHONY: all kernel check host-objects host-check clean distclean FORCE
.SECONDARY:
.DEFAULT_GOAL := all
