# The deterministic simulation (arch/host/sim). docs/testing.md says how to use it.
#
#   make sim SEEDS=N SEED0=s [SIM=prefix]     every scenario with N seeds, and again with weak memory

SEEDS ?= 1000
SEED0 ?= 1
SIM ?= sim_
SIM_RUN = $(HOST_OUT)/unlazy-sim --disk $(DISK_IMAGE) --ktest '$(SIM)' --seeds $(SEEDS) --seed0 $(SEED0)

sim: $(HOST_OUT)/unlazy-sim disk
	$(SIM_RUN)
	$(SIM_RUN) --weak

.PHONY: sim
