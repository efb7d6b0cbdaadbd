/* The seams between procfs' files. */
#pragma once

#include "kernel/proc.h"
#include "vfs/super.h"

/* An inode and what it shows. */
struct proc_inode {
	struct inode inode;
	const struct proc_entry *entry; /* a file's; a directory's: the first one below it */
	u32 prefix; /* a directory's: how much of entry->path is its own path, "/" included */
	const void *object; /* a program's image */
};

static inline struct proc_inode *proc_inode_of(const struct inode *inode)
{
	return container_of(inode, struct proc_inode, inode);
}

/*
 * A new inode for the file at path (below /proc), referenced, its number made from the path.
 * mode says what it is; ops and fops are what the caller says. NULL: no memory.
 */
struct proc_inode *proc_inode_create(struct super_block *sb, const char *path, u32 mode,
	const struct inode_ops *ops, const struct file_ops *fops);
/* The number proc_inode_create gives. */
u64 proc_ino(const char *path, size_t len);
/* Hash d with p's inode (reference passes), or -ENOMEM when p is NULL. */
int proc_add(struct dentry *d, struct proc_inode *p);
static inline bool proc_name_is(const struct dentry *d, const char *name, size_t len)
{
	return (u32)d->hash_len == len && __builtin_memcmp(d->name, name, len) == 0;
}

/* ---- self.c ---- */
/* /proc/self, a directory. NULL: no memory. */
struct proc_inode *proc_self_create(struct super_block *sb);
extern const struct dentry_ops proc_dentry_ops;

/* ---- programs.c ---- */
/* /proc/programs, a directory. NULL: no memory. */
struct proc_inode *proc_programs_create(struct super_block *sb);

/* ---- entries.c ---- */
void proc_entries_register(void);
