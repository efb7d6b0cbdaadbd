# build/host/unlazy: the kernel as a Linux program, without sanitizers, carrying the same programs as the
# kernel ELF. Objects are under build/host/plain. DEBUG=1: build/host/unlazy-debug, with assertions.

PLAIN_FLAVOR := $(if $(filter 1,$(DEBUG)),debug,plain)
PLAIN_OUT := $(HOST_OUT)/$(PLAIN_FLAVOR)
PLAIN_BINARY := $(HOST_OUT)/unlazy$(if $(filter 1,$(DEBUG)),-debug)
PLAIN_COMMON := -O2 -fPIE -fno-stack-protector -fcf-protection=none -I. -Iarch/host/include \
	$(if $(filter 1,$(DEBUG)),-DCONFIG_DEBUG)
PLAIN_CFLAGS := $(COMMON_CFLAGS) $(PLAIN_COMMON) \
	$(if $(filter 1,$(DEBUG)),-include kernel/dawdle_hooks.h) $(foreach f,$(HOST_RENAMED),-D$(f)=unlazy_$(f))
PLAIN_PORT_CFLAGS := -std=gnu11 $(WARNINGS) -g -fno-omit-frame-pointer -D_GNU_SOURCE -MMD -MP \
	$(PLAIN_COMMON)

# main.c is the tests'.
PLAIN_PORT := $(patsubst %.c,$(PLAIN_OUT)/%.o,$(filter-out arch/host/main.c,$(wildcard arch/host/*.c))) \
	$(PLAIN_OUT)/arch/host/switch.o
# symbols.c reads a table that the metal's link makes; here ELF's own does (backtrace.c).
PLAIN_OBJECTS := $(patsubst %.c,$(PLAIN_OUT)/%.o,$(filter-out kernel/symbols.c, \
	$(foreach d,$(PORTABLE_DIRS),$(wildcard $(d)/*.c)) \
	$(filter-out tests/guest/arch_%,$(wildcard tests/guest/*.c)) \
	$(wildcard tests/hosted/*.c tests/torture/*.c)))

$(eval $(call flags_file,$(PLAIN_OUT)/flags,$(HOSTCC) $(PLAIN_CFLAGS) $(PLAIN_PORT_CFLAGS)))

$(PLAIN_OUT)/arch/host/%.o: arch/host/%.c $(PLAIN_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(PLAIN_PORT_CFLAGS) -c $< -o $@

$(PLAIN_OUT)/arch/host/%.o: arch/host/%.S
	$(call say,HOSTAS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -c $< -o $@

$(PLAIN_OUT)/%.o: %.c $(PLAIN_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(PLAIN_CFLAGS) -c $< -o $@

# Where the images lie is not known before the program is loaded: their table is written then.
$(PLAIN_OUT)/programs.o: $(PROGRAMS) kernel/embed-programs
	$(Q)mkdir -p $(@D)
	$(Q)kernel/embed-programs $(PROGRAMS) | sed 's/\.rodata\.programs, "a"/.data.rel.ro, "aw"/' > $(@:.o=.S)
	$(Q)$(HOSTCC) -c $(@:.o=.S) -o $@

$(PLAIN_BINARY): $(PLAIN_OBJECTS) $(PLAIN_PORT) $(PLAIN_OUT)/programs.o arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pie -pthread -g -o $@ $(filter %.o,$^) -Wl,-T,arch/host/percpu.ld

host: $(PLAIN_BINARY)

# ---- the whole kernel under sanitizers, without programs: in-kernel tests on several CPUs ----------------

# AddressSanitizer and UBSan: the objects of the unit tests, and what those leave out.
ASAN_SOURCES := $(HOST_SOURCES) $(wildcard drivers/*.c drivers/virtio/*.c) \
	$(filter-out tests/guest/arch_% tests/guest/kernel_process.c,$(wildcard tests/guest/*.c)) \
	$(wildcard tests/hosted/*.c tests/torture/*.c)
ASAN_OBJECTS := $(patsubst %.c,$(HOST_OUT)/%.o,$(filter-out kernel/symbols.c,$(ASAN_SOURCES)) \
	$(filter-out arch/host/main.c,$(wildcard arch/host/*.c))) \
	$(HOST_OUT)/arch/host/switch.o $(HOST_OUT)/programs.o

$(HOST_OUT)/unlazy-asan: $(ASAN_OBJECTS) arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -pthread -g -o $@ $(filter %.o,$^) \
		-Wl,-T,arch/host/percpu.ld

# ThreadSanitizer, by clang: gcc's knows neither fences nor many fibers.
HOSTCLANG ?= clang
TSAN_OUT := $(HOST_OUT)/tsan
TSAN_COMMON := -fsanitize=thread -O1 -include arch/host/include/arch/tsan_once.h \
	-Wno-atomic-alignment -Wno-address-of-packed-member
TSAN_OBJECTS := $(ASAN_OBJECTS:$(HOST_OUT)/%=$(TSAN_OUT)/%)

TSAN_PORT_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize%,$(HOST_PORT_CFLAGS)) $(TSAN_COMMON)
TSAN_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize%,$(HOST_CFLAGS)) $(TSAN_COMMON)

$(eval $(call flags_file,$(TSAN_OUT)/flags,$(HOSTCLANG) $(TSAN_CFLAGS) $(TSAN_PORT_CFLAGS)))

$(TSAN_OUT)/arch/host/%.o: arch/host/%.c $(TSAN_OUT)/flags
	$(call say,TSANCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(TSAN_PORT_CFLAGS) -c $< -o $@

$(TSAN_OUT)/arch/host/%.o: arch/host/%.S
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) -c $< -o $@

$(TSAN_OUT)/programs.o: $(HOST_OUT)/programs.o
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

$(TSAN_OUT)/%.o: %.c $(TSAN_OUT)/flags
	$(call say,TSANCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(TSAN_CFLAGS) -c $< -o $@

$(HOST_OUT)/unlazy-tsan: $(TSAN_OBJECTS) arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCLANG) -fsanitize=thread -pthread -g -o $@ $(filter %.o,$^) -latomic -Wl,-T,arch/host/percpu.ld

host-asan: $(HOST_OUT)/unlazy-asan
host-tsan: $(HOST_OUT)/unlazy-tsan

.PHONY: host host-asan host-tsan
-include $(ASAN_OBJECTS:.o=.d) $(TSAN_OBJECTS:.o=.d)

-include $(PLAIN_OBJECTS:.o=.d) $(PLAIN_PORT:.o=.d)

# ---- the simulation: all CPUs on one thread, replayable (arch/host/sim) ----------------------------------

# The instrumentation of ThreadSanitizer without its run-time: arch/host/sim/instrument.c has the functions.
SIM_OUT := $(HOST_OUT)/sim
SIM_COMMON := -O1 -g -fno-omit-frame-pointer -fno-pie -DHOST_SIM -DCONFIG_DEBUG -I. -Iarch/host/include
SIM_CFLAGS := $(COMMON_CFLAGS) $(SIM_COMMON) -fsanitize=thread -mllvm -tsan-instrument-func-entry-exit=0 \
	-include arch/host/include/arch/tsan_once.h -Wno-atomic-alignment -Wno-address-of-packed-member \
	$(foreach f,$(filter-out memcpy memmove memset,$(HOST_RENAMED)),-D$(f)=unlazy_$(f))
SIM_PORT_CFLAGS := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE $(SIM_COMMON) -MMD -MP
# Copies and fills are instrument.c's; these are left over.
$(SIM_OUT)/kernel/string.o: SIM_CFLAGS += -Dmemcpy=unlazy_memcpy -Dmemmove=unlazy_memmove \
	-Dmemset=unlazy_memset

SIM_PORT := $(patsubst %.c,$(SIM_OUT)/%.o, $(wildcard arch/host/sim/*.c) \
	$(addprefix arch/host/,backtrace.c cpu.c gs.c machine.c memory.c program.c signal.c thread.c)) \
	$(SIM_OUT)/arch/host/switch.o
SIM_OBJECTS := $(patsubst %.c,$(SIM_OUT)/%.o,$(filter-out kernel/symbols.c,$(ASAN_SOURCES)) \
	$(wildcard tests/sim/*.c)) $(SIM_OUT)/programs.o

$(eval $(call flags_file,$(SIM_OUT)/flags,$(HOSTCLANG) $(SIM_CFLAGS) $(SIM_PORT_CFLAGS)))

$(SIM_OUT)/arch/host/%.o: arch/host/%.c $(SIM_OUT)/flags
	$(call say,SIMCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(SIM_PORT_CFLAGS) -c $< -o $@

$(SIM_OUT)/arch/host/%.o: arch/host/%.S
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) -c $< -o $@

$(SIM_OUT)/programs.o: $(HOST_OUT)/programs.o
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

$(SIM_OUT)/%.o: %.c $(SIM_OUT)/flags
	$(call say,SIMCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCLANG) $(SIM_CFLAGS) -c $< -o $@

# At fixed addresses, so that a seed is a run.
$(HOST_OUT)/unlazy-sim: $(SIM_OBJECTS) $(SIM_PORT) arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCLANG) -no-pie -g -o $@ $(filter %.o,$^) -latomic -Wl,-T,arch/host/percpu.ld

host-sim: $(HOST_OUT)/unlazy-sim

.PHONY: host-sim
-include $(SIM_OBJECTS:.o=.d) $(SIM_PORT:.o=.d)
