# Fuzzers: the host build of the real code, attacked by clang's libFuzzer. docs/testing.md says how to use
# them, tests/fuzz/fuzz.h what a target is.
#
#   make fuzz                   every target for FUZZ_SECONDS (60) each; FUZZ=virtio: that one alone
#   make fuzz-replay            the committed inputs, and crashes of the past (a part of make test)
#
# Two builds of each target: build/host/fuzz/NAME by clang with libFuzzer, and build/host/bin/fuzz/NAME from
# the objects of the host tests, which replays files and needs no clang.

FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
# These bring a kernel of their own; the others run in the hosted one.
FUZZ_PLAIN := virtio pci
FUZZ_VIRTIO := $(patsubst %.c,%.o,$(filter %/fake_device.c %/fake_kernel.c %/fake_pci.c,$(VIRTIO_TEST_SOURCES)) \
	$(filter-out tests/%,$(VIRTIO_TEST_SOURCES))) arch/host/gs.o
FUZZ_SECONDS ?= 60
FUZZ ?= $(FUZZ_TARGETS)

# What a target is linked from, as objects below the build's folder.
fuzz_objects = tests/fuzz/$(1).o tests/fuzz/driver/fail.o \
	$(if $(filter $(1),$(FUZZ_PLAIN)),tests/fuzz/driver/plain.o $(FUZZ_VIRTIO), \
	tests/fuzz/driver/hosted.o tests/fuzz/world/world.o)

# ---- by clang, with libFuzzer -----------------------------------------------------------------------

FUZZ_OUT := $(HOST_OUT)/fuzz
FUZZ_COMMON := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined \
	-Wno-atomic-alignment -Wno-address-of-packed-member
FUZZ_ARCHIVE := $(HOST_OBJECTS:$(HOST_OUT)/%=$(FUZZ_OUT)/%) $(HOST_PORT:$(HOST_OUT)/%=$(FUZZ_OUT)/%) \
	$(HOST_OUT)/programs.o

$(FUZZ_OUT)/arch/host/%.o: arch/host/%.c $(HOST_OUT)/flags
	$(call say,FUZZCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(HOST_PORT_CFLAGS) $(FUZZ_COMMON) -c $< -o $@

$(FUZZ_OUT)/arch/host/%.o: arch/host/%.S
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) -c $< -o $@

# libFuzzer's own side, which it should not be led by.
$(FUZZ_OUT)/tests/fuzz/driver/%.o: tests/fuzz/driver/%.c $(HOST_OUT)/flags
	$(call say,FUZZCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(HOST_PORT_CFLAGS) -Wno-atomic-alignment -c $< -o $@

# Loops over bytes: to follow them would cost half of the time and lead nowhere.
$(addprefix $(FUZZ_OUT)/,kernel/string.o kernel/format.o kernel/slab.o kernel/page.o fs/ext4/checksum.o): \
	FUZZ_COMMON := $(filter-out -fsanitize=%,$(FUZZ_COMMON)) -fsanitize=address,undefined

$(FUZZ_OUT)/%.o: %.c $(HOST_OUT)/flags
	$(call say,FUZZCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(HOST_CFLAGS) $(FUZZ_COMMON) -c $< -o $@

$(FUZZ_OUT)/libunlazy.a: $(FUZZ_ARCHIVE)
	$(Q)rm -f $@ && ar rcs $@ $^

define fuzz_program
$(FUZZ_OUT)/$(1): $(addprefix $(FUZZ_OUT)/,$(call fuzz_objects,$(1)) tests/fuzz/driver/libfuzzer.o) \
		$(if $(filter $(1),$(FUZZ_PLAIN)),,$(FUZZ_OUT)/libunlazy.a)
	$$(call say,FUZZLD,$$@)
	$$(Q)$$(HOSTCLANG) -fsanitize=address,undefined -pthread -g -o $$@ $$^ \
		$$$$($$(HOSTCLANG) -print-file-name=libclang_rt.fuzzer_no_main-x86_64.a) -lstdc++ -lm -latomic

$(HOST_OUT)/bin/fuzz/$(1): $(addprefix $(HOST_OUT)/,$(call fuzz_objects,$(1)) tests/fuzz/driver/replay.o) \
		$(if $(filter $(1),$(FUZZ_PLAIN)),,$(HOST_OUT)/libunlazy.a)
	$$(call say,HOSTLD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(HOSTCC) -fsanitize=address,undefined -pthread -g -o $$@ $$^
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_program,$(t))))

$(HOST_OUT)/tests/fuzz/driver/%.o: tests/fuzz/driver/%.c $(HOST_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_PORT_CFLAGS) -c $< -o $@

# ---- use --------------------------------------------------------------------------------------------

FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(HOST_OUT)/bin/fuzz/%)

# Packages first: what is missing decides how this Makefile reads.
fuzz:
	$(Q)tools/deps fuzz
	$(Q)$(MAKE) --no-print-directory fuzz-ready
	$(Q)tests/fuzz/run --seconds $(FUZZ_SECONDS) $(FUZZ)

fuzz-ready: $(FUZZ:%=$(FUZZ_OUT)/%)

fuzz-replay: $(FUZZ_REPLAYS)
	$(Q)tests/fuzz/run --replay $(FUZZ)

.PHONY: fuzz fuzz-ready fuzz-replay
-include $(shell find $(FUZZ_OUT) $(HOST_OUT)/tests/fuzz -name '*.d' 2>/dev/null)
