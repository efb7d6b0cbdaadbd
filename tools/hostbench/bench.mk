# make bench-host: the two programs that tools/bench-host lets take turns.

# The kernel of `make host`, with the bench in the place of programs.
HOSTBENCH := $(HOST_OUT)/unlazy-bench
HOSTBENCH_LINUX := $(BUILD)/bench/opens-linux
HOSTBENCH_OBJECTS := $(filter-out $(PLAIN_OUT)/tests/%,$(PLAIN_OBJECTS)) $(PLAIN_PORT) \
	$(addprefix $(PLAIN_OUT)/,tools/hostbench/opens.o tools/hostbench/unlazy.o tools/hostbench/cpu_time.o \
	no-programs.o)

$(PLAIN_OUT)/tools/hostbench/cpu_time.o: tools/hostbench/cpu_time.c $(PLAIN_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(PLAIN_PORT_CFLAGS) -c $< -o $@

$(PLAIN_OUT)/no-programs.o: kernel/embed-programs
	$(Q)mkdir -p $(@D)
	$(Q)kernel/embed-programs | sed 's/\.rodata\.programs, "a"/.data.rel.ro, "aw"/' > $(@:.o=.S)
	$(Q)$(HOSTCC) -c $(@:.o=.S) -o $@

$(HOSTBENCH): $(HOSTBENCH_OBJECTS) arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pie -pthread -g -o $@ $(filter %.o,$^) -Wl,-T,arch/host/percpu.ld

# opens.c with the kernel's flags here, too; cpu_time.o is the same.
HOSTBENCH_LINUX_OBJECTS := $(addprefix $(BUILD)/bench/hostbench/,opens.o linux.o) \
	$(PLAIN_OUT)/tools/hostbench/cpu_time.o

$(BUILD)/bench/hostbench/opens.o: tools/hostbench/opens.c $(PLAIN_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(COMMON_CFLAGS) $(PLAIN_COMMON) -c $< -o $@

$(BUILD)/bench/hostbench/linux.o: tools/hostbench/linux.c $(PLAIN_OUT)/flags
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(PLAIN_PORT_CFLAGS) -c $< -o $@

$(HOSTBENCH_LINUX): $(HOSTBENCH_LINUX_OBJECTS)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pie -o $@ $^

bench-host:
	$(Q)tools/deps build
	$(Q)$(MAKE) --no-print-directory DEBUG=0 $(HOSTBENCH) $(HOSTBENCH_LINUX)
	$(Q)tools/bench-host --unlazy $(HOSTBENCH) --linux $(HOSTBENCH_LINUX)

.PHONY: bench-host
-include $(HOSTBENCH_OBJECTS:.o=.d) $(HOSTBENCH_LINUX_OBJECTS:.o=.d)
