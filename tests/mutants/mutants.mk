# make mutants: every patch of tests/mutants, applied to a copy of the tree, is noticed by the test that it
# names (tests/mutants/run). ONLY=word: those with the word in their name or their killer's. JOBS: at a time.
JOBS ?= 2

mutants:
	$(Q)tools/deps build run test
	$(Q)tests/mutants/run --jobs $(JOBS) $(if $(ONLY),--only '$(ONLY)')

.PHONY: mutants
