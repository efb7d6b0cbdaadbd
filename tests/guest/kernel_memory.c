/* Pages and slab under threads: nothing is lost, nothing is handed out twice, NOWAIT never sleeps. */
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/rcu.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/wait.h"

struct job {
	struct slab_cache *cache;
	u32 left, corrupt;
	struct completion done;
};

static void churn(void *arg)
{
	struct job *j = arg;
	u64 *objects[100] = {NULL};

	for (u32 round = 0; round < 3000; round++) {
		u32 i = (round * 7919) % 100;

		if (objects[i]) {
			if (*objects[i] != (u64)&objects[i])
				atomic_add(&j->corrupt, 1u);
			slab_free(j->cache, objects[i]);
			objects[i] = NULL;
		} else {
			objects[i] = slab_alloc(j->cache, round % 2 ? ALLOC_WAIT : ALLOC_NOWAIT);
			if (objects[i])
				*objects[i] = (u64)&objects[i];
		}
		if (round % 256 == 0)
			yield();
	}
	for (u32 i = 0; i < 100; i++)
		if (objects[i])
			slab_free(j->cache, objects[i]);
	if (atomic_sub_return(&j->left, 1u) == 0)
		complete(&j->done);
}

KTEST(memory_slab_hands_no_object_out_twice_and_leaks_none)
{
	static struct slab_cache *cache;
	struct job j = {.left = 2 * nr_cpus, .done = COMPLETION_INIT(j.done)};

	if (!cache)
		cache = slab_cache_create("ktest", 72, 8, 0, NULL);
	KT_CHECK(cache);
	j.cache = cache;
	for (unsigned i = 0; i < 2 * nr_cpus; i++) {
		struct thread *t = thread_create("churn", churn, &j);

		assert(t);
		thread_start(t);
		thread_put(t);
	}
	wait_for_completion(&j.done);
	KT_EQ(j.corrupt, 0);
	KT_EQ(slab_in_use(cache), 0);
}

static void construct(void *object)
{
	*(u64 *)object = 0x1234;
}

/* What a constructor made survives free and alloc in a typesafe cache. */
KTEST(memory_typesafe_objects_keep_their_contents)
{
	struct slab_cache *c =
		slab_cache_create("ktest-rcu", 64, 8, SLAB_TYPESAFE_BY_RCU, construct);
	u64 *objects[200];

	KT_CHECK(c);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++) {
			objects[i] = slab_alloc(c, ALLOC_WAIT);
			KT_CHECK(objects[i]);
			KT_EQ(*objects[i], 0x1234);
		}
		for (int i = 0; i < 200; i++)
			slab_free(c, objects[i]);
		KT_EQ(*objects[0], 0x1234);
	}
	rcu_barrier();
	KT_EQ(slab_in_use(c), 0);
}

KTEST(memory_kmalloc_of_every_size)
{
	struct page_stats before, after;

	page_get_stats(&before);
	for (size_t size = 1; size <= 128 * 1024; size += size / 3 + 1) {
		u8 *p = kmalloc(size, ALLOC_WAIT);

		KT_CHECK(p);
		memset(p, 0xa5, size);
		kfree(p);
	}
	kfree(NULL);
	page_get_stats(&after);
	KT_CHECK(after.free + 64 >= before.free);
}

KTEST(memory_vzalloc_is_zeroed_and_comes_back)
{
	struct page_stats before, after;

	vfree(vzalloc(PAGE_SIZE)); /* page tables exist from now on */
	page_get_stats(&before);
	for (int i = 0; i < 5; i++) {
		u8 *p = vzalloc(1 << 20);

		KT_CHECK(p);
		for (size_t at = 0; at < 1 << 20; at += 512)
			KT_EQ(p[at], 0);
		memset(p, 0xff, 1 << 20);
		vfree(p);
	}
	page_get_stats(&after);
	KT_CHECK(after.free + 32 >= before.free);
}

/* Exhaust memory without waiting: NULL, no panic; everything can be given back. */
KTEST(memory_exhaustion_is_null)
{
	struct page *first = NULL, *p;
	struct page_stats before, after;
	u64 n = 0;

	page_get_stats(&before);
	while ((p = page_alloc(0, ALLOC_NOWAIT)) != NULL) {
		p->private_data = first;
		first = p;
		n++;
	}
	KT_CHECK(n > 1000);
	while (first) {
		p = first;
		first = p->private_data;
		page_put(p);
	}
	page_get_stats(&after);
	KT_CHECK(after.free + 64 >= before.free);
	for (unsigned order = 0; order <= 8; order++) {
		p = page_alloc(order, ALLOC_WAIT);
		KT_CHECK(p);
		KT_EQ(page_phys(p) & ((PAGE_SIZE << order) - 1), 0);
		page_put(p);
	}
}
