/* A kernel of a few functions: memory by malloc, time by hand, interrupts by call. */
#include <stdarg.h>
#include "arch/arch.h"
#include "fake.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/faults.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/trace.h"
#include "kernel/wait.h"

bool trace_enabled;
unsigned nr_cpus = 4, cpu_number;
u32 preempt_word = PREEMPT_NO_RESCHED;
static struct thread the_thread;
struct thread *current_thread = &the_thread;

u64 fake_now, fake_step, fake_rtc_behind;
const char *fake_cmdline_key;
u64 fake_cmdline_value;
u32 fake_seed;

static char log_text[1 << 16];
static struct work *pending_work;
static struct timer *armed[4];
static long allocations;

/* What kmalloc gave and kfree has not seen again; what finds no room here is only counted. */
static void *objects[4096];
static unsigned nr_objects;

static struct list_head pages = LIST_HEAD_INIT(pages);

/* ---- Memory ---- */

static void *remember(void *p)
{
	allocations++;
	if (nr_objects < ARRAY_SIZE(objects))
		objects[nr_objects++] = p;
	return p;
}

void *kmalloc(size_t size, enum alloc_mode mode)
{
	(void)mode;
	return remember(malloc(size));
}

void *kzalloc(size_t size, enum alloc_mode mode)
{
	/* Cache-line aligned: structures may ask for it. */
	size_t rounded = ALIGN_UP(size, (size_t)CACHE_LINE);
	void *p = aligned_alloc(CACHE_LINE, rounded);

	(void)mode;
	memset(p, 0, rounded);
	return remember(p);
}

void kfree(void *p)
{
	if (!p)
		return;
	for (unsigned i = nr_objects; i-- > 0;)
		if (objects[i] == p) {
			objects[i] = objects[--nr_objects];
			break;
		}
	allocations--;
	free(p);
}

struct page *page_alloc(unsigned order, enum alloc_mode mode)
{
	struct page *p = calloc(1, sizeof(*p));

	(void)mode;
	p->private_data = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	memset(p->private_data, 0xcc, PAGE_SIZE << order);
	p->refs = 1;
	p->order = (u16)order;
	list_add(&p->lru, &pages);
	allocations++;
	return p;
}

struct page *page_alloc_zeroed(unsigned order, enum alloc_mode mode)
{
	struct page *p = page_alloc(order, mode);

	memset(page_address(p), 0, PAGE_SIZE << order);
	return p;
}

void page_put(struct page *p)
{
	EQ(p->refs--, 1);
	list_del(&p->lru);
	free(p->private_data);
	free(p);
	allocations--;
}

void *page_address(const struct page *p)
{
	return p->private_data;
}

struct page *page_of_address(const void *address)
{
	struct page *p;

	list_for_each_entry (p, &pages, lru)
		if (p->private_data == (void *)((u64)address & PAGE_MASK))
			return p;
	panic("page_of_address of no page");
}

u64 arch_virt_to_phys(const void *p)
{
	return (u64)p;
}

long fake_allocations(void)
{
	return allocations;
}

void fake_kernel_end(void)
{
	struct block_device *dev;

	while ((dev = block_nth(0)))
		list_del(&dev->node);
	while (nr_objects)
		kfree(objects[nr_objects - 1]);
	while (!list_empty(&pages)) {
		struct page *p = list_first_entry(&pages, struct page, lru);

		p->refs = 1;
		page_put(p);
	}
}

/* ---- Time, work, console ---- */

u64 clock_ns(void)
{
	fake_now += fake_step;
	return fake_now;
}

u64 arch_rtc_seconds(void)
{
	return (fake_now - fake_rtc_behind) / NSEC_PER_SEC;
}

void timer_setup(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){.fn = fn};
}

void timer_arm(struct timer *t, u64 deadline_ns)
{
	unsigned i = 0;

	while (i < ARRAY_SIZE(armed) && armed[i] && armed[i] != t)
		i++;
	assert(i < ARRAY_SIZE(armed) && !armed[i]);
	armed[i] = t;
	t->deadline_ns = deadline_ns;
}

bool fake_run_timer(void)
{
	struct timer **first = NULL, *t;

	for (unsigned i = 0; i < ARRAY_SIZE(armed); i++)
		if (armed[i] && (!first || armed[i]->deadline_ns < (*first)->deadline_ns))
			first = &armed[i];
	if (!first)
		return false;
	t = *first;
	*first = NULL;
	fake_now = MAX(fake_now, t->deadline_ns);
	t->fn(t);
	return true;
}

void work_init(struct work *w, void (*fn)(struct work *w))
{
	w->fn = fn;
}

bool work_queue(struct work *w)
{
	assert(!pending_work);
	pending_work = w;
	return true;
}

bool fake_run_work(void)
{
	struct work *w = pending_work;

	pending_work = NULL;
	if (w)
		w->fn(w);
	return w != NULL;
}

void printk(const char *fmt, ...)
{
	size_t used = strlen(log_text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_text + used, sizeof(log_text) - used - 1, fmt, ap);
	va_end(ap);
	strlcpy(log_text + strlen(log_text), "\n", 2);
}

bool ratelimit_ok(struct ratelimit *rl)
{
	(void)rl;
	return true;
}

unsigned fake_log_count(const char *words)
{
	size_t length = strlen(words);
	unsigned count = 0;

	for (const char *at = log_text; *at; at++)
		count += strncmp(at, words, length) == 0;
	return count;
}

bool cmdline_get(const char *key, char *buf, size_t size)
{
	if (!fake_cmdline_key || strcmp(key, fake_cmdline_key))
		return false;
	strlcpy(buf, "", size);
	return true;
}

u64 cmdline_get_u64(const char *key, u64 otherwise)
{
	return fake_cmdline_key && !strcmp(key, fake_cmdline_key) ? fake_cmdline_value : otherwise;
}

void fake_kernel_reset(void)
{
	log_text[0] = '\0';
	pending_work = NULL;
	memset(armed, 0, sizeof(armed));
	fake_cmdline_key = NULL;
	fake_now = NSEC_PER_SEC;
	fake_step = fake_rtc_behind = 0;
	nr_cpus = 4;
	cpu_number = 0;
	host_cpu()->irqs_on = true;
	fake_seed = 1;
}

u32 fake_random(void)
{
	fake_seed = fake_seed * 1664525u + 1013904223u;
	return fake_seed >> 8;
}

/* ---- What is linked and never reached, or needs no more than this ---- */

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(1, fmt, ap);
	va_end(ap);
	abort();
}

void raw_lock_wait(const u32 *word)
{
	panic("deadlock on lock %p", (const void *)word);
}

void lock_rank_acquire(const void *lock, unsigned rank, bool trylock)
{
	(void)lock, (void)rank, (void)trylock;
}

void lock_rank_release(const void *lock)
{
	(void)lock;
}

void host_preempt_point(void)
{
}

void host_interrupts(void)
{
}

void arch_cpu_relax(void)
{
}

void trace_record(enum trace_event event, u64 a, u64 b)
{
	(void)event, (void)a, (void)b;
}

void might_sleep_slow(const char *file, int line)
{
	panic("%s:%d sleeps", file, line);
}

void completion_init(struct completion *c)
{
	c->done = 0;
}

void complete(struct completion *c)
{
	c->done++;
}

void wait_for_completion(struct completion *c)
{
	assert(c->done);
}

/* Nothing fails on demand. */
u32 faults_open;

bool fault_hits_slow(enum fault_kind kind)
{
	(void)kind;
	return false;
}
