/*
 * Changes of directories for those who are not system calls (the ring): the bodies of the *at calls.
 * Names are program memory. 0 or -errno. Context: may sleep.
 */
#pragma once

#include "abi/fcntl.h"

long vfs_mkdirat(int dirfd, const char __user *name, u32 mode);
long vfs_symlinkat(const char __user *body, int dirfd, const char __user *name);
long vfs_linkat(
	int old_dirfd, const char __user *old, int dirfd, const char __user *name, u32 flags);
long vfs_unlinkat(int dirfd, const char __user *name, u32 flags);
long vfs_renameat(int old_dirfd, const char __user *old, int new_dirfd, const char __user *new_name,
	u32 flags);
