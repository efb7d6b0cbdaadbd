# Torture for minutes, or hours: docs/testing.md. The tests are part of every kernel, so of make test, too.
#
#   make torture [SEEDS=1] [SEED0=N] [ROUNDS=30] [ONLY=word]

# Others have defaults of their own for these; here they count only when somebody gives them.
torture_given = $(if $(filter command environment,$(origin $(1))),--$(2) $($(1)))

torture:
	$(Q)tools/deps build run test
	$(Q)$(TEST_MAKE) torture-ready
	$(Q)tests/torture/run $(call torture_given,SEEDS,seeds) $(call torture_given,SEED0,seed0) \
		$(call torture_given,ROUNDS,rounds) $(call torture_given,ONLY,only)

torture-ready: kernel host $(HOSTED_SANITIZED)

.PHONY: torture torture-ready
