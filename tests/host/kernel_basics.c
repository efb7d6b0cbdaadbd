/* Strings, formatting, lists, the command line, sequence counts and the allocators, under AddressSanitizer. */
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/list.h"
#include "kernel/panic.h"
#include "kernel/seqlock.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* ---- string.c against byte-by-byte loops, at every alignment ---- */

#define SPAN 80

static void fill(u8 *p, size_t n, u32 seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)(seed = seed * 1103515245 + 12345);
}

KTEST(string_copies_are_exact_at_every_offset_and_length)
{
	u8 src[SPAN], dst[SPAN], expected[SPAN];

	for (size_t from = 0; from < 9; from++)
		for (size_t to = 0; to < 9; to++)
			for (size_t n = 0; n < 60; n++) {
				fill(src, SPAN, (u32)(from * 100 + n));
				fill(dst, SPAN, 7);
				fill(expected, SPAN, 7);
				for (size_t i = 0; i < n; i++)
					expected[to + i] = src[from + i];
				KT_CHECK(memcpy(dst + to, src + from, n) == dst + to);
				for (size_t i = 0; i < SPAN; i++)
					KT_EQ(dst[i], expected[i]);
			}
}

KTEST(string_memmove_overlaps)
{
	u8 buf[SPAN], expected[SPAN];

	for (size_t from = 0; from < 20; from++)
		for (size_t to = 0; to < 20; to++)
			for (size_t n = 0; n < 50; n += 3) {
				u8 copy[SPAN];

				fill(buf, SPAN, (u32)n);
				fill(expected, SPAN, (u32)n);
				for (size_t i = 0; i < n; i++)
					copy[i] = buf[from + i];
				for (size_t i = 0; i < n; i++)
					expected[to + i] = copy[i];
				memmove(buf + to, buf + from, n);
				KT_EQ(memcmp(buf, expected, SPAN), 0);
			}
}

KTEST(string_memset_and_compare)
{
	u8 a[SPAN], b[SPAN];

	for (size_t at = 0; at < 9; at++)
		for (size_t n = 0; n < 60; n++) {
			fill(a, SPAN, 1);
			fill(b, SPAN, 1);
			memset(a + at, 0xc5, n);
			for (size_t i = 0; i < n; i++)
				b[at + i] = 0xc5;
			KT_EQ(memcmp(a, b, SPAN), 0);
			b[at + n]++;
			if (b[at + n] != a[at + n])
				KT_CHECK(memcmp(a, b, SPAN) != 0);
		}
	KT_CHECK(memcmp("abcdefgh\x01", "abcdefgh\xff", 9) < 0);
	KT_CHECK(memcmp("\xff", "\x01", 1) > 0);
}

KTEST(string_searches)
{
	const char *path = "/usr/lib/x";

	KT_EQ(strlen(path), 10);
	KT_EQ(strnlen(path, 4), 4);
	KT_CHECK(strchr(path, 'l') == path + 5);
	KT_CHECK(strchr(path, 'q') == NULL);
	KT_CHECK(strchr(path, '\0') == path + 10);
	KT_CHECK(strrchr(path, '/') == path + 8);
	KT_CHECK(memchr(path, 'x', 9) == NULL);
	KT_CHECK(strcmp("a", "b") < 0 && strcmp("ab", "a") > 0 && strcmp("", "") == 0);
	KT_CHECK(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0);
	KT_CHECK(strncmp("a", "b", 0) == 0);
}

KTEST(string_strlcpy_always_terminates)
{
	char buf[4];

	KT_EQ(strlcpy(buf, "abcdef", sizeof(buf)), 6);
	KT_EQ(strcmp(buf, "abc"), 0);
	KT_EQ(strlcpy(buf, "", sizeof(buf)), 0);
	KT_EQ(buf[0], 0);
	KT_EQ(strlcpy(buf, "x", 0), 1);
}

KTEST(string_parse_u64)
{
	u64 v = 77;

	KT_CHECK(parse_u64("0", &v) && v == 0);
	KT_CHECK(parse_u64("0x1F", &v) && v == 31);
	KT_CHECK(parse_u64("18446744073709551615", &v) && v == ~0ull);
	KT_CHECK(!parse_u64("18446744073709551616", &v));
	KT_CHECK(!parse_u64("", &v) && !parse_u64("0x", &v) && !parse_u64("12a", &v));
	KT_CHECK(!parse_u64("-1", &v) && !parse_u64(" 1", &v));
}

/* ---- vsnprintf ---- */

#define FORMATS(expected, ...)                                                                     \
	do {                                                                                       \
		int len_ = snprintf(buf, sizeof(buf), __VA_ARGS__);                                \
		if (strcmp(buf, expected) != 0) {                                                  \
			ktest_fail(                                                                \
				__FILE__, __LINE__, "got \"%s\", expected \"%s\"", buf, expected); \
			return;                                                                    \
		}                                                                                  \
		KT_EQ(len_, strlen(expected));                                                     \
	} while (0)

KTEST(format_numbers)
{
	char buf[128];
	int width = -6;

	FORMATS("0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1, 2147483647, -2147483647 - 1);
	FORMATS("-9223372036854775808", "%lld", (long long)(-9223372036854775807ll - 1));
	FORMATS("18446744073709551615", "%llu", ~0ull);
	FORMATS("ff FF 0xff 0", "%x %X %#x %#x", 255u, 255u, 255u, 0u);
	FORMATS("-1 255 -2", "%hhd %hhu %hd", -1, 511, 65534);
	FORMATS("   42|42   |00042|  042", "%5d|%-5d|%05d|%5.3d", 42, 42, 42, 42);
	FORMATS("-0042|  -42|42    |", "%05d|%5d|%*d|", -42, -42, width, 42);
	FORMATS("0x0012|017", "%#06x|%#o", 0x12u, 15u);
	FORMATS("|", "%.0d|", 0);
	FORMATS("5 6", "%zu %ld", (size_t)5, 6l);
}

KTEST(format_strings)
{
	char buf[128];
	const char *volatile none = NULL;

	FORMATS("a|  b|c  |de|(null)", "%s|%3s|%-3s|%.2s|%s", "a", "b", "c", "def", none);
	FORMATS("x%y|  z", "%c%%%c|%3c", 'x', 'y', 'z');
	FORMATS("0x0|0x1234", "%p|%p", (void *)0, (void *)0x1234);
}

KTEST(format_cuts_and_terminates)
{
	char buf[6] = "zzzzz";

	KT_EQ(snprintf(buf, 4, "%s", "abcdef"), 6);
	KT_EQ(strcmp(buf, "abc"), 0);
	KT_EQ(buf[4], 'z');
	KT_EQ(snprintf(NULL, 0, "%d", 12345), 5);
	KT_EQ(snprintf(buf, 1, "abc"), 3);
	KT_EQ(buf[0], 0);
}

/* ---- Lists ---- */

struct element {
	struct list_head node;
	struct hlist_node hash;
	int value;
};

KTEST(list_keeps_order_through_moves_and_splices)
{
	struct element e[6];
	LIST_HEAD(a);
	LIST_HEAD(b);
	struct element *p, *next;
	int digits = 0;

	for (int i = 0; i < 6; i++) {
		e[i].value = i;
		list_add_tail(&e[i].node, i < 3 ? &a : &b);
	}
	list_splice_tail(&b, &a);
	KT_CHECK(list_empty(&b));
	list_move_tail(&e[0].node, &a);
	list_del(&e[3].node);
	KT_CHECK(list_empty(&e[3].node));
	list_for_each_entry (p, &a, node)
		digits = digits * 10 + p->value;
	KT_EQ(digits, 12450);
	list_for_each_entry_safe (p, next, &a, node)
		list_del(&p->node);
	KT_CHECK(list_empty(&a));
	list_splice_tail(&a, &b);
	KT_CHECK(list_empty(&b));
}

KTEST(list_hlist_remove_in_any_order)
{
	struct hlist_head h = {NULL};
	struct element e[3], *p;
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		e[i].value = i + 1;
		hlist_add_head_rcu(&e[i].hash, &h);
	}
	hlist_del_rcu(&e[1].hash);
	KT_CHECK(hlist_unhashed(&e[1].hash));
	hlist_for_each_entry_rcu (p, &h, hash)
		sum = sum * 10 + p->value;
	KT_EQ(sum, 31);
	hlist_del_rcu(&e[2].hash);
	hlist_del_rcu(&e[0].hash);
	KT_CHECK(h.first == NULL);
}

/* ---- Command line ---- */

KTEST(cmdline_keys_and_values)
{
	char buf[32];

	cmdline_init("root=vda  cmd=echo%20hi%3B%25 debug cmdx=no n=0x10 bad=12z pct=%zz tail=%4");
	KT_CHECK(cmdline_get("root", buf, sizeof(buf)) && strcmp(buf, "vda") == 0);
	KT_CHECK(cmdline_get("cmd", buf, sizeof(buf)) && strcmp(buf, "echo hi;%") == 0);
	KT_CHECK(cmdline_get("debug", buf, sizeof(buf)) && buf[0] == 0);
	KT_CHECK(!cmdline_get("debu", buf, sizeof(buf)) && !cmdline_get("oot", buf, sizeof(buf)));
	KT_CHECK(cmdline_get("pct", buf, sizeof(buf)) && strcmp(buf, "%zz") == 0);
	KT_CHECK(cmdline_get("tail", buf, sizeof(buf)) && strcmp(buf, "%4") == 0);
	KT_CHECK(cmdline_get("root", buf, 3) && strcmp(buf, "vd") == 0);
	KT_EQ(cmdline_get_u64("n", 1), 16);
	KT_EQ(cmdline_get_u64("bad", 5), 5);
	KT_EQ(cmdline_get_u64("absent", 6), 6);
	cmdline_init("");
	KT_CHECK(!cmdline_get("root", buf, sizeof(buf)));
}

/* ---- Sequence counts ---- */

KTEST(seqcount_retries_after_any_write)
{
	struct seqcount s = {0};
	u32 seq = seqcount_begin(&s);

	KT_CHECK(!seqcount_retry(&s, seq));
	seqcount_write_begin(&s);
	KT_CHECK(seqcount_retry(&s, seq));
	KT_CHECK(seqcount_retry(&s, seqcount_begin_nowait(&s)));
	seqcount_write_end(&s);
	KT_CHECK(seqcount_retry(&s, seq));
	seq = seqcount_begin(&s);
	seqcount_invalidate(&s);
	KT_CHECK(seqcount_retry(&s, seq));
	KT_EQ(seqcount_begin(&s) & 1, 0);
}

/* ---- Pages and slab ---- */

KTEST(page_blocks_are_aligned_disjoint_and_merge_again)
{
	struct page *p[11], *again;
	struct page_stats before, after;

	page_get_stats(&before);
	for (unsigned order = 0; order <= 10; order++) {
		p[order] = page_alloc(order, ALLOC_WAIT);
		KT_CHECK(p[order]);
		KT_EQ(page_phys(p[order]) % (PAGE_SIZE << order), 0);
		memset(page_address(p[order]), (int)order, PAGE_SIZE << order);
	}
	for (unsigned order = 0; order <= 10; order++) {
		u8 *bytes = page_address(p[order]);

		KT_EQ(bytes[0], order);
		KT_EQ(bytes[(PAGE_SIZE << order) - 1], order);
		KT_CHECK(page_of_address(bytes) == p[order]);
		page_put(p[order]);
	}
	page_get_stats(&after);
	KT_EQ(after.free, before.free);
	KT_CHECK(page_alloc(11, ALLOC_WAIT) == NULL);
	again = page_alloc_zeroed(3, ALLOC_NOWAIT);
	KT_CHECK(again && *(u64 *)page_address(again) == 0);
	page_get(again);
	page_put(again);
	page_put(again);
	page_get_stats(&after);
	KT_EQ(after.free, before.free);
}

KTEST(slab_in_use_counts_and_objects_do_not_overlap)
{
	struct slab_cache *c = slab_cache_create("host", 40, 0, 0, NULL);
	u8 *objects[500];

	KT_CHECK(c);
	for (int i = 0; i < 500; i++) {
		objects[i] = slab_zalloc(c, ALLOC_WAIT);
		KT_CHECK(objects[i]);
		for (int n = 0; n < 40; n++)
			KT_EQ(objects[i][n], 0);
		memset(objects[i], i, 40);
	}
	KT_EQ(slab_in_use(c), 500);
	for (int i = 0; i < 500; i++) {
		for (int n = 0; n < 40; n++)
			KT_EQ(objects[i][n], (u8)i);
		slab_free(c, objects[i]);
	}
	KT_EQ(slab_in_use(c), 0);
}
