/*
 * Counters, what /proc/unlazy/ring and /proc/unlazy/workers show, and the retry strategy.
 *
 * Counters are per CPU and cost one instruction. inline_done is not counted but computed: every request
 * taken and not queued was finished inline.
 *
 * Locking: pools_lock (RANK_FS_MUTEX: read below a /proc file's position lock) for the list of pools;
 *	outside pool->lock.
 */
#include "kernel/cmdline.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "ring/internal.h"

DEFINE_PERCPU(struct ring_counters, ring_counters);
u32 ring_retry = RING_RETRY_RCU;

static const char *const retry_names[] = {
	[RING_RETRY_RCU] = "rcu",
	[RING_RETRY_NORCU] = "norcu",
	[RING_RETRY_RESUME] = "resume",
};

static struct mutex pools_lock = MUTEX_INIT(pools_lock, RANK_FS_MUTEX);
static struct list_head pools = LIST_HEAD_INIT(pools); /* guarded by pools_lock */

static int set_retry(const char *name, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(retry_names); i++)
		if (strlen(retry_names[i]) == len && strncmp(name, retry_names[i], len) == 0) {
			WRITE_ONCE(ring_retry, i);
			return 0;
		}
	return -EINVAL;
}

int ring_control(const char *command)
{
	size_t len = strlen(command);

	while (len && (command[len - 1] == '\n' || command[len - 1] == ' '))
		len--;
	if (len < 6 || strncmp(command, "retry=", 6) != 0)
		return -EINVAL;
	return set_retry(command + 6, len - 6);
}

void ring_pool_add(struct ring_pool *pool)
{
	mutex_lock(&pools_lock);
	list_add_tail(&pool->node, &pools);
	mutex_unlock(&pools_lock);
}

void ring_pool_del(struct ring_pool *pool)
{
	mutex_lock(&pools_lock);
	list_del(&pool->node);
	mutex_unlock(&pools_lock);
}

void ring_get_stats(struct ring_stats *out)
{
	*out = (struct ring_stats){
		.rings = percpu_sum(ring_counters.rings),
		.submitted = percpu_sum(ring_counters.submitted),
		.queued = percpu_sum(ring_counters.queued),
		.cqes = percpu_sum(ring_counters.cqes),
		.overflows = percpu_sum(ring_counters.overflows),
		.chained = percpu_sum(ring_counters.chained),
		.unbounded = percpu_sum(ring_counters.unbounded),
		.worker_batches = percpu_sum(ring_counters.worker_batches),
		.workers_created = percpu_sum(ring_counters.workers_created),
		.workers_exited = percpu_sum(ring_counters.workers_exited),
		.workers_woken = percpu_sum(ring_counters.workers_woken),
		.workers_slept = percpu_sum(ring_counters.workers_slept),
	};
	out->inline_done = out->submitted > out->queued ? out->submitted - out->queued : 0;
}

int ring_stats_text(char *buf, size_t size)
{
	struct ring_stats s;

	ring_get_stats(&s);
	return snprintf(buf, size,
		"rings %lu\nsubmitted %lu\ninline %lu\nqueued %lu\ncqes %lu\noverflow %lu\n"
		"chained %lu\nunbounded %lu\nretry %s\n",
		s.rings, s.submitted, s.inline_done, s.queued, s.cqes, s.overflows, s.chained,
		s.unbounded, retry_names[READ_ONCE(ring_retry)]);
}

static int pool_text(struct ring_pool *pool, char *buf, size_t size)
{
	static const char *const names[] = {"bounded", "unbounded"};
	int n = 0;

	spin_lock(&pool->lock);
	/* Once exiting is set, pool->process may go at any time. */
	for (unsigned i = 0; i < RING_ACCOUNTS && !pool->exiting; i++) {
		const struct ring_account *a = &pool->accounts[i];

		n += snprintf(buf + MIN((size_t)n, size), size - MIN((size_t)n, size),
			"process %u %s %s max %u workers %u running %u idle %u queued %u parked "
			"%u request_ns %lu wake_ns %lu\n",
			pool->process->pid, pool->process->name, names[i], a->max_workers,
			a->nr_workers, a->running, a->nr_idle, a->queued, i ? 0 : pool->nr_parked,
			a->request_ns, pool->wake_ns);
	}
	spin_unlock(&pool->lock);
	return n;
}

int ring_workers_text(char *buf, size_t size)
{
	struct ring_pool *pool;
	struct ring_stats s;
	u64 idle = 0, running = 0;
	int n;

	ring_get_stats(&s);
	mutex_lock(&pools_lock);
	list_for_each_entry (pool, &pools, node)
		for (unsigned i = 0; i < RING_ACCOUNTS; i++) {
			idle += READ_ONCE(pool->accounts[i].nr_idle);
			running += READ_ONCE(pool->accounts[i].running);
		}
	n = snprintf(buf, size,
		"created %lu\nexited %lu\nidle %lu\nrunning %lu\nwoken %lu\nslept %lu\nbatches "
		"%lu\n",
		s.workers_created, s.workers_exited, idle, running, s.workers_woken,
		s.workers_slept, s.worker_batches);
	list_for_each_entry (pool, &pools, node)
		n += pool_text(pool, buf + MIN((size_t)n, size), size - MIN((size_t)n, size));
	mutex_unlock(&pools_lock);
	return n;
}

/* ---- /proc/unlazy ---- */

static void show_ring(struct text_buffer *t)
{
	text_append(t, ring_stats_text);
}

static void show_workers(struct text_buffer *t)
{
	text_append(t, ring_workers_text);
}

static struct proc_entry proc_entries[] = {
	{.path = "unlazy/ring", .show = show_ring, .write = ring_control},
	{.path = "unlazy/workers", .show = show_workers},
};

void ring_stats_init(void)
{
	char name[16];

	if (cmdline_get("ring_retry", name, sizeof(name)) && set_retry(name, strlen(name)))
		printk("ring: ring_retry=%s is none of rcu, norcu, resume", name);
	proc_register(proc_entries, ARRAY_SIZE(proc_entries));
}
