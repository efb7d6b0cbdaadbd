# ext4 against images of many kinds: images.py makes them with mke2fs and debugfs and looks at
# them through ext4_host, which is fs/ext4 over a vfs of its own (shim.c): nothing is cached, so that every
# block that is read is an object of its own to the sanitizers.
EXT4_TEST_SOURCES := $(wildcard tests/host/ext4/*.c fs/ext4/*.c) kernel/string.c kernel/format.c
EXT4_TEST_OBJECTS := $(EXT4_TEST_SOURCES:%.c=$(HOST_OUT)/%.o) \
	$(HOST_OUT)/arch/host/gs.o

$(HOST_OUT)/tests/host/ext4/host.o: tests/host/ext4/host.c
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_PORT_CFLAGS) -c $< -o $@

$(HOST_OUT)/bin/ext4_host: $(EXT4_TEST_OBJECTS)
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -g -o $@ $^

$(HOST_OUT)/bin/ext4_images: tests/host/ext4/images.py tests/diskimage.py $(HOST_OUT)/bin/ext4_host
	$(Q)install -m 644 tests/diskimage.py $(@D)
	$(Q)install $< $@

HOST_TESTS += $(HOST_OUT)/bin/ext4_images
-include $(EXT4_TEST_OBJECTS:.o=.d)
