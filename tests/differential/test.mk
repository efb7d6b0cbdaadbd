# The differential test: the same random operations on Linux and on Unlazy (tests/differential/run).
#
#   make test-differential SEEDS=2000 SEED0=1 [ON=qemu] [EXT4=1]

test-differential:
	$(Q)tools/deps build run test
	$(Q)$(TEST_MAKE) DEBUG= host $(if $(filter qemu,$(ON)),kernel)
	$(Q)tests/differential/run --seeds $(or $(SEEDS),400) --seed0 $(or $(SEED0),1) $(if $(ON),--on $(ON)) \
		$(if $(EXT4),--ext4)

.PHONY: test-differential
