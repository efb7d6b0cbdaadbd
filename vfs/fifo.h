/* FIFOs: the file operations a file system gives its FIFO inodes (it leaves inode->private_data to
 * them). Pipes have them, too. */
#pragma once

#include "vfs/file.h"

extern const struct file_ops fifo_file_ops;
