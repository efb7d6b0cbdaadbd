/*
 * Credentials: immutable once published, shared by reference, replaced as a whole. A thread owns a
 * reference (thread->cred); a ring request that is queued takes one for the worker.
 */
#pragma once

#include "kernel/rcu.h"
#include "kernel/sched.h"

#define NGROUPS_MAX 32

struct cred {
	u32 refs; /* atomic */
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u32 ngroups;
	u32 groups[NGROUPS_MAX];
	struct rcu_head rcu;
};

extern struct cred root_cred; /* uid 0; never freed */

static inline const struct cred *current_cred(void)
{
	struct cred *c = current->cred;

	return c ? c : &root_cred;
}
struct cred *cred_get(const struct cred *c);
void cred_put(struct cred *c);
/* Make current run with c (reference taken); returns what it had, to be restored the same way. */
struct cred *cred_override(struct cred *c);
void cred_restore(struct cred *old);
/* Current's with the real ids for file access (access(2)); a reference, or NULL: no memory. */
struct cred *cred_as_real(void);
bool cred_in_group(const struct cred *c, u32 gid);
void cred_init(void);
