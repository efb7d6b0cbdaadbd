/*
 * Checksums against published check values, name hashes against what debugfs' dx_hash prints, the block
 * map against its own promises.
 */
#include "tests/host/ext4/units.h"
#include "fs/ext4/internal.h"
#include "kernel/string.h"
#include "tests/host/ext4/host.h"

static int failures;

static void check(const char *name, u64 got, u64 want)
{
	if (got == want) {
		host_print("ok %s\n", name);
		return;
	}
	host_print("FAIL %s: %#llx, expected %#llx\n", name, (unsigned long long)got,
		(unsigned long long)want);
	failures++;
}

static void test_checksums(void)
{
	static const char nine[] = "123456789";
	char bytes[100];
	u32 split = ~0u;

	check("crc32c check value", ext4_crc32c(~0u, nine, 9) ^ ~0u, 0xe3069283);
	check("crc16 check value", ext4_crc16(0, nine, 9), 0xbb3d);
	check("crc32 msb-first check value", ext4_crc32_be(~0u, nine, 9), 0x0376e6e7);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	for (unsigned i = 0; i < sizeof(bytes); i += 5)
		split = ext4_crc32c(split, bytes + i, 5);
	check("crc32c in pieces", split, ext4_crc32c(~0u, bytes, sizeof(bytes)));
}

static void test_hashes(void)
{
	/* debugfs -R 'dx_hash -h VERSION -s SEED NAME' (seed zero: the built-in one) */
	static const struct {
		u32 version;
		const char *name;
		u32 hash;
	} rows[] = {
		{0, "hello", 0x32252546},
		{1, "hello", 0x1746da32},
		{2, "hello", 0x6f5bb1a8},
		{3, "hello", 0x32252546},
		{4, "hello", 0x1746da32},
		{5, "hello", 0x6f5bb1a8},
		{0, "a", 0xe74b53e2},
		{1, "a", 0xd5fa7d7a},
		{2, "a", 0x6d0ea4c0},
		{3, "a", 0xe74b53e2},
		{4, "a", 0xd5fa7d7a},
		{5, "a", 0x6d0ea4c0},
		{0, "lost+found", 0x5e2aba24},
		{1, "lost+found", 0x591de422},
		{2, "lost+found", 0x2dbf9e80},
		{3, "lost+found", 0x5e2aba24},
		{4, "lost+found", 0x591de422},
		{5, "lost+found", 0x2dbf9e80},
		{0, "a-file-name-of-more-than-thirty-two-characters.txt", 0x3d8b8a50},
		{1, "a-file-name-of-more-than-thirty-two-characters.txt", 0x39128912},
		{2, "a-file-name-of-more-than-thirty-two-characters.txt", 0xa89042d2},
		{3, "a-file-name-of-more-than-thirty-two-characters.txt", 0x3d8b8a50},
		{4, "a-file-name-of-more-than-thirty-two-characters.txt", 0x39128912},
		{5, "a-file-name-of-more-than-thirty-two-characters.txt", 0xa89042d2},
		{0, "\xe4\xf6\xfc-umlaute", 0xb327d7fe},
		{1, "\xe4\xf6\xfc-umlaute", 0x26fc1d70},
		{2, "\xe4\xf6\xfc-umlaute", 0xa5820930},
		{3, "\xe4\xf6\xfc-umlaute", 0x3f04c7e6},
		{4, "\xe4\xf6\xfc-umlaute", 0x75d5908c},
		{5, "\xe4\xf6\xfc-umlaute", 0xebe77280},
		{0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0xf204242a},
		{1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0x2721dd58},
		{2, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0x9e9c4860},
		{3, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0xf204242a},
		{4, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0x2721dd58},
		{5, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0x9e9c4860},
	};
	static const u32 none[4];
	u32 hash;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		hash = 0;
		ext4_name_hash(
			rows[i].version, none, rows[i].name, (u32)strlen(rows[i].name), &hash);
		check("name hash", hash, rows[i].hash);
	}
	check("unknown hash version", ext4_name_hash(6, none, "x", 1, &hash), false);
}

static void test_block_map(void)
{
	struct ext4_block_map m;
	u64 found = 0;

	check("map init", (u64)ext4_block_map_init(&m, 1000), 0);
	for (u64 i = 0; i < 1000; i++)
		ext4_block_map_add(&m, i * 4096)->value = i;
	check("map full", (u64)(uintptr_t)ext4_block_map_add(&m, 1), 0);
	ext4_block_map_add(&m, 4096)->value = 77; /* one that is there may still be set */
	for (u64 i = 0; i < 1000; i++) {
		struct ext4_block_map_slot *slot = ext4_block_map_find(&m, i * 4096);

		found += slot && slot->value == (i == 1 ? 77 : i);
	}
	check("map finds all", found, 1000);
	check("map misses", (u64)(uintptr_t)ext4_block_map_find(&m, 5), 0);
	ext4_block_map_release(&m);
}

int units_run(void)
{
	test_checksums();
	test_hashes();
	test_block_map();
	return failures ? 1 : 0;
}
