# The never-blocks matrix, which also runs inside every kernel, on the host's one CPU under AddressSanitizer.
NEVER_BLOCKS_SOURCES := tests/host/never_blocks/boot.c tests/torture/caller.c tests/torture/treefs.c \
	$(wildcard tests/torture/never_blocks*.c)
NEVER_BLOCKS_OBJECTS := $(NEVER_BLOCKS_SOURCES:%.c=$(HOST_OUT)/%.o)

$(HOST_OUT)/bin/never_blocks: $(NEVER_BLOCKS_OBJECTS) $(HOST_OUT)/libunlazy.a
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -g -o $@ $^

HOST_TESTS += $(HOST_OUT)/bin/never_blocks
-include $(NEVER_BLOCKS_OBJECTS:.o=.d)
