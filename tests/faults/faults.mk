# The n-th allocation, the n-th block request fails: docs/testing.md. The kernel as a Linux program under
# AddressSanitizer, with the sweeps instead of the other tests.
FAULTS_SOURCES := $(wildcard tests/faults/*.c)
FAULTS_OBJECTS := $(filter-out $(HOST_OUT)/tests/%,$(ASAN_OBJECTS)) $(FAULTS_SOURCES:%.c=$(HOST_OUT)/%.o)

$(HOST_OUT)/unlazy-faults: $(FAULTS_OBJECTS) arch/host/percpu.ld
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -pthread -g -o $@ $(filter %.o,$^) \
		-Wl,-T,arch/host/percpu.ld

# FAULTS='commands --step 1 --only pipes' for a part, and every allocation of it.
test-faults:
	$(Q)tools/deps build run test
	$(Q)$(TEST_MAKE) test-faults-built

test-faults-built: $(HOST_OUT)/unlazy-faults host kernel disk
	$(Q)tests/faults/run $(FAULTS)

.PHONY: test-faults test-faults-built
-include $(FAULTS_SOURCES:%.c=$(HOST_OUT)/%.d)
