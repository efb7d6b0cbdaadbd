/*
 * /proc/programs: the program images inside the kernel, as files one can read and stat. It is where
 * /proc/self/exe leads.
 *
 * Locking: none; the images are constant.
 */
#include "abi/errno.h"
#include "fs/procfs/internal.h"
#include "kernel/console.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"
#include "vfs/file.h"

static ssize image_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	const struct program_image *image = proc_inode_of(f->inode)->object;
	u64 size = f->inode->size;

	(void)call_flags;
	if (*pos >= size)
		return 0;
	len = (size_t)MIN((u64)len, size - *pos);
	if (copy_to_user(buf, (const char *)image->start + *pos, len))
		return -EFAULT;
	*pos += len;
	return (ssize)len;
}

static const struct file_ops image_file_ops = {.read = image_read};
static const struct inode_ops image_ops;

static const struct program_image *find_image(const struct dentry *d)
{
	for (unsigned i = 0; i < nr_program_images; i++)
		if (proc_name_is(d, program_images[i].name, strlen(program_images[i].name)))
			return &program_images[i];
	return NULL;
}

static int programs_lookup(struct inode *dir, struct dentry *d)
{
	const struct program_image *image = find_image(d);
	struct proc_inode *p;
	char path[64];

	if (!image) {
		dcache_add(d, NULL);
		return 0;
	}
	snprintf(path, sizeof(path), "programs/%s", image->name);
	p = proc_inode_create(dir->sb, path, S_IFREG | 0555, &image_ops, &image_file_ops);
	if (p) {
		p->object = image;
		p->inode.size = (u64)((const char *)image->end - (const char *)image->start);
	}
	return proc_add(d, p);
}

static int programs_iterate(struct file *f, struct dir_context *c)
{
	char path[64];

	(void)f;
	for (; c->pos - 2 < nr_program_images; c->pos++) {
		const char *name = program_images[c->pos - 2].name;

		snprintf(path, sizeof(path), "programs/%s", name);
		if (!c->emit(c, name, (u32)strlen(name), proc_ino(path, strlen(path)), DT_REG))
			break;
	}
	return 0;
}

static const struct inode_ops programs_ops = {.lookup = programs_lookup};
static const struct file_ops programs_file_ops = {.iterate = programs_iterate};

struct proc_inode *proc_programs_create(struct super_block *sb)
{
	return proc_inode_create(sb, "programs", S_IFDIR | 0555, &programs_ops, &programs_file_ops);
}
