# The scripts of tools/, without the kernel: tools.py asks them and looks at what they make.
$(HOST_OUT)/bin/fake-kernel-%: tests/host/tools/fake-kernel.S
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x100000,--build-id=none,-e,start \
		-DSTATUS=$* -o $@ $<

$(HOST_OUT)/bin/tools: tests/host/tools/tools.py $(HOST_OUT)/bin/fake-kernel-3 \
		$(HOST_OUT)/bin/fake-kernel-4 $(HOST_OUT)/bin/fake-kernel-999
	$(Q)install $< $@

HOST_TESTS += $(HOST_OUT)/bin/tools
