# The C library and the programs.
#
#   user/bin/NAME.c or user/bin/NAME/*.c	-> build/user/bin/NAME	(build/user/debug/NAME with symbols)
#   APP=path/prog.c or APP=path/folder		-> build/app/prog, and a copy among the programs
#
# A program is a static-PIE executable: start.o, the program, libunlazy.a (user/libc/src), newlib's libc.a and
# libm.a, Debian's liburing.a. The same file runs on Linux and on Unlazy.
#
# Included by the root Makefile; also works alone:   make -f user/user.mk user

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
ifndef Q
V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-8s %s\n' '$(1)' '$(2)';)
endif

.PHONY: user libc test-libc
U_DEFAULT_GOAL := $(.DEFAULT_GOAL)

U_OUT	  := $(BUILD)/user
U_NEWLIB  := $(BUILD)/newlib
U_HEADERS := $(U_OUT)/headers
U_GCC_INCLUDE := $(shell $(CC) -print-file-name=include)
U_MULTIARCH   := $(shell $(CC) -print-multiarch)
U_LIBURING    := $(firstword $(wildcard /usr/lib/x86_64-linux-gnu/liburing.a) /usr/lib/liburing.a)
U_STRIP	      := $(CROSS_COMPILE)strip
U_AR	      := $(CROSS_COMPILE)ar

# The order is what makes the headers work together: ours replace newlib's and the kernel's where they
# clash; gcc's stdatomic.h must come before newlib's.
U_INCLUDES := -nostdinc -isystem user/libc/include -isystem $(U_HEADERS)/liburing \
	-isystem $(U_GCC_INCLUDE) -isystem $(U_NEWLIB)/include -isystem $(U_HEADERS)/linux
U_WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
U_CODEGEN  := -std=gnu11 -O2 -g -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fcf-protection=none
U_CFLAGS   := $(U_CODEGEN) $(U_INCLUDES) -MD -MP
U_LDFLAGS  := -static-pie -nostdlib -nostartfiles -Wl,-z,separate-code -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,-z,text -Wl,--gc-sections -Wl,--build-id=none
# All of ours goes in before newlib is searched, so that ours wins where both define a name; what a
# program does not use is dropped by --gc-sections.
U_LIBS	   := $(U_OUT)/libc/start.o -Wl,--whole-archive $(U_OUT)/libc/libunlazy.a \
	-Wl,--no-whole-archive $(U_LIBURING) -Wl,--start-group $(U_NEWLIB)/lib/libc.a \
	$(U_NEWLIB)/lib/libm.a -lgcc -Wl,--end-group
U_READY	   := $(U_NEWLIB)/stamp $(U_HEADERS)/stamp $(U_OUT)/flags

# Other flags make other objects.
$(U_OUT)/flags: FORCE
	$(Q)mkdir -p $(@D); echo '$(CC) $(U_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(U_CFLAGS)' > $@

# ---- headers and newlib -------------------------------------------------------------------------

# linux-libc-dev's and liburing's headers stand beside glibc's in /usr/include: make them reachable alone.
$(U_HEADERS)/stamp: user/user.mk
	$(Q)if [ ! -e /usr/include/liburing.h ] || [ ! -e $(U_LIBURING) ]; then \
		echo "programs: liburing is missing: apt-get install liburing-dev" >&2; exit 1; fi
	$(Q)mkdir -p $(U_HEADERS)/linux $(U_HEADERS)/liburing
	$(Q)ln -sfn /usr/include/linux $(U_HEADERS)/linux/linux
	$(Q)ln -sfn /usr/include/asm-generic $(U_HEADERS)/linux/asm-generic
	$(Q)rm -rf $(U_HEADERS)/linux/asm && mkdir $(U_HEADERS)/linux/asm
	$(Q)ln -s /usr/include/$(U_MULTIARCH)/asm/*.h $(U_HEADERS)/linux/asm/
	$(Q)sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/#define SYS_\1 __NR_\1/p' \
		$(U_HEADERS)/linux/asm/unistd_64.h > $(U_HEADERS)/linux/asm/syscall_names.h
	$(Q)ln -sfn /usr/include/liburing.h $(U_HEADERS)/liburing/liburing.h
	$(Q)ln -sfn /usr/include/liburing $(U_HEADERS)/liburing/liburing
	$(Q)touch $@

$(U_NEWLIB)/stamp: user/libc/newlib/build.sh $(wildcard user/libc/newlib/include/*.h) \
		$(wildcard user/libc/newlib/include/*/*.h) | $(U_HEADERS)/stamp
	$(Q)CC="$(CC)" sh user/libc/newlib/build.sh $(U_NEWLIB) $(abspath $(U_HEADERS)/linux)

# ---- our part of the C library ------------------------------------------------------------------

U_LIBC_SOURCES := $(wildcard user/libc/src/*.c)
U_LIBC_OBJECTS := $(patsubst user/libc/src/%.c,$(U_OUT)/libc/%.o,$(filter-out %/start.c,$(U_LIBC_SOURCES)))

$(U_OUT)/libc/%.o: user/libc/src/%.c $(U_READY)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(U_CFLAGS) $(U_WARNINGS) -D_GNU_SOURCE -fno-builtin -c $< -o $@

$(U_OUT)/libc/libunlazy.a: $(U_LIBC_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(U_AR) rcs $@ $^

libc: $(U_OUT)/libc/libunlazy.a $(U_OUT)/libc/start.o

U_LINK_DEPS := $(U_OUT)/libc/libunlazy.a $(U_OUT)/libc/start.o $(U_NEWLIB)/stamp user/user.mk

# $(1) the executable, from its $(2) objects; the unstripped file stays beside it in debug/.
define u_link
	$(call say,LINK,$(1))
	$(Q)mkdir -p $(dir $(1)) $(U_OUT)/debug
	$(Q)$(CC) $(U_LDFLAGS) -o $(U_OUT)/debug/$(notdir $(1)) $(2) $(U_LIBS)
	$(Q)$(U_STRIP) -o $(1) $(U_OUT)/debug/$(notdir $(1))
endef

# ---- programs -----------------------------------------------------------------------------------

$(U_OUT)/obj/%.o: %.c $(U_READY)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(U_CFLAGS) $(U_WARNINGS) -I. -c $< -o $@

U_NAMES := $(sort $(basename $(notdir $(wildcard user/bin/*.c))) \
	$(notdir $(patsubst %/,%,$(dir $(wildcard user/bin/*/*.c)))))

# $(1) the name, $(2) its sources.
define u_program
$(U_OUT)/bin/$(1): $(2:%.c=$(U_OUT)/obj/%.o) $(U_LINK_DEPS)
	$$(call u_link,$$@,$(2:%.c=$(U_OUT)/obj/%.o))
endef
$(foreach n,$(U_NAMES),$(eval \
	$(call u_program,$(n),$(wildcard user/bin/$(n).c) $(wildcard user/bin/$(n)/*.c))))

# The C library's own test is a program as well, so that it runs in the guest too.
$(eval $(call u_program,libctest,tests/libc/libc_test.c tests/libc/thread_test.c))
# And the program of the differential test (docs/testing.md).
$(eval $(call u_program,difftest,$(wildcard tests/differential/difftest/*.c)))

# So are tests/programs/NAME.c and tests/programs/NAME/*.c.
U_TESTS := $(sort libctest difftest $(basename $(notdir $(wildcard tests/programs/*.c))) \
	$(notdir $(patsubst %/,%,$(dir $(wildcard tests/programs/*/*.c)))))
$(foreach n,$(filter-out libctest difftest,$(U_TESTS)),$(eval \
	$(call u_program,$(n),$(wildcard tests/programs/$(n).c) $(wildcard tests/programs/$(n)/*.c))))

PROGRAMS := $(sort $(PROGRAMS) $(U_NAMES:%=$(U_OUT)/bin/%) $(U_TESTS:%=$(U_OUT)/bin/%))

# ---- a user's own program -----------------------------------------------------------------------

ifneq ($(APP),)
U_APP := $(basename $(notdir $(patsubst %/,%,$(APP))))
ifneq ($(filter $(U_APP),$(U_NAMES) $(U_TESTS)),)
$(error APP=$(APP): there is a program named $(U_APP) already; name it otherwise)
endif
U_APP_SOURCES := $(if $(filter %.c,$(APP)),$(APP),$(wildcard $(patsubst %/,%,$(APP))/*.c))
ifeq ($(strip $(wildcard $(U_APP_SOURCES))),)
$(error APP=$(APP): no such .c file, or no .c files in that folder)
endif
U_APP_OBJECTS := $(patsubst %.c,$(BUILD)/app/$(U_APP).obj/%.o,$(notdir $(U_APP_SOURCES)))
APPFLAGS ?=

define u_app_object
$(BUILD)/app/$(U_APP).obj/$(notdir $(1:.c=.o)): $(1) $(U_READY) FORCE
	$$(call say,CC,$(1))
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(U_CFLAGS) -Wall -I$$(dir $(1)) $$(APPFLAGS) -c $(1) -o $$@
endef
$(foreach s,$(U_APP_SOURCES),$(eval $(call u_app_object,$(s))))

$(BUILD)/app/$(U_APP): $(U_APP_OBJECTS) $(U_LINK_DEPS)
	$(call u_link,$@,$(U_APP_OBJECTS))

$(U_OUT)/bin/$(U_APP): $(BUILD)/app/$(U_APP)
	$(Q)cp $< $@

PROGRAMS := $(sort $(PROGRAMS) $(U_OUT)/bin/$(U_APP))
endif

# ---- tests that need no guest ---------------------------------------------------------------------

# The same file against glibc's headers and against ours.
$(U_OUT)/test/abi_values.host: tests/libc/abi_values_test.c
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -o $@ $<

$(U_OUT)/test/abi_values: $(U_OUT)/obj/tests/libc/abi_values_test.o $(U_LINK_DEPS)
	$(call u_link,$@,$<)

test-libc: $(U_OUT)/test/abi_values.host $(U_OUT)/test/abi_values $(U_OUT)/bin/libctest
	$(Q)CC="$(CC)" tests/libc/run $^ $(U_OUT)/test/abi_kernel

FORCE:

user: $(PROGRAMS)

# Included by another Makefile, leave its default goal alone.
ifneq ($(words $(MAKEFILE_LIST)),1)
.DEFAULT_GOAL := $(U_DEFAULT_GOAL)
else
.DEFAULT_GOAL := user
endif

-include $(wildcard $(U_OUT)/libc/*.d $(U_OUT)/obj/user/bin/*.d $(U_OUT)/obj/user/bin/*/*.d \
	$(U_OUT)/obj/tests/*/*.d $(U_OUT)/obj/tests/*/*/*.d)
