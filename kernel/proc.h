/*
 * What a layer shows under /proc. It registers entries here; fs/procfs turns them into files. So the
 * layers below know nothing of procfs, and procfs knows nothing of what they show.
 *
 *	static void show_things(struct text_buffer *t)
 *	{
 *		text_printf(t, "things %u\n", things);
 *	}
 *	static struct proc_entry entries[] = {{.path = "unlazy/things", .show = show_things}};
 *	...
 *	proc_register(entries, ARRAY_SIZE(entries));
 */
#pragma once

#include "kernel/list.h"

/* Text under construction. What does not fit is counted and not written. */
struct text_buffer {
	char *data;
	size_t size, used; /* used may pass size: then data holds the first size bytes */
	bool failed;	   /* set by ->show when it had no memory: reading says -ENOMEM */
};

/* Context: any that may call the text's source. */
void text_printf(struct text_buffer *t, const char *fmt, ...) __printf(2, 3);
void text_write(struct text_buffer *t, const char *s, size_t len);
/* Append what a function in the manner of snprintf makes. */
void text_append(struct text_buffer *t, int (*render)(char *buf, size_t size));

struct proc_entry {
	const char
		*path; /* below /proc: "unlazy/blk"; directories come into being by being named */
	/* NULL: write only. May be called again with a larger buffer. Context: may sleep. */
	void (*show)(struct text_buffer *t);
	/* One command, terminated, without the newline at its end. 0 or -errno. NULL: read only.
	 * Context: may sleep. */
	int (*write)(const char *command);
	struct list_head node; /* all entries; added under a lock, read without: they never leave */
};

/* Show n entries; they stay the caller's and must outlive everything. Context: boot. */
void proc_register(struct proc_entry *entries, unsigned n);
/* The entry after e in order of registration; NULL asks for the first and answers "no more". */
const struct proc_entry *proc_next(const struct proc_entry *e);
/*
 * Let e's text come into being, in memory for vfree that *text is given; *len bytes.
 * 0, -EINVAL (nothing to show), -ENOMEM. Context: may sleep.
 */
int proc_render(const struct proc_entry *e, char **text, size_t *len);
