/*
 * The table of contents of the system: who is brought up, in which order.
 */
#include "drivers/pci.h"
#include "drivers/ramdisk.h"
#include "drivers/virtio/blk.h"
#include "fs/ext4/ext4.h"
#include "fs/procfs/procfs.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/dawdle.h"
#include "kernel/entry.h"
#include "kernel/init.h"
#include "kernel/ktest.h"
#include "kernel/leaks.h"
#include "kernel/page.h"
#include "kernel/process.h"
#include "kernel/rcu.h"
#include "kernel/reclaim.h"
#include "kernel/slab.h"
#include "kernel/workqueue.h"
#include "ring/ring.h"
#include "vfs/cred.h"
#include "vfs/dcache.h"
#include "vfs/file.h"
#include "vfs/generic.h"
#include "vfs/inode.h"
#include "vfs/mount.h"
#include "vfs/pagecache.h"

static void vfs_init(void)
{
	cred_init();
	page_cache_init();
	dcache_init();
	inode_init();
	mount_init();
	file_init();
	fs_context_init();
	devfs_init();
}

/* The first thread: everything that may sleep. */
static void bring_up(void *arg)
{
	(void)arg;
	thread_init();
	rcu_init();
	clock_init();
	console_init();
	arch_smp_start();
	workqueue_init();
	reclaim_init();
	dawdle_init();
	pci_init();
	virtio_blk_init();
	arch_devices_init();
	ramdisk_init();
	process_init();
	ring_init(); /* before vfs: a process' workers go before its descriptors */
	vfs_init();
	tmpfs_init();
	procfs_init();
	ext4_init();
	leak_begin();
	mount_boot();
	init_run();
}

/* On the boot stack, which becomes CPU 0's idle thread. The scheduler does not run yet. */
void kernel_main(void)
{
	struct thread *first;

	cmdline_init(arch_cmdline());
	page_init();
	slab_init();
	sched_init();
	first = thread_create("init", bring_up, NULL);
	if (!first)
		panic("no memory for the first thread");
	thread_start(first);
	sched_idle();
}
