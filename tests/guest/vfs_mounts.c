/* References on mounts at the moment when the last one goes. */
#include "kernel/ktest.h"
#include "vfs/internal.h"
#include "vfs/name.h"

/*
 * A working directory may be on a mount that was detached long ago. A walk that starts there when its
 * last user leaves sees a mount_lock that has not moved, and still may not take the mount.
 */
KTEST(mount_whose_last_reference_went_is_not_revived)
{
	static const char name[8 + NAME_SLACK] = "/tmp";
	struct walk_start start = {.dirfd = AT_FDCWD, .flags = WALK_DIRECTORY, .name = name};
	struct path place, top;
	u32 seq;

	KT_EQ(mount_at("tmpfs", "none", "/tmp", "", 0), 0);
	KT_EQ(walk_path(&start, &top), 0);
	path_get(&top); /* the working directory's */
	KT_EQ(mount_remove(&top, true), 0);

	rcu_read_lock();
	seq = read_seqbegin(&mount_lock);
	place = top;
	KT_CHECK(walk_legitimize(&place, seqcount_begin(&place.dentry->seq), seq));
	path_put_nosleep(&place);
	path_put_nosleep(&top);
	bool revived = mount_get_rcu(place.mnt, seq);

	rcu_read_unlock();
	KT_CHECK(!revived);
}
