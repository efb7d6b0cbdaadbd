/*
 * The three checksums of ext4: crc32c (metadata_csum and the journal's v2/v3), crc16 (the older group
 * descriptor checksum), crc32 with the most significant bit first (the journal's first attempt).
 *
 * crc32c is on the path of every metadata block that comes in, so it takes eight bytes a step with
 * eight tables (slicing): table[k][b] is what byte b does to the remainder k bytes later. Built once
 * by ext4_checksum_init; the processor's crc32 instruction would be machine code above arch/.
 *
 * No locking: the tables are constant after start-up.
 */
#include "fs/ext4/internal.h"

#define CRC32C_POLY   0x82f63b78u /* Castagnoli, reflected */
#define CRC16_POLY    0xa001u	  /* x^16 + x^15 + x^2 + 1, reflected */
#define CRC32_BE_POLY 0x04c11db7u

static u32 table[8][256];

void ext4_checksum_init(void)
{
	for (u32 byte = 0; byte < 256; byte++) {
		u32 crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? CRC32C_POLY : 0);
		table[0][byte] = crc;
	}
	for (u32 byte = 0; byte < 256; byte++)
		for (int k = 1; k < 8; k++)
			table[k][byte] =
				(table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 0xff];
}

u32 ext4_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len >= 8; len -= 8, p += 8) {
		const struct {
			le32 a, b;
		} *words = (const void *)p;
		u32 lo = crc ^ le32_get(words->a), hi = le32_get(words->b);

		crc = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^ table[5][lo >> 16 & 0xff] ^
		      table[4][lo >> 24] ^ table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		      table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	while (len--)
		crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xff];
	return crc;
}

u16 ext4_crc16(u16 crc, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = (u16)((crc >> 1) ^ (crc & 1 ? CRC16_POLY : 0));
	}
	return crc;
}

u32 ext4_crc32_be(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--) {
		crc ^= (u32)*p++ << 24;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc << 1) ^ (crc >> 31 ? CRC32_BE_POLY : 0);
	}
	return crc;
}
