# build/host/unlazy: the kernel as a Linux program, without sanitizers, carrying the same programs as the
# kernel ELF. Objects are under build/host/plain. DEBUG=1: build/host/unlazy-debug, with assertions.

PLAIN_FLAVOR := $(if $(filter 1,$(DEBUG)),debug,plain)
PLAIN_OUT := $(HOST_OUT)/$(PLAIN_FLAVOR)
PLAIN_BINARY := $(HOST_OUT)/unlazy$(if $(filter 1,$(DEBUG)),-debug)
PLAIN_COMMON := -O2 -fPIE -fno-stack-protector -fcf-protection=none -I. -Iarch/host/include \
	$(if $(filter 1,$(DEBUG)),-DCONFIG_DEBUG)
PLAIN_CFLAGS := $(COMMON_CFLAGS) $(PLAIN_COMMON) $(foreach f,$(HOST_RENAMED),-D$(f)=unlazy_$(f))
PLAIN_PORT_CFLAGS := -std=gnu11 $(WARNINGS) -g -fno-omit-frame-pointer -D_GNU_SOURCE -MMD -MP \
	$(PLAIN_COMMON)

# main.c is the tests'.
PLAIN_PORT := $(patsubst %.c,$(PLAIN_OUT)/%.o,$(filter-out arch/host/main.c,$(wildcard arch/host/*.c))) \
	$(PLAIN_OUT)/arch/host/switch.o
# symbols.c reads a table that the metal's link makes; here ELF's own does (backtrace.c).
PLAIN_OBJECTS := $(patsubst %.c,$(PLAIN_OUT)/%.o,$(filter-out kernel/symbols.c, \
	$(foreach d,$(PORTABLE_DIRS),$(wildcard $(d)/*.c)) \
	$(filter-out tests/guest/arch_%,$(wildcard tests/guest/*.c))))

$(PLAIN_OUT)/arch/host/%.o: arch/host/%.c
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(PLAIN_PORT_CFLAGS) -c $< -o $@

$(PLAIN_OUT)/arch/host/%.o: arch/host/%.S
	$(call say,HOSTAS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -c $< -o $@

$(PLAIN_OUT)/%.o: %.c
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

.PHONY: host

-include $(PLAIN_OBJECTS:.o=.d) $(PLAIN_PORT:.o=.d)
