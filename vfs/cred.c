/*
 * Credentials, per thread, as the raw Linux calls have it: setresuid changes the calling thread only.
 *
 * A struct cred is immutable once a thread has it. A change makes a new one and swaps the thread's
 * pointer; nobody but the thread itself reads that pointer, so no lock is needed. Threads without one
 * (kernel threads, the first process) are root.
 *
 * "Privileged" is an effective uid of 0; there are no capabilities and no user namespaces.
 */
#include "vfs/cred.h"
#include "abi/errno.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

struct cred root_cred = {.refs = 1};
static struct slab_cache *cred_cache;

#define ID_UNCHANGED (~0u)

struct cred *cred_get(const struct cred *c)
{
	struct cred *mine = (struct cred *)c;

	if (mine && mine != &root_cred)
		atomic_add(&mine->refs, 1u);
	return mine;
}

static void cred_free_rcu(struct rcu_head *head)
{
	slab_free(cred_cache, container_of(head, struct cred, rcu));
}

void cred_put(struct cred *c)
{
	if (c && c != &root_cred && atomic_sub_return(&c->refs, 1u) == 0)
		call_rcu(&c->rcu, cred_free_rcu);
}

struct cred *cred_override(struct cred *c)
{
	struct cred *old = current->cred;

	current->cred = cred_get(c);
	return old;
}

void cred_restore(struct cred *old)
{
	cred_put(current->cred);
	current->cred = old;
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	if (c->fsgid == gid)
		return true;
	for (u32 i = 0; i < c->ngroups; i++)
		if (c->groups[i] == gid)
			return true;
	return false;
}

void cred_init(void)
{
	cred_cache = slab_cache_create("cred", sizeof(struct cred), 0, 0, NULL);
	if (!cred_cache)
		panic("no memory for credentials");
}

/* ---- Changing current's ---- */

/* A copy of current's, to be changed and committed. NULL: no memory. */
static struct cred *cred_prepare(void)
{
	struct cred *c = slab_alloc(cred_cache, ALLOC_WAIT);

	if (c) {
		*c = *current_cred();
		c->refs = 1;
	}
	return c;
}

struct cred *cred_as_real(void)
{
	const struct cred *c = current_cred();

	if (c->fsuid == c->uid && c->fsgid == c->gid)
		return cred_get(c);
	struct cred *real = cred_prepare();

	if (real) {
		real->fsuid = real->uid;
		real->fsgid = real->gid;
	}
	return real;
}

static void cred_commit(struct cred *c)
{
	struct cred *old = current->cred;

	current->cred = c;
	cred_put(old);
}

static bool privileged(void)
{
	return current_cred()->euid == 0;
}

/* Users and groups follow the same rules. */
enum id_kind { UIDS, GIDS };

/* The three ids of a kind; each may become any of the old three, or anything for the privileged. */
struct ids {
	u32 real, effective, saved;
};

static struct ids current_ids(enum id_kind kind)
{
	const struct cred *c = current_cred();

	return kind == UIDS ? (struct ids){c->uid, c->euid, c->suid}
			    : (struct ids){c->gid, c->egid, c->sgid};
}

static long commit_ids(enum id_kind kind, const struct ids *ids)
{
	struct cred *c = cred_prepare();

	if (!c)
		return -ENOMEM;
	if (kind == UIDS) {
		c->uid = ids->real;
		c->euid = c->fsuid = ids->effective;
		c->suid = ids->saved;
	} else {
		c->gid = ids->real;
		c->egid = c->fsgid = ids->effective;
		c->sgid = ids->saved;
	}
	cred_commit(c);
	return 0;
}

static bool id_allowed(u32 id, const struct ids *old)
{
	return id == ID_UNCHANGED || id == old->real || id == old->effective || id == old->saved ||
	       privileged();
}

static long change_ids(enum id_kind kind, const struct ids *old, u32 real, u32 effective, u32 saved)
{
	struct ids ids = {
		real == ID_UNCHANGED ? old->real : real,
		effective == ID_UNCHANGED ? old->effective : effective,
		saved == ID_UNCHANGED ? old->saved : saved,
	};

	return commit_ids(kind, &ids);
}

/* setresuid, setresgid. */
static long set_three(enum id_kind kind, u32 real, u32 effective, u32 saved)
{
	struct ids old = current_ids(kind);

	if (!id_allowed(real, &old) || !id_allowed(effective, &old) || !id_allowed(saved, &old))
		return -EPERM;
	return change_ids(kind, &old, real, effective, saved);
}

/* setreuid, setregid. The saved id follows the effective one when real or effective moved away. */
static long set_two(enum id_kind kind, u32 real, u32 effective)
{
	struct ids old = current_ids(kind);
	u32 saved = effective == ID_UNCHANGED ? old.effective : effective;

	if (!privileged() && ((real != ID_UNCHANGED && real != old.real && real != old.effective) ||
				     !id_allowed(effective, &old)))
		return -EPERM;
	if (real == ID_UNCHANGED && (effective == ID_UNCHANGED || effective == old.real))
		saved = ID_UNCHANGED;
	return change_ids(kind, &old, real, effective, saved);
}

/* setuid, setgid: all three for the privileged, the effective one for others. */
static long set_one(enum id_kind kind, u32 id)
{
	struct ids old = current_ids(kind);

	if (id == ID_UNCHANGED)
		return -EINVAL;
	if (privileged())
		return change_ids(kind, &old, id, id, id);
	if (id != old.real && id != old.saved)
		return -EPERM;
	return change_ids(kind, &old, ID_UNCHANGED, id, ID_UNCHANGED);
}

/* setfsuid, setfsgid return the old value, whether they changed anything or not. */
static long set_file_id(enum id_kind kind, u32 id)
{
	struct ids old = current_ids(kind);
	u32 before = kind == UIDS ? current_cred()->fsuid : current_cred()->fsgid;
	struct cred *c = NULL;

	if (id != ID_UNCHANGED && (id == before || id_allowed(id, &old)))
		c = cred_prepare();
	if (c) {
		*(kind == UIDS ? &c->fsuid : &c->fsgid) = id;
		cred_commit(c);
	}
	return before;
}

static long put_ids(enum id_kind kind, u32 __user *real, u32 __user *effective, u32 __user *saved)
{
	struct ids ids = current_ids(kind);

	if (put_user(ids.real, real) || put_user(ids.effective, effective) ||
		put_user(ids.saved, saved))
		return -EFAULT;
	return 0;
}

/* ---- System calls ---- */

SYSCALL0(getuid)
{
	return current_cred()->uid;
}

SYSCALL0(geteuid)
{
	return current_cred()->euid;
}

SYSCALL0(getgid)
{
	return current_cred()->gid;
}

SYSCALL0(getegid)
{
	return current_cred()->egid;
}

SYSCALL3(getresuid, u32 __user *, real, u32 __user *, effective, u32 __user *, saved)
{
	return put_ids(UIDS, real, effective, saved);
}

SYSCALL3(getresgid, u32 __user *, real, u32 __user *, effective, u32 __user *, saved)
{
	return put_ids(GIDS, real, effective, saved);
}

SYSCALL3(setresuid, u32, real, u32, effective, u32, saved)
{
	return set_three(UIDS, real, effective, saved);
}

SYSCALL3(setresgid, u32, real, u32, effective, u32, saved)
{
	return set_three(GIDS, real, effective, saved);
}

SYSCALL2(setreuid, u32, real, u32, effective)
{
	return set_two(UIDS, real, effective);
}

SYSCALL2(setregid, u32, real, u32, effective)
{
	return set_two(GIDS, real, effective);
}

SYSCALL1(setuid, u32, uid)
{
	return set_one(UIDS, uid);
}

SYSCALL1(setgid, u32, gid)
{
	return set_one(GIDS, gid);
}

SYSCALL1(setfsuid, u32, uid)
{
	return set_file_id(UIDS, uid);
}

SYSCALL1(setfsgid, u32, gid)
{
	return set_file_id(GIDS, gid);
}

SYSCALL2(getgroups, int, size, u32 __user *, list)
{
	const struct cred *c = current_cred();

	if (size < 0)
		return -EINVAL;
	if (size == 0)
		return c->ngroups;
	if ((u32)size < c->ngroups)
		return -EINVAL;
	if (copy_to_user(list, c->groups, c->ngroups * sizeof(u32)))
		return -EFAULT;
	return c->ngroups;
}

SYSCALL2(setgroups, u64, size, const u32 __user *, list)
{
	if (!privileged())
		return -EPERM;
	if (size > NGROUPS_MAX)
		return -EINVAL;
	struct cred *c = cred_prepare();

	if (!c)
		return -ENOMEM;
	if (copy_from_user(c->groups, list, size * sizeof(u32))) {
		slab_free(cred_cache, c);
		return -EFAULT;
	}
	c->ngroups = (u32)size;
	cred_commit(c);
	return 0;
}
