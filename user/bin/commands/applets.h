/*
 * The small commands, all in one program: name (main.c calls applet_NAME), usage, what it does. The
 * shell reads the list too, for help, completion and to know whom to start.
 */
#pragma once

#include <string.h>

#define APPLETS                                                                                    \
	APPLET(as, "UID[:GID] COMMAND...", "run a command as another user")                        \
	APPLET(cat, "[FILE...]", "print files")                                                    \
	APPLET(chmod, "MODE FILE...", "change permissions (octal)")                                \
	APPLET(chown, "UID[:GID] FILE...", "change the owner")                                     \
	APPLET(clear, "", "clear the screen")                                                      \
	APPLET(cmp, "FILE FILE", "are two files the same?")                                        \
	APPLET(cp, "FILE... TO", "copy files")                                                     \
	APPLET(df, "[PATH...]", "room on file systems")                                            \
	APPLET(dmesg, "", "the kernel's messages")                                                 \
	APPLET(false, "[ANYTHING...]", "fail")                                                     \
	APPLET(find, "[PATH...] [-name P] [-type T] [-maxdepth N]", "list a tree")                 \
	APPLET(free, "", "memory")                                                                 \
	APPLET(head, "[-n LINES | -c BYTES] [FILE...]", "the first lines")                         \
	APPLET(hexdump, "[-n BYTES] [FILE]", "bytes in hexadecimal")                               \
	APPLET(id, "", "who am I")                                                                 \
	APPLET(ln, "[-s] TARGET NAME", "make a link")                                              \
	APPLET(ls, "[-laRdih1U] [PATH...]", "list folders")                                        \
	APPLET(mkdir, "[-p] FOLDER...", "make folders")                                            \
	APPLET(mount, "[-t TYPE [SOURCE] TARGET | --bind SOURCE TARGET]",                          \
		"mount, or list what is mounted")                                                  \
	APPLET(mv, "[-x] FROM... TO", "rename; -x exchanges two names")                            \
	APPLET(poweroff, "[STATUS]", "switch the machine off")                                     \
	APPLET(ps, "", "processes and threads")                                                    \
	APPLET(readlink, "LINK...", "where a symbolic link points")                                \
	APPLET(rm, "[-rf] NAME...", "remove")                                                      \
	APPLET(rmdir, "FOLDER...", "remove empty folders")                                         \
	APPLET(seq, "[FIRST] LAST", "count")                                                       \
	APPLET(sha256sum, "[-c] FILE...", "checksums; -c checks a list of them")                   \
	APPLET(sleep, "SECONDS", "wait")                                                           \
	APPLET(stat, "[-L] PATH...", "all about a file")                                           \
	APPLET(sync, "", "write everything to the disk")                                           \
	APPLET(tail, "[-n LINES | -c BYTES] [FILE...]", "the last lines")                          \
	APPLET(touch, "FILE...", "make files, or make them young")                                 \
	APPLET(true, "[ANYTHING...]", "succeed")                                                   \
	APPLET(umount, "[-l] TARGET", "unmount; -l now, and let it go later")                      \
	APPLET(uname, "[-a]", "what system this is")                                               \
	APPLET(uptime, "", "how long it has been up")                                              \
	APPLET(wc, "[-lwc] [FILE...]", "count lines, words, bytes")

/* The program that holds command name. */
static inline const char *applet_program(const char *name)
{
	static const char *const names[] = {
#define APPLET(id, usage, what) #id,
		APPLETS
#undef APPLET
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return "commands";
	return name;
}
