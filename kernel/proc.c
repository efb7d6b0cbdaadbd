/*
 * The list of what is shown under /proc, and text of unknown length.
 *
 * Text is made into a buffer; when it did not fit, its length is known and it is made again into one
 * that is large enough, with some room since it may have grown.
 *
 * Locking: entries_lock for adding; the list only grows and is read without.
 */
#include "kernel/proc.h"
#include "abi/errno.h"
#include "kernel/console.h"
#include "kernel/slab.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"

#define RENDER_FIRST (2 * PAGE_SIZE)
#define RENDER_MAX   (64ul << 20)

static struct list_head entries_list = LIST_HEAD_INIT(entries_list);
static struct spinlock entries_lock = SPINLOCK_INIT(RANK_FS_SPIN);

void text_write(struct text_buffer *t, const char *s, size_t len)
{
	if (t->used < t->size)
		memcpy(t->data + t->used, s, MIN(len, t->size - t->used));
	t->used += len;
}

/* A formatted piece is NUL-terminated by snprintf, so the last byte of the buffer is never text. */
void text_printf(struct text_buffer *t, const char *fmt, ...)
{
	size_t room = t->used < t->size ? t->size - t->used : 0;
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	t->used += (size_t)vsnprintf(t->data + MIN(t->used, t->size), room, fmt, ap);
	__builtin_va_end(ap);
}

void text_append(struct text_buffer *t, int (*render)(char *buf, size_t size))
{
	size_t room = t->used < t->size ? t->size - t->used : 0;

	t->used += (size_t)render(t->data + MIN(t->used, t->size), room);
}

void proc_register(struct proc_entry *entries, unsigned n)
{
	spin_lock(&entries_lock);
	for (unsigned i = 0; i < n; i++)
		list_add_tail(&entries[i].node, &entries_list);
	spin_unlock(&entries_lock);
}

const struct proc_entry *proc_next(const struct proc_entry *e)
{
	const struct list_head *next = e ? e->node.next : load_acquire(&entries_list.next);

	return next == &entries_list ? NULL : list_entry(next, struct proc_entry, node);
}

int proc_render(const struct proc_entry *e, char **text, size_t *len)
{
	struct text_buffer t = {.size = RENDER_FIRST};

	if (!e->show)
		return -EINVAL;
	while (t.size <= RENDER_MAX) {
		t.data = vzalloc(t.size);
		if (!t.data)
			return -ENOMEM;
		t.used = 0;
		e->show(&t);
		if (t.failed) {
			vfree(t.data);
			return -ENOMEM;
		}
		if (t.used < t.size) {
			*text = t.data;
			*len = t.used;
			return 0;
		}
		vfree(t.data);
		t.size = ALIGN_UP(t.used + t.used / 4 + 1, PAGE_SIZE);
	}
	return -ENOMEM;
}
