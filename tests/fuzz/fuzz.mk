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
FUZZ_PLAIN := virtio pci ext4_blocks
FUZZ_VIRTIO := $(patsubst %.c,%.o,$(filter %/fake_device.c %/fake_kernel.c %/fake_pci.c,$(VIRTIO_TEST_SOURCES)) \
	$(filter-out tests/%,$(VIRTIO_TEST_SOURCES))) arch/host/gs.o
FUZZ_SECONDS ?= 60
FUZZ ?= $(FUZZ_TARGETS)

# Those of ext4 carry images: tests/fuzz/ext4/make-images says what they are.
FUZZ_IMAGES := plain checked journal summed
FUZZ_EXT4 := tests/fuzz/ext4/image.o tests/fuzz/ext4/images.o
FUZZ_SHIM := $(patsubst %.c,%.o,$(filter-out %/main.c %/units.c,$(EXT4_TEST_SOURCES))) arch/host/gs.o

# What a target is linked from, as objects below the build's folder.
fuzz_objects = tests/fuzz/$(1).o tests/fuzz/driver/common.o \
	$(if $(filter $(1),$(FUZZ_PLAIN)),tests/fuzz/driver/plain.o, \
		tests/fuzz/driver/hosted.o tests/fuzz/world/world.o) \
	$(if $(filter $(1),virtio pci),$(FUZZ_VIRTIO)) $(if $(filter $(1),ext4_blocks),$(FUZZ_SHIM)) \
	$(if $(filter ext4%,$(1)),$(FUZZ_EXT4))

$(HOST_OUT)/tests/fuzz/ext4/images.o $(HOST_OUT)/fuzz/tests/fuzz/ext4/images.o: \
		$(FUZZ_IMAGES:%=tests/fuzz/ext4/%.img.xz)
	$(Q)mkdir -p $(@D)
	$(Q)for image in $(FUZZ_IMAGES); do \
		xz -dc tests/fuzz/ext4/$$image.img.xz > $(@D)/$$image.img; \
		echo ".section .rodata"; echo ".balign 64"; \
		echo ".global image_$$image, image_$${image}_end, image_copy_$$image"; \
		echo "image_$$image: .incbin \"$(@D)/$$image.img\""; echo "image_$${image}_end:"; \
		echo ".bss"; echo ".balign 64"; \
		echo "image_copy_$$image: .skip $$(stat -c %s $(@D)/$$image.img)"; \
	done > $(@:.o=.S); echo '.section .note.GNU-stack,"",@progbits' >> $(@:.o=.S)
	$(Q)$(HOSTCC) -c $(@:.o=.S) -o $@

# ---- by clang, with libFuzzer -----------------------------------------------------------------------

FUZZ_OUT := $(HOST_OUT)/fuzz
comma := ,
# Without the check of pointer arithmetic: to this clang a program's NULL plus 0 is an error.
FUZZ_COMMON := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined \
	-fno-sanitize=pointer-overflow \
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

$(FUZZ_OUT)/tests/host/ext4/host.o: tests/host/ext4/host.c $(HOST_OUT)/flags
	$(call say,FUZZCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(HOST_PORT_CFLAGS) -Wno-atomic-alignment -c $< -o $@

# libFuzzer's own side, which it should not be led by.
$(FUZZ_OUT)/tests/fuzz/driver/%.o: tests/fuzz/driver/%.c $(HOST_OUT)/flags
	$(call say,FUZZCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(HOST_PORT_CFLAGS) -Wno-atomic-alignment -c $< -o $@

# Not what inputs are about: to be led through loops over bytes and by the scheduler costs half of the time.
FUZZ_UNLED := $(addprefix kernel/,string format slab kmalloc page lockrank sched rcu thread wait workqueue mutex rwsem \
	clock printk console) fs/ext4/checksum tests/fuzz/ext4/image
$(FUZZ_UNLED:%=$(FUZZ_OUT)/%.o): \
	FUZZ_COMMON := $(subst $(comma)fuzzer-no-link,,$(FUZZ_COMMON))

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
