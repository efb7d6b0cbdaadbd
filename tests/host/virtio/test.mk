# The virtio tests bring a kernel of their own (fake_kernel.c), so that time and memory are the
# test's; only the sources below are linked with it.
VIRTIO_TEST_SOURCES := $(wildcard tests/host/virtio/*.c drivers/virtio/*.c) drivers/pci.c \
	kernel/block.c kernel/string.c kernel/format.c
VIRTIO_TEST_OBJECTS := $(VIRTIO_TEST_SOURCES:%.c=$(HOST_OUT)/%.o) \
	$(HOST_OUT)/arch/host/gs.o

$(HOST_OUT)/bin/virtio_test: $(VIRTIO_TEST_OBJECTS)
	$(call say,HOSTLD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -g -o $@ $^

HOST_TESTS += $(HOST_OUT)/bin/virtio_test
-include $(VIRTIO_TEST_OBJECTS:.o=.d)
