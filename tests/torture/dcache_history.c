/*
 * Is an answer explained by the history of its tree? A walk is not one look at one instant: it finds one
 * component after the other, and what it has passed may change behind it. So each step has an instant of
 * its own, and they only go forward. An RCU walk promises more: where it stands is confirmed after the
 * next component has been found, so at some instant both were true.
 */
#include "tests/torture/dcache.h"

#include "kernel/console.h"
#include "kernel/string.h"

#define RANGE 256 /* states that may be looked at for one answer */

const char *const tree_names[NAMES] = {"a", "b", "x", "y", "deep", "file", "n",
	"a-name-that-is-too-long-to-lie-in-the-dentry-itself", "l", "m"};

const u8 link_bodies[LINK_BODIES][4] = {
	{NAME_X, NAME_DEEP, END},
	{NAME_A, NAME_X, END},
};

const struct tree_path tree_paths[] = {
	{{NAME_X, NAME_DEEP, NAME_FILE, END}},
	{{NAME_A, NAME_X, NAME_DEEP, NAME_FILE, END}},
	{{NAME_B, NAME_X, NAME_DEEP, NAME_FILE, END}},
	{{NAME_X, END}},
	{{NAME_A, NAME_Y, END}},
	{{NAME_X, NAME_FILE, END}},
	{{NAME_Y, NAME_DEEP, END}},
	{{NAME_Y, NAME_N, END}},
	{{NAME_N, END}},
	{{NAME_LONG, END}},
	{{NAME_A, NAME_N, END}},
	{{NAME_B, NAME_LONG, END}},
	{{NAME_X, NAME_N, END}},
	{{NAME_A, NAME_X, NAME_LONG, END}},
	{{NAME_N, NAME_FILE, END}},
	{{NAME_X, UP, NAME_N, END}},
	{{NAME_A, NAME_X, UP, END}},
	{{NAME_X, NAME_DEEP, UP, UP, NAME_B, NAME_N, END}},
	{{NAME_B, NAME_Y, UP, UP, NAME_X, END}},
	{{NAME_L, END}},
	{{NAME_L, NAME_FILE, END}},
	{{NAME_L, NAME_DEEP, NAME_FILE, END}},
	{{NAME_M, END}},
	{{NAME_M, NAME_FILE, END}},
	{{NAME_M, UP, NAME_N, END}},
	{{NAME_M, UP, END}},
	{{NAME_X, UP, END}},
	{{NAME_X, NAME_DEEP, UP, NAME_N, END}},
};
const unsigned nr_tree_paths = ARRAY_SIZE(tree_paths);

static u64 events; /* atomic */

u64 torture_event(void)
{
	return atomic_add_return(&events, 1ull);
}

void tree_path_text(char *buf, const u8 *components)
{
	*buf = '\0';
	for (; *components != END; components++) {
		const char *name = *components == UP ? ".." : tree_names[*components];

		if (*buf)
			strlcpy(buf + strlen(buf), "/", 2);
		strlcpy(buf + strlen(buf), name, 128);
	}
}

/* ---- Looking for an explanation ---- */

/* Where a walk stands. */
struct place {
	u32 dir;		 /* enum dir */
	u32 edge_dir, edge_name; /* by what entry we came; edge_dir DIRS: by none that changes */
	u64 mounted_root, mounted_file; /* DIR_MOUNTED: of which mount */
};

struct search {
	const struct history *h;
	s64 wanted;
	bool strict;
	u32 first, last; /* states */
	/* (component, component of a link's body, directory) that led nowhere, from which state on */
	u16 seen[8][9][DIRS];
	u8 body;
};

static bool same_entry(const struct entry *a, const struct entry *b)
{
	return a->ino == b->ino && a->kind == b->kind && a->which == b->which;
}

/* The entry by which directory dir is reached. */
static struct place place_of(const struct state *s, u32 dir)
{
	for (u32 in = 0; in < DIRS; in++)
		for (u32 name = 0; name < NAMES; name++)
			if (s->entries[in][name].kind == DIRECTORY &&
				s->entries[in][name].which == dir)
				return (struct place){
					.dir = dir, .edge_dir = in, .edge_name = name};
	return (struct place){.dir = dir, .edge_dir = DIRS};
}

static bool search_from(
	struct search *s, u32 at, const struct place *p, const u8 *rest, u32 used, const u8 *body);

static struct place place_above(const struct state *s, const struct place *p)
{
	if (p->dir == DIR_MOUNTED)
		/* a mount that was taken away has nothing above it */
		return s->mounted_root == p->mounted_root ? place_of(s, DIR_ROOT) : *p;
	return place_of(s, place_of(s, p->dir).edge_dir);
}

static struct entry entry_in(const struct state *s, const struct place *p, u32 name)
{
	if (p->dir != DIR_MOUNTED)
		return s->entries[p->dir][name];
	return name == NAME_FILE ? (struct entry){.ino = p->mounted_file, .kind = FILE}
				 : (struct entry){.kind = NOTHING};
}

static struct place place_below(
	const struct state *s, const struct place *p, u32 name, const struct entry *e)
{
	if (e->which == DIR_M && s->mounted_root)
		return (struct place){.dir = DIR_MOUNTED,
			.edge_dir = DIRS,
			.mounted_root = s->mounted_root,
			.mounted_file = s->mounted_file};
	return (struct place){.dir = e->which, .edge_dir = p->dir, .edge_name = name};
}

/* One component, looked up in state `at`; rest and body are what follows it. */
static bool step(struct search *s, u32 at, const struct place *p, u32 component, const u8 *rest,
	u32 used, const u8 *body)
{
	const struct state *state = &s->h->states[at];
	bool last = *rest == END && (!body || *body == END);
	struct entry e;
	struct place next;

	if (component == UP) {
		next = place_above(state, p);
		return search_from(s, at, &next, rest, used, body);
	}
	e = entry_in(state, p, component);
	switch (e.kind) {
	case FILE:
		return s->wanted == (last ? (s64)e.ino : -ENOTDIR);
	case EMPTY_DIR:
		return s->wanted == (last ? (s64)e.ino : -ENOENT);
	case DIRECTORY:
		next = place_below(state, p, component, &e);
		return search_from(s, at, &next, rest, used, body);
	case LINK:
		return search_from(s, at, p, rest, used, link_bodies[e.which]);
	default:
		return s->wanted == -ENOENT;
	}
}

/* Does the entry by which we came to p still lead there? */
static bool still_there(const struct search *s, u32 then, u32 now, const struct place *p)
{
	if (p->edge_dir >= DIRS)
		return true;
	return same_entry(&s->h->states[then].entries[p->edge_dir][p->edge_name],
		&s->h->states[now].entries[p->edge_dir][p->edge_name]);
}

/*
 * Stand at p, which was right in state `at`, with rest to go behind body (NULL: none is being walked); used
 * counts the components of the path taken so far.
 */
static bool search_from(
	struct search *s, u32 at, const struct place *p, const u8 *rest, u32 used, const u8 *body)
{
	u32 in_body = 0, component;
	u16 *seen = NULL;

	if (body && *body == END)
		body = NULL;
	if (!body && *rest == END)
		return s->wanted ==
		       (s64)(p->dir == DIR_MOUNTED ? p->mounted_root : s->h->directories[p->dir]);
	for (u32 i = 0; body && i < LINK_BODIES; i++)
		if (body >= link_bodies[i] && body < link_bodies[i] + 4)
			in_body = 1 + 4 * i + (u32)(body - link_bodies[i]);
	component = body ? *body++ : *rest++;
	used += !body && !in_body;
	/* What has been tried from an earlier state on need not be tried again, unless a step may not. */
	if (p->dir < DIRS && !s->strict)
		seen = &s->seen[used][in_body][p->dir];
	if (seen && *seen <= at)
		return false;
	if (seen)
		*seen = (u16)at;
	for (u32 now = at; now <= s->last; now++) {
		if (s->strict && !still_there(s, at, now, p))
			return false;
		if (step(s, now, p, component, rest, used, body))
			return true;
	}
	return false;
}

/* The states that may have been true at some time between before and after. */
static void states_of(const struct history *h, const struct answer *a, u32 *first, u32 *last)
{
	*first = 0;
	while (*first < h->changes && h->ended[*first + 1] < a->before)
		++*first;
	*last = *first;
	while (*last < h->changes && h->began[*last + 1] < a->after)
		++*last;
}

enum verdict history_explains(const struct history *h, const struct answer *a)
{
	const struct place root = {.dir = DIR_ROOT, .edge_dir = DIRS};
	struct search s = {.h = h, .wanted = a->result, .strict = a->strict};

	states_of(h, a, &s.first, &s.last);
	if (s.last - s.first > (a->strict ? 16 : RANGE))
		return NOT_JUDGED;
	memset(s.seen, 0xff, sizeof(s.seen));
	return search_from(&s, s.first, &root, tree_paths[a->path].components, 0, NULL)
		       ? EXPLAINED
		       : UNEXPLAINED;
}

void history_print(const struct history *h, const struct answer *a)
{
	static const char *const kinds[] = {"", "file", "empty directory", "directory", "link"};
	u32 first, last;

	states_of(h, a, &first, &last);
	for (u32 i = first; i <= last; i++) {
		const struct state *s = &h->states[i];

		printk("  state %u, made between events %llu and %llu; mounted: %llu with file "
		       "%llu",
			i, (unsigned long long)h->began[i], (unsigned long long)h->ended[i],
			(unsigned long long)s->mounted_root, (unsigned long long)s->mounted_file);
		for (u32 dir = 0; dir < DIRS; dir++)
			for (u32 name = 0; name < NAMES; name++) {
				const struct entry *e = &s->entries[dir][name];

				if (e->kind &&
					(i == first || !same_entry(e, &s[-1].entries[dir][name])))
					printk("    in %llu: %s is %s %llu",
						(unsigned long long)h->directories[dir],
						tree_names[name], kinds[e->kind],
						(unsigned long long)e->ino);
				else if (!e->kind && i > first && s[-1].entries[dir][name].kind)
					printk("    in %llu: %s is gone",
						(unsigned long long)h->directories[dir],
						tree_names[name]);
			}
	}
}
