# Tests. docs/testing.md says what there is; tests/run runs it and counts.
#
#   make test            all, after installing and building what it needs
#   make test-host test-guest test-console ...    one layer
#   make test-layers LAYERS='guest console' ONLY=word
#
# The packages first: what they bring decides how the rest of this Makefile reads, hence a second make.

LAYERS ?=
ONLY ?=
# As many compilers as CPUs, unless the caller said how many.
TEST_MAKE = $(MAKE) --no-print-directory DEBUG=1 $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

test:
	$(Q)tools/deps build run test check
	$(Q)$(TEST_MAKE) test-ready
	$(Q)$(TEST_MAKE) test-built

test-layers: test

test-tree test-host test-hosted test-sim test-fuzz test-libc-only test-guest test-crash test-disks test-programs test-console: test-%:
	$(Q)$(MAKE) --no-print-directory test LAYERS=$(*:-only=)

LIBC_TEST_FILES := $(addprefix $(BUILD)/user/,test/abi_values.host test/abi_values bin/libctest)
LIBC_TEST := CC="$(CC)" tests/libc/run $(LIBC_TEST_FILES) $(BUILD)/user/test/abi_kernel

# The hosted kernel under sanitizers, and simulated; ThreadSanitizer and simulation where there is clang.
HOSTED_SANITIZED := $(HOST_OUT)/unlazy-asan \
	$(if $(shell command -v $(HOSTCLANG) 2>/dev/null),$(HOST_OUT)/unlazy-tsan $(HOST_OUT)/unlazy-sim)

include tests/host/tsan.mk
include tests/fuzz/fuzz.mk
include tests/faults/faults.mk

test-ready: $(HOST_TESTS) $(HOST_TSAN_TESTS) kernel host disk $(LIBC_TEST_FILES) $(HOSTED_SANITIZED) $(FUZZ_REPLAYS) \
	$(HOST_OUT)/unlazy-faults

test-built:
	$(Q)HOST_TESTS='$(HOST_TESTS)' HOST_TSAN_TESTS='$(abspath $(HOST_TSAN_TESTS))' LIBC_TEST='$(LIBC_TEST)' \
	FUZZ_REPLAYS='$(abspath $(FUZZ_REPLAYS))' \
	HOSTED_SANITIZED='$(abspath $(HOSTED_SANITIZED))' tests/run $(LAYERS) $(if $(ONLY),--only $(ONLY)) \
		$(if $(filter 1,$(V)),--verbose)

include tests/mutants/mutants.mk
include tests/coverage/coverage.mk
include tests/differential/test.mk
include tests/torture/torture.mk
include tests/sim/sim.mk

.PHONY: test test-layers test-ready test-built test-tree test-host test-hosted test-sim test-fuzz test-libc-only test-guest test-crash \
	test-disks test-programs test-console
