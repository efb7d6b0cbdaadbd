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

/* The three ids of a kind; each may become any of the old three, or anything for the privileged. */
struct ids {
	u32 real, effective, saved;
};

static bool id_allowed(u32 id, const struct ids *old)
{
	return id == ID_UNCHANGED || id == old->real || id == old->effective || id == old->saved ||
	       privileged();
}

static int ids_change(struct ids *ids, u32 real, u32 effective, u32 saved)
{
	if (!id_allowed(real, ids) || !id_allowed(effective, ids) || !id_allowed(saved, ids))
		return -EPERM;
	if (real != ID_UNCHANGED)
		ids->real = real;
	if (effective != ID_UNCHANGED)
		ids->effective = effective;
	if (saved != ID_UNCHANGED)
		ids->saved = saved;
	return 0;
}

static struct ids current_uids(void)
{
	const struct cred *c = current_cred();

	return (struct ids){c->uid, c->euid, c->suid};
}

static struct ids current_gids(void)
{
	const struct cred *c = current_cred();

	return (struct ids){c->gid, c->egid, c->sgid};
}

static long commit_uids(const struct ids *ids)
{
	struct cred *c = cred_prepare();

	if (!c)
		return -ENOMEM;
	c->uid = ids->real;
	c->euid = c->fsuid = ids->effective;
	c->suid = ids->saved;
	cred_commit(c);
	return 0;
}

static long commit_gids(const struct ids *ids)
{
	struct cred *c = cred_prepare();

	if (!c)
		return -ENOMEM;
	c->gid = ids->real;
	c->egid = c->fsgid = ids->effective;
	c->sgid = ids->saved;
	cred_commit(c);
	return 0;
}

/* setreuid's rule for the saved id: it follows the effective one when real or effective moved away. */
static u32 setre_saved(const struct ids *old, u32 real, u32 effective)
{
	if (real == ID_UNCHANGED && (effective == ID_UNCHANGED || effective == old->real))
		return ID_UNCHANGED;
	return effective == ID_UNCHANGED ? old->effective : effective;
}

static bool setre_allowed(const struct ids *old, u32 real, u32 effective)
{
	return privileged() ||
	       ((real == ID_UNCHANGED || real == old->real || real == old->effective) &&
		       id_allowed(effective, old));
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

SYSCALL3(setresuid, u32, real, u32, effective, u32, saved)
{
	struct ids ids = current_uids();
	int error = ids_change(&ids, real, effective, saved);

	return error ? error : commit_uids(&ids);
}

SYSCALL3(setresgid, u32, real, u32, effective, u32, saved)
{
	struct ids ids = current_gids();
	int error = ids_change(&ids, real, effective, saved);

	return error ? error : commit_gids(&ids);
}

SYSCALL2(setreuid, u32, real, u32, effective)
{
	struct ids ids = current_uids();
	u32 saved = setre_saved(&ids, real, effective);

	if (!setre_allowed(&ids, real, effective))
		return -EPERM;
	if (real != ID_UNCHANGED)
		ids.real = real;
	if (effective != ID_UNCHANGED)
		ids.effective = effective;
	if (saved != ID_UNCHANGED)
		ids.saved = saved;
	return commit_uids(&ids);
}

SYSCALL2(setregid, u32, real, u32, effective)
{
	struct ids ids = current_gids();
	u32 saved = setre_saved(&ids, real, effective);

	if (!setre_allowed(&ids, real, effective))
		return -EPERM;
	if (real != ID_UNCHANGED)
		ids.real = real;
	if (effective != ID_UNCHANGED)
		ids.effective = effective;
	if (saved != ID_UNCHANGED)
		ids.saved = saved;
	return commit_gids(&ids);
}

SYSCALL1(setuid, u32, uid)
{
	struct ids ids = current_uids();

	if (uid == ID_UNCHANGED)
		return -EINVAL;
	if (privileged())
		ids = (struct ids){uid, uid, uid};
	else if (uid == ids.real || uid == ids.saved)
		ids.effective = uid;
	else
		return -EPERM;
	return commit_uids(&ids);
}

SYSCALL1(setgid, u32, gid)
{
	struct ids ids = current_gids();

	if (gid == ID_UNCHANGED)
		return -EINVAL;
	if (privileged())
		ids = (struct ids){gid, gid, gid};
	else if (gid == ids.real || gid == ids.saved)
		ids.effective = gid;
	else
		return -EPERM;
	return commit_gids(&ids);
}

static long put_ids(
	const struct ids *ids, u32 __user *real, u32 __user *effective, u32 __user *saved)
{
	if (put_user(ids->real, real) || put_user(ids->effective, effective) ||
		put_user(ids->saved, saved))
		return -EFAULT;
	return 0;
}

SYSCALL3(getresuid, u32 __user *, real, u32 __user *, effective, u32 __user *, saved)
{
	struct ids ids = current_uids();

	return put_ids(&ids, real, effective, saved);
}

SYSCALL3(getresgid, u32 __user *, real, u32 __user *, effective, u32 __user *, saved)
{
	struct ids ids = current_gids();

	return put_ids(&ids, real, effective, saved);
}

/* setfsuid and setfsgid return the old value, whether they changed anything or not. */
SYSCALL1(setfsuid, u32, uid)
{
	const struct cred *old = current_cred();
	u32 before = old->fsuid;
	bool allowed = uid == old->uid || uid == old->euid || uid == old->suid || uid == before;
	struct cred *c = (allowed || privileged()) && uid != ID_UNCHANGED ? cred_prepare() : NULL;

	if (c) {
		c->fsuid = uid;
		cred_commit(c);
	}
	return before;
}

SYSCALL1(setfsgid, u32, gid)
{
	const struct cred *old = current_cred();
	u32 before = old->fsgid;
	bool allowed = gid == old->gid || gid == old->egid || gid == old->sgid || gid == before;
	struct cred *c = (allowed || privileged()) && gid != ID_UNCHANGED ? cred_prepare() : NULL;

	if (c) {
		c->fsgid = gid;
		cred_commit(c);
	}
	return before;
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
