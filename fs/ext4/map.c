/*
 * Where a block of a file lies: by extents or by indirect blocks, whichever the inode has. The last
 * answer is remembered with the inode, so that reading a file from front to back looks into the tree
 * once an extent.
 *
 * Locking: ext4_file.lock (RANK_FS_SPIN) guards the remembered run. It is not held while the tree is
 * read; two readers may look up the same run twice.
 */
#include "fs/ext4/internal.h"

void ext4_file_init(struct ext4_file *file, u32 ino, const struct ext4_disk_inode *raw)
{
	*file = (struct ext4_file){
		.ino = ino, .flags = le32_get(raw->flags), .generation = raw->generation};
	spin_lock_init(&file->lock, RANK_FS_SPIN);
	for (u32 i = 0; i < EXT4_NR_BLOCK_WORDS; i++)
		file->words[i] = le32_get(raw->block[i]);
}

u32 ext4_file_seed(const struct ext4 *fs, const struct ext4_file *file)
{
	le32 number = le32_put(file->ino);
	u32 crc = ext4_crc32c(fs->checksum_seed, &number, sizeof(number));

	return ext4_crc32c(crc, &file->generation, sizeof(file->generation));
}

/* Cut off what lies before lblk; false when it is not in run. */
static bool run_trim(struct ext4_run *run, u32 lblk)
{
	u32 skip = lblk - run->first;

	if (lblk < run->first || skip >= run->count)
		return false;
	run->first = lblk;
	run->count -= skip;
	if (run->block)
		run->block += skip;
	return true;
}

int ext4_map(struct ext4 *fs, struct ext4_file *file, u32 lblk, struct ext4_run *run)
{
	int rc;

	spin_lock(&file->lock);
	*run = file->last;
	spin_unlock(&file->lock);
	if (run_trim(run, lblk))
		return 0;
	if (file->flags & EXT4_INODE_EXTENTS)
		rc = ext4_map_extents(fs, file, lblk, run);
	else
		rc = ext4_map_indirect(fs, file, lblk, run);
	if (rc)
		return rc;
	spin_lock(&file->lock);
	file->last = *run;
	spin_unlock(&file->lock);
	return 0;
}
