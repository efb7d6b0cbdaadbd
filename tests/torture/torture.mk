# Torture for minutes, or hours: docs/testing.md. The tests are part of every kernel, so of make test, too.
#
#   make torture [SEEDS=1] [SEED0=N] [ROUNDS=30] [ONLY=word]

torture:
	$(Q)tools/deps build run test
	$(Q)$(TEST_MAKE) torture-ready
	$(Q)tests/torture/run $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED0),--seed0 $(SEED0)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

torture-ready: kernel host $(HOSTED_SANITIZED)

.PHONY: torture torture-ready
