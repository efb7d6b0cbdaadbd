/* Named pipes: the file operations a file system gives its FIFO inodes (it leaves inode->private_data to
 * them). */
#pragma once

#include "vfs/file.h"

extern const struct file_ops fifo_file_ops;
