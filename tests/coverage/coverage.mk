# make coverage: what the host tests reach, by folder and file; COVERAGE=vfs/walk.c (or a folder) shows which
# branches of it nothing has taken. A build of its own under build/host/coverage: clang's counters, without
# sanitizers, so that it also loads programs. tests/coverage/report runs the tests and does the sums.

COVERAGE ?=
COVERAGE_OUT := $(HOST_OUT)/coverage
COVERAGE_COMMON := -fPIE -Wno-atomic-alignment -Wno-address-of-packed-member \
	-Wno-format
COVERAGE_COUNTERS := -fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic
COVERAGE_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize%,$(HOST_CFLAGS)) $(COVERAGE_COMMON) \
	$(COVERAGE_COUNTERS) -include kernel/dawdle_hooks.h
COVERAGE_PORT_CFLAGS := $(filter-out -fsanitize=%,$(HOST_PORT_CFLAGS)) $(COVERAGE_COMMON)
COVERAGE_LINK = $(HOSTCLANG) -fprofile-instr-generate -pie -pthread -g -Wl,--wrap=_exit
COVERAGE_SUPPORT := $(COVERAGE_OUT)/tests/coverage/support.o

$(eval $(call flags_file,$(COVERAGE_OUT)/flags,$(COVERAGE_CFLAGS)))

# The port, and what only the tests have, is not counted.
$(COVERAGE_OUT)/arch/host/%.o: arch/host/%.c $(COVERAGE_OUT)/flags
	$(call say,COVCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(COVERAGE_PORT_CFLAGS) -c $< -o $@

$(COVERAGE_OUT)/arch/host/%.o: arch/host/%.S
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) -c $< -o $@

$(COVERAGE_OUT)/tests/coverage/support.o: tests/coverage/support.c
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) -c $< -o $@

$(COVERAGE_OUT)/tests/%.o: tests/%.c $(COVERAGE_OUT)/flags
	$(call say,COVCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(filter-out $(COVERAGE_COUNTERS),$(COVERAGE_CFLAGS)) -c $< -o $@

$(COVERAGE_OUT)/%.o: %.c $(COVERAGE_OUT)/flags
	$(call say,COVCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(COVERAGE_CFLAGS) -c $< -o $@

$(COVERAGE_OUT)/none.o: $(HOST_OUT)/programs.o
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

$(COVERAGE_OUT)/programs.o: $(PROGRAMS) kernel/embed-programs
	$(Q)mkdir -p $(@D)
	$(Q)kernel/embed-programs $(PROGRAMS) | sed 's/\.rodata\.programs, "a"/.data.rel.ro, "aw"/' > $(@:.o=.S)
	$(Q)$(HOSTCLANG) -c $(@:.o=.S) -o $@

# The unit tests of tests/host and of tests/guest, those against a device that lies, the hosted kernel.
COVERAGE_ARCHIVE := $(patsubst $(HOST_OUT)/%,$(COVERAGE_OUT)/%,$(HOST_OBJECTS) $(HOST_PORT)) \
	$(COVERAGE_OUT)/none.o
COVERAGE_VIRTIO := $(VIRTIO_TEST_OBJECTS:$(HOST_OUT)/%=$(COVERAGE_OUT)/%)
COVERAGE_HOSTED := $(patsubst $(PLAIN_OUT)/%,$(COVERAGE_OUT)/%,$(PLAIN_OBJECTS) $(PLAIN_PORT)) \
	$(FAULTS_SOURCES:%.c=$(COVERAGE_OUT)/%.o) $(COVERAGE_OUT)/programs.o $(COVERAGE_SUPPORT)
COVERAGE_UNITS := $(patsubst tests/host/%.c,$(COVERAGE_OUT)/bin/%,$(wildcard tests/host/*.c)) \
	$(HOST_GUEST_TESTS:%=$(COVERAGE_OUT)/bin/guest/%) $(COVERAGE_OUT)/bin/virtio_test

$(COVERAGE_OUT)/libunlazy.a: $(COVERAGE_ARCHIVE)
	$(Q)rm -f $@ && ar rcs $@ $^

$(COVERAGE_OUT)/bin/virtio_test: $(COVERAGE_VIRTIO) $(COVERAGE_SUPPORT)
	$(call say,COVLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(COVERAGE_LINK) -o $@ $^ -latomic

$(COVERAGE_OUT)/bin/guest/%: $(COVERAGE_OUT)/tests/guest/%.o $(COVERAGE_SUPPORT) $(COVERAGE_OUT)/libunlazy.a
	$(call say,COVLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(COVERAGE_LINK) -o $@ $^ -latomic

$(COVERAGE_OUT)/bin/%: $(COVERAGE_OUT)/tests/host/%.o $(COVERAGE_SUPPORT) $(COVERAGE_OUT)/libunlazy.a
	$(call say,COVLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(COVERAGE_LINK) -o $@ $^ -latomic

$(COVERAGE_OUT)/unlazy: $(COVERAGE_HOSTED) arch/host/percpu.ld
	$(call say,COVLD,$@)
	$(Q)$(COVERAGE_LINK) -o $@ $(filter %.o,$^) -latomic -Wl,-T,arch/host/percpu.ld

coverage:
	$(Q)tools/deps build run test coverage
	$(Q)$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc)) coverage-built

coverage-built: $(COVERAGE_UNITS) $(COVERAGE_OUT)/unlazy disk
	$(Q)tests/coverage/report --hosted $(COVERAGE_OUT)/unlazy --disk $(BUILD)/disk.img \
		--work $(COVERAGE_OUT) $(if $(COVERAGE),--show '$(COVERAGE)') $(COVERAGE_UNITS)

.PHONY: coverage coverage-built
-include $(COVERAGE_ARCHIVE:.o=.d) $(COVERAGE_HOSTED:.o=.d) $(COVERAGE_VIRTIO:.o=.d)
