/*
 * Who asks. The saved user id stays 0, so that a sequence can come back to root.
 */
#include "difftest.h"

static const struct user {
	const char *name;
	unsigned uid, euid, gid, group;
} users[] = {
	{"root", 0, 0, 0, 0},
	{"one", 1000, 1000, 1000, 1000},
	{"two", 1001, 1001, 1001, 1000},
	{"root for one", 1000, 0, 1000, 1000},
	{"one for root", 0, 1000, 1000, 1001},
};
static unsigned is;

static void become(unsigned which)
{
	const struct user *u = &users[which];
	long error = CALL(setresuid, 0, 0, 0);

	if (!error)
		error = CALL(setgroups, 1, &u->group);
	if (!error)
		error = CALL(setresgid, u->gid, u->gid, u->gid);
	if (!error)
		error = CALL(setresuid, u->uid, u->euid, 0);
	if (error)
		give_up("becoming another user", error);
	is = which;
}

void become_root(void)
{
	if (is)
		become(0);
}

bool is_root(void)
{
	return users[is].euid == 0;
}

static void become_(void)
{
	unsigned which = chance(30) ? 0 : draw(COUNT_OF(users));

	become(which);
	say("become(%s) = %ld %ld %ld", users[which].name, CALL(getuid), CALL(geteuid),
		CALL(getegid));
}

static void umask_(void)
{
	unsigned mask = chance(70) ? 022 : (unsigned)ONE_OF(0, 077, 0777, 027, -1, 0111);

	say("umask(%o)", mask);
	long old = CALL(umask, mask);

	say(" = %lo", old);
}

static const struct operation operations[] = {
	{"become", become_, 60, WITH_USERS, false},
	{"umask", umask_, 10, 0, false},
};
const struct family user_family = {operations, COUNT_OF(operations)};
