/*
 * The fault-fixed copies stop exactly at the end of mapped memory, for every alignment and length
 * around their wide steps, and never touch what lies behind their destination.
 */
#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/ktest.h"
#include "kernel/page.h"
#include "kernel/process.h"
#include "kernel/string.h"

/* One mapped page at the start of the last program slot, which no program gets; nothing after it. */
#define TEST_SLOT (USER_TOP / USER_SLOT_SIZE - 1)
#define TEST_PAGE (TEST_SLOT * USER_SLOT_SIZE)
#define PAGE_END  (TEST_PAGE + PAGE_SIZE)
#define LONGEST	  80

static struct page *mapped;

static bool map_test_page(void)
{
	mapped = page_alloc(0, ALLOC_WAIT);
	if (!mapped)
		return false;
	if (arch_map_page(TEST_PAGE, page_phys(mapped), ARCH_MAP_WRITE) == 0)
		return true;
	page_put(mapped);
	return false;
}

static void unmap_test_page(void)
{
	arch_unmap_page(TEST_PAGE);
	arch_tlb_flush(TEST_PAGE, PAGE_END);
	arch_slot_release(TEST_SLOT);
	page_put(mapped);
}

static void fill(u8 *p, size_t n, u8 seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)(seed + 7 * i);
}

static bool is_filled(const u8 *p, size_t n, u8 seed)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (u8)(seed + 7 * i))
			return false;
	return true;
}

/* room bytes before the end of the page, len wanted, dst misaligned by shift. */
static bool copy_in_case(size_t room, size_t len, size_t shift)
{
	u8 buffer[LONGEST + 16];
	size_t ok = MIN(room, len);

	memset(buffer, 0xee, sizeof(buffer));
	fill((u8 *)PAGE_END - room, room, 3);
	if (arch_copy_user(buffer + shift, (void *)(PAGE_END - room), len) != len - ok)
		return false;
	return is_filled(buffer + shift, ok, 3) && buffer[shift + len] == 0xee;
}

static bool copy_out_case(size_t room, size_t len, size_t shift)
{
	u8 buffer[LONGEST + 16];
	size_t ok = MIN(room, len);

	fill(buffer + shift, len, 5);
	memset((u8 *)PAGE_END - room, 0xee, room);
	if (arch_copy_user((void *)(PAGE_END - room), buffer + shift, len) != len - ok)
		return false;
	return is_filled((u8 *)PAGE_END - room, ok, 5) &&
	       (room <= len || ((u8 *)PAGE_END)[len - room] == 0xee);
}

static bool clear_case(size_t room, size_t len)
{
	u8 *start = (u8 *)PAGE_END - room;
	size_t ok = MIN(room, len);

	memset(start, 0xee, room);
	if (arch_clear_user(start, len) != len - ok)
		return false;
	for (size_t i = 0; i < room; i++)
		if (start[i] != (i < ok ? 0 : 0xee))
			return false;
	return true;
}

KTEST(arch_copy_user_counts_to_the_byte)
{
	size_t failed = 0;

	KT_CHECK(map_test_page());
	for (size_t room = 0; room <= LONGEST; room++)
		for (size_t len = 0; len <= LONGEST; len++) {
			failed += !copy_in_case(room, len, room & 7);
			failed += !copy_out_case(room, len, len & 7);
			failed += !clear_case(room, len);
		}
	unmap_test_page();
	KT_EQ(failed, 0);
}

/* A string of n bytes and its NUL ending `after` bytes before the end of the page. */
static ssize string_case(size_t n, size_t after, size_t size, char *out)
{
	char *s = (char *)PAGE_END - after - n - 1;

	memset(s, 'x', n + 1 + after);
	s[n] = 0;
	return arch_strncpy_user(out, s, size);
}

KTEST(arch_strncpy_user_finds_the_end)
{
	char out[LONGEST + 16];
	size_t failed = 0;

	KT_CHECK(map_test_page());
	for (size_t n = 0; n < LONGEST; n++)
		for (size_t after = 0; after < 9; after++) {
			failed += string_case(n, after, sizeof(out), out) != (ssize)n ||
				  strlen(out) != n;
			failed += string_case(n, after, n + 1, out) != (ssize)n;
			out[n] = 'k';
			failed += string_case(n, after, n, out) != -ENAMETOOLONG || out[n] != 'k';
		}
	/* No NUL before the memory ends. */
	for (size_t room = 0; room < 20; room++) {
		memset((char *)PAGE_END - room, 'x', room);
		failed += arch_strncpy_user(out, (char *)PAGE_END - room, sizeof(out)) != -EFAULT;
	}
	unmap_test_page();
	KT_EQ(failed, 0);
}

KTEST(arch_copy_user_survives_any_address)
{
	static const u64 bad[] = {0, 8, 0x5000, USER_TOP - 8, USER_TOP, 0xdead000000000000ull};
	char buffer[64];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		KT_EQ(arch_copy_user(buffer, (void *)bad[i], 40), 40);
		KT_EQ(arch_copy_user((void *)bad[i], buffer, 40), 40);
		KT_EQ(arch_strncpy_user(buffer, (void *)bad[i], 40), -EFAULT);
	}
}

KTEST(arch_zeropad_load_stops_at_the_page)
{
	size_t failed = 0;

	KT_CHECK(map_test_page());
	fill((u8 *)PAGE_END - 16, 16, 1);
	for (size_t room = 1; room <= 16; room++) {
		u8 expected[8] = {0};
		u64 word = arch_load_word_zeropad((void *)(PAGE_END - room));

		memcpy(expected, (u8 *)PAGE_END - room, MIN(room, (size_t)8));
		failed += memcmp(&word, expected, 8) != 0;
	}
	unmap_test_page();
	KT_EQ(failed, 0);
}
