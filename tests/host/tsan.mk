# The host tests that start threads, under ThreadSanitizer, on two CPUs that are pthreads: build/host/tsan/bin/NAME
# [--cpus N]. Their kernel is an archive of unlazy-tsan's objects; where there is no clang there are none.
HOST_TSAN_NAMES := ring_rings vfs_attempts vfs_caches vfs_dcache vfs_fdtable vfs_inodes vfs_walk \
	$(HOST_GUEST_TESTS:%=guest/%)
HOST_TSAN_TESTS := $(if $(shell command -v $(HOSTCLANG) 2>/dev/null), \
	$(HOST_TSAN_NAMES:%=$(TSAN_OUT)/bin/%) $(TSAN_OUT)/bin/never_blocks)

$(TSAN_OUT)/libunlazy.a: $(patsubst $(HOST_OUT)/%,$(TSAN_OUT)/%,$(HOST_OBJECTS) $(HOST_PORT)) $(TSAN_OUT)/programs.o
	$(Q)rm -f $@ && ar rcs $@ $^

HOST_TSAN_LINK = $(HOSTCLANG) -fsanitize=thread -pthread -g -o $@ $(filter %.o %.a,$^) -latomic \
	-Wl,-T,arch/host/percpu.ld

$(TSAN_OUT)/bin/never_blocks: $(patsubst $(HOST_OUT)/%,$(TSAN_OUT)/%,$(NEVER_BLOCKS_OBJECTS)) $(TSAN_OUT)/libunlazy.a
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_TSAN_LINK)

$(TSAN_OUT)/bin/guest/%: $(TSAN_OUT)/tests/guest/%.o $(TSAN_OUT)/libunlazy.a arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_TSAN_LINK)

$(TSAN_OUT)/bin/%: $(TSAN_OUT)/tests/host/%.o $(TSAN_OUT)/libunlazy.a arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOST_TSAN_LINK)

-include $(HOST_TSAN_NAMES:%=$(TSAN_OUT)/tests/host/%.d)
