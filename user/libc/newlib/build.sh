#!/bin/sh
# Build newlib (libc.a, libm.a and the headers programs see) for static-PIE programs with Linux values.
#
#   build.sh OUT LINUX_HEADERS      OUT/lib/libc.a OUT/lib/libm.a OUT/include OUT/stamp
#
# The source is the Debian package newlib-source. It is changed in three ways only: our headers replace
# newlib's (newlib/include), a few lines of its headers and of configure.host are edited below, and the
# documentation is not built. OUT is kept and reused until one of the inputs changes: OUT/stamp holds
# the hash of all of them.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=$1
linux_headers=$2
cc=${CC:-gcc}
jobs=${JOBS:-2}
tarball=${NEWLIB_TARBALL:-$(ls /usr/src/newlib/newlib-*.tar.* 2>/dev/null | head -n 1)}

if [ -z "$tarball" ]; then
	echo "newlib: /usr/src/newlib/newlib-*.tar.xz is missing: apt-get install newlib-source" >&2
	exit 1
fi

hash=$( (cd "$here" && find . -type f | LC_ALL=C sort | xargs sha256sum; sha256sum <"$tarball"
	$cc -dumpfullversion -dumpmachine) | sha256sum | cut -d' ' -f1)
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$hash" ]; then
	touch "$out/stamp"
	exit 0
fi

started=$(date +%s)
say()
{
	printf '  NEWLIB  [%3d s] %s\n' $(($(date +%s) - started)) "$*"
}

# Run a long command with its output in OUT/log; print a line every five seconds, and the log's end
# if it fails. $1 is the phase, the rest the command.
phase()
{
	name=$1
	shift
	say "$name"
	"$@" >>"$out/log" 2>&1 &
	pid=$!
	n=0
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		n=$((n + 1))
		if [ $((n % 5)) = 0 ]; then
			say "$name: $(find "$out/obj" -name '*.o' 2>/dev/null | wc -l) of about 1100 objects"
		fi
	done
	wait $pid || {
		grep -n 'error:' "$out/log" >&2 || tail -n 20 "$out/log" >&2
		echo "newlib: $name failed, see $out/log" >&2
		exit 1
	}
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "$out/src" "$out/obj" "$out/include" "$out/lib" "$out/stamp" "$out/log"
mkdir -p "$out/src" "$out/obj" "$out/include" "$out/lib"

say "unpack $(basename "$tarball")"
tar xf "$tarball" -C "$out/src" --strip-components=1
libc=$out/src/newlib/libc

# Our headers, with Linux values, instead of newlib's.
cp -R "$here/include/." "$libc/include/"

# sys/features.h includes ours; time.h takes its clock numbers from ours; link counts and microseconds
# have no macro to choose their size by.
sed -i 's|^/\* RTEMS adheres to POSIX.*|#include <sys/unlazy_features.h>\n\n&|' "$libc/include/sys/features.h"
sed -i -e '/^#define CLOCK_[A-Z_]*[[:space:]]*((clockid_t) [0-9])/d' \
	-e 's|^#define TIMER_ABSTIME.*|#include <sys/_clockid.h>|' "$libc/include/time.h"
sed -i -e 's|^typedef\tunsigned short\t__nlink_t;|typedef\tunsigned long\t__nlink_t;|' \
	-e 's|^typedef\tunsigned long\t__useconds_t;.*|typedef\tunsigned int\t__useconds_t;|' \
	"$libc/include/sys/_types.h"

# Positional arguments of printf and scanf ("%2$s"): va_list is an array type on x86-64, so a va_list
# parameter is a pointer already and its address is not a va_list *; newlib passes that, and crashes.
for f in vfprintf vfwprintf vfscanf vfwscanf; do
	sed -i 's|&ap, &numargs|(va_list *) ap, \&numargs|' "$libc/stdio/$f.c"
done

# getopt starts as POSIX says, at optind 1, so that setting it to 1 starts again.
sed -i 's/^\(int optind\|static int optwhere\) = 0;/\1 = 1;/' "$libc/stdlib/getopt.c"

# Threads here have no cancellation, so stdio need not hold it off around its locks.
sed -i 's|^    && !defined (__rtems__)$|    \&\& !defined (_COMPILING_NEWLIB)|' "$libc/stdio/local.h"

# This system in configure.host: system calls and what touches them come from src/ (unlazy's libc), and
# from newlib's posix/ and unix/ folders only what needs no system call of its own.
target="-D_COMPILING_NEWLIB -DREENTRANT_SYSCALLS_PROVIDED -DGETREENT_PROVIDED -DSIGNAL_PROVIDED"
target="$target -DCLOCK_PROVIDED -DHAVE_NANOSLEEP -DHAVE_BLKSIZE -DHAVE_FCNTL -DHAVE_RENAME"
target="$target -DHAVE_OPENDIR -D_NO_GETLOGIN -D_NO_GETPWENT -D_NO_GETUT -D_NO_GETPASS -D_NO_SIGSET"
target="$target -D_NO_WORDEXP -D_NO_POPEN -D_NO_POSIX_SPAWN -D_NO_GETCWD -D_NO_PREAD -D_NO_PWRITE"
target="$target -D_NO_EXECVE"
# The heap grows by 64 KiB at a time, not by pages: a system call for each is slow.
target="$target -DDEFAULT_TOP_PAD=65536"
sed -i "/^# Host specific flag settings -- usually/,\$ s|^  \\*-\\*-cygwin\\*)|  x86_64-unlazy-elf)\n\tnewlib_cflags=\"\${newlib_cflags} $target\"\n\tposix_dir=posix\n\tunix_dir=unix\n\t;;\n&|" \
	"$out/src/newlib/configure.host"

configure()
{
	cd "$out/obj"
	CC=$cc AR=ar RANLIB=ranlib \
		CFLAGS="-O2 -fPIE -ffunction-sections -fdata-sections -fno-stack-protector -std=gnu11 -w -isystem $linux_headers" \
		"$out/src/newlib/configure" --host=x86_64-unlazy-elf --build="$("$out/src/config.guess")" \
		--disable-multilib --disable-newlib-supplied-syscalls --enable-newlib-retargetable-locking \
		--enable-newlib-io-c99-formats --enable-newlib-io-long-long --enable-newlib-io-long-double \
		--enable-newlib-io-pos-args --enable-newlib-global-stdio-streams \
		--enable-newlib-global-atexit --disable-newlib-mb --disable-newlib-iconv
}

compile()
{
	make -C "$out/obj" -j"$jobs" MAKEINFO=true all
}

phase configure configure
phase compile compile

cp "$out/obj/libc.a" "$out/obj/libm.a" "$out/lib/"
cp -R "$libc/include/." "$out/include/"
cp -R "$libc/machine/x86_64/sys/." "$out/include/sys/"
cp "$out/obj/newlib.h" "$out/obj/_newlib_version.h" "$out/include/"
rm -rf "$out/src" "$out/obj"
echo "$hash" >"$out/stamp"
say "done"
