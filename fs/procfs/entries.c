/*
 * What the layers below show in /proc: one function a file, and the table at the end. Counters are
 * "name value" lines, so that a script needs no more than a word split.
 *
 * Locking: each source's own; thread_for_each, slab_for_each and mount_for_each call back under theirs, where
 * text may be written and nothing may sleep.
 */
#include "abi/errno.h"
#include "fs/procfs/internal.h"
#include "kernel/block.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/process.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/trace.h"
#include "vfs/walk.h"

/* ---- Walks and caches ---- */

static void show_walk(struct text_buffer *t)
{
	for (unsigned i = 0; i < WALK_OUTCOMES_MAX; i++)
		text_printf(t, "%-16s %12lu  %s\n", walk_outcome_names[i], walk_outcome_count(i),
			walk_outcome_texts[i]);
}

static void show_dcache(struct text_buffer *t)
{
	struct dcache_stats d;
	struct inode_stats i;

	dcache_get_stats(&d);
	inode_get_stats(&i);
	text_printf(
		t, "dentries %lu\nnegative %lu\nunused %lu\n", d.dentries, d.negative, d.unused);
	text_printf(t, "buckets %lu\nused_buckets %lu\nlongest_chain %lu\n", d.buckets,
		d.used_buckets, d.longest_chain);
	text_printf(t, "in_lookup_waits %lu\nin_lookup_chained %lu\n", d.in_lookup_waits,
		d.in_lookup_chained);
	text_printf(t, "inodes %lu\ninodes_unused %lu\ninodes_evicted %lu\n", i.inodes, i.unused,
		i.evicted);
}

static void show_pagecache(struct text_buffer *t)
{
	struct page_cache_stats s;

	page_cache_get_stats(&s);
	text_printf(t, "pages %lu\nhits %lu\nmisses %lu\nreadahead_pages %lu\nevicted %lu\n",
		s.pages, s.hits, s.misses, s.readahead_pages, s.evicted);
}

/* ---- Kernel ---- */

static void show_rcu(struct text_buffer *t)
{
	struct rcu_stats s;

	rcu_get_stats(&s);
	text_printf(t, "grace_periods %lu\nexpedited %lu\ncallbacks_queued %lu\n", s.grace_periods,
		s.expedited, s.callbacks_queued);
	text_printf(t, "callbacks_run %lu\nstalls %lu\nnudges %lu\n", s.callbacks_run, s.stalls,
		s.nudges);
	text_printf(t, "might_sleep_violations %lu\n", READ_ONCE(sched_might_sleep_violations));
}

static void show_block_device(struct text_buffer *t, struct block_device *dev)
{
	struct block_stats s;
	struct block_queue_stats q;

	block_get_stats(dev, &s);
	text_printf(t, "%s sectors %lu block %u queues %u%s%s\n", dev->name, dev->sectors,
		dev->logical_block, dev->nr_queues, dev->read_only ? " read-only" : "",
		dev->has_flush ? " flush" : "");
	text_printf(t, "%s reads %lu read_bytes %lu writes %lu write_bytes %lu flushes %lu\n",
		dev->name, s.reads, s.read_bytes, s.writes, s.write_bytes, s.flushes);
	text_printf(t, "%s errors %lu kicks %lu interrupts %lu in_flight %lu max_in_flight %lu\n",
		dev->name, s.errors, s.kicks, s.interrupts, s.in_flight, s.max_in_flight);
	for (unsigned i = 0; block_get_queue_stats(dev, i, &q); i++)
		text_printf(t,
			"%s queue %u submitted %lu completed %lu kicks %lu interrupts %lu "
			"idle_interrupts %lu polled %lu deferred %lu in_flight %u waiting %u\n",
			dev->name, i, q.submitted, q.completed, q.kicks, q.interrupts,
			q.idle_interrupts, q.polled, q.deferred, q.in_flight, q.waiting);
}

static void show_blk(struct text_buffer *t)
{
	struct block_device *dev;

	for (unsigned i = 0; (dev = block_nth(i)) != NULL; i++)
		show_block_device(t, dev);
}

static void emit_trace(void *arg, const char *s, size_t len)
{
	text_write(arg, s, len);
}

static void show_trace(struct text_buffer *t)
{
	trace_export(false, emit_trace, t);
}

static void show_trace_json(struct text_buffer *t)
{
	trace_export(true, emit_trace, t);
}

/* "1" or "on", "0" or "off", "clear". */
static int write_trace(const char *command)
{
	if (strcmp(command, "1") == 0 || strcmp(command, "on") == 0)
		return trace_enable(true);
	if (strcmp(command, "0") == 0 || strcmp(command, "off") == 0)
		return trace_enable(false);
	if (strcmp(command, "clear") != 0)
		return -EINVAL;
	trace_clear();
	return 0;
}

static void show_programs(struct text_buffer *t)
{
	for (unsigned i = 0; i < nr_program_images; i++)
		text_printf(t, "%s\n", program_images[i].name);
}

static void show_thread(struct thread *thread, void *arg)
{
	static const char states[] = "RSIX";
	u32 state = READ_ONCE(thread->state);

	text_printf(arg, "%5u %5u %c %3u %10llu %10lu  %s\n", thread->tid,
		thread->process ? thread->process->pid : 0, state < 4 ? states[state] : '?',
		READ_ONCE(thread->cpu), READ_ONCE(thread->run_ns) / NSEC_PER_USEC,
		READ_ONCE(thread->switches), thread->name);
}

/* R runs or could, S sleeps, I sleeps and can be interrupted, X has ended. */
static void show_threads(struct text_buffer *t)
{
	text_printf(t, "%5s %5s S %3s %10s %10s  %s\n", "TID", "PID", "CPU", "RUN-US", "SWITCHES",
		"NAME");
	thread_for_each(show_thread, t);
}

static void show_cmdline(struct text_buffer *t)
{
	text_printf(t, "%s\n", cmdline_whole());
}

static void show_uptime(struct text_buffer *t)
{
	u64 ns = clock_ns();

	text_printf(
		t, "%llu.%02llu\n", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / (10 * NSEC_PER_MSEC));
}

/* ---- Memory ---- */

static void show_kib(struct text_buffer *t, const char *name, u64 pages)
{
	text_printf(t, "%-15s %10lu kB\n", name, pages * (PAGE_SIZE / 1024));
}

static void show_meminfo(struct text_buffer *t)
{
	struct page_stats s;

	page_get_stats(&s);
	show_kib(t, "MemTotal:", s.total);
	show_kib(t, "MemFree:", s.free);
	show_kib(t, "Cached:", s.page_cache);
	show_kib(t, "Slab:", s.slab);
	show_kib(t, "KernelStack:", s.kernel_stacks);
	show_kib(t, "Programs:", s.program);
}

static void show_slab(const char *name, size_t size, u64 in_use, u64 pages, void *arg)
{
	text_printf(arg, "%-24s %8lu %10lu %8lu\n", name, size, in_use, pages);
}

static void show_slabinfo(struct text_buffer *t)
{
	text_printf(t, "%-24s %8s %10s %8s\n", "# name", "size", "in use", "pages");
	slab_for_each(show_slab, t);
}

static u32 last_drop; /* for show only */

static void show_drop_caches(struct text_buffer *t)
{
	text_printf(t, "%u\n", READ_ONCE(last_drop));
}

/* 1 pages, 2 dentries and inodes, 3 both. */
static int write_drop_caches(const char *command)
{
	u64 bits;

	if (!parse_u64(command, &bits) || bits < 1 || bits > 3)
		return -EINVAL;
	drop_caches((u32)bits);
	WRITE_ONCE(last_drop, (u32)bits);
	return 0;
}

/* ---- Mounts ---- */

struct mount_list {
	unsigned n;
	struct mount *mounts[64];
};

static void collect_mount(struct mount *m, void *arg)
{
	struct mount_list *l = arg;

	if (l->n == ARRAY_SIZE(l->mounts))
		return;
	mount_get(m);
	l->mounts[l->n++] = m;
}

static void show_mount(struct text_buffer *t, struct mount *m, const struct path *root, char *buf)
{
	struct path at = {.mnt = m, .dentry = m->root};
	char *text = path_text(&at, root, buf, PAGE_SIZE);
	bool read_only = (m->flags & MOUNT_RDONLY) || (m->sb->flags & SB_RDONLY);

	text_printf(t, "%s %s %s %s 0 0\n", m->source[0] ? m->source : "none",
		IS_ERR(text) ? "?" : text, m->sb->fs->name, read_only ? "ro" : "rw");
}

/* Collected first: a path as text needs the locks under which mounts are listed. */
static void show_mounts(struct text_buffer *t)
{
	struct mount_list *list = kzalloc(sizeof(*list), ALLOC_WAIT);
	char *buf = kmalloc(PAGE_SIZE, ALLOC_WAIT);
	struct path root;

	if (list && buf) {
		mount_get_root(&root);
		mount_for_each(collect_mount, list);
		for (unsigned i = 0; i < list->n; i++) {
			show_mount(t, list->mounts[i], &root, buf);
			mount_put(list->mounts[i]);
		}
		path_put(&root);
	} else {
		t->failed = true;
	}
	kfree(buf);
	kfree(list);
}

/* ---- The table ---- */

static struct proc_entry entries[] = {
	{.path = "cmdline", .show = show_cmdline},
	{.path = "meminfo", .show = show_meminfo},
	{.path = "mounts", .show = show_mounts},
	{.path = "slabinfo", .show = show_slabinfo},
	{.path = "sys/vm/drop_caches", .show = show_drop_caches, .write = write_drop_caches},
	{.path = "threads", .show = show_threads},
	{.path = "unlazy/blk", .show = show_blk},
	{.path = "unlazy/dcache", .show = show_dcache},
	{.path = "unlazy/pagecache", .show = show_pagecache},
	{.path = "unlazy/programs", .show = show_programs},
	{.path = "unlazy/rcu", .show = show_rcu},
	{.path = "unlazy/trace", .show = show_trace, .write = write_trace},
	{.path = "unlazy/trace.json", .show = show_trace_json},
	{.path = "unlazy/walk", .show = show_walk},
	{.path = "uptime", .show = show_uptime},
};

void proc_entries_register(void)
{
	proc_register(entries, ARRAY_SIZE(entries));
}
