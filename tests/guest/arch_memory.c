/* Kernel memory is protected as the design says: W^X everywhere, no writable alias of the text, guard
 * pages under stacks and behind vmap ranges; and back-traces find names. */
#include "arch/x86_64/internal.h"
#include "kernel/clock.h"
#include "kernel/ktest.h"
#include "kernel/page.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/string.h"

/* Pages of [start, end) whose protection is not exactly `flags`. */
static u64 wrong_pages(const char *start, const char *end, unsigned flags)
{
	u64 wrong = 0;

	for (u64 virt = (u64)start; virt < (u64)end; virt += PAGE_SIZE)
		wrong += paging_flags(virt) != flags && virt != (u64)boot_stack_guard;
	return wrong;
}

KTEST(arch_sections_are_write_xor_execute)
{
	KT_EQ(wrong_pages(__text_start, __text_end, ARCH_MAP_EXEC), 0);
	KT_EQ(wrong_pages(__text_end, __rodata_end, 0), 0);
	KT_EQ(wrong_pages(__rodata_end, __kernel_end, ARCH_MAP_WRITE), 0);
	KT_EQ(paging_flags((u64)boot_stack_guard), PAGING_NOT_MAPPED);
}

KTEST(arch_direct_map_has_no_alias_of_the_text)
{
	u64 phys, data = (u64)__rodata_end - KERNEL_VMA;
	struct page *p = page_alloc(0, ALLOC_WAIT);

	KT_CHECK(p);
	KT_EQ(paging_flags((u64)page_address(p)), ARCH_MAP_WRITE);
	KT_EQ(arch_lookup_page((u64)page_address(p) + 5), page_phys(p) + 5);
	page_put(p);
	for (phys = (u64)__text_start - KERNEL_VMA; phys < data; phys += PAGE_SIZE)
		KT_EQ(paging_flags((u64)arch_phys_to_virt(phys)), PAGING_NOT_MAPPED);
}

KTEST(arch_kernel_stacks_have_a_guard_page)
{
	char *stack = arch_kstack_alloc(), *again;

	KT_CHECK(stack);
	KT_EQ(paging_flags((u64)stack - 1), PAGING_NOT_MAPPED);
	KT_CHECK(kstack_is_guard((u64)stack - 1));
	KT_CHECK(!kstack_is_guard((u64)stack));
	KT_EQ(wrong_pages(stack, stack + KSTACK_SIZE, ARCH_MAP_WRITE), 0);
	memset(stack, 0x5a, KSTACK_SIZE);
	arch_kstack_free(stack);
	again = arch_kstack_alloc();
	KT_CHECK(again);
	arch_kstack_free(again);
	KT_EQ(paging_flags((u64)current->stack - 1), PAGING_NOT_MAPPED);
}

KTEST(arch_cached_kernel_stacks_can_be_given_back)
{
	enum { NR = 8 };
	char *stacks[NR], *other;
	u64 high = 0, shrunk = 0;

	for (int i = 0; i < NR; i++) {
		stacks[i] = arch_kstack_alloc();
		KT_CHECK(stacks[i]);
		high = MAX(high, (u64)stacks[i]);
	}
	for (int i = 0; i < NR; i++)
		arch_kstack_free(stacks[i]);
	KT_CHECK(arch_kstack_cached() >= 1);
	/* Other threads begin and end meanwhile, and take some. */
	while (arch_kstack_cached())
		shrunk += arch_kstack_shrink(1);
	KT_CHECK(shrunk >= 1);
	KT_CHECK(paging_flags((u64)stacks[0]) == PAGING_NOT_MAPPED ||
		 paging_flags((u64)stacks[NR - 1]) == PAGING_NOT_MAPPED);
	/* The addresses come back with new pages. */
	other = arch_kstack_alloc();
	KT_CHECK(other && (u64)other <= high);
	KT_EQ(wrong_pages(other, other + KSTACK_SIZE, ARCH_MAP_WRITE), 0);
	memset(other, 0x5a, KSTACK_SIZE);
	arch_kstack_free(other);
}

KTEST(arch_vmap_ranges_do_not_touch)
{
	u64 a = arch_vmap_reserve(3 * PAGE_SIZE), b = arch_vmap_reserve(PAGE_SIZE), c;

	KT_CHECK(a && b && a != b);
	KT_CHECK(b >= a + 4 * PAGE_SIZE || a >= b + 2 * PAGE_SIZE);
	arch_vmap_release(a, 3 * PAGE_SIZE);
	c = arch_vmap_reserve(PAGE_SIZE);
	KT_CHECK(c && c != b);
	arch_vmap_release(c, PAGE_SIZE);
	arch_vmap_release(b, PAGE_SIZE);
	KT_EQ(arch_vmap_reserve(1ull << 50), 0);
}

KTEST(arch_page_protection_changes)
{
	u64 virt = arch_vmap_reserve(PAGE_SIZE);
	struct page *p = page_alloc_zeroed(0, ALLOC_WAIT);

	KT_CHECK(virt && p);
	KT_EQ(arch_map_page(virt, page_phys(p), ARCH_MAP_WRITE), 0);
	*(u64 *)virt = 42;
	KT_EQ(*(u64 *)page_address(p), 42);
	KT_EQ(arch_protect_page(virt, ARCH_MAP_EXEC), 0);
	arch_tlb_flush(virt, virt + PAGE_SIZE);
	KT_EQ(paging_flags(virt), ARCH_MAP_EXEC);
	/* Read-only holds for the kernel too (CR0.WP): the copy reports a fault. */
	KT_EQ(arch_clear_user((void *)virt, 8), 8);
	KT_EQ(arch_unmap_page(virt), page_phys(p));
	KT_EQ(arch_unmap_page(virt), ~0ull);
	arch_tlb_flush(virt, virt + PAGE_SIZE);
	KT_EQ(arch_copy_user(&p, (void *)virt, 8), 8);
	page_put(page_of_address(page_address(p)));
	arch_vmap_release(virt, PAGE_SIZE);
}

KTEST(arch_slot_release_gives_the_tables_back)
{
	/* Three pages that share only the top-level table. */
	static const u64 offsets[] = {0, 1ull << 30, (1ull << 30) + (1ull << 21)};
	u64 base = (USER_TOP / USER_SLOT_SIZE - 1) * USER_SLOT_SIZE;
	struct page_stats before, between, after;
	struct page *p = page_alloc(0, ALLOC_WAIT);

	KT_CHECK(p);
	page_get_stats(&before);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		KT_EQ(arch_map_page(base + offsets[i], page_phys(p), 0), 0);
	page_get_stats(&between);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		KT_EQ(arch_unmap_page(base + offsets[i]), page_phys(p));
	arch_slot_release((u32)(base / USER_SLOT_SIZE));
	page_get_stats(&after);
	page_put(p);
	/* one table of the second level, two of the third, three of the fourth */
	KT_EQ(before.free - between.free, 6);
	KT_EQ(after.free, before.free);
}

static struct {
	u64 virt, seen;
	u32 reads, flushed, finished;
} reader;

static void read_again_and_again(void *arg)
{
	u64 value = 0;

	(void)arg;
	while (!load_acquire(&reader.flushed)) {
		arch_copy_user(&value, (void *)reader.virt, sizeof(value));
		WRITE_ONCE(reader.reads, reader.reads + 1);
	}
	arch_copy_user(&value, (void *)reader.virt, sizeof(value));
	reader.seen = value;
	store_release(&reader.finished, 1u);
}

KTEST(arch_tlb_flush_reaches_other_cpus)
{
	struct page *old, *new;
	struct thread *t;

	if (nr_cpus < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	old = page_alloc_zeroed(0, ALLOC_WAIT);
	new = page_alloc_zeroed(0, ALLOC_WAIT);
	KT_CHECK(old && new);
	*(u64 *)page_address(new) = 42;
	memset(&reader, 0, sizeof(reader));
	reader.virt = arch_vmap_reserve(PAGE_SIZE);
	KT_CHECK(reader.virt);
	KT_EQ(arch_map_page(reader.virt, page_phys(old), ARCH_MAP_WRITE), 0);
	t = thread_create("tlb-reader", read_again_and_again, NULL);
	KT_CHECK(t);
	thread_bind(t, this_cpu_id() == 1 ? 0 : 1);
	thread_start(t);
	while (READ_ONCE(reader.reads) < 1000)
		yield();
	arch_unmap_page(reader.virt);
	KT_EQ(arch_map_page(reader.virt, page_phys(new), ARCH_MAP_WRITE), 0);
	arch_tlb_flush(reader.virt, reader.virt + PAGE_SIZE);
	store_release(&reader.flushed, 1u);
	while (!load_acquire(&reader.finished))
		yield();
	KT_EQ(reader.seen, 42);
	thread_put(t);
	arch_unmap_page(reader.virt);
	arch_tlb_flush(reader.virt, reader.virt + PAGE_SIZE);
	arch_vmap_release(reader.virt, PAGE_SIZE);
	page_put(old);
	page_put(new);
}

/* So many that some translations are still there after what runs in between. */
#define LAZY_PAGES 64

static u64 read_all(void)
{
	u64 value = 0, sum = 0;

	for (unsigned i = 0; i < LAZY_PAGES; i++) {
		arch_copy_user(&value, (void *)(reader.virt + i * PAGE_SIZE), sizeof(value));
		sum += value;
	}
	return sum;
}

static void read_before_and_after(void *arg)
{
	(void)arg;
	read_all();
	store_release(&reader.reads, 1u);
	while (!load_acquire(&reader.flushed))
		sleep_ns(20 * NSEC_PER_MSEC); /* the CPU idles */
	reader.seen = read_all();
	store_release(&reader.finished, 1u);
}

static void map_everywhere(struct page *p)
{
	for (unsigned i = 0; i < LAZY_PAGES; i++) {
		arch_unmap_page(reader.virt + i * PAGE_SIZE);
		if (p)
			KT_EQ(arch_map_page(
				      reader.virt + i * PAGE_SIZE, page_phys(p), ARCH_MAP_WRITE),
				0);
	}
	arch_tlb_flush(reader.virt, reader.virt + LAZY_PAGES * PAGE_SIZE);
}

KTEST(arch_tlb_flush_reaches_idle_cpus_when_they_wake)
{
	struct page *old, *new;
	struct thread *t;

	if (nr_cpus < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	old = page_alloc_zeroed(0, ALLOC_WAIT);
	new = page_alloc_zeroed(0, ALLOC_WAIT);
	KT_CHECK(old && new);
	*(u64 *)page_address(new) = 42;
	memset(&reader, 0, sizeof(reader));
	reader.virt = arch_vmap_reserve(LAZY_PAGES * PAGE_SIZE);
	KT_CHECK(reader.virt);
	map_everywhere(old);
	sched_bind_current(0);
	t = thread_create("tlb-reader", read_before_and_after, NULL);
	KT_CHECK(t);
	thread_bind(t, 1);
	thread_start(t);
	while (!load_acquire(&reader.reads))
		sleep_ns(NSEC_PER_MSEC);
	sleep_ns(5 * NSEC_PER_MSEC);
	map_everywhere(new);
	store_release(&reader.flushed, 1u);
	while (!load_acquire(&reader.finished))
		sleep_ns(NSEC_PER_MSEC);
	sched_bind_current(-1);
	KT_EQ(reader.seen, 42 * LAZY_PAGES);
	thread_put(t);
	map_everywhere(NULL);
	arch_vmap_release(reader.virt, LAZY_PAGES * PAGE_SIZE);
	page_put(old);
	page_put(new);
}

KTEST(arch_backtrace_names_functions)
{
	char name[64];

	arch_symbolize((u64)arch_backtrace + 1, name, sizeof(name));
	KT_CHECK(strcmp(name, "arch_backtrace+0x1") == 0);
	arch_symbolize(0x1234, name, sizeof(name));
	KT_CHECK(strcmp(name, "0x1234") == 0);
}
