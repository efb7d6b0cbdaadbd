/* What only vfs/ sees of inodes, files and descriptor tables. */
#pragma once

#include "vfs/cred.h"
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/super.h"

/* ---- inode.c ---- */

/* Super block shutdown, after its dentries are gone: evict every inode. Context: may sleep. */
void inode_evict_all(struct super_block *sb);

/* ---- fdtable.c ---- */

/* An empty table for process, with room for max descriptors. NULL: no memory. Context: may sleep. */
struct files *files_create(struct process *process, u32 max);
/* A table with what of parent's is not close-on-exec, for a new process. NULL: no memory. */
struct files *files_inherit(struct process *child, struct files *parent);
/* Close everything. Nobody else uses it any more. Context: may sleep. */
void files_destroy(struct files *files);
void fdtable_init(void);
