/*
 * Symbolic links. A body of less than 60 bytes lies in the inode itself and is cached when the inode
 * is read; a longer one lies in a block and is read the first time a walk asks.
 *
 * A body is cached with a NUL and zero padding to whole words, as walks want it.
 */
#include "fs/ext4/internal.h"
#include "kernel/slab.h"
#include "kernel/string.h"

/* Cache size bytes at from as the link's body. */
static int set_body(struct ext4 *fs, struct ext4_inode *inode, const void *from, size_t size)
{
	char *body = kzalloc(ALIGN_UP(size + 1, 8), ALLOC_WAIT);

	if (!body)
		return -ENOMEM;
	memcpy(body, from, size);
	if (size == 0 || strnlen(body, size) != size) {
		kfree(body);
		return ext4_error(
			fs, -EUCLEAN, inode->file.ino, 0, "a link that is empty or contains a NUL");
	}
	inode_set_link(&inode->vfs, body);
	return 0;
}

int ext4_symlink_load_fast(struct ext4 *fs, struct ext4_inode *inode)
{
	return set_body(fs, inode, inode->file.words, inode->vfs.size);
}

static int symlink_read(struct inode *v)
{
	struct ext4 *fs = ext4_of(v->sb);
	struct ext4_inode *inode = ext4_inode_of(v);
	struct ext4_run run;
	struct ext4_block b;
	int rc;

	if (load_acquire(&v->link))
		return 0;
	rc = ext4_map(fs, &inode->file, 0, &run);
	if (rc)
		return rc;
	if (run.block == 0)
		return ext4_error(fs, -EUCLEAN, inode->file.ino, 0, "a link without its block");
	rc = ext4_block_get(fs, inode->file.ino, run.block, &b);
	if (rc)
		return rc;
	rc = set_body(fs, inode, b.data, v->size); /* size < block_size since it was loaded */
	ext4_block_put(&b);
	return rc;
}

const struct inode_ops ext4_symlink_inode_ops = {.read_link = symlink_read};
